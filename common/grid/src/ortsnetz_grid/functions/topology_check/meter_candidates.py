"""Meters that could be wrong or connected to other phases, the likeliest first.

No estimate is needed to rule most of them out. With r the residuals and W the weights, the sum of
squares after a change d of the measured values is J + 2 d'Wr + d'Md, where M is positive
semi-definite (and M z = W r): exchanging phases cannot gain more than -2 d'Wr.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.functions.topology_check.deviations import Deviations
from ortsnetz_grid.functions.topology_check.hypothesis import ORDERS, Hypothesis
from ortsnetz_grid.functions.topology_check.readings import Readings
from ortsnetz_grid.functions.topology_check.result import Kind

Real = NDArray[np.float64]

_SAME = 1e-6
"""Standard deviations below which exchanged values are the same."""


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a sensor sits.

    Attributes:
        sensor: its id.
        element: id of what it measures.
        node: row of the node where it measures.
        per_phase: whether it has a value for each phase.
        voltage: whether it is a voltage sensor.
        assumed: whether it stands for an assumption.
    """

    sensor: int
    element: int
    node: int
    per_phase: bool
    voltage: bool
    assumed: bool


@dataclass(frozen=True, slots=True)
class Ranked:
    """A hypothesis with the most that it can gain."""

    hypothesis: Hypothesis
    bound: float


def seats(snapshots: Sequence[Readings]) -> dict[int, Seat]:
    """All voltage and power sensors of the snapshots, by id."""
    found: dict[int, Seat] = {}
    for each in snapshots:
        columns = (each.ids, each.elements, each.nodes, each.per_phase, each.voltage, each.assumed)
        for row in zip(*(column.tolist() for column in columns), strict=True):
            found.setdefault(row[0], Seat(*row))
    return found


def exchanged_phases(found: dict[int, Seat], snapshots: Sequence[Deviations]) -> list[Ranked]:
    """Meters with exchanged phases, by what that can gain; those that make a difference."""
    rows = [{int(each): row for row, each in enumerate(s.readings.ids)} for s in snapshots]
    ranked: list[Ranked] = []
    for group in _meters(found):
        sensors = tuple(sorted(each.sensor for each in group))
        at = [[places[each] for each in sensors if each in places] for places in rows]
        value = np.concatenate([s.readings.value[a] for s, a in zip(snapshots, at, strict=True)])
        sigma = np.concatenate([s.readings.sigma[a] for s, a in zip(snapshots, at, strict=True)])
        gradient = np.concatenate([s.gradient[a] for s, a in zip(snapshots, at, strict=True)])
        elements = tuple(sorted({each.element for each in group}))
        images = [value]
        for order in ORDERS:
            image = value[:, :, np.argsort(order)]
            if any(_same(image, other, sigma) for other in images):
                continue
            images.append(image)
            bound = -2 * float(np.nansum((image - value) * gradient))
            what = Hypothesis(Kind.WRONG_PHASE, elements, sensors, order=order)
            ranked.append(Ranked(what, bound))
    ranked.sort(key=lambda each: -each.bound)
    return ranked


def squares(snapshots: Sequence[Deviations]) -> dict[int, tuple[float, int]]:
    """Sum of the squared deviations of each sensor and number of its values, over all snapshots.

    Residuals vary no more than their sensor, so that the sum is at most chi-squared when nothing is
    wrong.
    """
    total: dict[int, float] = defaultdict(float)
    count: dict[int, int] = defaultdict(int)
    for each in snapshots:
        scaled = each.gradient * each.readings.sigma
        sums = np.nansum(scaled**2, axis=(1, 2)).tolist()
        values = np.isfinite(scaled).sum(axis=(1, 2)).tolist()
        for sensor, square, number in zip(each.readings.ids.tolist(), sums, values, strict=True):
            total[sensor] += square
            count[sensor] += number
    return {sensor: (total[sensor], count[sensor]) for sensor in total}


def _same(one: Real, other: Real, sigma: Real) -> bool:
    return not bool(np.nanmax(np.abs(one - other) / sigma, initial=0.0) > _SAME)


def _meters(found: dict[int, Seat]) -> Iterator[tuple[Seat, ...]]:
    """Groups of sensors that may share one connection: each, with its node's voltage, and all."""
    at_node: dict[int, list[Seat]] = defaultdict(list)
    for seat in found.values():
        if seat.per_phase:
            at_node[seat.node].append(seat)
    for group in at_node.values():
        voltages = tuple(each for each in group if each.voltage)
        measured = tuple(each for each in group if not each.voltage and not each.assumed)
        for each in group:
            yield (each,)
        for each in measured if voltages else ():
            yield (each, *voltages)
        if voltages and len(measured) > 1:
            yield (*measured, *voltages)
