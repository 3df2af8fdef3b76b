"""Additional elements equal power-grid-model's where both say the same; faults are named."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from power_grid_model import CalculationType, PowerGridModel

from ortsnetz_common.errors import InputError
from ortsnetz_grid.commands.estimate import estimate
from ortsnetz_grid.functions.congestion.decision import decide
from ortsnetz_grid.functions.congestion.problem import LimitSet
from ortsnetz_grid.functions.state_estimation import Estimator
from ortsnetz_grid.network.additions_loading import additional_loading
from ortsnetz_grid.network.admittance import BASE_PHASE_VA, Admittance
from ortsnetz_grid.network.consumers import missing_phases
from ortsnetz_grid.network.loading import RatedBranches
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.power_flow import Appliances, PowerFlow
from ortsnetz_grid.network.power_flow.result_set import additions_of
from ortsnetz_grid.network.topology import Topology
from ortsnetz_grid.network.validation import findings, problems
from ortsnetz_hil.plant import network_file

MV, BUSBAR, HOUSE = 0, 1, 2
OMEGA = 2 * np.pi * 50
R = [[0.31, 0.05, 0.04], [0.05, 0.3, 0.06], [0.04, 0.06, 0.33]]
X = [[0.5, 0.2, 0.15], [0.2, 0.52, 0.22], [0.15, 0.22, 0.49]]
C = [[3e-7, -5e-8, -4e-8], [-5e-8, 3.2e-7, -6e-8], [-4e-8, -6e-8, 2.9e-7]]
TRIANGLE = (("aa", 0, 0), ("ba", 1, 0), ("bb", 1, 1), ("ca", 2, 0), ("cb", 2, 1), ("cc", 2, 2))
SN, UK, PK = 250e3, 0.045, 3500.0
ENDS = {"from_node": BUSBAR, "to_node": HOUSE, "from_status": 1, "to_status": 1}
UNIT_ENDS = {"from_node": MV, "to_node": BUSBAR, "from_status": 1, "to_status": 1}


def cable(**changed: Any) -> dict[str, Any]:
    b = (OMEGA * np.array(C)).tolist()
    return {"id": 30, **ENDS, "phases": "abc", "r": R, "x": X, "b": b, "i_n": 200.0, **changed}


def library_cable(**changed: Any) -> dict[str, Any]:
    matrices = {
        f"{letter}_{name}": matrix[i][j]
        for letter, matrix in (("r", R), ("x", X), ("c", C))
        for name, i, j in TRIANGLE
    }
    return {"id": 30, **ENDS, "i_n": 200.0, **matrices, **changed}


def library_unit(**changed: Any) -> dict[str, Any]:
    return {
        "id": 20,
        **UNIT_ENDS,
        "u1": 10e3,
        "u2": 400.0,
        "sn": SN,
        "uk": UK,
        "pk": PK,
        "i0": 0.0,
        "p0": 0.0,
        "winding_from": 2,
        "winding_to": 1,
        "clock": 11,
        "tap_side": 0,
        "tap_pos": 0,
        "tap_min": -2,
        "tap_max": 2,
        "tap_nom": 0,
        "tap_size": 250.0,
        **changed,
    }


def bank(*terminals: tuple[str, str], **changed: Any) -> list[dict[str, Any]]:
    """Three single-phase units with the ratings of `library_unit`."""
    line_to_line = {"n" not in pair[0] for pair in terminals}
    u1 = 10e3 if line_to_line == {True} else 10e3 / np.sqrt(3)
    r = PK / SN
    return [
        {
            "id": 20 + place,
            **UNIT_ENDS,
            "from_terminals": first,
            "to_terminals": second,
            "u1": u1,
            "u2": 400 / np.sqrt(3),
            "sn": SN / 3,
            "r_pu": r,
            "x_pu": float(np.sqrt(UK**2 - r**2)),
            **changed,
        }
        for place, (first, second) in enumerate(terminals)
    ]


def document(
    elements: dict[str, list[dict[str, Any]]] | None = None, **components: list[dict[str, Any]]
) -> dict[str, Any]:
    """A busbar behind a transformer, and a house behind a cable."""
    data: dict[str, list[dict[str, Any]]] = {
        "node": [
            {"id": MV, "u_rated": 10e3, "name": "MV"},
            {"id": BUSBAR, "u_rated": 400.0, "name": "busbar"},
            {"id": HOUSE, "u_rated": 400.0, "name": "house"},
        ],
        "source": [{"id": 10, "node": MV, "status": 1, "u_ref": 1.01, "sk": 1e8}],
        "asym_load": [
            {
                "id": 40,
                "node": HOUSE,
                "status": 1,
                "type": 0,
                "p_specified": [20e3, 5e3, 9e3],
                "q_specified": [2e3, 1e3, -1e3],
            }
        ],
        **components,
    }
    found = {"version": "1.0", "type": "input", "is_batch": False, "attributes": {}, "data": data}
    return found if elements is None else {**found, "ortsnetz": {"elements": elements}}


def network(content: dict[str, Any]) -> Network:
    return Network.from_json(json.dumps(content), "village.json")


def powers_at_the_librarys_voltages(
    library: dict[str, Any], ours: dict[str, Any]
) -> tuple[np.ndarray, np.ndarray]:
    """Powers (n, 3) into branches and shunts at each node, VA: power-grid-model's, and ours.

    power-grid-model solves its own file; ours is asked at the voltages that it found.
    """
    reference = network(library)
    node = PowerGridModel(dict(reference.data)).calculate_power_flow(
        symmetric=False, error_tolerance=1e-10, max_iterations=100
    )["node"]
    voltage = node["u_pu"] * np.exp(1j * node["u_angle"])
    model = Admittance.of(network(ours))
    current = (model.node_matrix() @ voltage.ravel()).reshape(-1, 3)
    return node["p"] + 1j * node["q"], voltage * np.conj(current) * BASE_PHASE_VA


def assert_same(library: dict[str, Any], ours: dict[str, Any]) -> None:
    theirs, found = powers_at_the_librarys_voltages(library, ours)
    assert np.abs(theirs).max() > 1000
    assert np.abs(theirs - found).max() < 1e-5 * np.abs(theirs).max()


# what both formats can say


def test_a_matrix_line_is_an_asymmetric_line() -> None:
    rest = {"transformer": [library_unit()]}
    assert_same(
        document(**rest, asym_line=[library_cable()]), document({"matrix_line": [cable()]}, **rest)
    )


@pytest.mark.parametrize("open_end", ["from_status", "to_status"])
def test_a_matrix_line_with_an_open_end_still_charges(open_end: str) -> None:
    nodes = (BUSBAR, HOUSE) if open_end == "to_status" else (HOUSE, BUSBAR)
    far = dict(zip(("from_node", "to_node"), nodes, strict=True))
    big = 1e4 * np.array(C)
    load = {**document()["data"]["asym_load"][0], "node": BUSBAR}
    rest = {"transformer": [library_unit()], "asym_load": [load]}
    charged = {f"c_{name}": float(big[i, j]) for name, i, j in TRIANGLE}
    assert_same(
        document(**rest, asym_line=[library_cable(**far, **charged, **{open_end: 0})]),
        document(
            {"matrix_line": [cable(**far, b=(OMEGA * big).tolist(), **{open_end: 0})]}, **rest
        ),
    )


DYN = {
    1: (("ac", "an"), ("ba", "bn"), ("cb", "cn")),
    5: (("ab", "na"), ("bc", "nb"), ("ca", "nc")),
    7: (("ac", "na"), ("ba", "nb"), ("cb", "nc")),
    11: (("ab", "an"), ("bc", "bn"), ("ca", "cn")),
}
"""Which windings stand on the same leg of a Dyn transformer, by its clock number."""


@pytest.mark.parametrize("clock", DYN)
def test_three_single_phase_units_are_a_dyn_transformer(clock: int) -> None:
    rest = {"asym_line": [library_cable()]}
    assert_same(
        document(**rest, transformer=[library_unit(clock=clock)]),
        document({"single_phase_transformer": bank(*DYN[clock])}, **rest),
    )


def test_three_single_phase_units_are_a_star_star_transformer_at_its_tap() -> None:
    rest = {"asym_line": [library_cable()]}
    star = library_unit(winding_from=1, clock=0, tap_pos=2)
    units = bank(("an", "an"), ("bn", "bn"), ("cn", "cn"), tap_ratio_from=1.05)
    assert_same(
        document(**rest, transformer=[star]), document({"single_phase_transformer": units}, **rest)
    )


def test_magnetising_is_at_the_second_winding() -> None:
    rest = {"asym_line": [library_cable()]}
    i0, p0 = 0.02, 900.0
    star = library_unit(winding_from=1, clock=0, i0=i0, p0=p0)
    g = p0 / SN
    units = bank(
        ("an", "an"), ("bn", "bn"), ("cn", "cn"), g_pu=g, b_pu=-float(np.sqrt(i0**2 - g**2))
    )
    theirs, ours = powers_at_the_librarys_voltages(
        document(**rest, transformer=[star]), document({"single_phase_transformer": units}, **rest)
    )
    # the library shares the magnetising between both ends: the same up to its drop across uk
    assert np.abs(theirs.sum() - ours.sum()) < 0.05 * p0


def test_a_shunt_compensator_in_star_is_a_shunt() -> None:
    rest = {"transformer": [library_unit()], "asym_line": [library_cable()]}
    g, b = 0.02, 0.05
    shunt = {"id": 50, "node": HOUSE, "status": 1, "g1": g, "b1": b, "g0": g, "b0": b}
    ours = {"id": 50, "node": HOUSE, "status": 1, "connection": "wye", "g": [g] * 3, "b": [b] * 3}
    assert_same(document(**rest, shunt=[shunt]), document({"shunt_compensator": [ours]}, **rest))


def test_a_shunt_compensator_in_delta_has_no_zero_sequence() -> None:
    rest = {"transformer": [library_unit()], "asym_line": [library_cable()]}
    b = 0.06
    shunt = {"id": 50, "node": HOUSE, "status": 1, "g1": 0, "b1": b, "g0": 0, "b0": 0}
    ours = {
        "id": 50,
        "node": HOUSE,
        "status": 1,
        "connection": "delta",
        "g": [0] * 3,
        "b": [b / 3] * 3,
    }
    assert_same(document(**rest, shunt=[shunt]), document({"shunt_compensator": [ours]}, **rest))


def test_loading_is_that_of_the_same_branches_in_the_other_format() -> None:
    star = library_unit(winding_from=1, clock=0)
    load = {**document()["data"]["asym_load"][0], "p_specified": [40e3, 2e3, 1e3]}
    rest = {"asym_load": [load]}
    line = {"i_n": 150.0, "i_n_neutral": 90.0}
    reference = network(document(**rest, transformer=[star], asym_line=[library_cable(**line)]))
    result = PowerGridModel(dict(reference.data)).calculate_power_flow(
        symmetric=False, error_tolerance=1e-10, max_iterations=100
    )
    rated = RatedBranches.of(reference)
    theirs = dict(zip(rated.ids.tolist(), rated.loading(result).tolist(), strict=True))
    units = bank(("an", "an"), ("bn", "bn"), ("cn", "cn"))
    ours = network(
        document({"single_phase_transformer": units, "matrix_line": [cable(**line)]}, **rest)
    )
    voltage = result["node"]["u_pu"] * np.exp(1j * result["node"]["u_angle"])
    found = additional_loading(ours, Admittance.of(ours), voltage)
    loading = dict(zip(found.ids.tolist(), found.loading.tolist(), strict=True))
    assert loading[30] == pytest.approx(theirs[30], rel=1e-5)
    assert loading[30] > 1.5  # the neutral's
    assert max(loading[unit["id"]] for unit in units) == pytest.approx(theirs[20], rel=1e-5)


def test_loading_without_supply_is_nothing_and_of_an_unknown_voltage_unknown() -> None:
    case = network(document({"matrix_line": [cable()]}, transformer=[library_unit()]))
    voltage = np.ones((2, 3, 3)) * np.exp(-2j * np.pi / 3 * np.arange(3))
    voltage[1, HOUSE] = np.nan
    found = additional_loading(case, Admittance.of(case), voltage)
    assert np.isfinite(found.loading[0]).all()
    assert np.isnan(found.loading[1]).all()
    dead = network(document({"matrix_line": [cable()]}, transformer=[library_unit(from_status=0)]))
    assert additional_loading(dead, Admittance.of(dead), voltage[0]).loading.tolist() == [0]


# phases


def street(**elements: list[dict[str, Any]]) -> dict[str, Any]:
    """A lateral of phases a and c behind the transformer."""
    two = [[1.0, 0.2], [0.2, 1.1]]
    lateral = cable(phases="ac", r=two, x=two, b=None)
    return document(
        {"matrix_line": [lateral], **elements}, transformer=[library_unit()], asym_load=[]
    )


def consumer(**changed: Any) -> dict[str, Any]:
    return {
        "id": 60,
        "name": "bakery",
        "node": HOUSE,
        "status": 1,
        "connection": "wye",
        "u_nominal": 230.0,
        "p_specified": [3000.0, 0.0, 1000.0],
        "q_specified": [0.0, 0.0, 0.0],
        **changed,
    }


def test_a_node_has_the_phases_that_a_conductor_brings_to_it() -> None:
    model = Admittance.of(network(street()))
    assert model.present.tolist() == [[True] * 3, [True] * 3, [True, False, True]]
    assert (model.blocks[-1][:, :, 1, :] == 0).all()
    assert (model.blocks[-1][:, :, :, 1] == 0).all()


def test_a_node_without_supply_counts_as_having_all_phases() -> None:
    content = street()
    content["ortsnetz"]["elements"]["matrix_line"][0]["from_status"] = 0
    model = Admittance.of(network(content))
    assert model.energised.tolist() == [True, True, False]
    assert model.present.all()


def test_a_network_without_additions_has_all_phases_everywhere() -> None:
    content = document(transformer=[library_unit()], asym_line=[library_cable(to_status=0)])
    assert Admittance.of(network(content)).present.all()


def test_an_open_delta_bank_feeds_three_phases() -> None:
    units = bank(("ab", "ab"), ("cb", "cb"), u1=10e3, u2=400.0)
    rest = {"asym_line": [library_cable()]}
    model = Admittance.of(network(document({"single_phase_transformer": units}, **rest)))
    assert model.present.all()
    assert model.energised.all()


@pytest.mark.parametrize("component", ["asym_line", "matrix_line"])
def test_a_conductor_that_nothing_feeds_is_named(component: str) -> None:
    units = {"single_phase_transformer": bank(("an", "an"), ("cn", "cn"))}
    if component == "asym_line":
        content = document(units, asym_line=[library_cable(name="street")])
    else:
        content = document({**units, "matrix_line": [cable(name="street")]})
    case = network(content)
    with pytest.raises(InputError, match=rf"{component} 30 'street': no source feeds its phase b"):
        Admittance.of(case)
    found = problems(case, CalculationType.power_flow)
    assert ("floating-conductor", (30,)) in {(each.rule, each.ids) for each in found}


@pytest.mark.parametrize(
    ("changed", "terminals"),
    [
        ({"p_specified": [0.0, 10.0, 0.0]}, "b"),
        ({"connection": "delta", "u_nominal": 400.0, "p_specified": [9.0, 0.0, 0.0]}, "ab"),
        ({"connection": "delta", "u_nominal": 400.0, "q_specified": [0.0, 9.0, 0.0]}, "bc"),
    ],
)
def test_consumption_on_a_missing_phase_is_named(changed: dict[str, Any], terminals: str) -> None:
    quiet = {"p_specified": [0.0] * 3, "q_specified": [0.0] * 3}
    case = network(street(energy_consumer=[consumer(**{**quiet, **changed})]))
    (found,) = missing_phases(case, Admittance.of(case).present)
    assert (found.terminals, found.phase) == (terminals, "b")
    (problem,) = problems(case, CalculationType.power_flow)
    assert problem.rule == "missing-phase"
    assert f"consumes at {terminals}, but node 2 'house' has no phase b" in problem.sentence


def test_consumption_on_phases_that_are_there_is_no_problem() -> None:
    case = network(street(energy_consumer=[consumer()]))
    assert problems(case, CalculationType.power_flow) == ()


def test_the_topology_runs_through_additional_branches() -> None:
    assert Topology.of(network(street())).energised.all()


# results


def results(case: Network) -> dict[str, list[dict[str, Any]]]:
    flow, appliances = PowerFlow.of(case), Appliances.of(case)
    flows = flow.solve(appliances.injections())
    assert flows.converged.all()
    return additions_of(flow, appliances, appliances.power[None], flows, 0)


def test_what_consumers_draw_comes_through_the_line() -> None:
    shunt = {"id": 50, "node": HOUSE, "status": 1, "connection": "wye", "g": [0.01, 0, 0.02]}
    found = results(
        network(
            street(
                energy_consumer=[consumer(u_nominal=240.0, p_constant_impedance=1.0)],
                shunt_compensator=[{**shunt, "b": [0.05, 0, 0.04]}],
            )
        )
    )
    (line,), (bakery,), (capacitor,) = (
        found[name] for name in ("matrix_line", "energy_consumer", "shunt_compensator")
    )
    arrives = -np.array(line["p_to"]) - 1j * np.array(line["q_to"])
    drawn = sum(np.array(each["p"]) + 1j * np.array(each["q"]) for each in (bakery, capacitor))
    assert np.abs(arrives - drawn).max() < 0.1
    assert arrives[1] == 0
    assert 2000 < bakery["p"][0] < 3000  # an impedance below its nominal voltage
    assert capacitor["q"][2] < -1000
    assert line["loading"] == pytest.approx(max(line["i_to"]) / 200, rel=0.01)


def test_without_supply_nothing_flows() -> None:
    content = street(energy_consumer=[consumer()])
    content["ortsnetz"]["elements"]["matrix_line"][0]["from_status"] = 0
    found = results(network(content))
    assert found["energy_consumer"] == [{"id": 60, "energized": 0, "p": [0] * 3, "q": [0] * 3}]
    (line,) = found["matrix_line"]
    assert line["energized"] == 0
    assert {json.dumps(value) for key, value in line.items() if key not in {"id", "energized"}} == {
        "[0.0, 0.0, 0.0]",
        "0.0",
    }


# the file


def everything() -> dict[str, Any]:
    shunt = {
        "id": 50,
        "node": HOUSE,
        "status": 1,
        "connection": "wye",
        "g": [0] * 3,
        "b": [0.1] * 3,
    }
    return document(
        {
            "matrix_line": [cable(name="street", i_n_neutral=100.0)],
            "single_phase_transformer": bank(*DYN[11]),
            "energy_consumer": [consumer(q_constant_current=0.4)],
            "shunt_compensator": [shunt],
        }
    )


def test_a_file_with_additions_is_written_as_it_was_read() -> None:
    case = network(everything())
    again = Network.from_json(case.to_json(), "again.json")
    assert again.additions == case.additions
    assert again.components == case.components
    assert json.loads(case.to_json()) == everything()


def test_additional_elements_have_their_names() -> None:
    case = network(everything())
    assert case.label(30) == "matrix_line 30 'street'"
    assert case.label(20) == "single_phase_transformer 20"


MALFORMED: dict[str, tuple[str, dict[str, Any] | str, str]] = {
    "a field missing": ("matrix_line", {"r": None}, "matrix_line 30: r: "),
    "a field unknown": ("matrix_line", {"length": 3}, "matrix_line 30: .*unknown field `length`"),
    "a phase unknown": ("matrix_line", {"phases": "abd"}, "matrix_line 30: phases: .*'abd'"),
    "a matrix too small": ("matrix_line", {"r": [[1, 0], [0, 1]]}, "30: r: must be a matrix of 3"),
    "a matrix askew": ("matrix_line", {"x": [[1, 0, 9], [0, 1, 0], [0, 0, 1]]}, "30: x: .*symmetr"),
    "an impedance of nothing": (
        "matrix_line",
        {"r": [[0] * 3] * 3, "x": [[0] * 3] * 3},
        "30: r: is singular together with x",
    ),
    "a negative resistance": (
        "matrix_line",
        {"r": [[-1, 0, 0], [0, 1, 0], [0, 0, 1]]},
        "30: r: must not be negative",
    ),
    "a node unknown": ("matrix_line", {"to_node": 99}, "matrix_line 30: to_node: 99 is no node"),
    "a line to itself": ("matrix_line", {"to_node": BUSBAR}, "30: to_node: must not be the same"),
    "a line between levels": ("matrix_line", {"to_node": MV}, "30: to_node: .*400 V and 10000 V"),
    "no rating": ("matrix_line", {"i_n": 0}, "matrix_line 30: i_n: must be greater than 0"),
    "not a number": ("matrix_line", {"i_n": float("nan")}, "30: i_n: must be a finite number"),
    "a text": ("matrix_line", {"i_n": "200"}, "matrix_line 30: i_n: expected `float`, got `str`"),
    "a status of two": ("matrix_line", {"to_status": 2}, "30: to_status: invalid enum value 2"),
    "an id of text": ("matrix_line", {"id": "30"}, "matrix_line at place 0: id: expected `int`"),
    "an id too large": ("matrix_line", {"id": 2**31}, "matrix_line 2147483648: id: must lie"),
    "an id used twice": ("matrix_line", {"id": 40}, "the id 40 is used by asym_load and by matrix"),
    "no impedance": (
        "single_phase_transformer",
        {"r_pu": 0, "x_pu": 0},
        "single_phase_transformer 20: r_pu: must not be zero together",
    ),
    "terminals alike": ("single_phase_transformer", {"to_terminals": "aa"}, "to_terminals: .*'aa'"),
    "two powers": ("energy_consumer", {"p_specified": [1, 2]}, "60: p_specified: .*length 3"),
    "a connection unknown": ("energy_consumer", {"connection": "star"}, "60: connection: .*'star'"),
    "an endless power": (
        "energy_consumer",
        {"p_specified": [1, 2, 1e400]},
        "60: p_specified: must",
    ),
    "a susceptance missing": ("shunt_compensator", {"b": None}, "shunt_compensator 50: b: "),
}


@pytest.mark.parametrize("fault", MALFORMED)
def test_a_malformed_addition_names_file_element_and_field(fault: str) -> None:
    component, changed, words = MALFORMED[fault]
    content = copy.deepcopy(everything())
    content["ortsnetz"]["elements"][component][0] |= changed
    with pytest.raises(InputError, match=rf"^village\.json: .*{words}"):
        network(content)


@pytest.mark.parametrize(
    ("elements", "words"),
    [
        ([], "ortsnetz.elements must be an object"),
        ({"cable": []}, "there is no component 'cable'"),
        ({"matrix_line": {}}, "ortsnetz.elements.matrix_line must be a list"),
        ({"matrix_line": [7]}, "matrix_line at place 0: expected `object`"),
    ],
)
def test_elements_of_another_form_are_refused(elements: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        network(document(elements))


def test_a_required_field_that_is_left_out_is_named() -> None:
    content = everything()
    del content["ortsnetz"]["elements"]["energy_consumer"][0]["u_nominal"]
    with pytest.raises(
        InputError, match=r"energy_consumer 60: .*missing required field `u_nominal`"
    ):
        network(content)


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3), st.just([])
)
VALUES = st.one_of(
    SCALARS, st.lists(SCALARS, max_size=3), st.dictionaries(st.text(max_size=2), SCALARS)
)


@settings(max_examples=300, deadline=None)
@given(data=st.data(), value=VALUES)
def test_whatever_stands_in_a_field_is_read_or_refused_in_words(
    data: st.DataObject, value: Any
) -> None:
    content = everything()
    elements = content["ortsnetz"]["elements"]
    component = data.draw(st.sampled_from(sorted(elements)))
    element = elements[component][0]
    field = data.draw(st.sampled_from(sorted(element)))
    inside = isinstance(element[field], list) and data.draw(st.booleans())
    if inside:
        element[field] = [value, *element[field][1:]]
    else:
        element[field] = value
    refused = ""
    try:
        case = network(content)
        Admittance.of(case)
        problems(case, CalculationType.power_flow)
    except InputError as error:
        refused = str(error)
    assert "\n" not in refused


@pytest.mark.parametrize(
    ("component", "changed", "rule", "severity"),
    [
        ("single_phase_transformer", {"u2": 400.0}, "rated-voltage", "error"),
        ("single_phase_transformer", {"u1": 10.0}, "rated-voltage", "error"),
        ("energy_consumer", {"u_nominal": 400.0}, "nominal-voltage", "warning"),
    ],
)
def test_a_voltage_that_does_not_fit_its_terminals_is_found(
    component: str, changed: dict[str, Any], rule: str, severity: str
) -> None:
    content = everything()
    assert findings(network(content), CalculationType.power_flow, None) == ()
    content["ortsnetz"]["elements"][component][0] |= changed
    (found,) = findings(network(content), CalculationType.power_flow, None)
    assert (found.rule, found.severity) == (rule, severity)
    assert found.fields == tuple(changed)


# who does not cover them


def test_state_estimation_refuses_additions_by_name() -> None:
    with pytest.raises(
        InputError, match=r"matrix_line 30 'street' \(and 5 more .*\): the state est"
    ):
        Estimator.of(network(everything()))


def test_the_estimate_command_refuses_additions_before_it_looks_for_sensors(
    tmp_path: Path,
) -> None:
    case = tmp_path / "case.json"
    case.write_text(json.dumps(everything()))
    done = CliRunner().invoke(estimate, [str(case), "-o", str(tmp_path / "result.json")])
    assert isinstance(done.exception, InputError)
    assert f"{case}: matrix_line 30 'street' (and 5 more" in str(done.exception)


def test_limiting_refuses_additions_by_name() -> None:
    with pytest.raises(InputError, match=r"matrix_line 30 'street' \(and 5 more .*\): limiting"):
        decide(network(everything()), (), LimitSet((0.9, 1.1), 1.0))


def test_the_plant_refuses_additions() -> None:
    with pytest.raises(InputError, match="does not cover the additions"):
        network_file.parse(json.dumps(everything()), "village.json")
