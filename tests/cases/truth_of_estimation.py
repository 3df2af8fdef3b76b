"""Estimates of the cases from exact nonlinear weighted least squares."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from cases.truth_of_power_flow import Values
from studies.least_squares import fit

from ortsnetz_grid.network.model import Network

ANGLE_SIGMA = (0.004, 0.004, 0.004)
"""How well each angle at the source is known to be symmetrical, rad (design/state-estimation)."""
SENSORS = ("asym_voltage_sensor", "asym_power_sensor")


def truth(folder: Path) -> Values:
    """The state without the sensors that the case made wrong, and that these were found.

    Raises:
        RuntimeError: a wrong voltage sensor is not the one with the largest normalised residual.
    """
    wrong = json.loads((folder / "case.json").read_text()).get("wrong", [])
    network = Network.from_json((folder / "network.json").read_text(), folder.name)
    voltage_sensors = set(network.data["asym_voltage_sensor"]["id"].tolist())
    for sensor in wrong:
        normalised = fit(network, ANGLE_SIGMA).normalised
        worst = max(normalised, key=lambda each: normalised[each])
        if sensor in voltage_sensors and (worst != sensor or normalised[worst] < 5):
            raise RuntimeError(f"{folder.name}: the worst voltage sensor is {worst}, not {sensor}")
        network = without(network, sensor)
    voltage = fit(network, ANGLE_SIGMA).voltage
    return {
        "node": {
            str(node): {"u_pu": np.abs(at).tolist(), "u_angle": np.angle(at).tolist()}
            for node, at in zip(network.data["node"]["id"], voltage, strict=True)
        }
    }


def without(network: Network, sensor: int) -> Network:
    """The case without one sensor."""
    data = {
        name: array[array["id"] != sensor] if name in SENSORS else array
        for name, array in network.data.items()
    }
    return replace(network, data=data)
