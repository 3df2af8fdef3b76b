"""Every way in which meters, devices and wires go wrong is played, and the agent reacts.

The scenarios in stepped time are played beside each other; the one in real time has the machine
to itself.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import pytest

from ortsnetz_hil.faults import specs
from ortsnetz_hil.faults.specs import Fault
from ortsnetz_hil.scenarios import library, reader
from ortsnetz_hil.scenarios.faults import KEYS, UPLINK, Wire
from ortsnetz_hil.scenarios.schema import Scenario

ORTSNETZ = Path(sys.executable).with_name("ortsnetz")
STEPPED = ("meters-gone-wrong", "devices-gone-wrong", "mixed-substation-gone-wrong")
REAL = "bad-wires"
BASE_PORT = 30_100
PORTS_A_RUN = 100
PLAYED_S = 170.0

WITHOUT_A_SCENARIO = {"multicasts"}
"""GOOSE needs an interface, and a scenario's bench has none: `ortsnetz plant run --goose` plays it
(`tests/interop/test_goose_of_a_plant.py`)."""
TAGS = sorted({str(kind.__struct_config__.tag) for kind in get_args(Fault)} - WITHOUT_A_SCENARIO)
BAD_LINES = sorted(set(specs.Wire.__struct_fields__) - {"name", "first_s", "last_s", "link"})
WRITTEN = {"delay_s": "delay", "jitter_s": "jitter"}
"""Fields of a bad line that a scenario file calls by another name than the plant."""


def _scenarios() -> list[Scenario]:
    return [reader.read(library.find(name))[0] for name in library.names()]


def _judged_faults(key: str) -> list[Any]:
    """Faults of a kind in the library that a criterion of their scenario speaks of."""
    return [
        fault
        for scenario in _scenarios()
        for fault in scenario.faults
        if fault.key == key
        and any(sentence.endswith(f" {fault.name}") for sentence in scenario.criteria)
    ]


@pytest.mark.parametrize("tag", TAGS)
def test_a_scenario_has_the_fault_and_says_what_has_to_happen(tag: str) -> None:
    assert tag in KEYS, "scenario files cannot say it"
    assert _judged_faults(tag), f"no scenario of the library has a fault '{tag}' that it judges"


@pytest.mark.parametrize("field", BAD_LINES)
def test_every_way_in_which_a_line_is_bad_is_played_on_a_device(field: str) -> None:
    on_devices = [wire for wire in _judged_faults("wire") if wire.target != UPLINK]
    assert any(getattr(wire, WRITTEN.get(field, field)) for wire in on_devices)


@pytest.mark.parametrize("field", BAD_LINES)
def test_every_way_in_which_a_line_is_bad_is_played_on_the_uplink(field: str) -> None:
    """Where nothing may be lost: what the criterion of the whole run says."""
    found = [
        fault
        for scenario in _scenarios()
        for fault in scenario.faults
        if isinstance(fault, Wire)
        and fault.target == UPLINK
        and "nothing lost" in scenario.criteria
    ]
    assert any(getattr(wire, WRITTEN.get(field, field)) for wire in found)


def _start(name: str, number: int, folder: Path) -> subprocess.Popen[str]:
    port = BASE_PORT + PORTS_A_RUN * number
    where = ("--dir", str(folder / name), "--base-port", str(port))
    return subprocess.Popen(
        [str(ORTSNETZ), "hil", "run", name, *where],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _play(names: Sequence[str], folder: Path) -> dict[str, list[str]]:
    """Play scenarios beside each other; the failed criteria of each, with what was seen."""
    running = {name: _start(name, number, folder) for number, name in enumerate(names)}
    failed = {}
    try:
        for name, process in running.items():
            said, _ = process.communicate(timeout=PLAYED_S)
            verdict = folder / name / "verdict.json"
            assert verdict.is_file(), f"{name} was not played to its end:\n{said}"
            failed[name] = _failed(json.loads(verdict.read_bytes()))
    finally:
        for process in running.values():
            if process.poll() is None:
                process.terminate()
                process.wait(timeout=30)
    return failed


def _failed(verdict: dict[str, Any]) -> list[str]:
    found = [f"{c['sentence']}: {c['words']}" for c in verdict["criteria"] if not c["passed"]]
    assert verdict["ok"] is not bool(found)
    return found


@pytest.fixture(scope="module")
def stepped(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    return _play(STEPPED, tmp_path_factory.mktemp("stepped"))


@pytest.mark.end_to_end
@pytest.mark.stepped
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", STEPPED)
def test_the_agent_reacts_to_what_goes_wrong(name: str, stepped: dict[str, list[str]]) -> None:
    assert stepped[name] == []


@pytest.mark.end_to_end
@pytest.mark.timeout(300)
def test_the_agent_lives_with_bad_wires(tmp_path: Path) -> None:
    assert _play([REAL], tmp_path)[REAL] == []
