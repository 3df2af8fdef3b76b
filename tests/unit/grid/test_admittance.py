"""The admittance model gives power-grid-model's flows at power-grid-model's voltages."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from power_grid_model import PowerGridModel, WindingType, initialize_array

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network.admittance import BASE_PHASE_VA, Admittance
from ortsnetz_grid.network.model import Network

WINDINGS = list(WindingType)
BRANCHES = ("line", "link", "transformer", "asym_line")


def network(data: dict[str, np.ndarray]) -> Network:
    return Network(data=data, document={"data": {}}, components={}, names={})


def two_nodes_and_a_load(clock: int, windings: tuple[WindingType, WindingType]) -> dict:
    node = initialize_array("input", "node", 3)
    node["id"], node["u_rated"] = [0, 1, 2], [10e3, 400, 400]
    source = initialize_array("input", "source", 1)
    source["id"], source["node"], source["status"] = 10, 0, 1
    source["u_ref"], source["sk"] = 1.02, 1e8
    transformer = initialize_array("input", "transformer", 1)
    transformer["id"], transformer["from_node"], transformer["to_node"] = 20, 0, 1
    transformer["from_status"] = transformer["to_status"] = 1
    transformer["u1"], transformer["u2"], transformer["sn"] = 10.5e3, 410, 400e3
    transformer["uk"], transformer["pk"] = 0.05, 4000
    transformer["i0"], transformer["p0"] = 0.02, 900
    transformer["winding_from"], transformer["winding_to"] = windings
    transformer["clock"], transformer["tap_side"] = clock, 0
    transformer["tap_pos"] = transformer["tap_min"] = transformer["tap_max"] = 0
    transformer["tap_nom"], transformer["tap_size"] = 0, 250
    line = initialize_array("input", "line", 1)
    line["id"], line["from_node"], line["to_node"] = 30, 1, 2
    line["from_status"] = line["to_status"] = 1
    line["r1"], line["x1"], line["c1"], line["tan1"] = 0.05, 0.03, 1e-6, 0.1
    line["r0"], line["x0"], line["c0"], line["tan0"] = 0.2, 0.1, 5e-7, 0.05
    load = initialize_array("input", "asym_load", 1)
    load["id"], load["node"], load["status"], load["type"] = 40, 2, 1, 1
    load["p_specified"], load["q_specified"] = [[20e3, 5e3, 9e3]], [[2e3, 1e3, -1e3]]
    shunt = initialize_array("input", "shunt", 2)
    shunt["id"], shunt["node"], shunt["status"] = [50, 51], [1, 0], 1
    shunt["g1"], shunt["b1"] = [0.01, 0], [0.02, 1e-6]
    shunt["g0"], shunt["b0"] = [0.02, 0], [0.005, 3e-6]
    return {
        "node": node,
        "source": source,
        "transformer": transformer,
        "line": line,
        "asym_load": load,
        "shunt": shunt,
    }


def worst_difference(data: dict[str, np.ndarray]) -> float:
    """Largest difference of branch flows and node injections, relative to the largest flow."""
    model = Admittance.of(network(data))
    flow = PowerGridModel(data).calculate_power_flow(
        symmetric=False, error_tolerance=1e-10, max_iterations=100
    )
    voltage = flow["node"]["u_pu"] * np.exp(1j * flow["node"]["u_angle"])
    theirs = np.concatenate(
        [
            np.stack([flow[c][f"p_{end}"] + 1j * flow[c][f"q_{end}"] for end in ("from", "to")], 1)
            for c in BRANCHES
            if c in data
        ]
    )
    ours = model.branch_powers(voltage) * BASE_PHASE_VA
    with_links = np.isin(model.branch_ids, data["link"]["id"] if "link" in data else [])
    # a link's flow is the difference of voltages that agree in nine digits
    scale = np.where(with_links, 1e5, 1.0)[:, None, None]
    injected = (voltage.ravel() * np.conj(model.node_matrix() @ voltage.ravel())).reshape(-1, 3)
    node = flow["node"]["p"] + 1j * flow["node"]["q"]
    largest = np.abs(theirs).max()
    differences = [np.abs((ours - theirs) / scale).max() / largest]
    if not with_links.any():
        differences.append(np.abs(injected * BASE_PHASE_VA - node).max() / np.abs(node).max())
    return float(max(differences))


def clocks(windings: tuple[WindingType, WindingType]) -> range:
    stars = [winding in (WindingType.wye, WindingType.wye_n) for winding in windings]
    return range(0 if stars[0] == stars[1] else 1, 12, 2)


PAIRS = list(itertools.product(WINDINGS, WINDINGS))


@pytest.mark.parametrize("windings", PAIRS, ids=[f"{a.name}-{b.name}" for a, b in PAIRS])
def test_every_vector_group_has_the_flows_of_power_grid_model(
    windings: tuple[WindingType, WindingType],
) -> None:
    for clock in clocks(windings):
        assert worst_difference(two_nodes_and_a_load(clock, windings)) < 1e-7, clock


@pytest.mark.parametrize(("side", "position", "ends"), [(0, 3, (5, -5)), (1, -2, (-5, 5))])
def test_taps_with_their_impedances_and_earthed_neutrals(
    side: int, position: int, ends: tuple[int, int]
) -> None:
    for windings in (
        (WindingType.delta, WindingType.wye_n),
        (WindingType.wye_n, WindingType.wye_n),
        (WindingType.wye_n, WindingType.zigzag_n),
    ):
        data = two_nodes_and_a_load(clocks(windings)[1], windings)
        transformer = data["transformer"]
        transformer["tap_side"], transformer["tap_pos"] = side, position
        transformer["tap_min"], transformer["tap_max"] = ends
        transformer["tap_size"] = (250, 8)[side]
        transformer["uk_min"], transformer["uk_max"], transformer["pk_min"] = 0.045, 0.06, 3000
        transformer["r_grounding_from"], transformer["x_grounding_from"] = 3, 2
        transformer["r_grounding_to"], transformer["x_grounding_to"] = 0.02, 0.01
        transformer["i0_zero_sequence"] = 0.3
        assert worst_difference(data) < 1e-7


def with_a_ring(asymmetric: str) -> dict[str, np.ndarray]:
    """A link, a line that is open at one end, and an asymmetric line back to the busbar."""
    data = two_nodes_and_a_load(5, (WindingType.delta, WindingType.wye_n))
    node = initialize_array("input", "node", 5)
    node["id"], node["u_rated"] = range(5), [10e3, 400, 400, 400, 400]
    line = np.concatenate([data["line"], data["line"]])
    line["id"], line["from_node"], line["to_node"] = [30, 31], [1, 2], [2, 3]
    line["c1"], line["c0"] = 1e-3, 5e-4
    line["to_status"] = [1, 0]
    link = initialize_array("input", "link", 1)
    link["id"], link["from_node"], link["to_node"] = 60, 3, 4
    link["from_status"] = link["to_status"] = 1
    ring = initialize_array("input", "asym_line", 1)
    ring["id"], ring["from_node"], ring["to_node"] = 70, 1, 4
    ring["from_status"] = ring["to_status"] = 1
    conductors = "abc" if "without neutral" in asymmetric else "abcn"
    for letter, (own, mutual) in {"r": (0.1, 0.03), "x": (0.08, 0.02)}.items():
        for i, first in enumerate(conductors):
            for second in conductors[: i + 1]:
                ring[f"{letter}_{first}{second}"] = own if first == second else mutual * (1 + i / 9)
    if "sequences" in asymmetric:
        ring["c0"], ring["c1"] = 1e-5, 2e-5
    else:
        for i, first in enumerate("abc"):
            for second in "abc"[: i + 1]:
                ring[f"c_{first}{second}"] = 1e-3 * (1 + i / 5) if first == second else -2e-4
    load = np.concatenate([data["asym_load"], data["asym_load"]])
    load["id"], load["node"] = [40, 41], [2, 4]
    return {**data, "node": node, "line": line, "link": link, "asym_line": ring, "asym_load": load}


@pytest.mark.parametrize("kind", ["matrix", "matrix without neutral", "capacitance by sequences"])
def test_lines_by_matrix_open_ends_and_links(kind: str) -> None:
    assert worst_difference(with_a_ring(kind)) < 1e-7


def test_open_ends_of_an_asymmetric_line_and_a_transformer() -> None:
    data = with_a_ring("matrix")
    data["asym_line"]["to_status"] = 0
    data["line"]["to_status"] = 1
    assert worst_difference(data) < 1e-7
    second = np.concatenate([data["transformer"], data["transformer"]])
    second["id"], second["to_status"] = [20, 21], [1, 0]
    data["transformer"] = second
    assert worst_difference(data) < 1e-7


def test_an_element_that_the_model_does_not_cover_is_named() -> None:
    data = two_nodes_and_a_load(5, (WindingType.delta, WindingType.wye_n))
    data["three_winding_transformer"] = initialize_array("input", "three_winding_transformer", 1)
    data["three_winding_transformer"]["id"] = 77
    with pytest.raises(InputError, match="77: the three-phase model does not cover"):
        Admittance.of(network(data))


def test_nodes_without_a_source_are_not_energised() -> None:
    data = two_nodes_and_a_load(5, (WindingType.delta, WindingType.wye_n))
    data["line"]["to_status"] = 0
    assert Admittance.of(network(data)).energised.tolist() == [True, True, False]
