"""`ortsnetz network check` as a user meets it: a verdict for every file, and never a traceback."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ortsnetz_common import cli

Document = dict[str, Any]


@pytest.fixture(scope="module")
def sound(hamlet: Any) -> Document:
    found: Document = json.loads(hamlet.network.to_json())
    return found


@pytest.fixture
def document(sound: Document) -> Document:
    return copy.deepcopy(sound)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "village.json"


def check(file: Path, content: Document | str | bytes, *options: str) -> Result:
    if isinstance(content, dict):
        content = json.dumps(content)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return CliRunner().invoke(cli.ortsnetz, ["network", "check", str(file), *options])


def verdict(file: Path, content: Document) -> Document:
    """The JSON document, after a look at its form and its exit code."""
    result = check(file, content, "--json")
    found: Document = json.loads(result.stdout)
    assert found["schema"] == "ortsnetz.network-check/1"
    severities = [each["severity"] for each in found["findings"]]
    assert severities == sorted(severities)  # errors first
    assert (severities.count("error"), severities.count("warning")) == (
        found["errors"],
        found["warnings"],
    )
    assert found["valid"] == (found["errors"] == 0) == (result.exit_code == 0)
    return found


def test_a_sound_network_is_valid_and_its_topology_is_told(file: Path, document: Document) -> None:
    result = check(file, document)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        f"{file}: valid (0 errors, 0 warnings)",
        "topology: 15 nodes, 14 branches, 1 connected part, radial",
    ]


def test_errors_come_before_warnings_with_element_field_reason_and_advice(
    file: Path, document: Document
) -> None:
    lines = document["data"]["line"]
    lines[2]["r1"], lines[2]["x1"] = lines[2]["x1"], lines[2]["r1"]
    lines[3]["r1"] *= -1
    result = check(file, document)
    assert result.exit_code == 1
    first, error, warning, *_ = result.stdout.splitlines()
    assert first == f"{file}: NOT VALID (1 error, 1 warning)"
    assert error.startswith(f"error: line {lines[3]['id']} '{lines[3]['name']}': r1: -")
    assert "-> a line is passive: correct the sign [negative-impedance]" in error
    assert warning.startswith(f"warning: line {lines[2]['id']} '{lines[2]['name']}': r1, x1: R/X")
    assert "confused" in warning


def test_warnings_alone_leave_the_exit_code_alone(file: Path, document: Document) -> None:
    line = document["data"]["line"][2]
    line["r1"], line["x1"] = line["x1"], line["r1"]
    found = verdict(file, document)
    assert found["valid"]
    (finding,) = found["findings"]
    assert finding == finding | {
        "severity": "warning",
        "rule": "r-x-ratio",
        "component": "line",
        "ids": [line["id"]],
        "names": [line["name"]],
        "fields": ["r1", "x1"],
    }


def test_a_mistake_in_every_line_fills_no_screen_unless_asked(
    file: Path, document: Document
) -> None:
    lines = document["data"]["line"]
    for line in lines:
        line["r1"], line["x1"] = line["x1"], line["r1"]
    short, full = check(file, document).stdout, check(file, document, "--all").stdout
    assert short.count("warning: ") == 5
    assert f"and {len(lines) - 5} more of this kind" in short
    assert full.count("warning: ") == len(lines)
    assert len(verdict(file, document)["findings"]) == len(lines)


def test_loops_open_ends_and_dead_parts_are_named(file: Path, document: Document) -> None:
    lines = document["data"]["line"]
    beside = {**lines[2], "id": 5000, "name": "beside", "length_km": lines[2]["length_km"] * 1.01}
    lines.append(beside)
    lonely = {"id": 5001, "name": "lonely", "u_rated": 400.0}
    document["data"]["node"].append(lonely)
    lines[5]["to_status"] = 0
    text = check(file, document).stdout
    assert "meshed" in text
    assert f"loop: line 5000 'beside', line {lines[2]['id']} '{lines[2]['name']}'" in text
    assert f"open: line {lines[5]['id']} '{lines[5]['name']}'" in text
    assert "part: node 5001 'lonely'" in text
    topology = verdict(file, document)["topology"]
    assert topology["loops"] == [[5000, lines[2]["id"]]]
    assert topology["open_ends"] == [{"branch": lines[5]["id"], "ends": ["to"]}]
    assert 5001 in topology["dead_nodes"]
    assert [part["energised"] for part in topology["parts"]].count(True) == 1


def test_many_loops_are_counted_and_not_listed(file: Path, document: Document) -> None:
    lines = document["data"]["line"]
    lines += [
        {**line, "id": 5000 + number, "length_km": line["length_km"] * 1.01}
        for number, line in enumerate(lines)
    ]
    short, full = check(file, document).stdout, check(file, document, "--all").stdout
    assert short.count("  loop: ") == 5
    assert full.count("  loop: ") == len(lines) // 2


def test_a_name_cannot_write_over_the_verdict(file: Path, document: Document) -> None:
    line = document["data"]["line"][2]
    line["r1"], line["x1"] = line["x1"], line["r1"]
    line["name"] = "trunk\n\x1b[2Jvalid"
    result = check(file, document)
    assert result.exit_code == 0
    assert "'trunk??[2Jvalid'" in result.stdout
    assert result.stdout.isascii()


def edited(edit: Callable[[Document], object]) -> Callable[[Document], str]:
    def text(document: Document) -> str:
        edit(document)
        return json.dumps(document)

    return text


UNUSABLE: dict[str, tuple[Callable[[Document], str | bytes], str]] = {
    "no JSON": (lambda _: "# a drawing", "not JSON"),
    "no text": (lambda _: b"\xff\xfe\x00", "not JSON"),
    "nothing at all": (lambda _: "", "not JSON"),
    "cut off": (lambda document: json.dumps(document)[:5000], "not JSON"),
    "nested without end": (lambda _: "[" * 100_000, "nested too deeply"),
    "a list": (lambda _: "[]", "has an object 'data'"),
    "another data set": (
        edited(lambda document: document.update(type="update")),
        "type is 'update'",
    ),
    "no node": (edited(lambda document: document.update(data={})), "the network has no node"),
    "no source": (edited(lambda document: document["data"].pop("source")), "has no source"),
    "an id twice": (
        edited(lambda document: document["data"]["line"][4].update(id=3)),
        "the id 3 is used by node and by line",
    ),
    "no id": (
        edited(lambda document: document["data"]["line"][4].pop("id")),
        "at place 4 has no id",
    ),
    "NaN": (
        edited(lambda document: document["data"]["line"][4].update(r1=float("nan"))),
        "r1 is not a finite number",
    ),
    "infinity": (
        edited(lambda document: document["data"]["line"][4].update(i_n=float("inf"))),
        "i_n is not a finite number",
    ),
    "no number": (
        edited(lambda document: document["data"]["line"][4].update(r1="thick")),
        "r1: number expected",
    ),
    "an impossible impedance": (
        edited(lambda document: document["data"]["line"][4].update(r1=0.0, x1=0.0)),
        "r1, x1: must not both be zero",
    ),
    "a tap beyond the last": (
        edited(lambda document: document["data"]["transformer"][0].update(tap_pos=9)),
        "tap_pos: must lie between",
    ),
    "uk below the copper losses": (
        edited(lambda document: document["data"]["transformer"][0].update(pk=9e4)),
        "uk: must not be less than pk/sn",
    ),
    "a deviation of nothing": (
        edited(
            lambda document: document["data"].update(
                sym_voltage_sensor=[
                    {"id": 6000, "measured_object": 3, "u_measured": 400.0, "u_sigma": 0.0}
                ]
            )
        ),
        "sym_voltage_sensor 6000: u_sigma: must be greater than 0",
    ),
    "a branch into nowhere": (
        edited(lambda document: document["data"]["line"][4].update(to_node=777)),
        "to_node: refers to an element that does not exist",
    ),
    "a three-winding transformer in pieces": (
        edited(lambda document: document["data"].update(three_winding_transformer=[{"id": 6000}])),
        "three_winding_transformer 6000",
    ),
    "a line between two levels": (
        edited(lambda document: document["data"]["node"][5].update(u_rated=20e3)),
        "joins nodes of",
    ),
    "NaN in an addition": (
        edited(
            lambda document: document["ortsnetz"].update(
                elements={"matrix_line": [{"id": 6000, "r": [[float("nan")]]}]}
            )
        ),
        "matrix_line 6000: r is not a finite number",
    ),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_what_cannot_be_computed_is_said_in_one_clear_sentence(
    file: Path, document: Document, case: str
) -> None:
    content, sentence = UNUSABLE[case]
    payload = content(document)
    result = check(file, payload)
    assert result.exit_code == 1
    errors = [line for line in result.stdout.splitlines() if line.startswith("error: ")]
    assert any(sentence in line for line in errors), result.stdout
    machine = check(file, payload, "--json")
    assert machine.exit_code == 1
    told = json.loads(machine.stdout)
    assert not told["valid"]
    unreadable = told["topology"] is None and told["findings"][0]["rule"] == "file"
    assert unreadable or all(each["advice"] for each in told["findings"])


def test_a_file_that_is_not_there_is_a_wrong_call_and_no_finding(file: Path) -> None:
    result = CliRunner().invoke(cli.ortsnetz, ["network", "check", str(file)])
    assert "cannot be read: No such file" in str(result.exception)
    assert result.stdout == ""


BRANCH = {"id": 6000, "from_node": 3, "to_node": 4, "from_status": 1, "to_status": 1}


def test_what_the_three_phase_model_does_not_cover_is_an_error(
    file: Path, document: Document
) -> None:
    document["data"]["generic_branch"] = [{**BRANCH, "r1": 0.1, "x1": 0.1, "g1": 0.0, "b1": 0.0}]
    (finding,) = [
        each for each in verdict(file, document)["findings"] if each["rule"] != "r-x-ratio"
    ]
    assert (finding["severity"], finding["rule"]) == ("error", "not-covered")
    assert "does not cover a generic_branch" in finding["sentence"]


def test_an_admittance_beyond_all_numbers_is_an_error(file: Path, document: Document) -> None:
    document["data"]["line"][3].update(r1=1e-320, x1=1e-320)
    errors = [each for each in verdict(file, document)["findings"] if each["severity"] == "error"]
    assert [(each["rule"], each["ids"]) for each in errors] == [
        ("singular", [document["data"]["line"][3]["id"]])
    ]


STRANGE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 60),
    st.sampled_from([2**31 - 1, -(2**31), 2**31, 10**30, 127, 128]),
    st.floats(),
    st.text(max_size=3),
    st.lists(st.floats() | st.none(), max_size=4),
    st.just({}),
)


def triangle(letter: str, own: float, mutual: float) -> dict[str, float]:
    return {f"{letter}_{pair}": own for pair in ("aa", "bb", "cc")} | {
        f"{letter}_{pair}": mutual for pair in ("ba", "ca", "cb")
    }


@pytest.fixture(scope="module")
def rich(sound: Document) -> Document:
    """The village with sensors, a cable given by its matrices, and additional elements."""
    document = copy.deepcopy(sound)
    data = document["data"]
    line = data["line"].pop(5)
    names = ("id", "from_node", "to_node", "from_status", "to_status", "i_n")
    matrices = triangle("r", 0.02, 0.005) | triangle("x", 0.03, 0.024) | {"c0": 1e-9, "c1": 1e-9}
    data["asym_line"] = [{name: line[name] for name in names} | matrices]
    data["asym_voltage_sensor"] = [
        {"id": 6001, "measured_object": 3, "u_measured": [231.0, 230.0, 229.0], "u_sigma": 1.0}
    ]
    powers = {"p_measured": 1e3, "q_measured": 1e2, "power_sigma": 10.0}
    data["sym_power_sensor"] = [
        {"id": 6002, "measured_object": line["id"], "measured_terminal_type": 0, **powers}
    ]
    consumer = {"node": 3, "status": 1, "connection": "delta", "u_nominal": 400.0}
    document["ortsnetz"]["elements"] = {
        "matrix_line": [{**BRANCH, "phases": "a", "r": [[0.1]], "x": [[0.1]], "i_n": 100.0}],
        "energy_consumer": [
            {**consumer, "id": 6003, "p_specified": [1e3, 0.0, 0.0], "q_specified": [0.0] * 3}
        ],
    }
    return document


@st.composite
def mutations(draw: st.DrawFn) -> tuple[tuple[int, int, int], str, Any]:
    """Which component, element and field (counted around), what happens to it, and a value."""
    place = draw(st.tuples(*[st.integers(0, 10_000)] * 3))
    deed = draw(st.sampled_from(["put", "put", "put", "scale", "drop", "double", "remove"]))
    return place, deed, draw(STRANGE)


def mutate(document: Document, place: tuple[int, int, int], deed: str, value: Any) -> None:
    component, row, field = place
    tables = {**document["data"], **document["ortsnetz"].get("elements", {})}
    elements = tables[sorted(tables)[component % len(tables)]]
    if not elements:
        return
    element = elements[row % len(elements)]
    names = sorted(element)
    if not names:
        return
    name = names[field % len(names)]
    if deed == "put":
        element[name] = value
    elif deed == "scale" and isinstance(element[name], float) and isinstance(value, float):
        element[name] *= value
    elif deed == "drop":
        del element[name]
    elif deed == "double":
        elements.append(dict(element))
    elif deed == "remove":
        elements.remove(element)


def test_a_rich_case_is_sound_before_anything_happens_to_it(file: Path, rich: Document) -> None:
    assert verdict(file, rich)["errors"] == 0


@given(st.lists(mutations(), min_size=1, max_size=4))
@example([((3, 4, 6), "put", float("nan"))])
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_whatever_happens_to_a_file_the_command_ends_with_a_verdict(
    file: Path, rich: Document, deeds: list[tuple[tuple[int, int, int], str, Any]]
) -> None:
    document = copy.deepcopy(rich)
    for deed in deeds:
        mutate(document, *deed)
    found = verdict(file, document)
    text = check(file, document)
    assert text.exit_code == (0 if found["valid"] else 1)
    assert str(file) in text.stdout.splitlines()[0]
    assert all(each["sentence"].strip() for each in found["findings"])


@given(st.integers(0, 20_000), st.binary(max_size=6), st.integers(0, 300))
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_a_damaged_file_is_no_reason_to_fail(
    file: Path, sound: Document, place: int, inserted: bytes, removed: int
) -> None:
    payload = json.dumps(sound).encode()
    place %= len(payload)
    damaged = payload[:place] + inserted + payload[place + removed :]
    result = check(file, damaged)
    assert isinstance(result.exception, SystemExit | None)
    assert result.exit_code in (0, 1)
    assert result.stdout
