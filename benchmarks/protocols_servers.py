"""The devices that `protocols.py` reads, in a process of their own: their CPU time is not counted.

    python protocols_servers.py KIND FOLDER

Prints one JSON line once they listen: where, and a further port for readers. There, for each line
`N`, everything that the N-th device measures changes, and a line comes back. It serves until
standard input ends. Certificates lie in FOLDER.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import struct
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from dnp3_bench import HandClock, HandDevice, meter, owner
from modbus_peers.line import ScriptedLine
from modbus_peers.scripted import ScriptedUnit, bench_identity
from protocols_park import HOST, Served, park
from pymodbus import FramerType
from pymodbus.server import ModbusTcpServer, ModbusTlsServer
from pymodbus.simulator import DataType, SimData, SimDevice

from ortsnetz_hil.servers.dnp3_station import Dnp3Station

FEEDERS = 8
NODE = "node-1"
METER = struct.pack(">12fIQ", 230, 231, 232, *range(9), 5, 1_790_000_000_000)
"""Registers 0 to 29 of the transformer meter, docs/register-maps.md."""


Serving = Callable[[Path], Any]


def _registers(raw: bytes) -> list[int]:
    return list(struct.unpack(f">{len(raw) // 2}H", raw))


def _meter() -> SimDevice:
    texts = b"Ortsnetz bench".ljust(16, b"\0") + b"meter-transformer".ljust(64, b"\0")
    blocks = ((0, METER), (65000, texts))
    return SimDevice(
        1,
        simdata=[
            SimData(at, values=cast("Any", _registers(raw)), datatype=DataType.REGISTERS)
            for at, raw in blocks
        ],
    )


def _context(folder: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=folder / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return context


@asynccontextmanager
async def modbus(folder: Path, *, secured: bool = False) -> AsyncIterator[Served]:
    """A transformer meter on pymodbus."""
    if secured:
        server: ModbusTcpServer = ModbusTlsServer(
            _meter(),
            framer=FramerType.SOCKET,  # MODBUS/TCP Security 2.1; the library leaves the header off
            address=(HOST, 0),
            sslctx=_context(folder / "device"),
        )
    else:
        server = ModbusTcpServer(_meter(), address=(HOST, 0))
    await server.listen()
    transport = cast("Any", server.transport)
    yield Served([transport.sockets[0].getsockname()[1]])
    await server.shutdown()


@asynccontextmanager
async def line(_: Path) -> AsyncIterator[Served]:
    """A transformer meter on each of two serial lines."""
    lines = []
    for _number in range(2):
        unit = ScriptedUnit(seen=cast("Any", _Nothing()))
        unit.put(0, _registers(METER))
        unit.holding.update(bench_identity("meter-transformer"))
        lines.append(ScriptedLine({1: unit}, requests=cast("Any", _Nothing())))
        lines[-1].open()
    yield Served([each.device for each in lines])


@asynccontextmanager
async def station(folder: Path, *, secured: bool = False) -> AsyncIterator[Served]:
    """Two RTUs of eight feeders each on py1815: an outstation has one master."""
    made = [_Rtu(folder / f"rtu-{number}") for number in range(2)]
    tls = _context(folder / "device") if secured else None
    masters = frozenset({NODE}) if secured else frozenset[str]()
    for rtu in made:
        await rtu.station.start(HOST, 0, tls=tls, masters=masters)
    yield Served([rtu.station.port or 0 for rtu in made], lambda number: made[number].change())


class _Nothing(list[bytes]):
    """Devices must not grow by what they have been asked."""

    def append(self, item: bytes) -> None:
        del item


class _Rtu:
    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._clock = HandClock()
        self._devices: list[HandDevice] = [meter(f"f{n}", self._clock) for n in range(FEEDERS)]
        self.station = Dnp3Station(
            [owner(device, folder) for device in self._devices], capacity=10_000
        )
        self._number = 0

    def change(self) -> None:
        self._number += 1
        self._clock.seconds += 1
        at = cast("Any", SimpleNamespace(now_s=self._clock.seconds))
        for number, device in enumerate(self._devices):
            by = (self._number + number) % 7 + 1
            device.put(
                [230 + 0.01 * (by + n) for n in range(3)],
                [1000 + by + n for n in range(3)],
                [10 + by + n for n in range(3)],
            )
            device.scene.step = at
        self.station.tick(self._clock.seconds)


KINDS: dict[str, Serving] = {
    "modbus-tcp": modbus,
    "modbus-tls": lambda folder: modbus(folder, secured=True),
    "modbus-rtu": line,
    "dnp3": station,
    "dnp3-reported": station,
    "dnp3-tls": lambda folder: station(folder, secured=True),
    "opcua": park,
    "opcua-reported": park,
    "opcua-secured": lambda folder: park(folder, secured=True),
}


async def serve(kind: str, folder: Path) -> None:
    """Serve until standard input ends."""
    served: Served
    async with KINDS[kind](folder) as served:

        async def obey(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while order := await reader.readline():
                served.change(int(order))
                writer.write(b"\n")

        control = await asyncio.start_server(obey, HOST, 0)
        port = control.sockets[0].getsockname()[1]
        print(json.dumps({"where": served.where, "control": port}), flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(sys.argv[1], Path(sys.argv[2])))
