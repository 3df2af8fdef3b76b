"""A device under test that ends by itself ends the run; one that an event takes away comes back."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_hil.bench.judging import judged
from ortsnetz_hil.bench.options import Options, Ports
from ortsnetz_hil.bench.run import play
from ortsnetz_hil.scenarios import library, reader

BASE_PORT = 28_600
FOUND_S = 60.0

pytestmark = [pytest.mark.end_to_end, pytest.mark.stepped, pytest.mark.timeout(240)]


def _scenario(**change: object) -> tuple[object, object]:
    _, source = reader.read(library.find("clock-jump"))
    whole = {"time.seconds": 40, "connected.cockpit": False, "events": [], **change}
    return reader.apply_change(source, whole), source


def _agent_of(directory: Path) -> int:
    """Process id of the agent that runs on a bootstrap file."""
    wanted = str(directory / "agent" / "agent.json").encode()
    end = time.monotonic() + FOUND_S
    while time.monotonic() < end:
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    words = (entry / "cmdline").read_bytes().split(b"\0")
                except OSError:
                    continue
                if wanted in words and b"edge" in words:
                    return int(entry.name)
        time.sleep(0.02)
    raise AssertionError("the agent was not started")


def test_an_agent_that_is_killed_by_somebody_ends_the_run(tmp_path: Path) -> None:
    scenario, source = _scenario(**{"time.factor": 2.0})
    directory = tmp_path / "run"

    def kill() -> None:
        number = _agent_of(directory)
        log = directory / "logs" / "agent.log"
        while "agent: ready" not in log.read_text():
            time.sleep(0.05)
        os.kill(number, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(OrtsnetzError, match=r"(agent|plant) has ended by itself"):
        play(scenario, source, Options(directory, Ports(BASE_PORT)), lambda _: None)  # type: ignore[arg-type]
    killer.join(FOUND_S)


def test_an_agent_that_an_event_kills_is_back_when_an_event_starts_it(tmp_path: Path) -> None:
    """Its limits stay in force meanwhile: nothing is lost that it had, and no floor is cut."""
    scenario, source = _scenario(
        events=[{"at": "10 s", "kill": "agent"}, {"at": "15 s", "start": "agent"}],
        criteria=[
            "nothing lost",
            "no floor violated",
            "mode active within 20 s of start agent",
            "quality of meter-transformer good within 15 s after start agent",
        ],
    )
    directory = play(
        scenario,  # type: ignore[arg-type]
        source,  # type: ignore[arg-type]
        Options(tmp_path / "run", Ports(BASE_PORT)),
        lambda _: None,
    )
    verdict = judged(directory)
    assert [f"{one.sentence}: {one.words}" for one in verdict.criteria if not one.passed] == []
