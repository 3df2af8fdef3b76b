"""Loading of branches, against a computation written out by hand."""

from __future__ import annotations

import cmath
import json
from typing import Any

import numpy as np
import pytest
from power_grid_model import PowerGridModel

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network.loading import RatedBranches
from ortsnetz_grid.network.model import Network


def _transformer(**changes: Any) -> dict[str, Any]:
    return {
        "id": 50, "name": "T1", "from_node": 1, "to_node": 2, "from_status": 1, "to_status": 1,
        "u1": 20e3, "u2": 400.0, "sn": 100e3, "uk": 0.04, "pk": 1500.0, "i0": 0.003, "p0": 200.0,
        "winding_from": 2, "winding_to": 1, "clock": 5, "tap_side": 0, "tap_pos": 0, "tap_min": -2,
        "tap_max": 2, "tap_size": 500.0,
    } | changes  # fmt: skip


def _line(**changes: Any) -> dict[str, Any]:
    return {
        "id": 60, "name": "L1", "from_node": 2, "to_node": 3, "from_status": 1, "to_status": 1,
        "r1": 0.02, "x1": 0.008, "c1": 1e-8, "tan1": 0, "r0": 0.08, "x0": 0.03, "c0": 1e-8,
        "tan0": 0, "i_n": 200.0,
    } | changes  # fmt: skip


def _case(*, line: dict[str, Any], transformer: dict[str, Any], p_w: list[float]) -> Network:
    document = {
        "version": "1.0", "type": "input", "is_batch": False, "attributes": {},
        "data": {
            "node": [{"id": i, "u_rated": u} for i, u in ((1, 20e3), (2, 400.0), (3, 400.0))],
            "line": [line], "transformer": [transformer],
            "source": [{"id": 90, "node": 1, "status": 1, "u_ref": 1.0}],
            "asym_load": [{"id": 100, "node": 3, "status": 1, "type": 0,
                           "p_specified": p_w, "q_specified": [900.0, -300.0, 0.0]}],
        },
    }  # fmt: skip
    return Network.from_json(json.dumps(document), "case")


def _solve(network: Network, **arguments: Any) -> Any:
    return PowerGridModel(dict(network.data)).calculate_power_flow(symmetric=False, **arguments)


def test_a_line_is_loaded_by_its_largest_phase() -> None:
    network = _case(line=_line(), transformer=_transformer(), p_w=[5e3, 1e4, 2e3])
    result = _solve(network)
    branches = RatedBranches.of(network)
    expected = max(*result["line"]["i_from"][0], *result["line"]["i_to"][0]) / 200.0
    assert branches.ids.tolist() == [60, 50]
    assert branches.loading(result)[0] == pytest.approx(expected, rel=1e-9)


def test_a_thin_neutral_binds_before_the_phases() -> None:
    network = _case(line=_line(i_n_neutral=50.0), transformer=_transformer(), p_w=[20e3, 0.0, 0.0])
    result = _solve(network)
    node, flow = result["node"], result["line"]
    neutral = []
    for side, row in (("from", 1), ("to", 2)):
        total = 0j
        for phase in range(3):
            volts = cmath.rect(node["u"][row, phase], node["u_angle"][row, phase])
            power = complex(flow[f"p_{side}"][0, phase], flow[f"q_{side}"][0, phase])
            total += (power / volts).conjugate()
        neutral.append(abs(total))
    assert RatedBranches.of(network).loading(result)[0] == pytest.approx(max(neutral) / 50.0)


def test_a_transformer_counts_phase_current_and_phase_power() -> None:
    network = _case(line=_line(), transformer=_transformer(), p_w=[20e3, 40e3, 10e3])
    result = _solve(network)
    flow = result["transformer"]
    current = max(
        flow["i_from"][0].max() / (100e3 / (np.sqrt(3) * 20e3)),
        flow["i_to"][0].max() / (100e3 / (np.sqrt(3) * 400.0)),
    )
    power = max(flow["s_from"][0].max(), flow["s_to"][0].max()) / (100e3 / 3)
    loading = RatedBranches.of(network).loading(result)[1]
    assert loading == pytest.approx(max(current, power), rel=1e-6)
    assert loading > 1.3 * flow["loading"][0]  # the library averages the phases


def test_a_delta_side_has_no_neutral_and_a_grounded_star_has_one() -> None:
    network = _case(line=_line(), transformer=_transformer(), p_w=[1e3, 1e3, 1e3])
    sides = {
        term.side
        for term in RatedBranches.of(network).terms
        if term.branch == 1 and "neutral" in term.words
    }
    assert sides == {"to"}


def test_a_batch_in_columns_gives_the_same_as_single_results() -> None:
    network = _case(line=_line(), transformer=_transformer(), p_w=[0.0, 0.0, 0.0])
    branches = RatedBranches.of(network)
    powers = np.array([[[9e3, 0.0, 0.0]], [[0.0, 8e3, 1e3]]])
    update = {"asym_load": {"id": np.full((2, 1), 100, dtype=np.int32), "p_specified": powers}}
    batch = branches.loading(
        _solve(network, update_data=update, output_component_types=dict(branches.outputs))
    )
    for row, power in enumerate(powers[:, 0]):
        single = _solve(_case(line=_line(), transformer=_transformer(), p_w=power.tolist()))
        assert batch[row] == pytest.approx(branches.loading(single), rel=1e-6)


def test_a_branch_without_supply_carries_nothing() -> None:
    network = _case(line=_line(from_status=0), transformer=_transformer(), p_w=[9e3, 0.0, 0.0])
    assert RatedBranches.of(network).loading(_solve(network))[0] == 0.0


@pytest.mark.parametrize("rating", [None, 0.0, -5.0])
def test_a_missing_rating_is_named_and_never_means_no_limit(rating: float | None) -> None:
    line = _line()
    del line["i_n"]
    if rating is not None:
        line["i_n"] = rating
    with pytest.raises(InputError, match=r"line 60 'L1' has no rating"):
        RatedBranches.of(_case(line=line, transformer=_transformer(), p_w=[0.0, 0.0, 0.0]))


def test_a_transformer_without_rated_power_is_named() -> None:
    network = _case(line=_line(), transformer=_transformer(sn=0.0), p_w=[0.0, 0.0, 0.0])
    with pytest.raises(InputError, match=r"transformer 50 'T1' has no rating"):
        RatedBranches.of(network)


def test_each_winding_of_a_three_winding_transformer_counts_by_its_own_rating() -> None:
    volts = {1: 110e3, 2: 20e3, 3: 400.0}
    document = {
        "version": "1.0", "type": "input", "is_batch": False, "attributes": {},
        "data": {
            "node": [{"id": node, "u_rated": rated} for node, rated in volts.items()],
            "three_winding_transformer": [{
                "id": 50, "node_1": 1, "node_2": 2, "node_3": 3, "status_1": 1, "status_2": 1,
                "status_3": 1, "u1": 110e3, "u2": 20e3, "u3": 400.0, "sn_1": 1e6, "sn_2": 8e5,
                "sn_3": 3e5, "uk_12": 0.1, "uk_13": 0.1, "uk_23": 0.1, "pk_12": 5e3, "pk_13": 5e3,
                "pk_23": 5e3, "i0": 0.01, "p0": 1e3, "winding_1": 1, "winding_2": 2,
                "winding_3": 1, "clock_12": 1, "clock_13": 0, "tap_side": 0, "tap_pos": 0,
                "tap_min": 0, "tap_max": 0, "tap_size": 0.0}],
            "source": [{"id": 90, "node": 1, "status": 1, "u_ref": 1.0}],
            "asym_load": [{"id": 100, "node": 3, "status": 1, "type": 0,
                           "p_specified": [9e4, 2e4, 1e4], "q_specified": [0.0] * 3}],
        },
    }  # fmt: skip
    network = Network.from_json(json.dumps(document), "case")
    result = _solve(network)
    flow = result["three_winding_transformer"]
    rated_a = 3e5 / (np.sqrt(3) * 400.0)
    amps, power = flow["i_3"][0], flow["s_3"][0]
    volts_3 = result["node"]["u"][2] * np.exp(1j * result["node"]["u_angle"][2])
    neutral = abs(np.conj((flow["p_3"][0] + 1j * flow["q_3"][0]) / volts_3).sum())
    expected = max(amps.max() / rated_a, neutral / rated_a, power.max() / 1e5)
    branches = RatedBranches.of(network)
    assert branches.loading(result) == pytest.approx([expected], rel=1e-6)
    assert {term.side for term in branches.terms if "neutral" in term.words} == {"1", "3"}


def test_a_generic_branch_is_refused_by_name() -> None:
    line = _line()
    network = _case(line=line, transformer=_transformer(), p_w=[5e3, 5e3, 5e3])
    document = json.loads(network.to_json())
    del document["data"]["line"]
    generic = {name: line[name] for name in ("id", "from_node", "to_node", "from_status")}
    generic |= {"to_status": 1, "r1": 0.02, "x1": 0.01, "g1": 0.0, "b1": 0.0, "sn": 5e4}
    document["data"]["generic_branch"] = [generic]
    with pytest.raises(InputError, match="generic_branch 60: a generic branch has no three-phase"):
        RatedBranches.of(Network.from_json(json.dumps(document), "case"))
