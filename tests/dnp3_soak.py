"""A master and a station that lose each other again and again: what is left behind.

`soak` can be driven for seconds by a test and for minutes by hand or by a target of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import random
import tracemalloc
from dataclasses import dataclass
from pathlib import Path

from dnp3_bench import HOST, Bench, ev, feeder

from ortsnetz_common.drivers.values import DriverError, Watchdog
from ortsnetz_edge.drivers.dnp3.driver import Dnp3Driver
from ortsnetz_edge.drivers.dnp3.protocol import Dnp3Tcp


@dataclass(frozen=True)
class Left:
    """What there is at an instant, after everything has settled."""

    tasks: int
    files: int
    octets: int


@dataclass(frozen=True)
class Soaked:
    """How a soak went.

    Attributes:
        early: after a tenth of the disconnections.
        late: at the end.
        answers, failures: of all drivers.
    """

    disconnections: int
    early: Left
    late: Left
    answers: int
    failures: int


async def soak(
    directory: Path, *, disconnections: int, seed: int = 1, timeout_s: float = 0.05
) -> Soaked:
    """Disconnect at random so many times, in every way that the bench knows.

    Args:
        directory: for the bench's log.
        disconnections: how many.
        seed: of the ways and instants.
        timeout_s: of the drivers; a silent station costs four of them.
    """
    rng = random.Random(seed)
    bench = Bench(directory)
    await bench.station.start(HOST, 0)
    port = bench.station.port or 0
    protocol = Dnp3Tcp()
    drivers = [
        *[protocol.open(feeder(port, bay, timeout_s=timeout_s)) for bay in range(2)],
        protocol.open(ev(port, timeout_s=timeout_s)),
    ]
    for driver in drivers:
        driver.subscribe(lambda _: None)
    await _everybody(drivers)
    tracemalloc.start()
    try:
        early = None
        for number in range(disconnections):
            await _live(bench, drivers, rng)
            await _disconnect(bench, drivers, rng)
            await _everybody(drivers)
            bench.owners[2].log.flush()
            if number + 1 == max(1, disconnections // 10):
                early = _left()
        late = _left()
    finally:
        tracemalloc.stop()
    assert early is not None
    answers = sum(driver.diagnose().answers for driver in drivers)
    failures = sum(sum(driver.diagnose().failures.values()) for driver in drivers)
    for driver in drivers:
        await driver.stop()
    await bench.station.stop()
    return Soaked(disconnections, early, late, answers, failures)


def _left() -> Left:
    gc.collect()
    files = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names only
    return Left(len(asyncio.all_tasks()), files, tracemalloc.get_traced_memory()[0])


async def _live(bench: Bench, drivers: list[Dnp3Driver], rng: random.Random) -> None:
    for _ in range(rng.randrange(4)):
        bench.feeders[0].set(rng.uniform(220, 240), rng.uniform(-9000, 9000))
        bench.step()
        with contextlib.suppress(DriverError):
            await drivers[rng.randrange(3)].scan()
    if rng.random() < 0.3:
        with contextlib.suppress(DriverError):
            await drivers[2].write(float(rng.randrange(6, 33)), Watchdog(30.0, 7.0))


async def _disconnect(bench: Bench, drivers: list[Dnp3Driver], rng: random.Random) -> None:
    way = rng.choice(["reset", "reset while asked", "away", "silent", "restart", "stop"])
    asked = [asyncio.create_task(driver.scan()) for driver in drivers]
    if way != "reset":
        await asyncio.sleep(rng.uniform(0, 0.003))
    if way.startswith("reset"):
        bench.station.reset_connections()
    elif way == "away":
        await bench.station.restart(down=True)
        await asyncio.sleep(rng.uniform(0, 0.02))
        await bench.station.come_back()
    elif way == "silent":
        bench.station.fall_silent()
        with contextlib.suppress(DriverError):
            await drivers[0].scan()
        bench.station.fall_silent(silent=False)
    elif way == "restart":
        bench.station.announce_restart()
    else:
        for driver in drivers:
            await driver.stop()
            driver.subscribe(lambda _: None)
    await asyncio.gather(*asked, return_exceptions=True)


async def _everybody(drivers: list[Dnp3Driver]) -> None:
    """Each driver has answered again."""
    async with asyncio.timeout(60):
        for driver in drivers:
            while True:
                try:
                    await driver.scan()
                except DriverError:
                    await asyncio.sleep(0.005)
                else:
                    break
