"""A Modbus client that reads all devices of a plant: at a pace, or as fast as it can.

One connection a device, one request at a time on each, as the agent does. It says `begun` when all
devices have answered once, and at the end one JSON line with what was answered since then.

    python benchmarks/hil_reader.py PLAN.json SECONDS PERIOD_S    (period 0: as fast as it can)
"""

from __future__ import annotations

import asyncio
import json
import struct
import sys
import time
from dataclasses import dataclass
from pathlib import Path

HEADER = 7
BAD = 0x80
HOST = "127.0.0.1"


@dataclass
class Device:
    """One device: where its measurement block is, and what has come of reading it.

    Attributes:
        reads: answers since the beginning; failures: exceptions; slowest_s: longest answer.
    """

    port: int
    function: int
    address: int
    count: int
    reads: int = 0
    failures: int = 0
    slowest_s: float = 0.0
    _streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def connect(self) -> None:
        """Open the connection and read once."""
        self._streams = await asyncio.open_connection(HOST, self.port)
        await self.read()
        self.reads, self.slowest_s = 0, 0.0

    async def read(self) -> None:
        """One request for the whole block, and its answer."""
        assert self._streams is not None
        reader, writer = self._streams
        begin = time.perf_counter()
        number = self.reads & 0xFFFF
        writer.write(
            struct.pack(">HHHBBHH", number, 0, 6, 1, self.function, self.address, self.count)
        )
        header = await reader.readexactly(HEADER)
        length = struct.unpack(">H", header[4:6])[0]
        body = await reader.readexactly(length - 1)
        self.slowest_s = max(self.slowest_s, time.perf_counter() - begin)
        if body[0] & BAD:
            self.failures += 1
            return
        assert header[:2] == number.to_bytes(2, "big")
        assert len(body) == 2 + 2 * self.count
        self.reads += 1

    async def until(self, end: float, period_s: float) -> None:
        """Read until an instant of the monotonic clock."""
        due = time.monotonic()
        while time.monotonic() < end:
            await self.read()
            due += period_s
            await asyncio.sleep(max(due - time.monotonic(), 0.0) if period_s else 0.0)


async def run(devices: list[Device], seconds: float, period_s: float) -> float:
    """Read all of them; returns the seconds that it took."""
    await asyncio.gather(*(device.connect() for device in devices))
    print("begun", flush=True)
    begin = time.monotonic()
    await asyncio.gather(*(device.until(begin + seconds, period_s) for device in devices))
    return time.monotonic() - begin


def main() -> None:
    plan, seconds, period_s = Path(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
    devices = [Device(**each) for each in json.loads(plan.read_text())]
    took = asyncio.run(run(devices, seconds, period_s))
    print(
        json.dumps(
            {
                "seconds": took,
                "reads": [device.reads for device in devices],
                "failures": sum(device.failures for device in devices),
                "slowest_ms": 1e3 * max(device.slowest_s for device in devices),
            }
        )
    )


if __name__ == "__main__":
    main()
