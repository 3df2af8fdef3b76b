"""What the demo promises before anything runs: clear words, nothing deleted, children watched."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_hil.bench import rundir
from ortsnetz_hil.bench.ports import require_free
from ortsnetz_hil.bench.resources import usage
from ortsnetz_hil.bench.supervision import Child


def until(condition: Callable[[], bool], deadline_s: float = 10.0) -> bool:
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def test_a_taken_port_is_named_with_its_purpose_and_the_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OrtsnetzError) as refusal:
            require_free(port, "the cockpit's page", "--cockpit-port")
    for part in (str(port), "the cockpit's page", "--cockpit-port"):
        assert part in str(refusal.value)
    require_free(port, "the cockpit's page", "--cockpit-port")


def test_a_directory_that_is_no_former_run_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(OrtsnetzError, match="not a former run"):
        rundir.create(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_former_run_is_emptied(tmp_path: Path) -> None:
    root = tmp_path / "run"
    run = rundir.create(root)
    run.network.write_text("old")
    assert not rundir.create(root).network.exists()


def test_a_failed_step_says_its_own_last_line() -> None:
    with pytest.raises(OrtsnetzError, match=r"step 'network import' failed: .*no-such-network"):
        rundir.ortsnetz("network", "import", "no-such-network", "-o", os.devnull)


def test_a_killed_child_is_started_again(tmp_path: Path) -> None:
    script = "import time; print('serving', flush=True); time.sleep(60)"
    child = Child("child", [sys.executable, "-c", script], tmp_path / "log", ready="serving")
    child.start()
    try:
        child.wait_ready(10)
        first = child.pid
        assert first is not None
        assert not child.keep_alive()
        os.kill(first, signal.SIGKILL)
        assert until(lambda: not child.alive)
        assert child.keep_alive()
        assert child.pid not in {None, first}
        assert child.restarts == 1
    finally:
        child.stop()
    assert not child.keep_alive()


def test_a_child_that_ends_before_it_is_ready_is_quoted(tmp_path: Path) -> None:
    child = Child(
        "cockpit",
        [sys.executable, "-c", "print('port 1 is taken'); raise SystemExit(3)"],
        tmp_path / "log",
        ready="serving",
    )
    child.start()
    with pytest.raises(OrtsnetzError, match="cockpit ended with code 3: port 1 is taken"):
        child.wait_ready(10)


def test_usage_of_this_process_is_seen_and_of_no_process_is_none() -> None:
    here = usage(os.getpid())
    assert here is not None
    assert here.resident_mb > 5
    assert usage(2**22 + 1) is None
