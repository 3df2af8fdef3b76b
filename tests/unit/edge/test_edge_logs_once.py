"""A device that is lost is said to be lost once, and once to be back; for all protocols alike."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter

import pytest
from modbus_peers.scripted import ScriptedServer, ScriptedUnit, bench_identity, words

from ortsnetz_common.link.messages import Setpoint, SetpointSource
from ortsnetz_common.parameters.station import Connection
from ortsnetz_edge.acquisition.image import NextImage
from ortsnetz_edge.acquisition.scanner import Scanner
from ortsnetz_edge.clock import WallClock
from ortsnetz_edge.control.device import Write
from ortsnetz_edge.control.writing import write_all, write_notices
from ortsnetz_edge.drivers.contract import Driver, Source
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.drivers.modbus.protocol import ModbusTcp

CYCLE_S = 16.0  # longer than any back-off


class CycleClock(WallClock):
    def __init__(self) -> None:
        self.now_s = 0.0

    def monotonic(self) -> float:
        return self.now_s


def charger() -> ScriptedUnit:
    unit = ScriptedUnit()
    unit.holding.update(bench_identity("ev-controller"))
    unit.put(1000, [1] * 18 + words("I", 50) + words("Q", 1) + [0])
    unit.put(2000, [0, 0, 0])
    return unit


def write() -> Write:
    setpoint = Setpoint("ev-1", 4140.0, SetpointSource.SAFETY, "for a test")
    return Write("ev-1", 10.0, None, setpoint, changed=True)


def test_months_without_a_device_are_two_lines(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ortsnetz_edge")

    async def check() -> None:
        clock, server = CycleClock(), ScriptedServer({1: charger()})
        await server.start()
        where = Connection("modbus-tcp", "127.0.0.1", server.port, 1, 0.1)
        protocol = ModbusTcp(Environment(clock))
        driver: Driver = protocol.open(Source("ev-1", "ev-controller", where, 1, 3, rated_w=11e3))
        drivers = {"ev-1": driver}
        image = NextImage({"ev-1": driver.points}, stale_after_s=2 * CYCLE_S)
        scanner = Scanner(drivers, image, clock.monotonic)
        notices, counters = write_notices(), Counter[str]()

        async def cycles(number: int) -> None:
            for cycle in range(number):
                clock.now_s += CYCLE_S
                await scanner.scan(5.0, everybody=True)
                image.freeze(cycle, clock.now_ns(), now=clock.now_s)
                await write_all([write()], drivers, counters, deadline_s=5.0, notices=notices)

        unit = server.units[1]
        for _ in range(3):
            unit.put(1018, words("I", unit.holding[1019] + 1))
            await cycles(1)
        assert caplog.messages == []
        await server.stop()
        await cycles(30)
        assert counters["setpoints_failed"] == 30
        again = ScriptedServer({1: unit})
        await again.start(server.port)
        for _ in range(3):
            unit.put(1018, words("I", unit.holding[1019] + 1))
            await cycles(1)
        await driver.stop()
        await again.stop()

    asyncio.run(asyncio.wait_for(check(), 30))
    lost, back = (text for name, _, text in caplog.record_tuples if name.startswith("ortsnetz"))
    assert lost.startswith("'ev-1' is lost: 127.0.0.1:")
    assert lost.endswith("no connection: Connection refused")
    assert back == "'ev-1' is back"


def test_a_device_that_refuses_its_setpoint_is_said_to_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "ortsnetz_edge")

    async def check() -> None:
        unit = charger()
        server = ScriptedServer({1: unit})
        await server.start()
        where = Connection("modbus-tcp", "127.0.0.1", server.port, 1, 0.5)
        driver = ModbusTcp().open(Source("ev-1", "ev-controller", where, 1, 3, rated_w=11e3))
        notices, counters = write_notices(), Counter[str]()
        for refused in ({}, {6: 3}, {6: 3}, {6: 3}, {}, {}):
            unit.refuses = dict(refused)
            await write_all([write()], {"ev-1": driver}, counters, deadline_s=5.0, notices=notices)
        assert counters == {"setpoints_late": 0, "setpoints_failed": 3, "setpoints_written": 3}
        await driver.stop()
        await server.stop()

    asyncio.run(asyncio.wait_for(check(), 30))
    assert [text.split(":")[0] for text in caplog.messages] == [
        "'ev-1' does not take its setpoint",
        "'ev-1' takes its setpoint again",
    ]
