"""Drivers that do what a driver must not do. Served by `drivers.remote.host` in tests."""

from __future__ import annotations

import asyncio
import math
import os
import time
from pathlib import Path
from typing import Any

from ortsnetz_common.measurement.point import Point, Unit
from ortsnetz_common.measurement.time import now_ns
from ortsnetz_edge.drivers.contract import (
    Diagnosis,
    Identity,
    LimitOnly,
    LimitResolution,
    Listener,
    Role,
    Scan,
    Source,
    SourcePoint,
    Watchdog,
)


def scan(*values: float | None) -> Scan:
    """A scan that has just been taken."""
    now = now_ns()
    return Scan(values, tuple(0 for _ in values), now, 0, now)


class Fine(LimitOnly):
    """One point, always 230 V; others differ from it in one thing."""

    resolution: LimitResolution | None = None

    def __init__(self, source: Source) -> None:
        self.source = source

    @property
    def points(self) -> tuple[SourcePoint, ...]:
        point = Point(f"{self.source.name}/MMXU1.PhV.phsA", Unit.VOLT, 7)
        return (SourcePoint(point, Role.VOLTAGE, 1, 0.0, 400.0),)

    async def scan(self) -> Scan:
        return scan(230.0)

    def subscribe(self, _listener: Listener) -> bool:
        return False

    async def write(self, _limit: float, _watchdog: Watchdog | None) -> None:
        return

    async def identify(self) -> Identity:
        return Identity("Fine")

    def diagnose(self) -> Diagnosis:
        return Diagnosis(True, 0, {}, None)

    async def stop(self) -> None:
        return


class Protocol:
    """What it does with a source depends on the source's name up to its first `-`."""

    def __init__(self, environment: Any) -> None:
        self._environment = environment

    def validate(self, _source: Source) -> tuple[str, ...]:
        return ()

    def open(self, source: Source) -> Fine:
        return KINDS[source.name.split("-")[0]](source)

    def probe(self, _connection: Any) -> Any:
        raise NotImplementedError


class Blocking(Fine):
    """Holds the whole process up."""

    async def scan(self) -> Scan:
        time.sleep(3600)  # noqa: ASYNC251 - the point of it
        return scan(1.0)


class Waiting(Fine):
    """Never answers, and lets the others work."""

    async def scan(self) -> Scan:
        await asyncio.Event().wait()
        return scan(1.0)


class Mistaken(Fine):
    async def scan(self) -> Scan:
        return scan(1 / 0)


class Leaking(Fine):
    kept: list[bytearray] = []  # noqa: RUF012

    async def scan(self) -> Scan:
        self.kept.append(bytearray(os.urandom(1024)) * (20 * 1024))
        return scan(230.0)


class Short(Fine):
    async def scan(self) -> Scan:
        return scan()


class NoNumber(Fine):
    async def scan(self) -> Scan:
        return scan(math.nan)


class Flooding(Fine):
    """Reports as fast as the loop lets it, in bursts of 500, until it is stopped or at 60,000."""

    sent = 0

    def subscribe(self, listener: Listener) -> bool:
        self.task = asyncio.get_running_loop().create_task(self._flood(listener))
        return True

    async def _flood(self, listener: Listener) -> None:
        while self.sent < 60_000:
            for _ in range(500):
                self.sent += 1
                listener(scan(float(self.sent % 400)))
            await asyncio.sleep(0.05)

    async def stop(self) -> None:
        self.task.cancel()


class Changing(Fine):
    """Has one point more with each start; counts them in the file that CHANGING names."""

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        path = Path(os.environ["CHANGING"])
        self.starts = len(path.read_text()) + 1 if path.exists() else 1
        path.write_text("x" * self.starts)

    @property
    def points(self) -> tuple[SourcePoint, ...]:
        return super().points * self.starts

    async def scan(self) -> Scan:
        return scan(*[230.0] * self.starts)


KINDS = {
    "changing": Changing,
    "fine": Fine,
    "blocking": Blocking,
    "waiting": Waiting,
    "mistaken": Mistaken,
    "leaking": Leaking,
    "short": Short,
    "nan": NoNumber,
    "flooding": Flooding,
}
