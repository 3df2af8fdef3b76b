"""The power balance: it closes in every state that is solved, and opens when a state is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ortsnetz_hil.plant import network_file
from ortsnetz_hil.plant.balance import Balance
from ortsnetz_hil.plant.network_file import PlantNetwork
from ortsnetz_hil.plant.power_flow import GridState, Injections, PowerFlow
from ortsnetz_hil.plant.topology import groups, statuses_of
from ortsnetz_hil.plant.voltage_dependence import with_voltage_dependence

ZIP = (0.5, 0.3, 0.2)


@pytest.fixture(scope="module")
def network(default_network: Path) -> PlantNetwork:
    """The default network with loads of all three types, a shunt, and a link to one customer."""
    document = with_voltage_dependence(json.loads(default_network.read_text()), *ZIP)
    data = document["data"]
    following = 10_000
    load = data["asym_load"][0]
    beyond = {"id": following, "u_rated": 400.0}
    data["node"].append(beyond)
    data["link"] = [
        {"id": following + 1, "from_node": load["node"], "to_node": following,
         "from_status": 1, "to_status": 1}
    ]  # fmt: skip
    data["shunt"] = [
        {"id": following + 2, "node": following, "status": 1,
         "g1": 0.01, "b1": 0.02, "g0": 0.01, "b0": 0.02}
    ]  # fmt: skip
    load["node"] = following
    return network_file.parse(json.dumps(document), "with everything")


def injections(network: PlantNetwork, seed: int, scale: float) -> Injections:
    random = np.random.default_rng(seed)
    loads, gens = network.data["asym_load"], network.data["asym_gen"]
    factor = scale * random.uniform(0, 2, (len(loads), 3))
    sun = scale * random.uniform(0, 1, (len(gens), 1))
    return Injections(
        loads["p_specified"] * factor, loads["q_specified"] * factor,
        gens["p_specified"] * sun, gens["q_specified"] * sun,
    )  # fmt: skip


@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(0.0, 4.0))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_at_each_node_and_phase_what_comes_in_goes_out(
    network: PlantNetwork, seed: int, scale: float
) -> None:
    assert PowerFlow(network).solve(injections(network, seed, scale)).balance < 1e-6


def open_power(network: PlantNetwork, state: GridState, wanted: Injections) -> float:
    """Largest missing power in VA at any node but the source's, added up plainly."""
    rows = {int(node): row for row, node in enumerate(network.ids("node"))}
    missing = np.zeros((len(rows), 3), np.complex128)
    for name, flows in (("line", state.lines), ("transformer", state.transformers)):
        for k, branch in enumerate(network.data[name]):
            missing[rows[int(branch["from_node"])]] += flows.s_from[k]
            missing[rows[int(branch["to_node"])]] += flows.s_to[k]
    exponents = {0: 0, 1: 2, 2: 1}
    for k, load in enumerate(network.data["asym_load"]):
        row = rows[int(load["node"])]
        power = wanted.load_p[k] + 1j * wanted.load_q[k]
        missing[row] += power * state.u_pu[row] ** exponents[int(load["type"])]
    for k, gen in enumerate(network.data["asym_gen"]):
        missing[rows[int(gen["node"])]] -= wanted.gen_p[k] + 1j * wanted.gen_q[k]
    for link in network.data["link"]:
        missing[rows[int(link["from_node"])]] += missing[rows[int(link["to_node"])]]
        missing[rows[int(link["to_node"])]] = 0
    for shunt in network.data["shunt"]:  # zero sequence equals positive sequence: phase by phase
        link = network.data["link"][0]
        volts = np.abs(state.u_v[rows[int(shunt["node"])]])
        admittance = shunt["g1"] - 1j * shunt["b1"]
        missing[rows[int(link["from_node"])]] += admittance * volts**2
    missing[rows[int(network.data["source"]["node"][0])]] = 0
    return float(np.abs(missing).max())


def test_the_balance_is_what_plain_addition_over_links_and_shunts_says(
    network: PlantNetwork,
) -> None:
    wanted = injections(network, 5, 1.0)
    state = PowerFlow(network).solve(wanted)
    rated_va = network.data["transformer"]["sn"][0] / 3
    assert open_power(network, state, wanted) / rated_va < 1e-6
    # and it sees the shunt, which takes more than a millionth
    assert 0.01 * 230**2 / rated_va > 1e-6


@pytest.mark.parametrize(
    ("seed", "watts", "share"), [(1, 1.0, 1 / 83_333), (2, -0.5, 0.5 / 83_333), (3, 833.33, 0.01)]
)
def test_a_state_for_other_loads_does_not_balance(
    network: PlantNetwork, monkeypatch: pytest.MonkeyPatch, seed: int, watts: float, share: float
) -> None:
    flow = PowerFlow(network)
    wanted = injections(network, seed, 1.0)
    balanced = flow._balance.worst

    def tampered(terms: list[np.ndarray]) -> float:
        loads = terms[-2].copy()  # what loads have to draw, as the plant reckons it
        loads[3, 1] += watts
        return balanced([*terms[:-2], loads, terms[-1]])

    monkeypatch.setattr(flow, "_balance", SimpleNamespace(worst=tampered))
    assert flow.solve(wanted).balance == pytest.approx(share, rel=1e-3)


def test_a_solver_that_ignored_the_loads_would_be_seen(
    network: PlantNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = PowerFlow(network)
    flow.solve(injections(network, 1, 1.0))
    monkeypatch.setattr(flow._solver, "set_powers", lambda _: None)  # keeps the old ones
    assert flow.solve(injections(network, 2, 1.0)).balance > 1e-3


def test_a_missing_power_is_a_share_of_a_third_of_the_smallest_transformer(
    network: PlantNetwork,
) -> None:
    statuses = statuses_of(network)
    places = [np.array([0, 1, 2]), np.array([1])]
    balance = Balance.of(network, groups(network, statuses), places)
    assert balance.rated_va == pytest.approx(250e3 / 3)
    first = np.array([[1, 0, 0], [0, 250, 0], [0, 0, 2j]], np.complex128)
    second = np.array([[0, -240, 0]], np.complex128)
    assert balance.worst([first, second]) == pytest.approx(10 / (250e3 / 3))
