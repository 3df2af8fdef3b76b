"""The scenarios of the bench: the agent passes each, and each is proved able to fail.

All but one are played as they are. The hour without a cockpit is played in seven minutes here, with
a calendar as much faster; `make scenarios` plays it, and everything else, in full.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from ortsnetz_common.files.yaml_source import Source
from ortsnetz_hil.bench import rundir
from ortsnetz_hil.bench.judging import judged
from ortsnetz_hil.bench.options import Options, Ports
from ortsnetz_hil.bench.preparing import prepare_run
from ortsnetz_hil.bench.proving import prove_one
from ortsnetz_hil.bench.run import play
from ortsnetz_hil.scenarios import library, reader
from ortsnetz_hil.scenarios.schema import Proof, Scenario
from ortsnetz_hil.verdict import truth_file
from ortsnetz_hil.verdict.judgement import Verdict

pytestmark = [pytest.mark.end_to_end, pytest.mark.stepped, pytest.mark.timeout(300)]

BASE_PORT = 29_000
EIGHT = (
    "evening-ev-peak",
    "pv-noon-with-clouds",
    "unbalanced-single-phase-charging",
    "mv-voltage-step",
    "transformer-meter-lost-in-the-peak",
    "device-ignores-its-setpoint",
    "cockpit-gone-for-an-hour",
    "clock-jump",
)
SHORTER: dict[str, dict[str, object]] = {
    "cockpit-gone-for-an-hour": {
        "time.seconds": 420,
        "time.calendar_factor": 9,
        "events[1].at": "360 s",
    }
}
ONE_EACH = {
    "an agent that writes nothing",
    "an agent with a band three times too wide",
    "an agent with ratings five times too high",
    "an agent that takes a minute-old value for fresh",
    "the device obeys, another one ignores its setpoints",
    "an agent that dies with what it holds",
    "a node that loses its meter when the clock jumps",
}
"""Sabotages that are played here, the one that a scenario is for; `make scenarios` plays all."""

Read = tuple[Scenario, Source]
Where = Callable[[str], Options]


def _read(name: str) -> Read:
    scenario, source = reader.read(library.find(name))
    return scenario, source


SABOTAGES = [
    (name, [proof for proof in _read(name)[0].proofs if proof.name in ONE_EACH][-1])
    for name in EIGHT
]


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> Where:
    """Options of a run in a directory of its own; imported networks are shared."""
    networks = tmp_path_factory.mktemp("networks")

    def options(name: str) -> Options:
        directory = tmp_path_factory.mktemp(name) / "run"
        return Options(directory, Ports(BASE_PORT), networks=networks)

    return options


def _silent(line: str) -> None:
    del line


@pytest.fixture(scope="module")
def passed() -> dict[str, tuple[Verdict, Path]]:
    """Runs of the sound scenarios, for tests that look at one of them again."""
    return {}


def _played(name: str, options: Options) -> tuple[Verdict, Path]:
    scenario, source = _read(name)
    if name in SHORTER:
        scenario = reader.apply_change(source, SHORTER[name])
    directory = play(scenario, source, options, _silent)
    return judged(directory), directory.root


def _complaints(verdict: Verdict) -> list[str]:
    return [f"{one.sentence}: {one.words}" for one in verdict.criteria if not one.passed]


def test_the_library_holds_the_eight() -> None:
    assert set(EIGHT) <= set(library.names())


@pytest.mark.parametrize("name", EIGHT)
def test_the_agent_passes(name: str, where: Where, passed: dict[str, tuple[Verdict, Path]]) -> None:
    verdict, root = passed[name] = _played(name, where(name))
    assert _complaints(verdict) == []
    assert verdict.ok
    for file in ("verdict.json", "report.html", "junit.xml"):
        assert (root / file).stat().st_size > 0


@pytest.mark.parametrize(("name", "proof"), SABOTAGES, ids=lambda v: getattr(v, "name", v))
def test_the_scenario_notices(name: str, proof: Proof, where: Where) -> None:
    _, source = _read(name)
    proved = prove_one(proof, source, where("sabotage"), _silent)
    assert proved.missed == ()


@pytest.mark.parametrize("name", EIGHT)
def test_every_scenario_has_a_sabotage(name: str) -> None:
    assert _read(name)[0].proofs


@pytest.mark.parametrize("name", ["mixed-substation-gone-wrong"])
def test_the_same_file_and_seed_give_the_same_trajectory_and_verdict(
    name: str, where: Where, passed: dict[str, tuple[Verdict, Path]]
) -> None:
    """Scenarios with lost requests and back-off: what a busy machine would change first."""
    first, here = passed.get(name) or _played(name, where(name))
    second, there = _played(name, where(name))
    assert first.same_as(second)
    rows = [truth_file.read(root / "plant", voltages=True) for root in (here, there)]
    assert len(rows[0]) == len(rows[1]) > 500
    for one, other in zip(*rows, strict=True):
        for field in one.__dataclass_fields__:
            a, b = getattr(one, field), getattr(other, field)
            assert str(a) == str(b) if isinstance(a, float | int) else (a.tobytes() == b.tobytes())


def test_another_seed_is_another_evening(where: Where) -> None:
    _, source = _read("clock-jump")
    changed = reader.apply_change(source, {"seed": 2})
    options = where("seed-2")
    plants = []
    for scenario in (_read("clock-jump")[0], changed):
        directory = rundir.create(options.directory)
        prepared = prepare_run(scenario, source, options, directory, "127.0.0.1")
        plants.append(msgspec.json.encode(prepared.plant.charge_points))
    assert plants[0] != plants[1]
