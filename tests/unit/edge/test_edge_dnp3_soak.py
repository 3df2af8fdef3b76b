"""Many disconnections in a few seconds leave neither tasks nor files nor memory behind."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest
from dnp3_soak import soak

from ortsnetz_edge.drivers.dnp3 import station

DISCONNECTIONS = 100


def test_disconnections_leave_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(station, "BACKOFF_FIRST_S", 0.005)
    monkeypatch.setattr(station, "BACKOFF_CAP_S", 0.02)
    logging.disable(logging.CRITICAL)  # what pytest keeps of the log would count as growth
    try:
        run = soak(tmp_path, disconnections=DISCONNECTIONS)
        soaked = asyncio.run(asyncio.wait_for(run, 120))
    finally:
        logging.disable(logging.NOTSET)
    assert soaked.answers >= 3 * DISCONNECTIONS
    assert soaked.failures > DISCONNECTIONS / 4  # it did lose its station
    # a connection that is just being closed may still have its task and its file
    assert soaked.late.tasks <= soaked.early.tasks + 4
    assert soaked.late.files <= soaked.early.files + 4
    # what each disconnection leaves: less than a hundredth of a connection's own buffers
    growth = (soaked.late.octets - soaked.early.octets) / (0.9 * DISCONNECTIONS)
    assert growth < 500, f"{growth:.0f} octets a disconnection"
