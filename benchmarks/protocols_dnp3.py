"""The DNP3 driver beside a plain loop on the library underneath: latency, CPU time, throughput.

Prints one JSON line. An outstation (py1815) in a process of its own has bays of 12 analog inputs.
Before each scan all of them change, so that every scan brings all points as events with time. The
plain loop asks py1815's master for the same classes and keeps what it keeps.

    CPU of 1,000 points a second    percent of one core
    points a second                 at 50 % of one core
"""

from __future__ import annotations

import asyncio
import json
import logging
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from py1815.application import ObjectHeader
from py1815.events import EventBuffers, EventClass
from py1815.master.api import Outstation
from py1815.master.tasks import Tasks
from py1815.objects import AnalogPoint, analog_range
from py1815.server import OutstationServer
from py1815.session import Session

from ortsnetz_common.parameters.station import Connection
from ortsnetz_edge.clock import WallClock
from ortsnetz_edge.drivers.contract import Source
from ortsnetz_edge.drivers.dnp3.protocol import Dnp3Tcp
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.profiles.library import Library

HOST = "127.0.0.1"
POINTS, STRIDE = 12, 20
BAYS = (1, 8, 50)
SCANS = {1: 1000, 8: 400, 50: 100}
ADDRESS = 1024
PROFILE = """
format: ortsnetz.profile/2
kind: bay
version: 1
describes: twelve points
protocol: dnp3
direction: consumption
bay_stride: 20
voltage: {at: [analog-input/0, analog-input/1, analog-input/2], range: [0, 1.0e+9]}
current: {at: [analog-input/3, analog-input/4, analog-input/5], range: [0, 1.0e+9]}
active_power: {at: [analog-input/6, analog-input/7, analog-input/8], range: [0, 1.0e+9]}
reactive_power: {at: [analog-input/9, analog-input/10, analog-input/11], range: [0, 1.0e+9]}
dnp3: {integrity_s: 86400, unsolicited: false, synchronise: false}
"""


class Inputs:
    """Analog inputs of all bays; fulfils py1815's provider."""

    def __init__(self, bays: int) -> None:
        self.value = 0.0
        self._bays = bays

    def read_blocks(self, headers: Sequence[ObjectHeader]) -> list[bytes]:
        """Class 0."""
        del headers
        points = [AnalogPoint(self.value)] * POINTS
        return [analog_range(bay * STRIDE, points) for bay in range(self._bays)]

    def read(self, headers: Sequence[ObjectHeader]) -> bytes:
        """The same in one piece."""
        return b"".join(self.read_blocks(headers))


async def serve(bays: int) -> None:
    """The outstation; changes all its inputs for each line that it reads."""
    inputs, events = Inputs(bays), EventBuffers(capacity=10_000)
    session = Session(inputs, events=events, outstation_address=ADDRESS)
    server = OutstationServer(session, bind=f"{HOST}:0")
    await server.start()
    print(server.port, flush=True)
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while await lines.readline():
        inputs.value += 1.0
        for bay in range(bays):
            for place in range(POINTS):
                events.record_analog(
                    bay * STRIDE + place,
                    AnalogPoint(inputs.value),
                    event_class=EventClass.CLASS_2,
                )
        print(flush=True)


class Far:
    """The outstation in its process."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self._process, self.port = process, port

    @classmethod
    async def started(cls, bays: int) -> Far:
        """One that listens."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, __file__, "serve", str(bays), stdin=pipe, stdout=pipe
        )
        far = cls(process, 0)
        far.port = int(await far._line())
        return far

    async def change(self) -> None:
        """Change all points."""
        if self._process.stdin is None:
            raise SystemExit("no outstation")
        self._process.stdin.write(b"\n")
        await self._line()

    async def stop(self) -> None:
        """End it."""
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()

    async def _line(self) -> bytes:
        if self._process.stdout is None:
            raise SystemExit("no outstation")
        async with asyncio.timeout(20):
            return await self._process.stdout.readline()


async def timed(far: Far, scan: Callable[[], Awaitable[object]], bays: int) -> dict[str, float]:
    """Scans one after the other; all points have changed before each."""
    seconds, cpu = [], 0.0
    for number in range(SCANS[bays] + 20):
        await far.change()
        begun_cpu, begun = time.process_time(), time.perf_counter()
        await scan()
        if number >= 20:
            seconds.append(time.perf_counter() - begun)
            cpu += time.process_time() - begun_cpu
    a_point_s = cpu / (SCANS[bays] * bays * POINTS)
    return {
        "p50_ms": round(statistics.median(seconds) * 1e3, 2),
        "p99_ms": round(statistics.quantiles(seconds, n=100)[98] * 1e3, 2),
        "cpu_of_1000_points_a_second_percent": round(a_point_s * 1e5, 2),
        "points_a_second_at_half_a_core": round(0.5 / a_point_s),
    }


async def ours(far: Far, bays: int) -> dict[str, float]:
    """The driver: one source a bay."""
    protocol = Dnp3Tcp(Environment(WallClock(), Library({"bay": PROFILE})))
    drivers = [
        protocol.open(
            Source(
                f"b{bay}", "bay", Connection("dnp3", HOST, far.port, ADDRESS, bay=str(bay)), 1, 3
            )
        )
        for bay in range(bays)
    ]

    async def scan() -> None:
        scans = await asyncio.gather(*[driver.scan() for driver in drivers])
        if len({value for each in scans for value in each.values}) != 1:
            raise SystemExit("not all points are those of the last change")

    figures = await timed(far, scan, bays)
    for driver in drivers:
        await driver.stop()
    return figures


async def theirs(far: Far) -> Outstation:
    """The library's master, with none of its own tasks."""
    outstation = Outstation(
        "x",
        host=HOST,
        port=far.port,
        outstation_address=ADDRESS,
        tasks=Tasks.none(),
        reconnect=None,
    )
    await outstation.connect()
    await outstation.integrity_poll()
    return outstation


async def measure(bays: int) -> dict[str, object]:
    """Both against the same outstation."""
    far = await Far.started(bays)
    try:
        own = await ours(far, bays)
        outstation = await theirs(far)
        plain = await timed(far, lambda: outstation.scan("events"), bays)
        await outstation.close()
    finally:
        await far.stop()
    name = "cpu_of_1000_points_a_second_percent"
    return {"driver": own, "library": plain, "cpu_ratio": round(own[name] / plain[name], 2)}


async def everything() -> dict[str, object]:
    """All numbers of bays."""
    found = {str(bays): await measure(bays) for bays in BAYS}
    return {"benchmark": "protocols_dnp3", "points_a_bay": POINTS, "bays": found}


def main() -> None:
    """Measure, or be the outstation."""
    logging.disable(logging.CRITICAL)
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(serve(int(sys.argv[2])))
        return
    print(json.dumps(asyncio.run(everything())))


if __name__ == "__main__":
    main()
