"""What the numerical core says of input that no network and no meter should give it.

Each case is a small village street with one thing wrong. The command answers with one sentence that
names the element, or with a result that says what is missing from it; never with a traceback, and
never with a number that is none.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ortsnetz_common import cli

Data = dict[str, list[dict[str, Any]]]
Change = Callable[[Data], object]

TRANSFORMER = {
    "id": 5,
    "from_node": 1,
    "to_node": 2,
    "from_status": 1,
    "to_status": 1,
    "u1": 10e3,
    "u2": 400.0,
    "sn": 4e5,
    "uk": 0.04,
    "pk": 4e3,
    "i0": 0.002,
    "p0": 500.0,
    "winding_from": 2,
    "winding_to": 1,
    "clock": 5,
    "tap_side": 0,
    "tap_pos": 0,
    "tap_min": -2,
    "tap_max": 2,
    "tap_size": 250.0,
}
LARGEST_ID = 2**31 - 1


def line(element: int, start: int, end: int) -> dict[str, Any]:
    """About 100 m of cable."""
    ends = {"from_node": start, "to_node": end, "from_status": 1, "to_status": 1}
    positive = {"r1": 0.03, "x1": 0.008, "c1": 1e-9, "tan1": 0.0}
    zero = {"r0": 0.1, "x0": 0.03, "c0": 1e-9, "tan0": 0.0}
    return {"id": element, **ends, **positive, **zero, "i_n": 200.0}


def load(element: int, node: int) -> dict[str, Any]:
    power = {"p_specified": [2e3, 1e3, 3e3], "q_specified": [500.0, 200.0, 100.0]}
    return {"id": element, "node": node, "status": 1, "type": 0, **power}


def voltmeter(element: int, node: int, volts: float, sigma: float) -> dict[str, Any]:
    return {"id": element, "measured_object": node, "u_sigma": sigma, "u_measured": [volts] * 3}


def wattmeter(element: int, target: int) -> dict[str, Any]:
    power = {"p_measured": [2e3, 1e3, 3e3], "q_measured": [500.0, 200.0, 100.0]}
    place = {"measured_object": target, "measured_terminal_type": 4}
    return {"id": element, **place, "power_sigma": 30.0, **power}


def spread(component: str, row: int, **sigma: float) -> Change:
    """Gives one sensor another deviation."""
    return lambda data: data[component][row].update(sigma)


def street() -> Data:
    """Transformer, two lines in a row, a load at the end of each; all metered."""
    return {
        "node": [{"id": 1, "u_rated": 10e3}, *({"id": k, "u_rated": 400.0} for k in (2, 3, 4))],
        "transformer": [dict(TRANSFORMER)],
        "line": [line(6, 2, 3), line(7, 3, 4)],
        "asym_load": [load(8, 3), load(9, 4)],
        "source": [{"id": 10, "node": 1, "status": 1, "u_ref": 1.0, "sk": 1e9}],
        "asym_voltage_sensor": [
            voltmeter(20, 1, 5773.5, 20.0),
            voltmeter(21, 3, 230.8, 1.0),
            voltmeter(22, 4, 230.5, 1.0),
        ],
        "asym_power_sensor": [wattmeter(30, 8), wattmeter(31, 9)],
    }


@pytest.fixture
def answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str, Change], tuple[int, str]]:
    """Exit code and standard error of a command on the street after a change."""

    def run(command: str, change: Change) -> tuple[int, str]:
        data = street()
        change(data)
        head = {"version": "1.0", "type": "input", "is_batch": False, "attributes": {}}
        case, result = tmp_path / "case.json", tmp_path / "result.json"
        case.write_text(json.dumps({**head, "data": data}))
        monkeypatch.setattr(sys, "argv", ["ortsnetz", command, str(case), "-o", str(result)])
        code = 0
        try:
            cli.main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        assert result.exists() == (code != 2)
        if code == 0:
            assert "NaN" not in result.read_text()
            assert "Infinity" not in result.read_text()
        return code, capsys.readouterr().err

    return run


NETWORK_FAULTS: dict[str, tuple[Change, str]] = {
    "a line back to its own node": (lambda d: d["line"][1].update(to_node=3), "line 7"),
    "a resistance below nothing": (lambda d: d["line"][0].update(r1=-0.03), "line 6"),
    "a resistance of no network": (lambda d: d["line"][0].update(r1=1e300), "line 6"),
    "a resistance that is no number": (lambda d: d["line"][0].update(r1=float("nan")), "line 6"),
    "no impedance at all": (lambda d: d["line"][0].update(r0=0.0, x0=0.0), "line 6"),
    "a negative capacitance": (lambda d: d["line"][0].update(c1=-1e-9), "line 6"),
    "one id twice": (lambda d: d["asym_load"][1].update(id=7), "the id 7"),
    "an id too large": (lambda d: d["node"][3].update(id=LARGEST_ID + 1), "node 2147483648"),
    "a tap out of range": (lambda d: d["transformer"][0].update(tap_pos=7), "transformer 5"),
    "a source of no voltage": (lambda d: d["source"][0].update(u_ref=0.0), "source 10"),
    "no source in service": (lambda d: d["source"][0].update(status=0), "no source in service"),
    "no node": (lambda d: d.clear(), "no node"),
}


@pytest.mark.parametrize("command", ["powerflow", "estimate"])
@pytest.mark.parametrize("fault", NETWORK_FAULTS)
def test_a_faulty_network_is_refused_in_one_sentence_that_names_the_element(
    answer: Any, command: str, fault: str
) -> None:
    change, named = NETWORK_FAULTS[fault]
    code, error = answer(command, change)
    assert code == 2
    assert named in error
    assert error.count("\n") == 1


SENSOR_FAULTS: dict[str, tuple[Change, str]] = {
    **{
        f"a voltmeter's deviation of {sigma}": (
            spread("asym_voltage_sensor", 1, u_sigma=sigma),
            "asym_voltage_sensor 21",
        )
        for sigma in (0.0, -1.0, float("inf"))
    },
    **{
        f"a power meter's deviation of {sigma}": (
            spread("asym_power_sensor", 0, power_sigma=sigma),
            "asym_power_sensor 30",
        )
        for sigma in (0.0, -1.0, float("nan"))
    },
    "a power that is missing in a phase": (
        lambda d: d["asym_power_sensor"][0].update(p_measured=[1e3, None, 1e3]),
        "asym_power_sensor 30",
    ),
    "a voltage of nothing": (
        lambda d: d["asym_voltage_sensor"][1].update(u_measured=[231.0, 0.0, 231.0]),
        "asym_voltage_sensor 21",
    ),
    "a voltage of no network": (
        lambda d: d["asym_voltage_sensor"][1].update(u_measured=[1e150] * 3),
        "asym_voltage_sensor 21",
    ),
    "a voltage where no source feeds": (
        lambda d: d["line"][1].update(to_status=0),
        "asym_voltage_sensor 22",
    ),
    "a meter at nothing": (
        lambda d: d["asym_voltage_sensor"][1].update(measured_object=999),
        "asym_voltage_sensor 21",
    ),
    "no voltmeter": (lambda d: d["asym_voltage_sensor"].clear(), "no voltage sensor"),
}


@pytest.mark.parametrize("fault", SENSOR_FAULTS)
def test_a_faulty_sensor_is_refused_in_one_sentence_that_names_it(answer: Any, fault: str) -> None:
    change, named = SENSOR_FAULTS[fault]
    code, error = answer("estimate", change)
    assert code == 2
    assert named in error
    assert error.count("\n") == 1


def test_more_load_than_the_network_carries_is_a_result_that_says_it_is_none(answer: Any) -> None:
    code, error = answer(
        "powerflow", lambda d: d["asym_load"][0].update(p_specified=[9e5, 9e5, 9e5])
    )
    assert code == 1
    assert "source 10" in error
    assert "nothing is valid" in error


@pytest.mark.parametrize("command", ["powerflow", "estimate"])
def test_the_largest_ids_and_negative_ones_are_ids(answer: Any, command: str) -> None:
    def extend(data: Data) -> None:
        for node, cable in ((LARGEST_ID, LARGEST_ID - 1), (-5, -6)):
            data["node"].append({"id": node, "u_rated": 400.0})
            data["line"].append(line(cable, 4, node))
        data["asym_voltage_sensor"].append(voltmeter(LARGEST_ID - 2, LARGEST_ID, 230.4, 1.0))

    assert answer(command, extend)[0] == 0


def test_a_large_error_of_a_voltmeter_is_named(answer: Any) -> None:
    code, error = answer(
        "estimate", lambda d: d["asym_voltage_sensor"][1].update(u_measured=[2308.0] * 3)
    )
    assert code == 0
    assert "asym_voltage_sensor 21 contradicts the others and was left out" in error
