"""Switches: between buses they become links, at lines and transformers they open an end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network.importing.elements import Row, rows

_KINDS = {"l": "line", "t": "trafo"}


@dataclass(frozen=True, slots=True)
class Switches:
    """The switches of a network.

    Attributes:
        between_buses: rows of switches between two buses.
        open_ends: (table, index of the element, bus) where a switch is open.
    """

    between_buses: tuple[Row, ...]
    open_ends: frozenset[tuple[str, int, int]]

    @classmethod
    def of(cls, net: Any, source: str) -> Switches:
        """Sort the table.

        Raises:
            InputError: a switch with an impedance, or at an element that is not covered.
        """
        between: list[Row] = []
        ends: set[tuple[str, int, int]] = set()
        for row in rows(net, "switch", source):
            kind = row.text("et")
            if row.number("z_ohm", 0.0) != 0.0:
                raise InputError(f"{row.place}: a switch with an impedance (z_ohm) is not covered")
            if kind == "b":
                between.append(row)
                continue
            if kind not in _KINDS:
                raise InputError(f"{row.place}: et is '{kind}'; b, l and t are covered")
            table, element = _KINDS[kind], row.whole("element")
            if element not in net[table].index:
                raise InputError(f"{row.place}: {table} {element} does not exist")
            if not bool(row.values["closed"]):
                ends.add((table, element, row.whole("bus")))
        return cls(tuple(between), frozenset(ends))

    def closed(self, row: Row, bus: int) -> bool:
        """Whether a line or transformer is connected to a bus, as far as switches go."""
        return (row.table, row.index, bus) not in self.open_ends
