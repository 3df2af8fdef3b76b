"""`ortsnetz limit` says what it clamps and what was probably not meant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ortsnetz_grid.commands.limit import limit

Json = dict[str, Any]


def case() -> Json:
    load = {"node": 2, "status": 1, "type": 0, "p_specified": [0] * 3, "q_specified": [0] * 3}
    line = {"from_status": 1, "to_status": 1, "r1": 0.05, "x1": 0.02, "c1": 0, "tan1": 0,
            "r0": 0.2, "x0": 0.08, "c0": 0, "tan0": 0, "i_n": 100.0}  # fmt: skip
    return {
        "version": "1.0", "type": "input", "is_batch": False, "attributes": {},
        "data": {
            "node": [{"id": 1, "u_rated": 400.0}, {"id": 2, "u_rated": 400.0}],
            "line": [{"id": 10, "from_node": 1, "to_node": 2} | line],
            "source": [{"id": 30, "node": 1, "status": 1, "u_ref": 1.0}],
            "asym_load": [{"id": 41, "name": "car"} | load, {"id": 42, "name": "pump"} | load],
        },
    }  # fmt: skip


def devices() -> Json:
    return {
        "limits": {"u_pu": [0.9, 1.1], "loading": 1.0},
        "devices": [
            {"id": 41, "kind": "ev", "request_w": [3e3] * 3, "floor_w": [1400.0] * 3},
            {"id": 42, "kind": "heat_pump", "request_w": [2e3] * 3, "floor_w": [1400.0] * 3},
        ],
    }


class Answer:
    """Runs the command on changed files and keeps what it said."""

    def __init__(self, folder: Path, case_: Json, asked: Json, *options: str) -> None:
        paths = []
        for name, content in (("case.json", case_), ("devices.json", asked)):
            paths.append(str(folder / name))
            Path(paths[-1]).write_text(json.dumps(content))
        out = folder / "setpoints.json"
        result = CliRunner().invoke(limit, [*paths, "-o", str(out), "--explain", *options])
        assert result.exit_code == 0, result.output
        self.words = result.output
        self.document = json.loads(out.read_text())
        self.warnings = self.document["warnings"]


def test_a_plain_case_needs_no_warning(tmp_path: Path) -> None:
    assert Answer(tmp_path, case(), devices()).warnings == []


def test_a_floor_beyond_the_request_counts_as_the_request_and_is_said(tmp_path: Path) -> None:
    asked = devices()
    asked["limits"]["loading"] = 0.05  # nothing fits: everybody stands at the floor
    asked["devices"][1]["floor_w"] = [5e3] * 3
    answer = Answer(tmp_path, case(), asked)
    assert answer.document["devices"][1]["p_w"] == [2e3] * 3
    assert answer.warnings == ["a floor beyond the request counts as the request: device 42"]
    assert f"Warning: {answer.warnings[0]}" in answer.words


def test_a_request_beyond_the_inverter_leaves_no_reactive_power_and_is_said(tmp_path: Path) -> None:
    asked = devices()
    asked["devices"][0] |= {"apparent_va": 6e3, "reactive_var": 2e3}
    answer = Answer(tmp_path, case(), asked)
    car = answer.document["devices"][0]
    assert (car["p_w"], car["q_var"]) == ([3e3] * 3, [0.0] * 3)
    assert answer.warnings == [
        "a request beyond apparent_va leaves reactive power only where it is held back: device 41"
    ]


@pytest.mark.parametrize(
    ("fields", "watts", "words"),
    [
        (
            {"smallest_w": 12e3},
            [3e3] * 3,
            "more than the 9000 W that it asks for; its floor forbids off: it is never held back",
        ),
        (
            {"smallest_w": 12e3, "floor_w": [0, 0, 0]},
            [0.0] * 3,
            "more than the 9000 W that it asks for; it gets all or nothing",
        ),
        (
            {"smallest_w": 6e3},
            [2e3] * 3,
            "more than the floor of 4200 W, and counts instead of it",
        ),
    ],
)
def test_a_smallest_setpoint_that_leaves_no_choice_is_pointed_out(
    tmp_path: Path, fields: Json, watts: list[float], words: str
) -> None:
    asked = devices()
    asked["limits"]["loading"] = 0.01  # nothing fits: everybody has as little as can be
    asked["devices"][0] |= fields
    answer = Answer(tmp_path, case(), asked, "--infeasible", "floors")
    assert answer.document["devices"][0]["p_w"] == pytest.approx(watts)
    assert answer.warnings == [f"device 41: smallest_w is {fields['smallest_w']:g} W, {words}"]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("loading", 5, "limits: loading is 5, that is 500 % of the rating"),
        ("loading_of", {"10": 4}, "limits: loading_of 10 is 4, that is 400 % of the rating"),
        ("unbalance", 0.5, "limits: unbalance is 0.5, that is 50 %; EN 50160 allows 0.02"),
    ],
)
def test_a_limit_that_hardly_is_one_is_pointed_out(
    tmp_path: Path, field: str, value: object, words: str
) -> None:
    asked = devices()
    asked["limits"][field] = value
    (warning,) = Answer(tmp_path, case(), asked).warnings
    assert words in warning


def test_a_device_that_is_switched_off_in_the_case_is_pointed_out(tmp_path: Path) -> None:
    off = case()
    off["data"]["asym_load"][1]["status"] = 0
    (warning,) = Answer(tmp_path, off, devices()).warnings
    assert "device 42 (asym_load 42 'pump'): it is switched off in the case" in warning
