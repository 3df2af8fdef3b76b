"""What may be wrong with the wiring of a metered network, and whether anybody could see it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from studies.wiring_cases import TIES, Wiring, grid_with_ties

from ortsnetz_grid.functions.state_estimation import Measurements
from ortsnetz_grid.functions.topology_check import CheckSettings
from ortsnetz_grid.functions.topology_check.hypothesis import STATED, Hypothesis, reordered
from ortsnetz_grid.functions.topology_check.judging import Judge
from ortsnetz_grid.network.model import Network

APART = 49.0
"""Squared deviations by which two cases differ without noise so that they count as distinguishable:
seven standard deviations."""


def ties(grid: str) -> list[int]:
    return [int(each) for each in grid_with_ties(grid).data["line"]["id"][-TIES[grid] :]]


def apart(stated: Network, exact: Sequence[Measurements], truth: Hypothesis) -> float:
    """How much worse than the truth the stated network explains measurements without noise."""
    judge = Judge(stated, exact, CheckSettings())
    one, other = judge.judge(STATED), judge.judge(truth)
    return 0.0 if one is None or other is None else one.misfit - other.misfit


def meter_of(case: Wiring, load: int) -> tuple[int, int]:
    """Voltage and power sensor of a metered load or generator."""
    snapshot = case.measured()[0].sensors
    voltage, power = snapshot["asym_voltage_sensor"], snapshot["asym_power_sensor"]
    component = case.network.components[load]
    node = case.network.data[component]["node"][case.network.row(component, load)]
    return (
        int(voltage["id"][voltage["measured_object"] == node][0]),
        int(power["id"][power["measured_object"] == load][0]),
    )


def connected_as(
    snapshots: Sequence[Measurements], sensors: frozenset[int], order: tuple[int, int, int]
) -> list[Measurements]:
    """What meters say whose terminal k is on phase `order[k]`."""
    inverse = tuple(int(each) for each in np.argsort(order))
    return [reordered(each, sensors, (inverse[0], inverse[1], inverse[2])) for each in snapshots]
