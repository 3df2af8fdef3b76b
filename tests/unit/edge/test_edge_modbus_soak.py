"""Thousands of lost connections leave neither tasks nor files nor memory behind."""

from __future__ import annotations

import asyncio
import gc
import logging
import random
import tracemalloc
from dataclasses import dataclass
from pathlib import Path

from modbus_peers.scripted import ScriptedServer, ScriptedUnit, bench_identity, words

from ortsnetz_common.parameters.station import Connection
from ortsnetz_edge.clock import WallClock
from ortsnetz_edge.drivers.contract import DriverError, Scan, Source, Watchdog
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.drivers.modbus.driver import ModbusDriver
from ortsnetz_edge.drivers.modbus.protocol import ModbusTcp

WARM, MORE = 150, 600
"""Disconnections before the first look, and until the second."""
DEADLINE_S = 60.0


class Eager(WallClock):
    """Time flies between two requests: no back-off holds the soak up."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def monotonic(self) -> float:
        self.now_s += 20.0
        return self.now_s


@dataclass(frozen=True)
class Held:
    """What the process holds."""

    tasks: int
    files: int
    octets: int

    @classmethod
    def now(cls) -> Held:
        gc.collect()
        octets = tracemalloc.get_traced_memory()[0]
        return cls(len(asyncio.all_tasks()), len(list(Path("/proc/self/fd").iterdir())), octets)


class Unseen(list[bytes]):
    """The peer must not remember requests either."""

    def append(self, item: bytes) -> None:
        del item


def charger() -> ScriptedUnit:
    unit = ScriptedUnit(seen=Unseen())
    unit.holding.update(bench_identity("ev-controller"))
    unit.put(1000, [1] * 18 + words("I", 50) + words("Q", 1) + [0])
    unit.put(2000, [0, 0, 0])
    return unit


class Soak:
    """A charge point that is read and written while its connection is ended in all ways."""

    def __init__(self, server: ScriptedServer, driver: ModbusDriver) -> None:
        self.answers = self.failures = 0
        self._server, self._driver = server, driver
        self._chance = random.Random(5)

    async def disconnections(self, number: int) -> None:
        for _ in range(number):
            await self._work()
            self._lose()
            await self._work()
            self._server.raw = None

    def _lose(self) -> None:
        way = self._chance.randrange(4)
        if way == 0:
            self._server.raw = lambda _: self._chance.randbytes(40)
        elif way == 1:
            self._server.raw = lambda request: request[:2] + b"\0\0\0\3\1\x83\x06"  # busy
        elif way == 2:
            for writer in list(self._server._writers):
                writer.transport.abort()
        else:
            for writer in list(self._server._writers):
                writer.close()

    async def _work(self) -> None:
        for call in (self._driver.scan(), self._driver.write(10.0, Watchdog(60.0, 7.0))):
            try:
                outcome = await call
            except DriverError:
                self.failures += 1
            else:
                self.answers += isinstance(outcome, Scan)


def test_lost_connections_leave_nothing_behind() -> None:
    async def check() -> tuple[Held, Held, Soak]:
        server = ScriptedServer({1: charger()})
        await server.start()
        where = Connection("modbus-tcp", "127.0.0.1", server.port, 1, 0.5)
        protocol = ModbusTcp(Environment(Eager()))
        driver = protocol.open(Source("ev-1", "ev-controller", where, 1, 3, rated_w=11e3))
        soak = Soak(server, driver)
        await soak.disconnections(WARM)
        early = Held.now()
        await soak.disconnections(MORE)
        late = Held.now()
        await driver.stop()
        await server.stop()
        return early, late, soak

    logging.disable(logging.CRITICAL)  # what pytest keeps of the log would count as growth
    tracemalloc.start()
    try:
        early, late, soak = asyncio.run(asyncio.wait_for(check(), DEADLINE_S))
    finally:
        tracemalloc.stop()
        logging.disable(logging.NOTSET)
    assert soak.answers > MORE
    assert soak.failures > MORE / 4
    # a connection that is just being closed may still have its task and its file
    assert late.tasks <= early.tasks + 2
    assert late.files <= early.files + 2
    growth = (late.octets - early.octets) / MORE
    assert growth < 50, f"{growth:.0f} octets a disconnection"
