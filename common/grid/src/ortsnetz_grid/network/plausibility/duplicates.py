"""Elements that stand in the file twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from numpy.typing import NDArray

from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.plausibility.rule import Rule, rows
from ortsnetz_grid.network.problem import Problem

TWICE = Rule("duplicate", (), "leave one out, unless there really are two")

BRANCHES = ("line", "asym_line")
"""Two systems in one trench have the same impedance to about a per cent, not to the last digit."""
NAMED = ("transformer", "link", "sym_load", "asym_load", "sym_gen", "asym_gen", "shunt", "source")
"""Twin transformers and equal households are usual; of the same name as well they are one."""


def implausible(network: Network) -> Iterator[Problem]:
    """Elements between the same nodes with all numbers alike, probably imported twice."""
    for component in (*BRANCHES, *NAMED):
        array = rows(network, component)
        if array is None:
            continue
        seen: dict[tuple[object, ...], int] = {}
        for element, key in zip(array["id"].tolist(), _keys(array), strict=True):
            name = network.names.get(element)
            if component in NAMED and name is None:
                continue
            whole = (*key, name) if component in NAMED else key
            first = seen.setdefault(whole, element)
            if first != element:
                yield TWICE.broken(
                    network, component, element, f"is the same as {network.label(first)}"
                )


def _keys(array: NDArray[Any]) -> Iterator[tuple[object, ...]]:
    """All attributes but the id, as bytes (NaN equals NaN), the ends of a line in either order."""
    names = [name for name in array.dtype.names or () if name != "id"]
    ends = ("from_node", "to_node", "from_status", "to_status")
    sides_alike = "i_n" in names  # a transformer's sides differ
    for row in array:
        values = {name: row[name].tobytes() for name in names}
        if sides_alike:
            pair = sorted(
                [
                    (values["from_node"], values["from_status"]),
                    (values["to_node"], values["to_status"]),
                ]
            )
            rest = [value for name, value in values.items() if name not in ends]
            yield (*pair, *rest)
        else:
            yield tuple(values.values())
