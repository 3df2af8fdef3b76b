"""What the rules share: where a rule is, what it says, and how it says it of an element."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.problem import Problem, Severity

Real = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule about some attributes of a component.

    Attributes:
        name: as it stands in docs/design/network-check.md.
        fields: attributes concerned.
        advice: what to do about an element that breaks it.
        severity: whether it forbids computing.
    """

    name: str
    fields: tuple[str, ...]
    advice: str
    severity: Severity = Severity.WARNING

    def broken(self, network: Network, component: str, element: int, reason: str) -> Problem:
        """The problem of one element; the reason follows its name and its attributes."""
        what = f"{', '.join(self.fields)}: " if self.fields else ""
        return Problem(
            component=component,
            fields=self.fields,
            ids=(element,),
            sentence=f"{network.label(element)}: {what}{reason}",
            severity=self.severity,
            rule=self.name,
            advice=self.advice,
        )

    def where(
        self, network: Network, component: str, broken: Mask, reason: str, **values: Any
    ) -> Iterator[Problem]:
        """A problem for each row (k,) of a component that breaks the rule.

        Args:
            network: whose elements these are.
            component: name of the component.
            broken: (k,) which rows break the rule.
            reason: text with `{name}` for each of `values`.
            values: (k,) numbers, by name, or one for all.
        """
        ids = network.data[component]["id"]
        for row in np.flatnonzero(broken).tolist():
            shown = {
                name: f"{value[row] if isinstance(value, np.ndarray) else value:g}"
                for name, value in values.items()
            }
            yield self.broken(network, component, int(ids[row]), reason.format(**shown))


def outside(values: Real, lowest: Real | float, highest: Real | float) -> Mask:
    """Whether values are known and outside a range; what is missing (NaN) is not."""
    return np.asarray((values < lowest) | (values > highest), dtype=bool)


def rows(network: Network, component: str) -> NDArray[Any] | None:
    """A component's elements, or None where there are none."""
    array = network.data.get(component)
    return array if array is not None and len(array) else None


def rated_volts(network: Network, nodes: NDArray[np.int32]) -> Real:
    """Rated voltages of nodes by id, V; NaN where there is no such node."""
    known = rows(network, "node")
    found = np.full(len(nodes), np.nan)
    if known is None:
        return found
    order = np.argsort(known["id"], kind="stable")
    place = np.minimum(np.searchsorted(known["id"][order], nodes), len(known) - 1)
    at = order[place]
    exists = known["id"][at] == nodes
    found[exists] = known["u_rated"][at[exists]]
    return found


def from_file(network: Network, component: str, field: str) -> dict[int, Any]:
    """An attribute that power-grid-model's format lacks, as the file says it, by element id."""
    elements = network.document["data"].get(component, [])
    return {
        element["id"]: element[field]
        for element in (elements if isinstance(elements, list) else [])
        if isinstance(element, dict) and "id" in element and element.get(field) is not None
    }


def column_from_file(network: Network, component: str, field: str) -> Real:
    """The numbers of such an attribute (k,), NaN where the file says none."""
    given = from_file(network, component, field)
    return np.array(
        [_number(given.get(element)) for element in network.data[component]["id"].tolist()],
        dtype=np.float64,
    )


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return np.nan
    try:
        return float(value)
    except OverflowError:  # JSON's whole numbers have no end
        return np.inf if value > 0 else -np.inf
