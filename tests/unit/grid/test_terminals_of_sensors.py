"""Sensors at sources, shunts and whole nodes, and nodes with several appliances."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from power_grid_model import PowerGridModel, initialize_array

from ortsnetz_grid.functions.state_estimation import Estimator, Measurements, Settings
from ortsnetz_grid.network.model import Network

SHUNT, SOURCE, LOAD, NODE = 3, 2, 4, 9


@pytest.fixture(scope="module")
def place(hamlet: Any) -> tuple[Network, dict[str, Any]]:
    """The hamlet with a shunt and a second load beside the first one."""
    data = {name: array.copy() for name, array in hamlet.network.data.items()}
    first = max(int(array["id"].max(initial=0)) for array in data.values()) + 1
    second = data["asym_load"][:1].copy()
    second["id"], second["p_specified"], second["q_specified"] = first, [[900, 2000, 0]], 0
    data["asym_load"] = np.concatenate([data["asym_load"], second])
    shunt = initialize_array("input", "shunt", 1)
    shunt["id"], shunt["node"], shunt["status"] = first + 1, data["asym_load"]["node"][3], 1
    shunt["g1"] = shunt["g0"] = 0.01
    shunt["b1"] = shunt["b0"] = 0.02
    data["shunt"] = shunt
    components = {int(each): name for name, array in data.items() for each in array["id"]}
    network = Network(data=data, document={"data": {}}, components=components, names={})
    flow = PowerGridModel(data).calculate_power_flow(symmetric=False)
    return network, {str(getattr(k, "value", k)): v for k, v in flow.items()}


def sensors(
    place: tuple[Network, dict[str, Any]], rng: np.random.Generator, sigma: float = 0.003
) -> tuple[np.ndarray, np.ndarray]:
    """Voltages everywhere; powers of all loads and generators, the source and the shunt."""
    network, truth = place
    nodes = network.data["node"]
    voltage = initialize_array("input", "asym_voltage_sensor", len(nodes))
    voltage["id"], voltage["measured_object"] = 10_000 + np.arange(len(nodes)), nodes["id"]
    voltage["u_sigma"] = sigma * nodes["u_rated"] / 3**0.5
    noise = rng.normal(size=(len(nodes), 3)) * voltage["u_sigma"][:, None]
    voltage["u_measured"] = truth["node"]["u"] + noise
    parts = []
    for component, terminal in (
        ("asym_load", LOAD),
        ("asym_gen", 5),
        ("source", SOURCE),
        ("shunt", SHUNT),
    ):
        true = truth[component]
        part = initialize_array("input", "asym_power_sensor", len(true))
        part["measured_object"], part["measured_terminal_type"] = true["id"], terminal
        part["p_sigma"] = part["q_sigma"] = 20.0
        for name in ("p", "q"):
            part[f"{name}_measured"] = true[name] + 20 * rng.normal(size=true[name].shape)
        parts.append(part)
    power = np.concatenate(parts)
    power["id"] = 20_000 + np.arange(len(power))
    return voltage, power


def removed(network: Network, voltage: np.ndarray, power: np.ndarray) -> list[int]:
    measurements = Measurements({"asym_voltage_sensor": voltage, "asym_power_sensor": power})
    solution = Estimator.of(network).solve(measurements, Settings())
    return [each.sensor for each in solution.removed]


def test_a_clean_case_with_every_kind_of_terminal_loses_nothing(
    place: tuple[Network, dict[str, Any]], rng: np.random.Generator
) -> None:
    for _ in range(10):
        assert removed(place[0], *sensors(place, rng)) == []


@pytest.mark.parametrize("terminal", [SOURCE, SHUNT])
def test_a_wrong_sensor_at_the_source_or_a_shunt_is_found(
    place: tuple[Network, dict[str, Any]], rng: np.random.Generator, terminal: int
) -> None:
    voltage, power = sensors(place, rng)
    (row,) = np.flatnonzero(power["measured_terminal_type"] == terminal)
    power["p_measured"][row, 1] += 2000
    assert removed(place[0], voltage, power) == [int(power["id"][row])]


def test_a_node_s_own_sensor_is_checked_by_its_loads(
    place: tuple[Network, dict[str, Any]], rng: np.random.Generator
) -> None:
    network, truth = place
    voltage, power = sensors(place, rng)
    node = int(network.data["asym_load"]["node"][0])
    row = int(np.flatnonzero(network.data["node"]["id"] == node)[0])
    own = initialize_array("input", "asym_power_sensor", 2)
    own["id"], own["measured_object"], own["measured_terminal_type"] = [30_000, 30_001], node, NODE
    own["p_sigma"] = own["q_sigma"] = 20.0
    own["p_measured"], own["q_measured"] = truth["node"]["p"][row], truth["node"]["q"][row]
    own["p_measured"][0, 2] -= 500
    assert removed(network, voltage, np.concatenate([power, own])) == [30_000]


def test_of_two_loads_at_a_node_one_is_left_out_and_both_are_named(
    place: tuple[Network, dict[str, Any]], rng: np.random.Generator
) -> None:
    """Their residuals are one and the same; without either the node's injection is free."""
    network, truth = place
    voltage, power = sensors(place, rng, sigma=0.0001)
    loads = network.data["asym_load"]
    pair = loads["id"][loads["node"] == loads["node"][0]]
    rows = np.flatnonzero(np.isin(power["measured_object"], pair))
    power["p_measured"][rows[0]] += 3000
    solution = Estimator.of(network).solve(
        Measurements({"asym_voltage_sensor": voltage, "asym_power_sensor": power}), Settings()
    )
    ids = power["id"][rows].tolist()
    assert len(solution.removed) == 1
    assert solution.removed[0].sensor in ids
    assert all(any(str(each) in text for text in solution.problems) for each in ids)
    away = solution.output()["node"]["u_pu"] - truth["node"]["u_pu"]
    low = network.data["node"]["u_rated"] < 1000
    assert np.abs(away[low]).max() < 0.004
