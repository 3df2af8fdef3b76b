"""Rows and slopes of limiting, against power-grid-model and finite differences of it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from limiting_feeder import EV, WIDE, Feeder, Truth, factors
from limiting_flows_of import flows_of, random_feeder
from numpy.typing import NDArray
from power_grid_model import PowerGridModel

from ortsnetz_grid.functions.congestion import compiled_flows
from ortsnetz_grid.functions.congestion.decision import decide
from ortsnetz_grid.functions.congestion.limiter import Limiter
from ortsnetz_grid.functions.congestion.problem import ControlledDevice, LimitSet
from ortsnetz_grid.functions.congestion.result import Status
from ortsnetz_grid.network.loading import RatedBranches
from ortsnetz_grid.network.model import Network


def at_requests(feeder: Feeder, k: NDArray[np.float64]) -> Any:
    """power-grid-model's result and network with devices at shares of their requests."""
    network = feeder.network()
    truth = Truth(feeder)
    update = truth._update(k[None])
    result = truth.model.calculate_power_flow(
        symmetric=False, update_data=update, error_tolerance=1e-10, max_iterations=50
    )
    return network, {name: values[0] for name, values in result.items()}


@pytest.mark.parametrize("seed", range(8))
def test_loading_rows_are_those_of_the_projects_definition(seed: int) -> None:
    feeder = random_feeder(seed)
    k = np.random.default_rng(seed).uniform(0, 1, len(feeder.devices))
    flows = flows_of(feeder)
    points = flows.at(k[None])
    network, result = at_requests(feeder, k)
    expected = RatedBranches.of(network).ratios(result)
    assert points.converged.all()
    assert points.phasors[0, : len(expected)] == pytest.approx(expected, abs=2e-7)
    volts = result["node"]["u_pu"][1:].ravel()
    assert np.abs(points.phasors[0, len(expected) :]) == pytest.approx(volts, abs=1e-8)


@pytest.mark.parametrize("kernels", ["", "none"])
@pytest.mark.parametrize("seed", range(4))
def test_slopes_are_those_of_the_power_flow(
    seed: int, kernels: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORTSNETZ_KERNELS", kernels)
    feeder = random_feeder(seed)
    flows = flows_of(feeder, unbalance=True)
    k = np.full(len(feeder.devices), 0.6)
    point = flows.at(k[None])[0]
    rows = np.arange(flows.layout.count)
    slopes = flows.slopes(point, rows)
    assert slopes is not None
    step = 1e-3 * np.eye(len(k))
    after, before = flows.at(k + step).phasors, flows.at(k - step).phasors
    expected = ((after - before) / 2e-3).T
    # second order in the relative voltage drop: see `compiled_flows`
    assert np.abs(slopes - expected).max() < 0.01 * np.abs(expected).max(axis=1).max()


def test_without_the_feedback_slopes_would_be_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check above can tell."""
    monkeypatch.setenv("ORTSNETZ_KERNELS", "none")  # what is compiled has no such seam
    feeder = random_feeder(3)
    flows = flows_of(feeder)
    k = np.full(len(feeder.devices), 0.6)
    point = flows.at(k[None])[0]
    rows = np.arange(flows.layout.count)
    right = flows.slopes(point, rows)
    monkeypatch.setattr(
        compiled_flows.CompiledFlows,
        "_feedback",
        lambda _, at, __: (None, np.zeros(at.size, dtype=np.complex64)),
    )
    wrong = flows.slopes(point, rows)
    assert right is not None
    assert wrong is not None
    assert np.abs(right - wrong).max() > 0.01 * np.abs(right).max()


def test_unbalance_is_the_negative_over_the_positive_sequence() -> None:
    feeder = random_feeder(5)
    flows = flows_of(feeder, unbalance=True)
    k = np.ones(len(feeder.devices))
    _, result = at_requests(feeder, k)
    turn = np.exp(2j * np.pi / 3)
    volts = (result["node"]["u_pu"] * np.exp(1j * result["node"]["u_angle"]))[1:]
    negative = volts @ np.array([1, turn**2, turn])
    positive = volts @ np.array([1, turn, turn**2])
    found = np.abs(flows.at(k[None]).phasors[0, flows.layout.voltages.stop :])
    assert found == pytest.approx(np.abs(negative / positive), abs=1e-8)


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_without_compiled_kernels_the_answer_is_the_same(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    feeder = random_feeder(seed)
    limits = LimitSet((0.97, 1.03), 0.25)
    with_kernels = feeder.decide(limits)
    monkeypatch.setenv("ORTSNETZ_KERNELS", "none")
    without = feeder.decide(limits)
    assert without.status is with_kernels.status
    assert factors(without) == pytest.approx(factors(with_kernels), abs=1e-6)


def test_a_prepared_limiter_decides_as_if_it_were_the_first_time() -> None:
    feeder = random_feeder(1)
    devices = tuple(feeder.devices)
    network = feeder.network()
    limits = LimitSet((0.97, 1.03), 0.25)
    limiter = Limiter(network)
    limiter.prepare(devices)
    for share in (1.0, 0.3, 0.8, 1.0):
        now = tuple(_scaled(device, share) for device in devices)
        assert limiter.decide(now, limits) == decide(network, now, limits)


def _scaled(device: ControlledDevice, share: float) -> ControlledDevice:
    a, b, c = device.request_w
    return ControlledDevice(
        device.id, device.kind, (share * a, share * b, share * c), device.floor_w
    )


def test_a_network_with_a_three_winding_transformer_is_left_to_the_library() -> None:
    """Our power flow does not cover it; power-grid-model's Newton method takes its place."""
    document = {"version": "1.0", "type": "input", "is_batch": False, "attributes": {}}
    windings = {
        f"{name}_{end}": value
        for name, values in (
            ("node", (1, 2, 3)), ("status", (1, 1, 1)), ("winding", (1, 1, 1)),
            ("sn", (100e3, 100e3, 100e3)))
        for end, value in zip((1, 2, 3), values, strict=True)
    }  # fmt: skip
    data = {
        "node": [{"id": i, "u_rated": u} for i, u in ((1, 20e3), (2, 400.0), (3, 400.0))],
        "three_winding_transformer": [{
            "id": 50, **windings, "u1": 20e3, "u2": 400.0, "u3": 400.0,
            "uk_12": 0.04, "uk_13": 0.04, "uk_23": 0.04, "pk_12": 1500.0, "pk_13": 1500.0,
            "pk_23": 1500.0, "i0": 0.003, "p0": 200.0, "clock_12": 0, "clock_13": 0,
            "tap_side": 0, "tap_pos": 0, "tap_min": -2, "tap_max": 2, "tap_size": 500.0}],
        "source": [{"id": 90, "node": 1, "status": 1, "u_ref": 1.0, "sk": 1e8}],
        "asym_load": [
            {"id": i, "node": node, "status": 1, "type": 0, "p_specified": [0.0] * 3,
             "q_specified": [0.0] * 3} for i, node in ((70, 2), (71, 3))],
    }  # fmt: skip
    network = Network.from_json(json.dumps(document | {"data": data}), "three windings")
    devices = tuple(ControlledDevice(i, EV, (25e3,) * 3, (1e3,) * 3) for i in (70, 71))
    result = decide(network, devices, WIDE)
    assert result.status is Status.LIMITED
    watts = [list(one.p_w) for one in result.devices]
    loads = network.data["asym_load"].copy()
    loads["p_specified"] = watts
    truth = PowerGridModel(dict(network.data) | {"asym_load": loads}).calculate_power_flow(
        symmetric=False
    )
    assert RatedBranches.of(network).loading(truth).max() == pytest.approx(1.0, abs=2e-3)
