"""SIGKILL to agent, broker and cockpit in the middle: all come back, nothing is lost or doubled.

One demo run is the victim; the kills come one after the other while it acquires, limits and sends.
In its evening peak the transformer meter falls silent for some seconds.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

ORTSNETZ = Path(sys.executable).with_name("ortsnetz")
SECONDS = 100
KILLS = {"agent": 25, "broker": 40, "cockpit": 52}
SILENT_S = (65, 80)
NOTICED_S = 2.5  # two scan intervals and what is under way

pytestmark = pytest.mark.chaos


def _wait_for(path: Path, demo: subprocess.Popen[str], deadline_s: float) -> dict[str, Any]:
    end = time.monotonic() + deadline_s
    while time.monotonic() < end and demo.poll() is None:
        if path.exists():
            return json.loads(path.read_text())
        time.sleep(0.2)
    demo.terminate()
    out, err = demo.communicate(timeout=60)
    raise AssertionError(f"{path.name} did not appear: {out}\n{err}")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("chaos") / "run"


@pytest.fixture(scope="module")
def aftermath(directory: Path) -> dict[str, Any]:
    demo = subprocess.Popen(
        [
            ORTSNETZ,
            "demo",
            *("--seconds", str(SECONDS), "--seed", "2", "--dir", str(directory)),
            *("--silent", f"meter-transformer@{SILENT_S[0]}-{SILENT_S[1]}"),
            *("--cockpit-port", "28441", "--broker-port", "28884", "--device-port", "25220"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        processes = directory / "processes.json"
        began = _wait_for(processes, demo, 120)["began"]
        for victim, after_s in KILLS.items():
            time.sleep(max(0.0, began + after_s - time.time()))
            pid = json.loads(processes.read_text())["pids"][victim]
            os.kill(pid, signal.SIGKILL)
        out, err = demo.communicate(timeout=SECONDS + 120)
    finally:
        if demo.poll() is None:
            demo.terminate()
            demo.wait(60)
    assert out.strip(), err
    return json.loads(out.strip().splitlines()[-1])


def test_each_victim_came_back_once(aftermath: dict[str, Any]) -> None:
    assert aftermath["restarts"] == {"broker": 1, "cockpit": 1, "plant": 0, "agent": 1}


def test_nothing_that_was_journalled_is_lost_or_doubled(aftermath: dict[str, Any]) -> None:
    assert aftermath["samples"]["doubled"] == 0
    assert aftermath["samples"]["journal_lost"] == 0


def test_a_killed_agent_costs_at_most_the_scan_it_had_in_its_hands(
    aftermath: dict[str, Any],
) -> None:
    # a read that the device had answered when the process died cannot be in any journal
    assert aftermath["samples"]["lost_reads_per_device_at_most"] <= 1


def test_limits_held_through_it_all(aftermath: dict[str, Any]) -> None:
    within = aftermath["with_limiter"]
    assert within["floor_violations"] == 0
    # a restarting agent keeps the limits in force; new arrivals may overload until it is back
    assert within["longest_excursion_s"] <= aftermath["allowed_excursion_s"] + 10


def test_a_lost_transformer_meter_lifts_no_limit(
    directory: Path, aftermath: dict[str, Any]
) -> None:
    began = json.loads((directory / "processes.json").read_text())["began"]
    lines = (directory / "plant" / "setpoints.jsonl").read_text().splitlines()
    writes = [json.loads(line) for line in lines]
    assert aftermath["samples"]["acquired"] > 0

    def between(first_s: float, last_s: float) -> list[dict[str, Any]]:
        return [w for w in writes if first_s <= w["time_ns"] / 1e9 - began <= last_s]

    blind = between(SILENT_S[0] + NOTICED_S, SILENT_S[1])
    assert blind, "limits in force are written again, to feed the devices' watchdogs"
    assert [w for w in blind if w["value"] > w["before"]] == []
    after = between(SILENT_S[1], SECONDS)
    assert any(w["value"] > w["before"] for w in after), "limits are raised again afterwards"
