"""A charge point behind a DNP3 RTU, by py1815, that can be cut like the others."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from dnp3_bench import HandClock, HandDevice, owner

from fail_safe.charge_point import ChargePoint
from fail_safe.modbus_field import HOST, Shows
from ortsnetz_hil.servers.commands import FALLBACK_TIME, LIMIT, Commands
from ortsnetz_hil.servers.dnp3_station import Dnp3Station
from ortsnetz_hil.servers.instrument import Measured
from ortsnetz_hil.servers.registers import Stamp

LOOK_S = 0.2


class RealClock(HandClock):
    """The machine's own."""

    def now_s(self) -> float:
        """Seconds that never jump."""
        return time.monotonic()


class Registers:
    """The three outputs of a charge point; fulfils `servers.commands.Settings`."""

    count = 3

    def __init__(self, of: ChargePoint) -> None:
        self._of = of

    def values(self) -> list[int]:
        """Limit, fall-back time and fall-back in force."""
        return [self._of.limit_a, self._of.fallback_after_s, self._of.fallback_a]

    def check(self, place: int, value: int) -> None:
        """It takes everything."""

    def put(self, place: int, value: int, now_s: float) -> None:
        """Take a value."""
        del now_s
        if place == LIMIT:
            self._of.write(value)
        elif place == FALLBACK_TIME:
            self._of.watch(value)
        else:
            self._of.fallback_a = value

    def keep(self, now_s: float) -> None:
        """Nothing that this bench needs."""

    def restart(self) -> None:
        """Nothing that this bench needs."""


class Bay(HandDevice):
    """The charge point as its RTU sees it."""

    of: ChargePoint

    def image(self, _: Measured, __: Stamp) -> list[int]:
        """State C, the limit in tenths, what the car asks for in tenths; and what nobody reads."""
        return [3, 10 * self.of.limit_a, 10 * self.of.wish_a, *[0] * 22]


class Rtu:
    """The RTU with its one charge point; the port stays the same when it comes back."""

    def __init__(self, of: ChargePoint, shows: Shows, directory: Path) -> None:
        clock = RealClock()
        self._bay = Bay(of.name, "ev-controller", clock, commands=Commands(2000, Registers(of)))
        self._bay.of, self._shows, self._clock = of, shows, clock
        self._look()
        directory.mkdir(parents=True, exist_ok=True)
        self._station = Dnp3Station([owner(self._bay, directory)], name="rtu-1")
        self._task: asyncio.Task[None] | None = None
        self.port = 0

    async def connect(self) -> None:
        """Listen, again at the same port if it was cut."""
        if self._task is None:
            await self._station.start(HOST, 0)
            self.port = self._station.port or 0
            self._task = asyncio.create_task(self._live())
        else:
            await self._station.come_back()

    async def cut(self) -> None:
        """Reset all connections and close the port."""
        await self._station.stop()

    async def _live(self) -> None:
        while True:
            self._look()
            self._station.tick(self._clock.now_s())
            await asyncio.sleep(LOOK_S)

    def _look(self) -> None:
        volts, phase_w = self._shows()
        self._bay.set(volts, 3 * phase_w)
        self._bay.scene.step = cast("Any", SimpleNamespace(now_s=self._clock.now_s()))
