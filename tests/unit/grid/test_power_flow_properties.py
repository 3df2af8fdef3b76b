"""What must hold for every power flow, on networks that hypothesis draws."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ortsnetz_grid.kernels.native import library
from ortsnetz_grid.network.admittance import BASE_PHASE_VA
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.power_flow import Appliances, Flows, Injections, PowerFlow, Settings

EXACT = Settings(tolerance=1e-12)
few = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def networks(draw: st.DrawFn) -> dict[str, Any]:
    """A tree of lines with some loops, one or two sources, loads of all kinds; a file's data."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count, loops = draw(st.integers(2, 30)), draw(st.integers(0, 4))
    ends = [(int(rng.integers(0, k)), k) for k in range(1, count)]
    ends += [tuple(map(int, rng.choice(count, 2, replace=False))) for _ in range(loops)]
    lines = []
    for number, (one, other) in enumerate(ends):
        r, x = rng.uniform(0.005, 0.05, 2)
        line = {"id": 100 + number, "from_node": one, "to_node": other}
        line |= {"from_status": 1, "to_status": 1, "r1": r, "x1": x, "c1": 1e-7, "tan1": 0.0}
        lines.append({**line, "r0": 3 * r, "x0": 3 * x, "c0": 1e-7, "tan0": 0.0, "i_n": 100.0})
    loads = [
        {
            "id": 200 + number,
            "node": int(rng.integers(0, count)),
            "status": 1,
            "type": int(rng.integers(0, 3)),
            "q_specified": rng.uniform(-1e3, 1e3, 3).tolist(),
            "p_specified": rng.uniform(-3e3, 3e3, 3).tolist(),
        }
        for number in range(draw(st.integers(1, 12)))
    ]
    sources = [
        {"id": 50 + k, "node": int(rng.integers(0, count)), "status": 1, "u_ref": 1.0, "sk": 1e7}
        for k in range(draw(st.integers(1, 2)))
    ]
    nodes = [{"id": k, "u_rated": 400.0} for k in range(count)]
    return {"node": nodes, "line": lines, "source": sources, "asym_load": loads}


def read(data: dict[str, Any]) -> Network:
    header = {"version": "1.0", "type": "input", "is_batch": False, "attributes": {}}
    return Network.from_json(json.dumps({**header, "data": data}), "drawn")


def solved(data: dict[str, Any]) -> tuple[PowerFlow, Injections, Flows]:
    network = read(data)
    flow, injections = PowerFlow.of(network), Appliances.of(network).injections()
    flows = flow.solve(injections, EXACT)
    assert flows.converged.all()
    return flow, injections, flows


@few
@given(data=networks())
def test_what_sources_feed_is_what_loads_and_lines_take(data: dict[str, Any]) -> None:
    flow, _, flows = solved(data)
    voltage = flows.voltage[0]
    balance = -flow.admittance.node_matrix() @ voltage.ravel()
    into = (voltage.ravel() * np.conj(balance)).reshape(-1, 3) * BASE_PHASE_VA
    np.add.at(into, flow.sources.nodes, flow.sources.powers(voltage) * BASE_PHASE_VA)
    for load in data["asym_load"]:
        size = np.abs(voltage[load["node"]])
        power = np.array(load["p_specified"]) + 1j * np.array(load["q_specified"])
        into[load["node"]] -= power * size ** {0: 0, 1: 2, 2: 1}[load["type"]]
    assert np.abs(into).max() < 1e-3


@few
@given(data=networks())
def test_phases_that_change_places_change_voltages_and_nothing_else(data: dict[str, Any]) -> None:
    turned = json.loads(json.dumps(data))
    for load in turned["asym_load"]:
        for name in ("p_specified", "q_specified"):
            load[name] = load[name][-1:] + load[name][:-1]
    _, _, flows = solved(data)
    _, _, others = solved(turned)
    expected = np.roll(flows.voltage, 1, axis=2) * np.exp(-2j * np.pi / 3)
    np.testing.assert_allclose(others.voltage, expected, rtol=0, atol=1e-10)


@few
@given(data=networks(), scenarios=st.integers(1, 20), threads=st.integers(1, 3))
def test_a_batch_is_its_scenarios_one_by_one(
    data: dict[str, Any], scenarios: int, threads: int
) -> None:
    network = read(data)
    flow, appliances = PowerFlow.of(network), Appliances.of(network)
    share = np.linspace(-1, 1, scenarios)[:, None, None]
    injections = appliances.injections(appliances.power * share)
    together = flow.solve(injections, replace(EXACT, threads=threads))
    for scenario in range(scenarios):
        alone = flow.solve(injections.scenario(scenario), EXACT)
        np.testing.assert_allclose(
            together.voltage[scenario], alone.voltage[0], rtol=0, atol=0 if library() else 1e-11
        )
        assert together.iterations[scenario] == alone.iterations[0]


@few
@given(data=networks(), seed=st.integers(0, 1000))
def test_the_order_of_elements_is_irrelevant(data: dict[str, Any], seed: int) -> None:
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(data["node"]))
    shuffled = {
        component: [elements[k] for k in rng.permutation(len(elements))]
        for component, elements in data.items()
    }
    shuffled["node"] = [data["node"][k] for k in order]
    _, _, flows = solved(data)
    _, _, others = solved(shuffled)
    np.testing.assert_allclose(others.voltage[0], flows.voltage[0][order], rtol=0, atol=1e-10)
