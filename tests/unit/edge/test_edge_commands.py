"""`ortsnetz edge`: what a technician types and sees."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from ortsnetz_edge.commands import describe, edge
from ortsnetz_edge.status import SourceStatus, Status, write_status

PROGRAM = str(Path(sys.executable).with_name("ortsnetz"))
STATUS = Status(
    node="ons-1",
    pid=os.getpid(),
    time_ns=1_790_000_000_000_000_000,
    cycle=7,
    mode="active",
    reason="the state is verified",
    cycle_ms=123.4,
    scan_ms=15.0,
    state_age_s=0.1,
    worst_loading=0.83,
    uplink_online=True,
    epoch="e",
    journal_backlog=3,
    journal_bytes=2_000_000,
    alarms=("device-lost/pv-02: pv-02 does not answer",),
    sources=(
        SourceStatus(
            name="meter-1",
            profile="meter-feeder",
            address="h:1/1",
            quality="good",
            age_s=0.1,
            failure=None,
            active_w=12_345.0,
            connected=True,
            answers=9,
            failures={},
        ),
        SourceStatus(
            name="ev-01",
            profile="ev-controller",
            address="h:2/1",
            quality="good",
            age_s=0.1,
            failure=None,
            active_w=6_800.0,
            connected=True,
            answers=9,
            failures={},
            limit_w=6_900.0,
            reason="limited to 6.9 of 11.0 kW: transformer at 98 %",
        ),
        SourceStatus(
            name="pv-02",
            profile="pv-inverter",
            address="h:3/1",
            quality="invalid",
            age_s=None,
            failure="no connection",
            active_w=None,
            connected=False,
            answers=0,
            failures={"unreachable": 3},
        ),
        SourceStatus(
            name="oltc",
            profile="tap-changer",
            address="h:4/1",
            quality="good",
            age_s=0.1,
            failure=None,
            active_w=None,
            connected=True,
            answers=9,
            failures={},
            set_points={"voltage": 1.0125},
        ),
        SourceStatus(
            name="pv-03",
            profile="pv-inverter",
            address="h:5/1",
            quality="good",
            age_s=0.1,
            failure=None,
            active_w=-9_000.0,
            connected=True,
            answers=9,
            failures={},
            limit_w=10_000.0,
            reason="no limit needed",
            set_points={"reactive_power": 2_180.0},
        ),
    ),
    counters={"reads": 21},
)


def agent_file(directory: Path) -> Path:
    (directory / "data").mkdir()
    path = directory / "agent.json"
    path.write_text(
        json.dumps(
            {
                "node": "ons-1",
                "data_dir": "data",
                "parameters": "p",
                "trust_anchor": "t",
                "network": "n",
                "broker": {"host": "127.0.0.1", "port": 1, "tls": None},
            }
        )
    )
    return path


def test_status_shows_mode_devices_limits_with_reasons_and_the_journal(tmp_path: Path) -> None:
    path = agent_file(tmp_path)
    write_status(tmp_path / "data", STATUS)
    shown = CliRunner().invoke(edge, ["status", str(path)])
    assert shown.exit_code == 0
    for text in ("mode active", "worst loading 83%", "3 records", "12.35", "6.90", "no connection"):
        assert text in shown.output
    assert "limited to 6.9 of 11.0 kW: transformer at 98 %" in shown.output
    assert "never" in shown.output


def test_status_shows_reactive_power_and_set_points_of_tap_changers() -> None:
    lines = describe(STATUS, age_s=0.1, alive=True)
    (oltc,) = [line for line in lines if line.startswith("oltc")]
    assert oltc.endswith("good; voltage set point 1.012 pu")
    (pv,) = [line for line in lines if line.startswith("pv-03")]
    assert pv.endswith("no limit needed; told 2.18 kvar (inductive consumption positive)")


def test_status_as_json_is_the_file(tmp_path: Path) -> None:
    path = agent_file(tmp_path)
    write_status(tmp_path / "data", STATUS)
    shown = CliRunner().invoke(edge, ["status", str(path), "--json"])
    assert json.loads(shown.output)["sources"][1]["limit_w"] == 6900.0


def test_a_dead_agent_and_a_hung_one_are_said_to_be_so() -> None:
    assert any("NOT running" in line for line in describe(STATUS, age_s=60, alive=False))
    assert any("not finished a cycle" in line for line in describe(STATUS, age_s=60, alive=True))
    assert not any("not" in line for line in describe(STATUS, age_s=1, alive=True)[:3])


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, "edge", *arguments], capture_output=True, text=True, check=False, timeout=60
    )


def test_a_mistake_ends_in_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    path = tmp_path / "agent.json"
    path.write_text("{")
    for command in ("run", "status"):
        done = run(command, str(path))
        assert done.returncode == 2
        assert "not an agent's bootstrap file" in done.stderr
        assert "Traceback" not in done.stderr
    assert "cannot be read" in run("run", str(tmp_path / "none.json")).stderr


def test_status_before_the_first_run_says_so(tmp_path: Path) -> None:
    done = run("status", str(agent_file(tmp_path)))
    assert done.returncode == 2
    assert "has the agent been running?" in done.stderr
