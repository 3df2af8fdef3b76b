"""A driver and a server that lose each other again and again: what is left behind.

`soak` is driven for seconds by a test and for minutes by hand:

    PYTHONPATH=tests python -m opcua_soak 300
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import random
import sys
import tracemalloc
from dataclasses import dataclass
from pathlib import Path

from opcua_bench import POLLED, SUBSCRIBED, protocol, scanned, serving, source

from ortsnetz_edge.drivers.contract import DriverError, Watchdog
from ortsnetz_edge.drivers.opcua.driver import OpcUaDriver


@dataclass(frozen=True)
class Left:
    """What there is of the driver's at an instant, after everything has settled."""

    tasks: int
    files: int
    octets: int


@dataclass(frozen=True)
class Soaked:
    """How a soak went.

    Attributes:
        early: after a tenth of the disconnections.
        late: at the end.
    """

    disconnections: int
    early: Left
    late: Left
    answers: int
    failures: int
    resumed: int
    renewed: int


async def soak(disconnections: int, seed: int = 1) -> Soaked:
    """Disconnect at random so many times: cut, restart, silence; both ways of reading."""
    draw = random.Random(seed)
    async with serving() as server:
        drivers = [
            protocol(profile).open(source(server.port, timeout_s=0.05))
            for profile in (POLLED, SUBSCRIBED)
        ]
        early = None
        tracemalloc.start()
        try:
            for number in range(disconnections):
                await _use(drivers, draw)
                match draw.randrange(8):
                    case 0:
                        server.server.gate.silent = True
                        await _use(drivers, draw)
                        server.server.gate.silent = False
                    case 1 | 2:
                        await server.server.forget()
                server.server.cut()
                await asyncio.sleep(draw.uniform(0, 0.01))
                if number == disconnections // 10:
                    early = await _left(drivers, server.server)
            late = await _left(drivers, server.server)
        finally:
            tracemalloc.stop()
        diagnoses = [driver.diagnose() for driver in drivers]
        counters = drivers[1].session.counters
        for driver in drivers:
            await driver.stop()
    assert early is not None
    return Soaked(
        disconnections,
        early,
        late,
        sum(one.answers for one in diagnoses),
        sum(sum(one.failures.values()) for one in diagnoses),
        counters["sessions_resumed"],
        counters["subscriptions_renewed"],
    )


async def _use(drivers: list[OpcUaDriver], draw: random.Random) -> None:
    for _ in range(draw.randrange(1, 5)):
        for driver in drivers:
            with contextlib.suppress(DriverError):
                await driver.scan()
            if draw.random() < 0.2:
                with contextlib.suppress(DriverError):
                    await driver.write(10.0, Watchdog(60.0, 7.0))
        await asyncio.sleep(draw.uniform(0, 0.02))


async def _left(drivers: list[OpcUaDriver], server: object) -> Left:
    """What the driver holds once both are connected and the server has forgotten all others."""
    for driver in drivers:
        await scanned(driver)
    await asyncio.sleep(0.3)
    gc.collect()
    ours = [
        task
        for task in asyncio.all_tasks()
        if "drivers/opcua" in task.get_coro().cr_code.co_filename
    ]
    kept = tracemalloc.take_snapshot().filter_traces(
        [
            tracemalloc.Filter(True, "*/drivers/opcua/*"),
            tracemalloc.Filter(True, "*asyncua/client*"),
        ]
    )
    octets = sum(trace.size for trace in kept.traces)
    return Left(len(ours), _files(), octets)


def _files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    print(asyncio.run(soak(int(sys.argv[1]))))
