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

from ortsnetz_grid.functions.state_estimation import Measurements
from ortsnetz_grid.functions.topology_check.deviations import Deviations
from ortsnetz_grid.functions.topology_check.hypothesis import ORDERS, Hypothesis
from ortsnetz_grid.functions.topology_check.result import Kind
from ortsnetz_grid.functions.topology_check.sites import Sites

Real = NDArray[np.float64]


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


def seats(sites: Sites, snapshots: Sequence[Measurements]) -> dict[int, Seat]:
    """All voltage and power sensors of the snapshots, by id."""
    found: dict[int, Seat] = {}
    for snapshot in snapshots:
        for component, array in snapshot.sensors.items():
            if "current" in component:
                continue
            voltage = component.endswith("voltage_sensor")
            for row in range(len(array)):
                terminal = None if voltage else int(array["measured_terminal_type"][row])
                element, sensor = int(array["measured_object"][row]), int(array["id"][row])
                node = sites.node_of(element, terminal)
                if sensor in found or node is None:
                    continue
                per_phase, assumed = component.startswith("asym"), sensor in snapshot.pseudo
                found[sensor] = Seat(sensor, element, node, per_phase, voltage, assumed)
    return found


def exchanged_phases(
    found: dict[int, Seat], snapshots: Sequence[Deviations]
) -> tuple[list[Ranked], int]:
    """Meters with exchanged phases, by what that can gain; and how many such hypotheses differ."""
    ranked: list[Ranked] = []
    for group in _meters(found):
        sensors = tuple(sorted(each.sensor for each in group))
        elements = tuple(sorted({each.element for each in group}))
        told: set[bytes] = set()
        for order in ORDERS:
            phases = np.argsort(order)
            bound, image = _most(sensors, phases, snapshots)
            if image is None or image in told:
                continue
            told.add(image)
            what = Hypothesis(Kind.WRONG_PHASE, elements, sensors, order=order)
            ranked.append(Ranked(what, bound))
    ranked.sort(key=lambda each: -each.bound)
    return ranked, len(ranked)


def squares(snapshots: Sequence[Deviations]) -> dict[int, tuple[float, int]]:
    """Sum of the squared deviations of each sensor and number of its values, over all snapshots.

    Residuals vary no more than their sensor, so that the sum is at most chi-squared when nothing is
    wrong.
    """
    total: dict[int, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for snapshot in snapshots:
        for sensor, each in snapshot.sensors.items():
            scaled = each.gradient * each.sigma
            total[sensor][0] += float(np.nansum(scaled**2))
            total[sensor][1] += int(np.isfinite(scaled).sum())
    return {sensor: (sums[0], int(sums[1])) for sensor, sums in total.items()}


def _meters(found: dict[int, Seat]) -> Iterator[tuple[Seat, ...]]:
    """Groups of sensors that may share one connection: each, with its node's voltage, and all."""
    at_node: dict[int, list[Seat]] = defaultdict(list)
    for seat in found.values():
        if seat.per_phase:
            at_node[seat.node].append(seat)
    for group in at_node.values():
        voltages = tuple(each for each in group if each.voltage)
        powers = tuple(each for each in group if not each.voltage)
        for each in group:
            yield (each,)
        if voltages and powers:
            for each in powers:
                if not each.assumed:
                    yield (each, *voltages)
            measured = tuple(each for each in powers if not each.assumed)
            if len(measured) > 1:
                yield (*measured, *voltages)


def _most(
    sensors: tuple[int, ...], phases: NDArray[np.intp], snapshots: Sequence[Deviations]
) -> tuple[float, bytes | None]:
    """The most that exchanging phases can gain, and the exchanged values as a key.

    No key where the exchange changes nothing.
    """
    gain, parts, changes = 0.0, [], False
    for snapshot in snapshots:
        for sensor in sensors:
            each = snapshot.sensors.get(sensor)
            if each is None:
                continue
            image = each.value[:, phases]
            change = image - each.value
            gain -= 2 * float(np.nansum(change * each.gradient))
            changes = changes or bool(np.nanmax(np.abs(change / each.sigma), initial=0.0) > 1e-6)
            parts.append(np.round(image, 12).tobytes())
    return gain, b"".join(parts) if changes else None
