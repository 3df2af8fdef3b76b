"""The demo, run as its user runs it: one noon and one evening, judged from the plant's truth.

One run serves all sentences of this file; its seed and length are fixed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ORTSNETZ = Path(sys.executable).with_name("ortsnetz")
SECONDS = 90

pytestmark = pytest.mark.end_to_end


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    directory = tmp_path_factory.mktemp("demo") / "run"
    # ports off the defaults, so that a demo of the developer's own may go on
    return subprocess.run(
        [
            ORTSNETZ,
            "demo",
            *("--seconds", str(SECONDS), "--seed", "1", "--dir", str(directory)),
            *("--cockpit-port", "28440", "--broker-port", "28883", "--device-port", "25020"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS + 180,
        env={**os.environ, "NO_COLOR": "1"},
    )


@pytest.fixture(scope="module")
def summary(demo: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert demo.stdout.strip(), demo.stderr
    return json.loads(demo.stdout.strip().splitlines()[-1])


def test_the_loop_did_its_job(
    demo: subprocess.CompletedProcess[str], summary: dict[str, Any]
) -> None:
    assert summary["failed"] == []
    assert summary["ok"] is True
    assert demo.returncode == 0, demo.stderr


def test_without_the_limiter_the_evening_and_the_noon_are_violated(summary: dict[str, Any]) -> None:
    without = summary["without_limiter"]
    assert without["worst_transformer_loading"] > 1.05
    assert without["highest_u_pu"] > 1.05
    assert without["seconds_outside"] > 5


def test_with_the_limiter_nothing_stays_outside(summary: dict[str, Any]) -> None:
    within = summary["with_limiter"]
    assert within["longest_excursion_s"] <= summary["allowed_excursion_s"]
    assert within["seconds_outside"] < summary["without_limiter"]["seconds_outside"] / 4


def test_the_limiter_serves_more_than_uniform_scaling(summary: dict[str, Any]) -> None:
    assert summary["with_limiter"]["served_share"] > summary["uniform_scaling"]["served_share"]


def test_the_substation_is_a_mixed_one(summary: dict[str, Any]) -> None:
    assert summary["protocols"] == "mixed"
    assert summary["samples"]["devices"] > 0
    assert summary["reported"]["devices"] > 20
    assert set(summary["setpoints"]["accepted"]) == {"modbus", "dnp3", "opcua"}


def test_every_sample_that_a_device_counted_is_committed_once(summary: dict[str, Any]) -> None:
    samples = summary["samples"]
    assert samples["acquired"] > 100 * SECONDS
    assert samples["committed"] == samples["acquired"]
    assert samples["lost"] == 0
    assert samples["doubled"] == 0


def test_what_is_stored_of_reporting_devices_is_what_they_showed(summary: dict[str, Any]) -> None:
    reported = summary["reported"]
    assert reported["points"] >= reported["devices"] * 4
    assert reported["compared"] >= 5 * reported["points"]
    assert reported["committed"] > 100 * SECONDS
    assert reported["different"] == 0, reported["worst"]
    assert reported["unheard"] == 0


def test_limits_reach_devices_through_modbus_and_opc_ua_alike(summary: dict[str, Any]) -> None:
    setpoints = summary["setpoints"]
    assert setpoints["accepted"]["modbus"] > 10
    assert setpoints["accepted"]["opcua"] > 10
    assert setpoints["accepted"]["dnp3"] == 0, "a meter takes no limit"
    assert setpoints["confirmed"] == sum(setpoints["accepted"].values())


def test_no_floor_was_cut(summary: dict[str, Any]) -> None:
    assert summary["with_limiter"]["floor_violations"] == 0
