"""Plausibility: what no grid has is found and named; what grids do have is left alone."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from power_grid_model import CalculationType, PowerGridModel

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network import plausibility
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.plausibility.rule import Rule
from ortsnetz_grid.network.problem import Problem, Severity
from ortsnetz_grid.network.topology import Topology
from ortsnetz_grid.network.validation import findings, problems, require_valid

FLOW, ESTIMATION = CalculationType.power_flow, CalculationType.state_estimation
Document = dict[str, Any]
Edit = Callable[[Document], None]


@pytest.fixture
def document(hamlet: Any) -> Document:
    found: Document = json.loads(hamlet.network.to_json())
    return found


def network_of(document: Document) -> Network:
    return Network.from_json(json.dumps(document), "village.json")


def found_in(document: Document, calculation: CalculationType = FLOW) -> tuple[Problem, ...]:
    network = network_of(document)
    return findings(network, calculation, Topology.of(network))


def put(component: str, row: int, **values: Any) -> Edit:
    """Other values for some attributes of one element."""

    def edit(data: Document) -> None:
        data[component][row] |= values

    return edit


def scale(component: str, row: int, **factors: float) -> Edit:
    """Some attributes of one element times a factor."""

    def edit(data: Document) -> None:
        element = data[component][row]
        for name, factor in factors.items():
            value = element[name]
            scaled = (
                [factor * each for each in value] if isinstance(value, list) else factor * value
            )
            element[name] = scaled

    return edit


def swap(component: str, row: int, one: str, other: str) -> Edit:
    def edit(data: Document) -> None:
        element = data[component][row]
        element[one], element[other] = element[other], element[one]

    return edit


def remove(component: str, row: int, name: str) -> Edit:
    def edit(data: Document) -> None:
        del data[component][row][name]

    return edit


def again(component: str, row: int) -> Edit:
    """The same element once more, with an id of its own, as a second import would have it."""

    def edit(data: Document) -> None:
        data[component].append({**data[component][row], "id": 5000})

    return edit


def turned(data: Document) -> None:
    """A cable once more, from its other end."""
    line = {**data["line"][2], "id": 5000, "name": "other"}
    line["from_node"], line["to_node"] = line["to_node"], line["from_node"]
    data["line"].append(line)


def kilowatts(data: Document) -> None:
    for load_ in data["asym_load"]:
        for name in ("p_specified", "q_specified"):
            load_[name] = [value / 1000 for value in load_[name]]


def every_load_at_once(data: Document) -> None:
    for load_ in data["asym_load"]:
        load_["p_specified"] = [50e3] * 3


def second_source(data: Document) -> None:
    data["source"].append({**data["source"][0], "id": 5000, "node": data["line"][0]["to_node"]})


def lonely_node(data: Document) -> None:
    data["node"].append({"id": 5000, "u_rated": 400.0})


CASES: dict[str, tuple[Edit, str, str, str]] = {
    "R and X of a cable are swapped": (swap("line", 3, "r1", "x1"), "r-x-ratio", "line", "r1 x1"),
    "X is in milliohm": (scale("line", 3, x1=1e-3), "r-x-ratio", "line", "r1 x1"),
    "a conductor without resistance": (put("line", 3, r1=0.0), "no-resistance", "line", "r1"),
    "a cable of no impedance": (
        scale("line", 3, r1=1e-6, x1=1e-6),
        "zero-impedance",
        "line",
        "r1 x1",
    ),
    "a cable of no length": (put("line", 3, length_km=0.0), "zero-length", "line", "length_km"),
    "ohm/km instead of ohm, for 10 m": (
        put("line", 3, r1=0.206, x1=0.08, r0=0.8, x0=0.3, c1=8e-9, length_km=0.001),
        "impedance-per-length",
        "line",
        "r1 length_km",
    ),
    "sequences are swapped": (swap("line", 3, "r0", "r1"), "zero-sequence", "line", "r0 r1"),
    "x0 is absurd": (scale("line", 3, x0=30.0), "zero-sequence", "line", "x0 x1"),
    "capacitance in nF": (scale("line", 3, c1=1e9), "capacitance", "line", "c1 x1"),
    "a loss factor in per cent": (put("line", 3, tan1=8.0), "loss-factor", "line", "tan1"),
    "a rating in kA": (put("line", 3, i_n=0.27), "rating", "line", "i_n"),
    "a rating that melts": (
        put("line", 3, i_n=1500.0),
        "rating",
        "line",
        "i_n r1 length_km",
    ),
    "no rating": (remove("line", 3, "i_n"), "no-rating", "line", "i_n"),
    "a neutral in kA": (put("line", 3, i_n_neutral=0.27), "neutral-rating", "line", "i_n_neutral"),
    "uk in per cent of a per cent": (
        put("transformer", 0, uk=0.0004, pk=20.0),
        "short-circuit-voltage",
        "transformer",
        "uk",
    ),
    "a uk of 40 %": (put("transformer", 0, uk=0.4), "short-circuit-voltage", "transformer", "uk"),
    "copper losses in kW": (
        scale("transformer", 0, pk=1e-3),
        "copper-loss",
        "transformer",
        "pk sn",
    ),
    "i0 in per cent": (put("transformer", 0, i0=0.3), "no-load-current", "transformer", "i0"),
    "iron losses of a heater": (
        put("transformer", 0, p0=8e3, i0=0.06),
        "iron-loss",
        "transformer",
        "p0 sn",
    ),
    "a winding of another level": (
        put("transformer", 0, u2=480.0),
        "rated-voltage",
        "transformer",
        "u2",
    ),
    "tap steps in per cent": (
        put("transformer", 0, tap_size=2.5),
        "tap-size",
        "transformer",
        "tap_size",
    ),
    "tap positions without steps": (
        put("transformer", 0, tap_size=0.0),
        "tap-size",
        "transformer",
        "tap_size tap_min tap_max",
    ),
    "a neutral position at the end": (
        put("transformer", 0, tap_min=0, tap_max=16, tap_nom=0, tap_pos=16),
        "tap-reach",
        "transformer",
        "tap_pos tap_nom tap_size",
    ),
    "a phase voltage as rated voltage": (
        put("node", 5, u_rated=230.94),
        "phase-voltage",
        "node",
        "u_rated",
    ),
    "a source's voltage in volts": (
        put("source", 0, u_ref=20.0),
        "source-voltage",
        "source",
        "u_ref",
    ),
    "short-circuit power in MVA": (
        put("source", 0, sk=500.0),
        "short-circuit-power",
        "source",
        "sk",
    ),
    "R/X of the grid above inverted": (
        put("source", 0, rx_ratio=12.0),
        "source-impedance",
        "source",
        "rx_ratio",
    ),
    "a load in mW": (
        scale("asym_load", 2, p_specified=1e3),
        "power-size",
        "asym_load",
        "p_specified q_specified",
    ),
    "a generator in mW": (
        put("asym_gen", 0, p_specified=[200e3] * 3, q_specified=[0.0] * 3),
        "power-size",
        "asym_gen",
        "p_specified q_specified",
    ),
    "loads in kW": (kilowatts, "power-total", "transformer", "sn"),
    "more load than any diversity explains": (
        every_load_at_once,
        "power-total",
        "transformer",
        "sn",
    ),
    "a cable imported twice": (again("line", 3), "duplicate", "line", ""),
    "a cable imported twice, turned": (turned, "duplicate", "line", ""),
    "a transformer imported twice": (again("transformer", 0), "duplicate", "transformer", ""),
    "two sources at one node": (again("source", 0), "tied-sources", "source", "node"),
    "two sources that meet": (second_source, "tied-sources", "source", "node"),
    "a node without any branch": (lonely_node, "isolated-node", "node", ""),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_noticed_and_named(document: Document, case: str) -> None:
    edit, rule, component, fields = CASES[case]
    assert found_in(document) == ()
    edit(document["data"])
    found = [each for each in found_in(document) if each.rule == rule]
    assert fields in {" ".join(each.fields) for each in found}
    assert {each.ids for each in found} == {found[0].ids}
    problem = found[0]
    assert (problem.severity, problem.component) == (Severity.WARNING, component)
    label = network_of(document).label(problem.ids[0])
    assert problem.sentence.startswith(label)
    assert problem.advice


def test_a_rated_voltage_in_kilovolts_is_named(document: Document) -> None:
    document["data"]["node"][5]["u_rated"] = 0.4
    assert ("node", ("u_rated",)) in {
        (each.component, each.fields) for each in found_in(document) if each.rule == "node-voltage"
    }


def test_a_rating_in_kva_is_named(document: Document) -> None:
    transformer = document["data"]["transformer"][0]
    for name in ("sn", "pk", "p0"):
        transformer[name] /= 1000
    assert "transformer-size" in {each.rule for each in found_in(document)}


@pytest.mark.parametrize("field", ["r1", "x1", "c1", "r0", "x0"])
def test_a_negative_impedance_forbids_computing(document: Document, field: str) -> None:
    line = document["data"]["line"][3]
    line[field] = -line[field]
    (error,) = problems(network_of(document), FLOW)
    assert (error.severity, error.rule, error.fields) == (
        Severity.ERROR,
        "negative-impedance",
        (field,),
    )
    with pytest.raises(InputError, match=f"line {line['id']} .*{field}: .* is negative"):
        require_valid(network_of(document), FLOW, "village.json")


@pytest.mark.parametrize("rating", [0, -10.0, "thick", True])
def test_a_neutral_rating_that_is_no_number_forbids_computing(
    document: Document, rating: object
) -> None:
    document["data"]["line"][3]["i_n_neutral"] = rating
    (error,) = problems(network_of(document), FLOW)
    assert (error.rule, error.fields) == ("neutral-rating", ("i_n_neutral",))


def test_warnings_forbid_nothing(document: Document) -> None:
    swap("line", 3, "r1", "x1")(document["data"])
    lonely_node(document["data"])
    network = network_of(document)
    assert found_in(document)
    assert problems(network, FLOW) == ()
    require_valid(network, FLOW, "village.json")


def test_errors_come_first_and_are_not_repeated_as_warnings(document: Document) -> None:
    document["data"]["line"][3]["i_n"] = -5.0
    swap("line", 4, "r1", "x1")(document["data"])
    found = found_in(document)
    assert [each.severity for each in found] == [Severity.ERROR, Severity.WARNING]
    assert found[0].fields == ("i_n",)


def asymmetric(document: Document, **matrix: float) -> Document:
    """The village with one cable given by its matrices; four equal cores unless told otherwise."""
    line = document["data"]["line"].pop(3)
    plain = {f"r_{a}{a}": 0.02 for a in "abc"} | {f"x_{a}{a}": 0.03 for a in "abc"}
    plain |= {f"r_{pair}": 0.005 for pair in ("ba", "ca", "cb")}
    plain |= {f"x_{pair}": 0.024 for pair in ("ba", "ca", "cb")}
    ends = {name: line[name] for name in ("id", "from_node", "to_node", "from_status", "to_status")}
    element = {**ends, **plain, "c0": 1e-9, "c1": 1e-9, "i_n": 270.0, **matrix}
    document["data"]["asym_line"] = [element]
    return document


def test_a_plausible_matrix_is_left_alone(document: Document) -> None:
    assert found_in(asymmetric(document)) == ()


def test_a_matrix_that_would_create_power_forbids_computing(document: Document) -> None:
    (error,) = problems(network_of(asymmetric(document, r_ba=0.05)), FLOW)
    assert (error.component, error.rule, error.severity) == (
        "asym_line",
        "negative-impedance",
        Severity.ERROR,
    )
    eigenvalue = float(error.sentence.split("eigenvalue ")[1].split()[0])
    assert eigenvalue < 0


def test_a_singular_matrix_forbids_computing(document: Document) -> None:
    names = [f"{a}{b}" for a, b in ("aa", "ba", "bb", "ca", "cb", "cc")]
    same = {f"r_{name}": 0.02 for name in names} | {f"x_{name}": 0.03 for name in names}
    (error,) = problems(network_of(asymmetric(document, **same)), FLOW)
    assert (error.component, error.rule) == ("asym_line", "singular")


def test_a_matrix_with_r_and_x_swapped_is_named(document: Document) -> None:
    swapped = {f"r_{a}{a}": 0.007 for a in "abc"} | {f"x_{a}{a}": 0.05 for a in "abc"}
    (warning,) = found_in(asymmetric(document, **swapped))
    assert (warning.rule, warning.component) == ("r-x-ratio", "asym_line")


def with_spur(document: Document, **line: Any) -> Document:
    """The village with a two-phase spur, a consumer and a capacitor at its end."""
    document["data"]["node"].append({"id": 7000, "u_rated": 400.0})
    ends = {"from_node": document["data"]["node"][3]["id"], "to_node": 7000}
    plain = {"r": [[0.02, 0.005], [0.005, 0.02]], "x": [[0.03, 0.024], [0.024, 0.03]]}
    at = {"node": 7000, "status": 1, "connection": "wye"}
    powers = {"p_specified": [1e3, 2e3, 0.0], "q_specified": [0.0, 100.0, 0.0]}
    spur = {"id": 7001, **ends, "from_status": 1, "to_status": 1, "phases": "ab", "i_n": 100.0}
    document["ortsnetz"]["elements"] = {
        "matrix_line": [spur | plain | line],
        "energy_consumer": [{"id": 7002, **at, "u_nominal": 230.0, **powers}],
        "shunt_compensator": [{"id": 7003, **at, "g": [0.0] * 3, "b": [1e-3, 1e-3, 0.0]}],
    }
    return document


def test_additional_elements_that_are_plausible_are_left_alone(document: Document) -> None:
    assert found_in(with_spur(document)) == ()


def test_a_spur_without_supply_leaves_its_consumer_and_capacitor_dark(document: Document) -> None:
    found = found_in(with_spur(document, from_status=0))
    assert {(each.rule, each.ids) for each in found} == {
        ("dead-part", (7000,)),
        ("unsupplied", (7002,)),
        ("unsupplied", (7003,)),
    }
    assert all("matrix_line 7001 is open and would supply it" in each.sentence for each in found)


def test_an_additional_consumer_in_milliwatts_is_named(document: Document) -> None:
    document = with_spur(document)
    consumer = document["ortsnetz"]["elements"]["energy_consumer"][0]
    consumer["p_specified"] = [1e6, 2e6, 0.0]
    sizes = [each for each in found_in(document) if each.rule == "power-size"]
    assert [each.ids for each in sizes] == [(7002,)]


def test_an_additional_line_that_would_create_power_forbids_computing(document: Document) -> None:
    document = with_spur(document, r=[[0.02, 0.05], [0.05, 0.02]])
    (error,) = problems(network_of(document), FLOW)
    assert (error.component, error.ids, error.rule) == (
        "matrix_line",
        (7001,),
        "negative-impedance",
    )


def test_an_additional_line_with_r_and_x_swapped_is_named(document: Document) -> None:
    document = with_spur(document, r=[[0.002, 0.0], [0.0, 0.002]])
    (warning,) = found_in(document)
    assert (warning.component, warning.rule) == ("matrix_line", "r-x-ratio")


def cut(document: Document) -> tuple[Document, int, int]:
    """The village with the switch of one cable open; the cable and the node behind it."""
    network = network_of(document)
    topology = Topology.of(network)
    node = int(topology.connections.node_ids[topology.forest.order[-1]])
    cable = topology.path(node)[-1]
    for line in document["data"]["line"]:
        if line["id"] == cable:
            line["from_status"] = 0
    return document, cable, node


def test_what_hangs_without_supply_is_named_with_the_switch_that_would_supply_it(
    document: Document,
) -> None:
    document, cable, node = cut(document)
    document["data"]["asym_voltage_sensor"] = [
        {"id": 6000, "measured_object": node, "u_measured": [1.0] * 3, "u_sigma": 1.0}
    ]
    network = network_of(document)
    found = findings(network, FLOW, Topology.of(network))
    dark = PowerGridModel(dict(network.data)).calculate_power_flow(symmetric=False)["node"]
    dead = set(dark["id"][dark["energized"] == 0].tolist())
    loads = [each for each in document["data"]["asym_load"] if each["node"] in dead]
    generators = [each for each in document["data"]["asym_gen"] if each["node"] in dead]
    expected = {each["id"] for each in (*loads, *generators)} | {6000}
    assert {each.ids[0] for each in found if each.rule == "unsupplied"} == expected
    assert {frozenset(each.ids) for each in found if each.rule == "dead-part"} == {frozenset(dead)}
    for each in found:
        if each.rule in {"unsupplied", "dead-part"}:
            assert f"{network.label(cable)} is open and would supply it" in each.sentence


def test_a_load_that_is_switched_off_needs_no_supply(document: Document) -> None:
    document, _, node = cut(document)
    for each in (*document["data"]["asym_load"], *document["data"]["asym_gen"]):
        if each["node"] == node:
            each["status"] = 0
    assert "unsupplied" not in {each.rule for each in found_in(document)}


def test_a_sensor_on_a_branch_out_of_service_is_named(document: Document) -> None:
    line = document["data"]["line"][3]
    line["from_status"] = line["to_status"] = 0
    document["data"]["asym_power_sensor"] = [
        {
            "id": 6000,
            "measured_object": line["id"],
            "measured_terminal_type": 0,
            "power_sigma": 10.0,
            "p_measured": [0.0] * 3,
            "q_measured": [0.0] * 3,
        }
    ]
    network = network_of(document)
    dead = [
        each
        for each in findings(network, FLOW, Topology.of(network))
        if each.component == "asym_power_sensor"
    ]
    live = Topology.of(network).fed.any(axis=1)[
        Topology.of(network).connections.branch_row(line["id"])
    ]
    assert not live
    assert [each.rule for each in dead] == ["unsupplied"]


@pytest.mark.parametrize(
    ("component", "measured", "named"),
    [
        ("sym_voltage_sensor", 400.0, False),
        ("sym_voltage_sensor", 0.0, False),  # a dead node is true
        ("sym_voltage_sensor", 230.94, False),  # may be a deep dip
        ("sym_voltage_sensor", 0.4e6, True),
        ("asym_voltage_sensor", [231.0, 230.0, 232.0], False),
        ("asym_voltage_sensor", [231.0, 0.0, 232.0], False),  # a blown fuse
        ("asym_voltage_sensor", [400.0, 401.0, 399.0], True),
    ],
)
def test_a_sensor_that_cannot_show_this_at_its_node_is_named(
    document: Document, component: str, measured: object, *, named: bool
) -> None:
    document["data"][component] = [
        {
            "id": 6000,
            "measured_object": document["data"]["node"][5]["id"],
            "u_measured": measured,
            "u_sigma": 2.0,
        }
    ]
    rules = {each.rule for each in found_in(document)}
    assert rules == ({"measured-voltage"} if named else set())


def test_a_deviation_of_nothing_is_an_error_and_a_tiny_one_a_warning(document: Document) -> None:
    sensor = {"id": 6000, "measured_object": document["data"]["node"][5]["id"]}
    sensor |= {"u_measured": 400.0, "u_sigma": 0.0}
    document["data"]["sym_voltage_sensor"] = [sensor]
    assert ("sym_voltage_sensor", ("u_sigma",)) in {
        (each.component, each.fields) for each in problems(network_of(document), ESTIMATION)
    }
    sensor["u_sigma"] = 1e-5
    assert "measured-deviation" in {each.rule for each in found_in(document, ESTIMATION)}


def test_what_is_missing_is_never_called_implausible(document: Document) -> None:
    for line in document["data"]["line"]:
        line.pop("length_km")
        line.pop("i_n")
    found = found_in(document)
    assert {each.rule for each in found} == {"no-rating"}


def test_a_grid_of_230_v_between_phases_is_told_apart_in_words(document: Document) -> None:
    document["data"]["node"][5]["u_rated"] = 230.0
    (warning,) = [each for each in found_in(document) if each.rule == "phase-voltage"]
    assert "400 V over sqrt(3)" in warning.sentence
    assert "three-wire" in warning.sentence


@pytest.mark.parametrize("volts", [400, 416, 690, 3000, 6000, 10000, 11000, 20000, 30000, 110000])
def test_usual_voltages_pass_and_over_the_root_of_three_they_do_not(
    document: Document, volts: float
) -> None:
    for value, named in ((volts, False), (round(volts / np.sqrt(3)), True)):
        document["data"]["node"][5]["u_rated"] = float(value)
        rules = {each.rule for each in found_in(document)}
        assert ("phase-voltage" in rules) == named, value


def test_every_rule_stands_in_the_design_page() -> None:
    modules = [
        importlib.import_module(f"{plausibility.__name__}.{each.name}")
        for each in pkgutil.iter_modules(plausibility.__path__)
    ]
    names = {
        value.name
        for module in modules
        for value in vars(module).values()
        if isinstance(value, Rule)
    }
    assert len(names) > 25
    page = Path(__file__).resolve().parents[3] / "docs" / "design" / "network-check.md"
    text = page.read_text(encoding="utf-8")
    assert {name for name in names if f"`{name}`" not in text} == set()
