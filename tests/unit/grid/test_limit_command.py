"""`ortsnetz limit`: files in, files out, exit codes, and one clear line for what is wrong."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ortsnetz_common.cli import main

Json = dict[str, Any]
Change = Callable[[Json], object]


def case() -> Json:
    line = {"from_status": 1, "to_status": 1, "r1": 0.05, "x1": 0.02, "c1": 1e-8, "tan1": 0,
            "r0": 0.2, "x0": 0.08, "c0": 1e-8, "tan0": 0, "i_n": 150.0}  # fmt: skip
    return {
        "version": "1.0", "type": "input", "is_batch": False, "attributes": {},
        "data": {
            "node": [{"id": i, "u_rated": u} for i, u in ((1, 20e3), (2, 400.0), (3, 400.0))],
            "line": [{"id": 10, "name": "cable", "from_node": 2, "to_node": 3} | line],
            "transformer": [{
                "id": 20, "name": "T1", "from_node": 1, "to_node": 2, "from_status": 1,
                "to_status": 1, "u1": 20e3, "u2": 400.0, "sn": 40e3, "uk": 0.04, "pk": 600.0,
                "i0": 0.003, "p0": 80.0, "winding_from": 2, "winding_to": 1, "clock": 5,
                "tap_side": 0, "tap_pos": 0, "tap_min": -2, "tap_max": 2, "tap_size": 500.0}],
            "source": [{"id": 30, "node": 1, "status": 1, "u_ref": 1.0}],
            "asym_load": [
                {"id": 40, "name": "house", "node": 3, "status": 1, "type": 0,
                 "p_specified": [500.0] * 3, "q_specified": [50.0] * 3},
                {"id": 41, "name": "car", "node": 3, "status": 1, "type": 0,
                 "p_specified": [11e3] * 3, "q_specified": [0.0] * 3}],
            "asym_gen": [
                {"id": 42, "name": "roof", "node": 3, "status": 1, "type": 0,
                 "p_specified": [100.0] * 3, "q_specified": [0.0] * 3}],
        },
    }  # fmt: skip


def devices() -> Json:
    return {
        "limits": {"u_pu": [0.9, 1.1], "loading": 1.0},
        "devices": [
            {"id": 41, "kind": "ev", "request_w": [16e3] * 3, "floor_w": [1400.0] * 3},
            {"id": 42, "kind": "pv", "request_w": [-2e3] * 3, "floor_w": [0, 0, 0]},
        ],
    }


class Run:
    """Runs the command as a person would."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.folder, self._monkeypatch, self._capsys = folder, monkeypatch, capsys
        self.setpoints = folder / "setpoints.json"

    def __call__(self, case_: Any, devices_: Any, *options: str) -> tuple[int, str, str]:
        paths = []
        for name, content in (("case.json", case_), ("devices.json", devices_)):
            paths.append(self.folder / name)
            text = content if isinstance(content, str) else json.dumps(content)
            paths[-1].write_text(text)
        return self.on(*map(str, paths), *options)

    def on(self, *arguments: str) -> tuple[int, str, str]:
        command = ["ortsnetz", "limit", *arguments, "-o", str(self.setpoints)]
        self._monkeypatch.setattr(sys, "argv", command)
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        captured = self._capsys.readouterr()
        return code, captured.out, captured.err

    def answer(self) -> Json:
        found: Json = json.loads(self.setpoints.read_text())
        return found


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(tmp_path, monkeypatch, capsys)


def test_a_car_is_limited_and_the_roof_is_not(run: Run) -> None:
    code, out, err = run(case(), devices())
    assert (code, out, err) == (0, "", "")
    answer = run.answer()
    assert answer["status"] == "limited"
    car, roof = answer["devices"]
    assert car["id"] == 41
    assert 1400 < car["p_w"][0] < 16e3
    assert len(set(car["p_w"])) == 1
    assert roof["p_w"] == [-2e3] * 3  # feed-in is negative although the file's generator is not
    assert answer["binding"][0]["element"] == 20
    assert answer["binding"][0]["name"] == "T1"
    assert answer["binding"][0]["value"] == pytest.approx(1.0, abs=1e-3)
    assert answer["verified"] is True


def test_the_explanation_says_who_is_held_back_by_what(run: Run) -> None:
    code, out, err = run(case(), devices(), "--explain")
    assert (code, err) == (0, "")
    assert "asym_load 41 'car': limited to" in out
    assert "transformer 20 'T1'" in out


def test_infeasible_is_an_answer_and_no_error(run: Run) -> None:
    asked = devices()
    asked["limits"]["loading"] = 0.2
    asked["devices"][0]["floor_w"] = [9e3] * 3
    code, out, err = run(case(), asked, "--explain", "--infeasible", "floors")
    assert (code, err) == (0, "")
    answer = run.answer()
    assert answer["status"] == "infeasible"
    assert answer["devices"][0]["p_w"] == [9e3] * 3
    assert all(binding["value"] > binding["limit"] for binding in answer["binding"])
    assert "Violated: transformer 20 'T1'" in out


def test_sensors_of_the_case_are_ignored(run: Run) -> None:
    run(case(), devices())
    plain = run.answer()
    with_sensors = case()
    with_sensors["data"]["asym_voltage_sensor"] = [
        {"id": 90, "measured_object": 3, "u_sigma": 1.0, "u_measured": [None, 1e9, 2.0]}
    ]
    assert run(with_sensors, devices())[0] == 0
    assert run.answer() == plain


def test_a_pv_request_with_the_wrong_sign_is_pointed_out(run: Run) -> None:
    asked = devices()
    asked["devices"][1]["request_w"] = [2e3] * 3
    assert run(case(), asked)[0] == 0
    assert "device 42 (asym_gen 42 'roof'): kind pv" in run.answer()["warnings"][0]


def test_a_device_without_supply_is_pointed_out(run: Run) -> None:
    open_ = case()
    open_["data"]["line"][0]["from_status"] = 0
    assert run(open_, devices())[0] == 0
    assert "device 41 (asym_load 41 'car'): its node has no supply" in run.answer()["warnings"]


def _device(field: str, value: Any) -> Change:
    return lambda asked: asked["devices"][0].update({field: value})


def _limits(field: str, value: Any) -> Change:
    return lambda asked: asked["limits"].update({field: value})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_device("id", 7), "device 7: the network has no element"),
        (_device("id", 10), "device 10: line 10 'cable' is neither an asym_load nor an asym_gen"),
        (_device("id", 42), "device 42 (asym_gen 42 'roof') is listed twice"),
        (_device("id", "41"), "id: a whole number is needed, not text"),
        (_device("id", True), "id: a whole number is needed, not true or false"),
        (_device("id", 10**30), "the network has no element"),
        (_device("kind", "car"), "device 41: kind: 'car' is none of ev, pv, heat_pump"),
        (_device("colour", "red"), "device 41: colour: unknown field"),
        (_device("request_w", [1.0, 2.0]), "device 41: request_w: exactly 3 needed"),
        (_device("request_w", None), "device 41: request_w: a list is needed"),
        (_device("request_w", [float("nan"), 0, 0]), "device 41: request_w needs three finite"),
        (_device("floor_w", [float("inf"), 0, 0]), "device 41: floor_w needs three finite"),
        (_device("request_w", [10**400, 0, 0]), "device 41: request_w"),
        (_device("floor_w", [0, -1400.0, 0]), "device 41: phase b: request 16000 W and floor"),
        (_limits("loading", -1.0), "loading is -1, it must be a positive number"),
        (_limits("loading", float("nan")), "loading is nan"),
        (_limits("u_pu", [1.1, 0.9]), "1.1 .. 0.9 is no band"),
        (_limits("u_pu", [207, 253]), "limits.u_pu: 207 .. 253: it is per unit of nominal, not V"),
        (_limits("u_pu", [90, 110]), "limits.u_pu: 90 .. 110: it is per unit of nominal, not V"),
        (_limits("loading", 100), "limits.loading: 100: 1.0 is the rating, it is not in %"),
        (_limits("loading_of", {"10": 95}), "limits.loading_of 10: 95: 1.0 is the rating"),
        (_limits("unbalance", 2), "limits.unbalance: 2 is not between 0 and 1"),
        (_limits("u_pu", [0.9]), "limits.u_pu: exactly 2 needed"),
        (_limits("current", 1), "limits.current: unknown field"),
        (lambda asked: asked.pop("limits"), "the field 'limits' is missing"),
        (
            lambda asked: asked["devices"].append(3),
            "number 3 of the devices: a group of fields is needed",
        ),
        (lambda asked: asked["devices"][1].pop("kind"), "device 42: the field 'kind' is missing"),
    ],
)
def test_a_wrong_device_file_is_refused_in_one_line(run: Run, change: Change, words: str) -> None:
    asked = devices()
    change(asked)
    code, out, err = run(case(), asked)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "devices.json: " in err
    assert words in err
    assert not run.setpoints.exists()


def _load(field: str, value: Any, row: int = 0) -> Change:
    return lambda data: data["asym_load"][row].update({field: value})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_load("p_specified", [None, 1.0, 1.0]), "asym_load 40 'house': p_specified is missing"),
        (_load("p_specified", [float("nan"), 1.0, 1.0]), "asym_load 40 'house': p_specified"),
        (_load("q_specified", [0.0, float("-inf"), 0.0]), "asym_load 40 'house': q_specified"),
        (_load("q_specified", None, 1), "asym_load 41 'car': q_specified is not a number"),
        (_load("node", 77), "asym_load 40 'house'"),
        (_load("id", 41), "the id 41 is used"),
        (_load("type", 9), "asym_load 40 'house'"),
        (lambda data: data["source"].clear(), "no source"),
        (lambda data: data["source"][0].update(status=0), "no source in service"),
        (lambda data: data["source"][0].update(u_ref=None), "source 30"),
        (lambda data: data["line"][0].pop("i_n"), "line 10 'cable' has no rating"),
        (lambda data: data["line"][0].pop("r0"), "line 10 'cable': r0"),
        (lambda data: data["line"][0].update(to_node=77), "line 10 'cable': to_node"),
        (lambda data: data["transformer"][0].update(sn=0.0), "transformer 20 'T1': sn"),
    ],
)
def test_a_malformed_case_is_refused_in_one_line(run: Run, change: Change, words: str) -> None:
    bad = case()
    change(bad["data"])
    code, out, err = run(bad, devices())
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "case.json: " in err
    assert words in err
    assert not run.setpoints.exists()


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"a": 1, "a": 2}', "[" * 100_000])
def test_text_that_is_no_device_list_is_refused(run: Run, text: str) -> None:
    code, _, err = run(case(), text)
    assert code == 2
    assert err.count("\n") == 1
    assert "devices.json" in err


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"data": {}}', "\x00\xff", "[" * 100_000, "9" * 5000]
)
def test_text_that_is_no_case_is_refused(run: Run, text: str) -> None:
    code, _, err = run(text, devices())
    assert code == 2
    assert err.count("\n") == 1
    assert "case.json" in err


def test_a_missing_file_is_named(run: Run) -> None:
    code, _, err = run.on("nowhere.json", "nothing.json")
    assert code == 2
    assert err.count("\n") == 1
    assert "nowhere.json: cannot be read" in err


def test_an_older_answer_stays_when_the_new_case_is_refused(run: Run) -> None:
    run.setpoints.write_text("old")
    assert run("{", devices())[0] == 2
    assert run.setpoints.read_text() == "old"


# --- objectives and further fields of a device --------------------------------------------------


def crowded(**fields: Any) -> tuple[Json, Json]:
    """Two cars on a small transformer, the second with further fields."""
    crowd, asked = case(), devices()
    load = dict(crowd["data"]["asym_load"][1], id=43, name="second car")
    crowd["data"]["asym_load"].append(load)
    asked["devices"].append(
        {"id": 43, "kind": "ev", "request_w": [9e3] * 3, "floor_w": [0, 0, 0]} | fields
    )
    return crowd, asked


def test_the_objective_is_chosen_and_named(run: Run) -> None:
    for objective in ("least-squares", "max-min", "energy"):
        assert run(*crowded(price=3.0), "--objective", objective)[0] == 0
        answer = run.answer()
        assert answer["objective"] == objective
        assert answer["status"] == "limited"
        assert answer["stage"] == "active power"
        if objective == "energy":
            assert answer["devices"][2]["k"] == pytest.approx(1.0, abs=1e-3)
    code, _, err = run(*crowded(), "--objective", "cheapest")
    assert code == 2
    assert "'cheapest' is not one of" in err


def test_steps_and_the_smallest_setpoint_are_kept(run: Run) -> None:
    crowd, asked = crowded(step_w=690.0, smallest_w=4140.0)
    asked["limits"]["loading"] = 0.4
    assert run(crowd, asked)[0] == 0
    watts = sum(run.answer()["devices"][2]["p_w"])
    assert watts == 0 or watts >= 4140 - 1e-6
    assert watts / 690 == pytest.approx(round(watts / 690))


def test_a_roof_is_told_reactive_power_before_it_is_held_back(run: Run) -> None:
    asked = devices()
    asked["devices"][0]["request_w"] = [0, 0, 0]
    asked["devices"][0]["floor_w"] = [0, 0, 0]
    asked["devices"][1] |= {
        "request_w": [-9e3] * 3, "reactive_var": 20e3, "apparent_va": 35e3}  # fmt: skip
    asked["limits"]["u_pu"] = [0.9, 1.008]
    code, out, _ = run(case(), asked, "--explain")
    answer = run.answer()
    assert code == 0
    assert answer["stage"] == "reactive power"
    assert answer["devices"][1]["k"] == 1.0
    assert sum(answer["devices"][1]["q_var"]) > 0
    assert answer["devices"][0]["q_var"] is None
    assert "Stage: other reactive power is enough" in out
    assert "told" in out


def test_a_branch_limit_and_missing_relief_are_in_the_file(run: Run) -> None:
    asked = devices()
    asked["limits"]["loading_of"] = {"20": 0.2}
    asked["devices"][0]["floor_w"] = [9e3] * 3
    code, out, _ = run(case(), asked, "--explain")
    assert code == 0
    answer = run.answer()
    assert answer["status"] == "infeasible"
    assert answer["binding"][0]["limit"] == 0.2
    missing = answer["shortfall"][0]
    assert (missing["element"], missing["name"]) == (20, "T1")
    assert missing["relief_w"] > 1e3
    assert "kW of relief missing" in out


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_device("weight", 0), "device 41: weight must be a positive number"),
        (_device("weight", float("nan")), "device 41: weight must be a positive number"),
        (_device("price", -2.0), "device 41: price must be a number that is not negative"),
        (_device("step_w", -1.0), "device 41: step_w must be a positive number"),
        (_device("smallest_w", float("inf")), "device 41: smallest_w must be"),
        (_device("reactive_var", "much"), "device 41: reactive_var: a number is needed"),
        (_device("apparent_va", -1.0), "device 41: apparent_va must be a positive number"),
        (_limits("unbalance", -0.1), "unbalance is -0.1, it must be a positive number"),
        (_limits("loading_of", {"T1": 1.0}), "'T1' is not the id of a branch"),
        (_limits("loading_of", {"20": -1.0}), "loading_of 20 is -1"),
        (_limits("loading_of", {"77": 1.0}), "loading_of 77: it is no line or transformer"),
    ],
)
def test_a_further_field_that_makes_no_sense_is_refused(
    run: Run, change: Change, words: str
) -> None:
    asked = devices()
    change(asked)
    code, _, err = run(case(), asked)
    assert code == 2
    assert err.count("\n") == 1
    assert "devices.json: " in err
    assert words in err


def test_a_negative_rating_is_refused_by_name(run: Run) -> None:
    bad = case()
    bad["data"]["line"][0]["i_n"] = -150.0
    code, _, err = run(bad, devices())
    assert code == 2
    assert "line 10 'cable'" in err
