"""The device under test may be a host of its own: only configuration differs (requirement O06).

A network namespace with a cable to the bench is that host: it has its own addresses, routes and
loopback, and reaches nothing but what the bench offers at its address.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ortsnetz_hil.bench import namespace as namespaces
from ortsnetz_hil.bench.judging import judge_files, judged
from ortsnetz_hil.bench.namespace import Namespace
from ortsnetz_hil.bench.options import Options, Ports
from ortsnetz_hil.bench.run import play
from ortsnetz_hil.scenarios import library, reader
from ortsnetz_hil.verdict import truth_file
from ortsnetz_hil.verdict.judgement import Verdict

ORTSNETZ = str(Path(sys.executable).with_name("ortsnetz"))
BASE_PORT = 28_100
READY_S = 60.0
SHORT = {"time.seconds": 30, "connected.cockpit": False, "events": [], "proofs": []}

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.timeout(240),
    pytest.mark.skipif(os.geteuid() != 0, reason="a network namespace needs root"),
    pytest.mark.skipif(
        shutil.which("ip", path="/usr/sbin:/sbin:/usr/bin:/bin") is None,
        reason="a network namespace needs the command ip (iproute2)",
    ),
]


def _played(change: dict[str, object], where: Path) -> tuple[Verdict, Path]:
    _, source = reader.read(library.find("clock-jump"))
    scenario = reader.apply_change(source, {k: v for k, v in change.items() if k != "proofs"})
    directory = play(scenario, source, Options(where, Ports(BASE_PORT)), lambda _: None)
    return judged(directory), directory.root


@pytest.mark.stepped
def test_an_agent_on_a_host_of_its_own_lives_through_the_same_evening(tmp_path: Path) -> None:
    here, near = _played(SHORT, tmp_path / "here")
    there, far = _played({**SHORT, "connected.namespace": True}, tmp_path / "there")
    assert here.failed == there.failed
    assert there.connected.namespace
    rows = [truth_file.read(root / "plant", voltages=True) for root in (near, far)]
    assert len(rows[0]) == len(rows[1]) > 100
    assert all(
        one.device_w.tobytes() == other.device_w.tobytes()
        and one.node_u_pu.tobytes() == other.node_u_pu.tobytes()
        for one, other in zip(*rows, strict=True)
    )


@pytest.fixture
def host() -> Iterator[Namespace]:
    space = namespaces.create()
    yield space
    space.remove()


def test_a_box_that_the_bench_did_not_start_is_judged_like_any_other(
    host: Namespace, tmp_path: Path
) -> None:
    """Somebody carries the agent's files to a host of its own and starts it there, in real time."""
    _, source = reader.read(library.find("clock-jump"))
    criteria = ["nothing lost", "no floor violated", "quality of meter-transformer good after 5 s"]
    scenario = reader.apply_change(
        source,
        {
            "time.mode": "real",
            "time.seconds": 12,
            "events": [],
            "criteria": criteria,
            "connected.device_under_test": "external",
            "connected.cockpit": False,
            "connected.address": host.bench,
        },
    )
    said: list[str] = []
    options = Options(tmp_path / "run", Ports(BASE_PORT), start_in_s=9.0)
    bench = threading.Thread(target=play, args=(scenario, source, options, said.append))
    bench.start()
    try:
        _wait(lambda: any("may know lies in" in line for line in said), bench)
        box = tmp_path / "box"
        shutil.copytree(tmp_path / "run" / "agent", box / "agent")
        with (box / "agent.log").open("wb") as log:
            agent = subprocess.Popen(
                host.command([ORTSNETZ, "edge", "run", str(box / "agent" / "agent.json")]),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            bench.join(120)
        finally:
            agent.terminate()
            agent.wait(30)
    finally:
        bench.join(120)
    assert not bench.is_alive()
    verdict = judge_files(tmp_path / "run")
    reads = {one.sentence: one for one in verdict.criteria}
    assert reads["quality of meter-transformer good after 5 s"].passed, (
        box / "agent.log"
    ).read_text()
    assert reads["no floor violated"].passed
    assert verdict.connected.device_under_test == "external"


def _wait(condition: Callable[[], bool], bench: threading.Thread) -> None:
    end = time.monotonic() + READY_S
    while not condition():
        assert bench.is_alive(), "the bench has ended"
        assert time.monotonic() < end
        time.sleep(0.1)
