"""The bench's loading against hand calculation, and where the solver's own figure misleads."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ortsnetz_hil.plant import network_file
from ortsnetz_hil.plant.loading import line_loading, ratings, transformer_loading
from ortsnetz_hil.plant.power_flow import Injections, PowerFlow


def _network(neutral_a: float | None = None) -> network_file.PlantNetwork:
    line = {
        "id": 3, "from_node": 1, "to_node": 2, "from_status": 1, "to_status": 1,
        "r1": 0.01, "x1": 0.004, "c1": 0.0, "tan1": 0.0,
        "r0": 0.04, "x0": 0.0148, "c0": 0.0, "tan0": 0.0, "i_n": 100.0,
    }  # fmt: skip
    if neutral_a is not None:
        line["i_n_neutral"] = neutral_a
    transformer = {
        "id": 4, "from_node": 0, "to_node": 1, "from_status": 1, "to_status": 1,
        "u1": 20_000.0, "u2": 400.0, "sn": 250_000.0, "uk": 0.06, "pk": 3300.0, "i0": 0.0,
        "p0": 0.0, "winding_from": 2, "winding_to": 1, "clock": 5, "tap_side": 0, "tap_pos": 0,
        "tap_min": 0, "tap_max": 0, "tap_nom": 0, "tap_size": 0.0,
    }  # fmt: skip
    document = {
        "version": "1.0",
        "type": "input",
        "is_batch": False,
        "attributes": {},
        "data": {
            "node": [
                {"id": 0, "u_rated": 20_000.0},
                {"id": 1, "u_rated": 400.0},
                {"id": 2, "u_rated": 400.0},
            ],
            "line": [line],
            "transformer": [transformer],
            "source": [{"id": 5, "node": 0, "status": 1, "u_ref": 1.0}],
            "asym_load": [
                {
                    "id": 6, "node": 2, "status": 1, "type": 0,
                    "p_specified": [0.0, 0.0, 0.0], "q_specified": [0.0, 0.0, 0.0],
                }
            ],
        },
    }  # fmt: skip
    return network_file.parse(json.dumps(document), "a hand-made network")


def _solve(network: network_file.PlantNetwork, phases_w: list[float]) -> tuple[float, float]:
    empty = np.empty((0, 3))
    injections = Injections(np.array([phases_w]), np.zeros((1, 3)), empty, empty)
    state = PowerFlow(network).solve(injections)
    rated = ratings(network)
    return float(line_loading(state, rated)[0]), float(transformer_loading(state, rated)[0])


def test_a_balanced_load_loads_line_and_transformer_by_its_phase_current() -> None:
    line, transformer = _solve(_network(), [10_000.0] * 3)
    # 30 kW at about 398 V line to line
    assert line == pytest.approx(10_000 / 229.8 / 100, rel=0.01)
    assert transformer == pytest.approx(30 / 250, rel=0.02)


def test_a_single_phase_load_loads_the_transformer_by_its_worst_phase() -> None:
    _, transformer = _solve(_network(), [30_000.0, 0.0, 0.0])
    # a third of the rating is 83.3 kVA; the mean over phases would say 12 %
    assert transformer == pytest.approx(30 / (250 / 3), rel=0.03)


def test_a_single_phase_load_returns_through_the_neutral() -> None:
    phase, _ = _solve(_network(), [10_000.0, 0.0, 0.0])
    neutral, _ = _solve(_network(neutral_a=50.0), [10_000.0, 0.0, 0.0])
    assert neutral == pytest.approx(2 * phase, rel=1e-6)


def test_a_balanced_load_leaves_the_neutral_without_current() -> None:
    full, _ = _solve(_network(), [10_000.0] * 3)
    tiny, _ = _solve(_network(neutral_a=0.001), [10_000.0] * 3)
    assert tiny == pytest.approx(full, rel=1e-3)
