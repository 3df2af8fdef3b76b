"""`make stress-61850`, for a few seconds: reads, reports and operates while connections are cut."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from stress_61850.running import run

pytestmark = pytest.mark.interop
SECONDS = 5.0


def test_every_operate_is_accounted_for_while_connections_are_cut(tmp_path: Path) -> None:
    assert asyncio.run(run(tmp_path, SECONDS, seed=3, mean_life_s=1.5)) == []
    said = json.loads((tmp_path / "stress.json").read_text())
    assert said["operates"]["confirmed"] > 0
    assert said["operates"]["refused"] > 0
    assert sum(said["cuts"].values()) > 3
    assert said["clients"]["reads"] > 0
    assert said["clients"]["reports"] > 0
    assert (tmp_path / "stress.png").stat().st_size > 1000
    assert "every operate is accounted for" in (tmp_path / "summary.txt").read_text()
