"""Many disconnections in a few seconds leave neither tasks nor files nor memory behind."""

from __future__ import annotations

import asyncio
import logging

import pytest
from opcua_soak import soak

DISCONNECTIONS = 30


def test_disconnections_leave_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ortsnetz_edge.drivers.opcua.session.BACKOFF_FIRST_S", 0.005)
    monkeypatch.setattr("ortsnetz_edge.drivers.opcua.session.BACKOFF_CAP_S", 0.02)
    monkeypatch.setattr("ortsnetz_edge.drivers.opcua.protocol.CONNECT_AT_LEAST_S", 0.3)
    logging.disable(logging.CRITICAL)  # what pytest keeps of the log would count as growth
    try:
        soaked = asyncio.run(asyncio.wait_for(soak(DISCONNECTIONS), 120))
    finally:
        logging.disable(logging.NOTSET)
    assert soaked.answers >= 2 * DISCONNECTIONS
    assert soaked.failures > DISCONNECTIONS / 4  # it did lose its server
    assert soaked.resumed
    assert soaked.renewed
    assert soaked.late.tasks <= soaked.early.tasks
    assert soaked.late.files <= soaked.early.files + 2
    growth = (soaked.late.octets - soaked.early.octets) / (0.9 * DISCONNECTIONS)
    assert growth < 500, f"{growth:.0f} octets a disconnection"
