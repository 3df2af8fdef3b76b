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


def test_every_sample_that_a_device_served_is_committed_once(summary: dict[str, Any]) -> None:
    samples = summary["samples"]
    assert samples["acquired"] > 100 * SECONDS
    assert samples["committed"] == samples["acquired"]
    assert samples["lost"] == 0
    assert samples["doubled"] == 0


def test_no_floor_was_cut(summary: dict[str, Any]) -> None:
    assert summary["with_limiter"]["floor_violations"] == 0
