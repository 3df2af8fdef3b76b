"""A state of ours in power-grid-model's words: its output data set at given voltages.

That library is asked to estimate from voltage phasors at all nodes, beside which the power sensors
only tell it how to share a node's power between its appliances.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from power_grid_model import initialize_array

from ortsnetz_grid.functions.state_estimation.places import Places
from ortsnetz_grid.functions.state_estimation.result import Measurements
from ortsnetz_grid.functions.state_estimation.solver import THOROUGH, Output, solve
from ortsnetz_grid.network.model import Network

_SIGMA_PU = 1e-6
"""Deviation of the phasors: far below what any sensor knows, far above rounding."""
_VOLTAGE_SENSORS = ("sym_voltage_sensor", "asym_voltage_sensor")


def expressed(
    network: Network,
    places: Places,
    measurements: Measurements,
    voltage: NDArray[np.complex128],
) -> Output:
    """power-grid-model's asymmetric output at voltages (n, 3), per unit.

    Raises:
        NoSolutionError: the voltages contradict what is exact in the network.
    """
    model = places.admittance
    live = np.flatnonzero(model.energised)
    phasors = initialize_array("input", "asym_voltage_sensor", len(live))
    first = 1 + max(int(array["id"].max(initial=0)) for array in network.data.values())
    for array in measurements.sensors.values():
        first = max(first, 1 + int(array["id"].max(initial=0)))
    phasors["id"] = first + np.arange(len(live))
    phasors["measured_object"] = model.node_ids[live]
    phasors["u_sigma"] = _SIGMA_PU * model.node_volts[live]
    phasors["u_measured"] = np.abs(voltage[live]) * model.node_volts[live, None]
    phasors["u_angle_measured"] = np.angle(voltage[live])
    kept = {k: v for k, v in measurements.sensors.items() if k not in _VOLTAGE_SENSORS}
    output = dict(solve(network, Measurements({**kept, "asym_voltage_sensor": phasors}), THOROUGH))
    for component in _VOLTAGE_SENSORS:
        output.pop(component, None)
        if component in measurements.sensors:
            output[component] = _residuals(
                measurements.sensors[component], component, places, voltage
            )
    return output


def _residuals(
    sensors: NDArray[Any], component: str, places: Places, voltage: NDArray[np.complex128]
) -> NDArray[Any]:
    """Output of the voltage sensors: measured minus estimated, V and rad."""
    nodes = places.nodes(sensors, component)
    base = places.network.data["node"]["u_rated"][nodes]
    if component.startswith("asym"):
        base = base / np.sqrt(3)
    found = initialize_array("asym_output", component, len(sensors))
    found["id"], found["energized"] = sensors["id"], 1
    magnitude, angle = sensors["u_measured"], sensors["u_angle_measured"]
    if magnitude.ndim == 1:
        turn = np.array([0, -2, 2]) * np.pi / 3
        magnitude, angle = magnitude[:, None], angle[:, None] + turn
    found["u_residual"] = magnitude - np.abs(voltage[nodes]) * base[:, None]
    away = np.exp(1j * (angle - np.angle(voltage[nodes])))
    found["u_angle_residual"] = np.angle(away)
    return found
