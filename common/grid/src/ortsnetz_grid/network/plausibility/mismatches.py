"""Voltages that do not fit each other, and numbers beyond any grid: errors."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.plausibility.rule import Real, outside, rated_volts, rows
from ortsnetz_grid.network.problem import Problem, Severity

WINDING_BAND = (0.7, 1.4)
"""A transformer's rated voltage relative to its node's; beyond it a unit was confused."""
SAME_LEVEL = 0.01
"""Of the voltage: a switch may join busbars that two tables name 20 and 20.2 kV."""
LARGEST = 1e20
"""Larger numbers, in whatever unit, are a mistake that would only show as a singular matrix."""


def impossible(network: Network) -> Iterator[Problem]:
    """Numbers beyond any network, windings at other voltages, lines between two levels."""
    yield from _absurd(network)
    yield from _windings(network)
    yield from _levels(network)


def implausible(network: Network) -> Iterator[Problem]:
    """Links between two levels: a closed switch would be a short circuit."""
    array = rows(network, "link")
    if array is not None:
        first, second = (rated_volts(network, array[end]) for end in ("from_node", "to_node"))
        differ = np.abs(first - second) > SAME_LEVEL * np.maximum(first, second)
        for row in np.flatnonzero(differ).tolist():
            ends = (float(first[row]), float(second[row]))
            yield _between(network, "link", int(array["id"][row]), ends, Severity.WARNING)


def _absurd(network: Network) -> Iterator[Problem]:
    """A standard deviation may be: it disables its sensor."""
    for component, array in network.data.items():
        for name in array.dtype.names or ():
            column = array[name]
            if column.dtype.kind != "f" or name.endswith("sigma"):
                continue
            bad = np.abs(column) > LARGEST
            found = np.flatnonzero(bad.any(axis=1) if bad.ndim > 1 else bad)
            for element in array["id"][found[:1]].tolist():
                yield Problem(
                    component,
                    (name,),
                    (element,),
                    f"{network.label(element)}: {name}: is beyond any network",
                    rule="absurd",
                    advice="give the true number",
                )


def _windings(network: Network) -> Iterator[Problem]:
    array = rows(network, "transformer")
    if array is None:
        return
    for end, name in (("from_node", "u1"), ("to_node", "u2")):
        volts: Real = rated_volts(network, array[end])
        for row in np.flatnonzero(outside(array[name] / volts, *WINDING_BAND)).tolist():
            element = int(array["id"][row])
            yield Problem(
                "transformer",
                (name,),
                (element,),
                f"{network.label(element)}: {name} {array[name][row]:g} V does not fit its node's "
                f"{volts[row]:g} V",
                rule="rated-voltage",
                advice="see whether V and kV, or the windings, were confused",
            )


def _levels(network: Network) -> Iterator[Problem]:
    for component in ("line", "asym_line"):
        array = rows(network, component)
        if array is None:
            continue
        first, second = (rated_volts(network, array[end]) for end in ("from_node", "to_node"))
        for row in np.flatnonzero((first < second) | (first > second)).tolist():
            ends = (float(first[row]), float(second[row]))
            yield _between(network, component, int(array["id"][row]), ends, Severity.ERROR)


def _between(
    network: Network,
    component: str,
    element: int,
    volts: tuple[float, float],
    severity: Severity,
) -> Problem:
    return Problem(
        component,
        ("from_node", "to_node"),
        (element,),
        f"{network.label(element)} joins nodes of {volts[0]:g} V and {volts[1]:g} V",
        severity=severity,
        rule="two-levels",
        advice="put a transformer between them, or correct an end or u_rated",
    )
