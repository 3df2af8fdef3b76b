"""What a process of its own costs a driver: the same scans within the agent and through the socket.

Prints one JSON line. Two drivers: one without a wire (12 points), which shows the socket alone, and
the Modbus driver against pymodbus's server in a further process. CPU time is that of the agent's
side, and of both sides.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import struct
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from ortsnetz_common.measurement.point import Point, Unit
from ortsnetz_common.measurement.time import now_ns
from ortsnetz_common.parameters.station import Connection, Side
from ortsnetz_edge.drivers.contract import (
    Diagnosis,
    Driver,
    DriverProtocol,
    Identity,
    LimitResolution,
    Listener,
    Probe,
    Role,
    Scan,
    Source,
    SourcePoint,
    Watchdog,
)
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.drivers.modbus.protocol import ModbusTcp
from ortsnetz_edge.drivers.remote.protocol import RemoteProtocol

SCANS = 3000
POINTS = 12


class Wireless:
    """Twelve points out of thin air; fulfils `contract.Driver`."""

    resolution: LimitResolution | None = None

    def __init__(self, source: Source) -> None:
        self.points = tuple(
            SourcePoint(
                Point(f"{source.name}/GGIO{n}.AnIn", Unit.VOLT, 7), Role.FURTHER, None, 0, 400
            )
            for n in range(POINTS)
        )

    async def scan(self) -> Scan:
        """A scan."""
        now = now_ns()
        return Scan((230.0,) * POINTS, (0,) * POINTS, now, 0, now)

    def subscribe(self, listener: Listener) -> bool:
        """Nothing is reported."""
        del listener
        return False

    async def write(self, limit: float, watchdog: Watchdog | None) -> None:
        """Nothing is written."""
        del limit, watchdog

    async def identify(self) -> Identity:
        """Nobody."""
        return Identity()

    def diagnose(self) -> Diagnosis:
        """Well."""
        return Diagnosis(True, 0, {}, None)  # noqa: FBT003 - the value's own order

    async def stop(self) -> None:
        """Nothing to close."""


class WirelessProtocol:
    """Opens it; fulfils `contract.DriverProtocol`."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def validate(self, source: Source) -> tuple[str, ...]:
        """Nothing is wrong."""
        del source
        return ()

    def open(self, source: Source) -> Driver:
        """A driver."""
        return Wireless(source)

    def probe(self, connection: Connection) -> Probe:
        """There is none."""
        raise NotImplementedError(connection.address)


def source(port: int) -> Source:
    """A transformer meter."""
    where = Connection("modbus-tcp", "127.0.0.1", port, 1, 0.5)
    return Source("x", "meter-transformer", where, 1, 3, side=Side.TO)


async def serve() -> None:
    """The device: what docs/register-maps.md says of the transformer meter."""
    block = struct.pack(">12fIQ", 230, 231, 232, *range(9), 5, 1_790_000_000_000)
    texts = (b"Ortsnetz bench".ljust(16, b"\0"), b"meter-transformer".ljust(64, b"\0"))
    identity = b"".join(texts)
    simulated = [
        SimData(
            at,
            values=list(struct.unpack(f">{len(raw) // 2}H", raw)),
            datatype=DataType.REGISTERS,
        )
        for at, raw in ((0, block), (65000, identity))
    ]
    server = ModbusTcpServer(SimDevice(1, simdata=simulated), address=("127.0.0.1", 0))
    await server.listen()
    if server.transport is None:
        raise SystemExit("the server does not listen")
    print(server.transport.sockets[0].getsockname()[1], flush=True)
    await asyncio.sleep(120)


def cpu_of(pid: int) -> float:
    """CPU seconds of another process."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100.0


async def timed(driver: Driver, pid: int | None) -> dict[str, float]:
    """Median, 99th percentile and CPU time of a scan, one after the other."""
    for _ in range(100):
        await driver.scan()
    theirs = cpu_of(pid) if pid else 0.0
    ours = time.process_time()
    seconds = []
    for _ in range(SCANS):
        begun = time.perf_counter()
        await driver.scan()
        seconds.append(time.perf_counter() - begun)
    ours = time.process_time() - ours
    theirs = cpu_of(pid) - theirs if pid else 0.0
    return {
        "p50_us": round(statistics.median(seconds) * 1e6, 1),
        "p99_us": round(statistics.quantiles(seconds, n=100)[98] * 1e6, 1),
        "agent_cpu_us": round(ours / SCANS * 1e6, 1),
        "both_cpu_us": round((ours + theirs) / SCANS * 1e6, 1),
    }


async def both(inside: DriverProtocol, command: str, port: int) -> dict[str, object]:
    """The same driver within the agent and through the socket."""
    driver = inside.open(source(port))
    within = await timed(driver, None)
    await driver.stop()
    host = (sys.executable, "-m", "ortsnetz_edge.drivers.remote.host", command)
    remote = RemoteProtocol("measured", host, Environment())
    begun = time.perf_counter()
    driver = remote.open(source(port))
    await driver.scan()
    start_s = time.perf_counter() - begun
    apart = await timed(driver, remote.session.pid)
    await asyncio.sleep(1.1)  # a heart-beat notes the memory
    megabytes = round((remote.session.memory_bytes or 0) / 2**20)
    await driver.stop()
    return {
        "within": within,
        "apart": apart,
        "start_s": round(start_s, 2),
        "process_mb": megabytes,
    }


async def measure(port: int) -> dict[str, object]:
    """Both drivers."""
    return {
        "benchmark": "driver_process",
        "scans": SCANS,
        "without a wire": await both(
            WirelessProtocol(Environment()), "driver_process:WirelessProtocol", port
        ),
        "modbus-tcp": await both(ModbusTcp(Environment()), "modbus-tcp", port),
    }


def main() -> None:
    """Measure, or serve the device."""
    if sys.argv[1:] == ["serve"]:
        with suppress(KeyboardInterrupt):
            asyncio.run(serve())
        return
    command = [sys.executable, __file__, "serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            if server.stdout is None:
                raise SystemExit("no server")
            port = int(server.stdout.readline())
            print(json.dumps(asyncio.run(measure(port))))
        finally:
            server.kill()


if __name__ == "__main__":
    main()
