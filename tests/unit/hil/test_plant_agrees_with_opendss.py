"""The plant's power flow against OpenDSS, on the same network at the same instant."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ortsnetz_hil.plant import network_file
from ortsnetz_hil.plant.events import FuseBlown, NetworkEvent, OpenNeutral, WrongPhase
from ortsnetz_hil.plant.loading import line_loading, ratings, transformer_loading
from ortsnetz_hil.plant.network_file import PlantNetwork
from ortsnetz_hil.plant.opendss import OpenDss
from ortsnetz_hil.plant.power_flow import GridState, Injections, PowerFlow
from ortsnetz_hil.plant.topology import Topology, statuses_of
from ortsnetz_hil.plant.voltage_dependence import with_voltage_dependence

ORTSNETZ = Path(sys.executable).with_name("ortsnetz")
NETWORKS = ("1-LV-rural2--0-sw", "ieee-european-lv", "cigre-lv")


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The three networks as the product imports them."""
    folder = tmp_path_factory.mktemp("networks")
    for name in NETWORKS:
        subprocess.run(
            [str(ORTSNETZ), "network", "import", name, "-o", str(folder / name)],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip
    return {name: json.loads((folder / name).read_text()) for name in NETWORKS}


@dataclass
class Compared:
    """One instant, solved twice; differences of live phases in per unit."""

    network: PlantNetwork
    state: GridState
    u_pu: np.ndarray
    circuit: OpenDss

    @property
    def live(self) -> np.ndarray:
        return np.abs(self.state.local_u_v) > 0

    @property
    def difference_pu(self) -> float:
        rated = self.network.data["node"]["u_rated"][:, None] / np.sqrt(3)
        return float(np.abs(np.abs(self.state.local_u_v) / rated - self.u_pu)[self.live].max())


def unbalanced(network: PlantNetwork, *, generating: bool = True, seed: int = 7) -> Injections:
    """The file's powers, each phase of each customer at a random share of it."""
    random = np.random.default_rng(seed)

    def own(component: str, field: str) -> np.ndarray:
        array = network.array(component)
        return np.empty((0, 3)) if array is None else array[field].copy()

    scale = random.uniform(0.2, 1.0, own("asym_load", "p_specified").shape)
    return Injections(
        own("asym_load", "p_specified") * scale,
        own("asym_load", "q_specified") * scale,
        own("asym_gen", "p_specified") * generating,
        own("asym_gen", "q_specified") * generating,
    )


def compare(document: Any, *events: NetworkEvent) -> Compared:
    network = network_file.parse(json.dumps(document), "compared")
    # inverters that hold their power on a conductor cut off leave OpenDSS without a solution
    cut = any(isinstance(event, FuseBlown) for event in events)
    injections = unbalanced(network, generating=not cut)
    flow = PowerFlow(network)
    for event in events:
        flow.apply(event, 0.0)
    state = flow.solve(injections)
    circuit = OpenDss(network, flow.condition.failures)
    return Compared(network, state, circuit.solve(injections), circuit)


def some_line(document: Any, share: float, behind: int | None = None) -> int:
    """The line that has most behind it, but not more than a share of all nodes.

    With `behind` it lies behind another line.
    """
    network = network_file.parse(json.dumps(document), "compared")
    topology = Topology.of(network, statuses_of(network))
    lines = [int(line) for line in network.ids("line")[:: len(network.ids("line")) // 80 or 1]]
    within = None if behind is None else topology.only_through(behind)
    found = {}
    for line in lines:
        nodes = topology.only_through(line)
        if within is None or (line != behind and not (nodes & ~within).any()):
            found[line] = int(nodes.sum())
    return max((line for line in found if found[line] < share * topology.nodes), key=found.get)


@pytest.mark.parametrize("name", NETWORKS)
def test_voltages_of_an_unbalanced_instant_are_those_of_opendss(
    documents: dict[str, Any], name: str
) -> None:
    compared = compare(documents[name])
    assert compared.difference_pu < 1e-5
    assert np.ptp(compared.u_pu, axis=1).max() > 1e-3  # it is unbalanced
    assert np.abs(compared.circuit.u_v - compared.state.u_v).max() < 0.01  # angles too, V


@pytest.mark.parametrize("name", NETWORKS)
def test_loadings_are_those_of_opendss(documents: dict[str, Any], name: str) -> None:
    compared = compare(documents[name])
    rated = ratings(compared.network)
    lines, units = compared.circuit.line_currents(), compared.circuit.transformer_currents()

    def largest(currents: np.ndarray, neutral: np.ndarray, phase: np.ndarray) -> np.ndarray:
        return np.maximum(
            np.abs(currents).max(axis=1) / phase, np.abs(currents.sum(axis=1)) / neutral
        )

    theirs = np.maximum(
        *(largest(lines[:, end], rated.line_neutral_a, rated.line_a) for end in (0, 1))
    )
    assert np.abs(line_loading(compared.state, rated) - theirs).max() < 1e-4 * theirs.max()
    rows = {int(node): row for row, node in enumerate(compared.network.ids("node"))}
    transformers = compared.network.data["transformer"]
    ends = [
        np.array([rows[int(node)] for node in transformers[end]])
        for end in ("from_node", "to_node")
    ]
    apparent = [np.abs(compared.circuit.u_v[ends[k]] * units[:, k].conj()) for k in (0, 1)]
    theirs = np.max(
        [
            np.abs(units[:, 0]).max(axis=1) / rated.transformer_from_a,
            largest(units[:, 1], rated.transformer_neutral_a, rated.transformer_to_a),
            np.maximum(*apparent).max(axis=1) / rated.transformer_phase_va,
        ],
        axis=0,
    )
    assert transformer_loading(compared.state, rated) == pytest.approx(theirs, rel=1e-4)


@pytest.mark.parametrize("position", [-2, 1, 2])
def test_a_tap_position_changes_what_it_changes_in_opendss(
    documents: dict[str, Any], position: int
) -> None:
    document = documents[NETWORKS[0]]
    network = network_file.parse(json.dumps(document), "tapped")
    flow, injections = PowerFlow(network), unbalanced(network)
    before = flow.solve(injections).u_pu.mean()
    flow.set_tap(int(network.ids("transformer")[0]), position)
    state = flow.solve(injections)
    tapped = copy.deepcopy(document)
    tapped["data"]["transformer"][0]["tap_pos"] = position
    circuit = OpenDss(network_file.parse(json.dumps(tapped), "tapped"))
    assert np.abs(state.u_pu - circuit.solve(injections)).max() < 1e-5
    # one position is 2.5 % on the high-voltage side: more turns there, less voltage here
    assert state.u_pu.mean() - before == pytest.approx(-0.025 * position, rel=0.1)


@pytest.mark.parametrize(
    ("winding", "clock"),
    [*((2, clock) for clock in range(1, 12, 2)), *((1, clock) for clock in range(0, 12, 2))],
)
def test_every_vector_group_turns_and_couples_phases_as_in_opendss(
    documents: dict[str, Any], winding: int, clock: int
) -> None:
    document = copy.deepcopy(documents["1-LV-rural2--0-sw"])
    document["data"]["transformer"][0] |= {"winding_from": winding, "clock": clock}
    compared = compare(document)
    assert compared.difference_pu < 2e-5
    assert np.abs(compared.circuit.u_v - compared.state.u_v).max() < 0.01


@pytest.mark.parametrize("name", NETWORKS)
def test_voltage_dependent_loads_draw_what_they_draw_in_opendss(
    documents: dict[str, Any], name: str
) -> None:
    compared = compare(with_voltage_dependence(documents[name], 0.5, 0.3, 0.2))
    assert compared.difference_pu < 1e-5
    assert compared.difference_pu < 0.01 * np.abs(
        compared.u_pu - compare(documents[name]).u_pu
    ).max()  # fmt: skip


@pytest.mark.parametrize("name", ["1-LV-rural2--0-sw", "ieee-european-lv"])
@pytest.mark.parametrize("ohm", [5.0, 100.0])
def test_an_open_neutral_shifts_voltages_as_in_opendss(
    documents: dict[str, Any], name: str, ohm: float
) -> None:
    compared = compare(documents[name], OpenNeutral(0.0, some_line(documents[name], 0.5), ohm))
    assert compared.difference_pu < 1e-4
    # far outside the band in which loads hold their power
    assert compared.u_pu.min() < 0.75
    assert compared.u_pu.max() > 1.15


@pytest.mark.parametrize("name", ["1-LV-rural2--0-sw", "ieee-european-lv"])
def test_behind_a_blown_fuse_the_live_phases_are_those_of_an_opened_conductor(
    documents: dict[str, Any], name: str
) -> None:
    compared = compare(documents[name], FuseBlown(0.0, some_line(documents[name], 0.5), "b"))
    assert compared.difference_pu < 1e-4
    assert not compared.live.all()
    # what we call dead has in OpenDSS only what its neighbours induce
    assert compared.u_pu[~compared.live].max() < 0.02


def test_what_a_dead_conductor_still_gets_is_small_even_behind_300_ampere(
    documents: dict[str, Any],
) -> None:
    line = some_line(documents["cigre-lv"], 0.5)
    compared = compare(documents["cigre-lv"], FuseBlown(0.0, line, "a"))
    assert compared.difference_pu < 5e-4
    assert compared.u_pu[~compared.live].max() < 0.05


@pytest.mark.parametrize("name", NETWORKS)
def test_customers_in_series_between_two_phases_sink_as_in_opendss(
    documents: dict[str, Any], name: str
) -> None:
    # constant powers: Newton's method alone finds a state 0.45 pu away in which both are well
    line = some_line(documents[name], 0.5)
    compared = compare(documents[name], OpenNeutral(0.0, line, 50.0), FuseBlown(0.0, line, "c"))
    assert compared.difference_pu < 5e-4
    assert compared.u_pu[compared.live].min() < 0.75
    assert compared.u_pu[compared.live].max() > 1.15


@pytest.mark.parametrize("order", ["bca", "cab", "acb", "bac", "cba"])
def test_swapped_cores_give_customers_the_voltages_of_swapped_cores_in_opendss(
    documents: dict[str, Any], order: str
) -> None:
    document = documents["1-LV-rural2--0-sw"]
    line = some_line(document, 0.5)
    compared = compare(document, WrongPhase(0.0, line, order))
    assert compared.difference_pu < 1e-5
    assert np.abs(compared.state.local_u_v - compared.circuit.u_v).max() < 0.01


def test_failures_on_lines_one_after_the_other_add_up_as_in_opendss(
    documents: dict[str, Any],
) -> None:
    document = documents["1-LV-rural2--0-sw"]
    outer = some_line(document, 0.5)
    inner = some_line(document, 0.1, behind=outer)
    events = (
        WrongPhase(0.0, outer, "bca"),
        OpenNeutral(0.0, outer, 30.0),
        FuseBlown(0.0, inner, "a"),
        WrongPhase(0.0, inner, "bac"),
    )
    compared = compare(with_voltage_dependence(document, 0.5, 0.3, 0.2), *events)
    assert compared.difference_pu < 5e-4
    assert not compared.live.all()


def test_opendss_notices_when_the_networks_are_not_the_same(documents: dict[str, Any]) -> None:
    document = documents["1-LV-rural2--0-sw"]
    wrong = copy.deepcopy(document)
    for line in wrong["data"]["line"]:
        line["r0"] *= 1.1
    network = network_file.parse(json.dumps(document), "right")
    injections = unbalanced(network)
    theirs = OpenDss(network_file.parse(json.dumps(wrong), "wrong")).solve(injections)
    assert np.abs(PowerFlow(network).solve(injections).u_pu - theirs).max() > 1e-4
