"""`ortsnetz estimate` as a user meets it: files, exit codes, one clear line."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from power_grid_model import DatasetType, PowerGridModel
from power_grid_model.utils import json_deserialize, json_serialize

from ortsnetz_common import cli

Case = dict[str, Any]


@pytest.fixture(scope="module")
def clean_case(hamlet: Any) -> Case:
    """Sensors everywhere, on the network whose loads have no specified power."""
    rng = np.random.default_rng(7)
    nodes = hamlet.network.data["node"]["id"].tolist()
    case = hamlet.case(
        hamlet.voltage_sensors(nodes, rng),
        hamlet.power_sensors(rng, lines=hamlet.network.data["line"]["id"].tolist()),
    )
    found: Case = json.loads(json_serialize(case, DatasetType.input))
    return found


@pytest.fixture
def case(clean_case: Case) -> Case:
    return copy.deepcopy(clean_case)


def sensor(case: Case, component: str, element: int) -> dict[str, Any]:
    return next(each for each in case["data"][component] if each["id"] == element)


class Command:
    """Runs `ortsnetz estimate` in a directory of its own."""

    def __init__(
        self,
        directory: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        self.directory = directory
        self.result, self.bad = directory / "result.json", directory / "bad.json"
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, case: Case | str) -> tuple[int, str]:
        """Exit code and standard error."""
        path = self.directory / "case.json"
        path.write_text(case if isinstance(case, str) else json.dumps(case))
        arguments = ["estimate", str(path), "-o", str(self.result), "--bad-data", str(self.bad)]
        self._monkeypatch.setattr(sys, "argv", ["ortsnetz", *arguments])
        self._capsys.readouterr()
        code = 0
        try:
            cli.main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        return code, self._capsys.readouterr().err

    def refuses(self, case: Case | str) -> str:
        """The one line that refuses a case; nothing is written."""
        code, error = self(case)
        assert code == 2, error
        assert error.count("\n") == 1, error
        assert not self.result.exists()
        assert not self.bad.exists()
        assert [path.name for path in self.directory.iterdir()] == ["case.json"]
        return error

    def output(self) -> dict[str, Any]:
        found = json_deserialize(self.result.read_text())
        return {str(getattr(name, "value", name)): array for name, array in found.items()}

    def removed(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.bad.read_text())
        return found


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    return Command(tmp_path, monkeypatch, capsys)


def test_a_clean_case_gives_a_state_beside_the_library_s(
    command: Command, case: Case, hamlet: Any
) -> None:
    """power-grid-model weighs a little differently: both lie within the meters' deviations."""
    code, error = command(case)
    assert (code, error) == (0, "")
    assert command.removed() == []
    expected = PowerGridModel(json_deserialize(json.dumps(case))).calculate_state_estimation(
        symmetric=False, error_tolerance=1e-8, max_iterations=2000
    )
    found = command.output()
    assert set(found) == {str(getattr(name, "value", name)) for name in expected}
    for component, name, most in (
        ("node", "u_pu", 0.003),
        ("line", "p_from", 100.0),
        ("line", "loading", 0.003),
        ("transformer", "p_to", 500.0),
        ("asym_load", "p", 100.0),
        ("asym_load", "q", 100.0),
        ("asym_power_sensor", "p_residual", 100.0),
        ("asym_voltage_sensor", "u_residual", 0.9),
    ):
        apart = np.abs(found[component][name] - expected[component][name])
        low = hamlet.network.data["node"]["u_rated"] < 1000
        apart = apart[low] if component == "node" else apart
        assert np.median(apart) < most / 5, (component, name)
    for component, attributes in ((name, array.dtype.names) for name, array in found.items()):
        for attribute in attributes:
            known = np.isfinite(expected[component][attribute])
            assert np.isfinite(found[component][attribute])[known].all(), (component, attribute)


def test_the_state_is_close_to_the_truth(command: Command, case: Case, hamlet: Any) -> None:
    command(case)
    found = command.output()
    low = hamlet.network.data["node"]["u_rated"] < 1000  # one sensor alone sees the MV node
    away = found["node"]["u_pu"] - hamlet.truth["node"]["u_pu"]
    assert np.abs(away[low]).max() < 0.005
    loading = hamlet.truth["transformer"]["loading"]
    assert found["transformer"]["loading"] == pytest.approx(loading, abs=0.01)


def test_specified_powers_are_not_used(command: Command, case: Case) -> None:
    command(case)
    before = command.result.read_text()
    for load in case["data"]["asym_load"]:
        load["p_specified"], load["q_specified"] = [9e6, 9e6, 9e6], [0.0, 0.0, 0.0]
    command(case)
    assert command.result.read_text() == before


def test_bad_sensors_are_listed_largest_first_and_left_out(command: Command, case: Case) -> None:
    voltage = sensor(case, "asym_voltage_sensor", 10_003)
    voltage["u_measured"][1] += 12 * voltage["u_sigma"]
    flow = sensor(case, "asym_power_sensor", 20_020)
    flow["p_measured"][0] += 40 * flow["p_sigma"][0]
    code, error = command(case)
    assert code == 0
    removed = command.removed()
    assert [each["sensor"] for each in removed] == [20_020, 10_003]
    assert removed[0]["normalised_residual"] > removed[1]["normalised_residual"] > 4
    assert set(removed[0]) == {"sensor", "normalised_residual"}
    assert "10003" in error
    assert "20020" in error
    case["data"]["asym_voltage_sensor"].remove(voltage)
    case["data"]["asym_power_sensor"].remove(flow)
    found = command.output()
    assert command(case) == (0, "")
    assert command.removed() == []
    for name in ("u_pu", "p", "q"):
        expected = command.output()["node"][name]
        assert found["node"][name] == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_without_bad_data_option_only_the_result_is_written(
    command: Command, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = command.directory / "case.json"
    path.write_text(json.dumps(case))
    arguments = ["ortsnetz", "estimate", str(path), "-o", str(command.result)]
    monkeypatch.setattr(sys, "argv", arguments)
    cli.main()
    assert {each.name for each in command.directory.iterdir()} == {"case.json", "result.json"}


def test_symmetric_sensors_are_accepted(command: Command, case: Case) -> None:
    own = sensor(case, "asym_voltage_sensor", 10_000)
    case["data"]["asym_voltage_sensor"].remove(own)
    line_to_line = {
        "id": 90_000,
        "measured_object": own["measured_object"],
        "u_sigma": own["u_sigma"] * 3**0.5,
        "u_measured": sum(own["u_measured"]) / 3**0.5,
    }
    case["data"]["sym_voltage_sensor"] = [line_to_line]
    code, _ = command(case)
    assert code == 0
    assert command.removed() == []


def test_a_line_without_rating_is_said_to_have_no_loading(command: Command, case: Case) -> None:
    line = case["data"]["line"][2]
    del line["i_n"]
    code, error = command(case)
    assert code == 0
    assert error == f"note: line {line['id']} has no rating i_n: its loading is left out\n"
    document = json.loads(command.result.read_text())
    assert "nan" not in command.result.read_text().lower()
    assert "loading" not in document["data"]["line"][2]


def leaf(case: Case) -> tuple[dict[str, Any], int]:
    """A line at the end of a feeder and the node there."""
    data = case["data"]
    ends = [line[name] for line in data["line"] for name in ("from_node", "to_node")]
    busbars = {transformer["to_node"] for transformer in data["transformer"]}
    for line in data["line"]:
        for name in ("to_node", "from_node"):
            if ends.count(line[name]) == 1 and line[name] not in busbars:
                return line, line[name]
    raise AssertionError("the network has no end")


def test_a_part_without_supply_and_without_sensors_is_flagged(command: Command, case: Case) -> None:
    line, node = leaf(case)
    line["from_status"] = line["to_status"] = 0
    data = case["data"]
    dead = {line["id"], *(each["id"] for each in data["asym_load"] if each["node"] == node)}
    for component in ("asym_power_sensor", "asym_voltage_sensor"):
        data[component] = [
            each for each in data[component] if each["measured_object"] not in dead | {node}
        ]
    data["asym_power_sensor"] = [
        each for each in data["asym_power_sensor"] if each["measured_terminal_type"] > 1
    ]
    code, error = command(case)
    assert code == 0, error
    assert f"node {node}" in error
    assert "without supply" in error
    found = command.output()["node"]
    row = found["id"].tolist().index(node)
    assert found["energized"][row] == 0
    assert found["u_pu"][row].tolist() == [0, 0, 0]


def test_a_voltage_where_no_source_feeds_is_a_contradiction(command: Command, case: Case) -> None:
    line, node = leaf(case)
    line["from_status"] = line["to_status"] = 0
    assert "that no source feeds" in command.refuses(case)
    del node


def change(component: str, element: int, **attributes: Any) -> Callable[[Case], None]:
    def apply(case: Case) -> None:
        sensor(case, component, element).update(attributes)

    return apply


def without(component: str, element: int, *names: str) -> Callable[[Case], None]:
    def apply(case: Case) -> None:
        for name in names:
            del sensor(case, component, element)[name]

    return apply


def only_mv_voltage_less(case: Case) -> None:
    mv = case["data"]["source"][0]["node"]
    case["data"]["asym_voltage_sensor"] = [
        each for each in case["data"]["asym_voltage_sensor"] if each["measured_object"] != mv
    ]


def current_without_angle(case: Case) -> None:
    case["data"]["asym_current_sensor"] = [
        {
            "id": 77_777,
            "measured_object": case["data"]["line"][0]["id"],
            "measured_terminal_type": 0,
            "angle_measurement_type": 0,
            "i_sigma": 1.0,
            "i_angle_sigma": 0.1,
            "i_measured": [5.0, 5.0, 5.0],
        }
    ]


def twice(case: Case) -> None:
    case["data"]["asym_load"][1]["id"] = case["data"]["node"][3]["id"]


def empty(component: str) -> Callable[[Case], None]:
    def apply(case: Case) -> None:
        case["data"][component] = []

    return apply


NAN = float("nan")
THREE = [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (change("asym_voltage_sensor", 10_002, u_measured=[230.0, NAN, 230.0]), "sensor 10002"),
        (change("asym_voltage_sensor", 10_002, u_measured=[230.0, None, 230.0]), "sensor 10002"),
        (change("asym_voltage_sensor", 10_002, u_measured=[230.0, 0.0, 230.0]), "sensor 10002"),
        (change("asym_voltage_sensor", 10_002, u_measured=230.0), "sensor 10002: u_measured"),
        (change("asym_voltage_sensor", 10_002, u_sigma=0.0), "sensor 10002: u_sigma"),
        (change("asym_voltage_sensor", 10_002, u_sigma=-1.0), "sensor 10002: u_sigma"),
        (change("asym_voltage_sensor", 10_002, u_sigma="wide"), "sensor 10002: u_sigma"),
        (without("asym_voltage_sensor", 10_002, "u_sigma"), "sensor 10002: u_sigma"),
        (change("asym_voltage_sensor", 10_002, measured_object=4711), "sensor 10002"),
        (change("asym_voltage_sensor", 10_002, measured_object=17), "sensor 10002"),
        (without("asym_power_sensor", 20_004, "p_measured"), "sensor 20004: p_measured"),
        (without("asym_power_sensor", 20_004, "q_sigma"), "sensor 20004"),
        (without("asym_power_sensor", 20_004, "p_sigma", "q_sigma"), "sensor 20004"),
        (change("asym_power_sensor", 20_004, p_sigma=[1.0, 0.0, 1.0]), "sensor 20004: p_sigma"),
        (change("asym_power_sensor", 20_004, measured_terminal_type=9), "sensor 20004"),
        (change("asym_power_sensor", 20_004, measured_terminal_type=55), "sensor 20004"),
        (change("line", 17, r1=0.0, x1=0.0), "line 17: r1, x1: must not both be zero"),
        (without("line", 17, "r0"), "line 17: r0"),
        (change("line", 17, to_node=4711), "line 17: to_node"),
        (change("line", 17, to_node=14, from_node=0), "line 17 joins nodes of"),
        (change("transformer", 28, u1=400.0), "transformer 28: u1 400 V does not fit"),
        (change("transformer", 28, clock=4), "transformer 28"),
        (change("line", 17, c1=1e300), "line 17: c1: is beyond any network"),
        (change("node", 3, u_rated=-400.0), "node 3: u_rated"),
        (twice, "used by node and by asym_load"),
        (current_without_angle, "asym_current_sensor 77777: i_angle_measured"),
        (only_mv_voltage_less, "not observable: no measurement determines the voltage of node 14"),
        (empty("asym_voltage_sensor"), "not observable: there is no voltage sensor"),
        (empty("asym_power_sensor"), "not observable: the power of node"),
        (empty("source"), "the network has no source"),
        (empty("node"), "the network has no node"),
        (change("source", 29, status=0), "no source in service"),
    ],
)
def test_an_unusable_case_is_refused_in_one_line_that_names_the_element(
    command: Command, case: Case, spoil: Callable[[Case], None], words: str
) -> None:
    spoil(case)
    assert words in command.refuses(case)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[1, 2]", "has an object 'data'"),
        ('{"data": {}}', "type is None"),
        ('{"type": "sym_output", "data": {}}', "type is 'sym_output'"),
        ('{"version": "1.0", "type": "input", "is_batch": true, "data": []}', "data set"),
        ('{"version": "1.0", "type": "input", "is_batch": false, "data": {}}', "not a power-grid"),
    ],
)
def test_a_file_that_is_no_case_is_refused(command: Command, text: str, words: str) -> None:
    assert words in command.refuses(text)


def test_a_case_without_any_sensor_is_refused(command: Command, case: Case) -> None:
    del case["data"]["asym_voltage_sensor"], case["data"]["asym_power_sensor"]
    assert "the case has no sensor" in command.refuses(case)


def test_a_missing_file_and_an_impossible_target_are_refused(tmp_path: Path, case: Case) -> None:
    """In a process of its own, as people run it."""
    run = [sys.executable, "-c", "from ortsnetz_common.cli import main; main()", "estimate"]
    lost = subprocess.run(
        [*run, "nowhere.json", "-o", "r.json"],
        check=False,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (lost.returncode, lost.stdout) == (2, "")
    assert lost.stderr == "ortsnetz: nowhere.json: cannot be read: No such file or directory\n"
    (tmp_path / "case.json").write_text(json.dumps(case))
    nowhere = subprocess.run(
        [*run, "case.json", "-o", "result.json", "--bad-data", "missing/b.json"],
        check=False,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert nowhere.returncode == 2
    assert nowhere.stderr.startswith("ortsnetz: missing/b.json: cannot be written: ")
    assert [path.name for path in tmp_path.iterdir()] == ["case.json"]


def test_random_damage_never_ends_in_a_traceback_or_a_silent_nan(
    command: Command, clean_case: Case
) -> None:
    rng = np.random.default_rng(20_27)
    damages = (NAN, None, -1, 0, "text", 1e300, [1.0], {})
    for _ in range(150):
        case = copy.deepcopy(clean_case)
        component = rng.choice(list(case["data"]))
        element = case["data"][component][rng.integers(len(case["data"][component]))]
        name = str(rng.choice(list(element)))
        choice = int(rng.integers(len(damages) + 2))
        if choice < len(damages):
            element[name] = damages[choice]
        elif choice == len(damages):
            del element[name]
        else:
            case["data"][component].remove(element)
        for path in (command.result, command.bad):
            path.unlink(missing_ok=True)
        code, error = command(case)
        what = (component, element, name, error)
        assert code in (0, 2), what
        assert command.result.exists() == command.bad.exists() == (code == 0), what
        if code == 2:
            assert error.count("\n") == 1, what
        else:
            assert "nan" not in command.result.read_text().lower(), what


def test_sensors_too_good_for_the_library_give_the_state_all_the_same(
    command: Command, case: Case, hamlet: Any
) -> None:
    """With deviations of a milliwatt power-grid-model does not converge at any useful tolerance."""
    for each in case["data"]["asym_power_sensor"]:
        each["p_sigma"] = each["q_sigma"] = [0.001] * 3
    for component, terminal, side in (
        ("asym_load", 4, ""),
        ("asym_gen", 5, ""),
        ("transformer", 1, "_to"),
        ("line", 0, "_from"),
    ):
        true = {
            int(element): (p.tolist(), q.tolist())
            for element, p, q in zip(
                hamlet.truth[component]["id"],
                hamlet.truth[component][f"p{side}"],
                hamlet.truth[component][f"q{side}"],
                strict=True,
            )
        }
        for each in case["data"]["asym_power_sensor"]:
            if each["measured_terminal_type"] == terminal:
                each["p_measured"], each["q_measured"] = true[each["measured_object"]]
    code, error = command(case)
    assert (code, error) == (0, "")
    found = command.output()
    away = found["asym_load"]["p"] - hamlet.truth["asym_load"]["p"]
    assert np.abs(away).max() < 0.5
    # the MV voltages are not that good, and they decide how the phases share it
    away = found["transformer"]["p_from"] - hamlet.truth["transformer"]["p_from"]
    assert abs(away.sum()) < 5
    ids = [each["id"] for each in case["data"]["asym_voltage_sensor"]]
    assert found["asym_voltage_sensor"]["id"].tolist() == ids
    sigma = [each["u_sigma"] for each in case["data"]["asym_voltage_sensor"]]
    normal = found["asym_voltage_sensor"]["u_residual"] / np.array(sigma)[:, None]
    assert 0.5 < normal.std() < 1.5


def village(windings: tuple[int, int, int], kilometres: float) -> tuple[Case, dict[str, Any]]:
    """A village behind kilometres of MV cable, every sensor exact, and the truth."""
    cable = {"x1": 0.08, "tan1": 0.0, "x0": 0.3, "tan0": 0.0, "from_status": 1, "to_status": 1}
    winding_from, winding_to, clock = windings
    data: dict[str, list[dict[str, Any]]] = {
        "node": [
            {"id": i, "u_rated": u} for i, u in ((1, 20e3), (2, 20e3), (3, 400.0), (4, 400.0))
        ],
        "line": [
            {"id": 10, "from_node": 1, "to_node": 2, "i_n": 200.0, "r1": 0.2 * kilometres,
             "r0": 0.8 * kilometres, "c1": 0.25e-6 * kilometres, "c0": 0.12e-6 * kilometres}
            | cable,
            {"id": 11, "from_node": 3, "to_node": 4, "i_n": 200.0, "r1": 0.02, "r0": 0.08,
             "c1": 1e-8, "c0": 1e-8} | cable,
        ],
        "transformer": [
            {"id": 20, "from_node": 2, "to_node": 3, "from_status": 1, "to_status": 1, "u1": 20e3,
             "u2": 400.0, "sn": 160e3, "uk": 0.04, "pk": 2300.0, "i0": 0.0026, "p0": 320.0,
             "winding_from": winding_from, "winding_to": winding_to, "clock": clock,
             "tap_side": 0, "tap_pos": 0, "tap_min": -2, "tap_max": 2, "tap_size": 500.0}
        ],
        "source": [{"id": 30, "node": 1, "status": 1, "u_ref": 0.98, "sk": 2e8}],
        "asym_load": [
            {"id": 40 + node, "node": node, "status": 1, "type": 0,
             "p_specified": [900.0 * node, 300.0, 1200.0], "q_specified": [100.0, 50.0, 200.0]}
            for node in (3, 4)
        ],
    }  # fmt: skip
    case = {"version": "1.0", "type": "input", "is_batch": False, "attributes": {}, "data": data}
    model = PowerGridModel(json_deserialize(json.dumps(case)))
    truth: dict[str, Any] = model.calculate_power_flow(symmetric=False)
    data["asym_voltage_sensor"] = [
        {"id": 100 + node["id"], "measured_object": node["id"], "u_measured": volts.tolist(),
         "u_sigma": 0.004 * node["u_rated"] / 3**0.5}
        for node, volts in zip(data["node"], truth["node"]["u"], strict=True)
    ]  # fmt: skip
    data["asym_power_sensor"] = [
        {"id": 200 + place, "measured_object": int(truth[component]["id"][row]),
         "measured_terminal_type": terminal, "power_sigma": 30.0,
         "p_measured": truth[component][f"p{end}"][row].tolist(),
         "q_measured": truth[component][f"q{end}"][row].tolist()}
        for place, (component, row, terminal, end) in enumerate((
            ("asym_load", 0, 4, ""), ("asym_load", 1, 4, ""), ("source", 0, 2, ""),
            ("line", 0, 0, "_from"), ("line", 1, 0, "_from"),
        ))
    ]  # fmt: skip
    return case, truth


@pytest.mark.parametrize("windings", [(2, 1, 5), (2, 1, 11), (0, 4, 5), (1, 1, 0)])
@pytest.mark.parametrize("kilometres", [2.0, 8.0])
def test_a_state_that_only_the_library_believes_is_not_written(
    command: Command, windings: tuple[int, int, int], kilometres: float
) -> None:
    """There power-grid-model settles up to 0.8 pu away from sensors that are all exact."""
    case, truth = village(windings, kilometres)
    code, error = command(case)
    assert (code, error) == (0, "")
    assert command.removed() == []
    found = command.output()
    assert found["node"]["u_pu"] == pytest.approx(truth["node"]["u_pu"], abs=1e-5)
    assert found["asym_load"]["p"] == pytest.approx(truth["asym_load"]["p"], abs=1.0)
    assert found["line"]["i_from"] == pytest.approx(truth["line"]["i_from"], abs=0.01)


def test_a_sensor_s_noise_at_what_is_switched_off_is_no_contradiction(
    command: Command, case: Case
) -> None:
    load = case["data"]["asym_load"][0]
    load["status"] = 0
    meter = next(
        each
        for each in case["data"]["asym_power_sensor"]
        if each["measured_object"] == load["id"] and each["measured_terminal_type"] == 4
    )
    meter["p_measured"] = [3 * meter["p_sigma"][0], 0.0, -2 * meter["p_sigma"][2]]
    meter["q_measured"] = [0.0, meter["q_sigma"][1], 0.0]
    code, _ = command(case)
    assert code == 0
    for path in (command.result, command.bad):
        path.unlink()
    meter["p_measured"][1] = 50 * meter["p_sigma"][1]
    assert f"asym_power_sensor {meter['id']}: measures a flow" in command.refuses(case)
