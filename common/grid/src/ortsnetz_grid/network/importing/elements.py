"""The network file while it is being built."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network.model import FORMAT


@dataclass(slots=True)
class Elements:
    """Elements collected so far; ids count up over all components, nodes first.

    Attributes:
        source: how the origin is named in errors and in the file.
        nodes: node id of each bus of the origin.
        out_of_service: buses that are out of service; what is connected there is switched off.
        assumptions: what the file rests on and the origin does not say, in words.
    """

    source: str
    nodes: dict[int, int] = field(default_factory=dict)
    out_of_service: set[int] = field(default_factory=set)
    assumptions: list[str] = field(default_factory=list)
    _data: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    _additions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    _next: int = 0

    def add(self, component: str, name: object, **attributes: Any) -> int:
        """Add one element and return its id. Attributes that are None are left out."""
        return self._take(self._data, component, name, attributes)

    def add_addition(self, component: str, name: object, **attributes: Any) -> int:
        """Add one of the elements that power-grid-model's format lacks, as `add` does."""
        return self._take(self._additions, component, name, attributes)

    def _take(
        self,
        where: dict[str, list[dict[str, Any]]],
        component: str,
        name: object,
        attributes: dict[str, Any],
    ) -> int:
        element: dict[str, Any] = {"id": self._next}
        if isinstance(name, str) and name:
            element["name"] = name
        element |= {key: value for key, value in attributes.items() if value is not None}
        where.setdefault(component, []).append(element)
        self._next += 1
        return self._next - 1

    def assume(self, sentence: str) -> None:
        """Note an assumption once."""
        if sentence not in self.assumptions:
            self.assumptions.append(sentence)

    def bus(self, row: Row, column: str) -> Bus:
        """The bus that a row's column names.

        Raises:
            InputError: there is no such bus.
        """
        index = row.whole(column)
        if index not in self.nodes:
            raise InputError(f"{row.place}: {column} {index} is not in the table bus")
        return Bus(index, self.nodes[index], index not in self.out_of_service)

    def document(self, seed: int | None) -> dict[str, Any]:
        """The network file's contents."""
        return {
            "version": "1.0",
            "type": "input",
            "is_batch": False,
            "attributes": {},
            "ortsnetz": {
                "format": FORMAT,
                "source": self.source,
                "seed": seed,
                "assumptions": self.assumptions,
                **({"elements": self._additions} if self._additions else {}),
            },
            "data": self._data,
        }


@dataclass(frozen=True, slots=True)
class Bus:
    """A bus of the origin: its index, its node id, whether it is in service."""

    index: int
    node: int
    in_service: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a pandapower table, with the questions that the conversion asks of it."""

    table: str
    index: int
    values: Any
    source: str

    @property
    def place(self) -> str:
        """For errors: `net.json: line 17 'LV2.101 Line 12'`."""
        name = self.values.get("name")
        named = f" '{name}'" if isinstance(name, str) and name else ""
        return f"{self.source}: {self.table} {self.index}{named}"

    def number(self, column: str, default: float | None = None) -> float:
        """A finite number.

        Raises:
            InputError: the column is missing, empty or not a number, and there is no default.
        """
        value = self.optional(column)
        if value is not None:
            return value
        if default is not None:
            return default
        raise InputError(f"{self.place}: {column} is missing or not a number")

    def optional(self, column: str) -> float | None:
        """A finite number, or None where the cell is empty."""
        value = self.values.get(column)
        try:
            number = float(value)
        except (TypeError, ValueError):
            return None
        if math.isinf(number):
            raise InputError(f"{self.place}: {column} is infinite")
        return None if math.isnan(number) else number

    def whole(self, column: str, default: int | None = None) -> int:
        """A whole number.

        Raises:
            InputError: see `number`; or the number has a fraction.
        """
        value = self.number(column, default)
        if value != round(value):
            raise InputError(f"{self.place}: {column} is {value}, a whole number is needed")
        return round(value)

    def text(self, column: str) -> str | None:
        """A text, or None where the cell is empty."""
        value = self.values.get(column)
        return value if isinstance(value, str) and value else None

    @property
    def in_service(self) -> bool:
        """Whether the element is in service (it is, where the table does not say)."""
        return bool(self.values.get("in_service", True))


def rows(net: Any, table: str, source: str) -> Iterator[Row]:
    """Rows of a table; none where the network has no such table."""
    frame = net.get(table)
    if frame is None or not hasattr(frame, "iterrows"):
        return
    for index, values in frame.iterrows():
        yield Row(table, index, values, source)
