"""A device of one kind and the wire to it, in a process of its own that can be killed.

    python -m soak.field KIND FOLDER PORT

Prints a line when it can be reached; obeys `reset`, `cut`, `hold`, `let-go`, each answered with a
line, until standard input ends. Each write that reaches the device adds a line to FOLDER/writes.
"""

from __future__ import annotations

import asyncio
import os
import random
import ssl
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from soak.wire import Wire

HOST = "127.0.0.1"
NODE = "node-1"
CHANGES_S = 0.2
MODBUS_WRITES = {5, 6, 15, 16, 22, 23}
DNP3_COMMANDS = {3, 4, 5, 6}  # select, operate, direct operate, without an answer
Orders = dict[str, Callable[[], None]]


class Writes:
    """A line in a file for each write: it outlives the process."""

    def __init__(self, folder: Path) -> None:
        self._file = os.open(folder / "writes", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def note(self, what: object) -> None:
        os.write(self._file, f"{what}\n".encode())

    def modbus(self, sent: bytes) -> None:
        """Requests of Modbus TCP (messaging 1.0b, 3.1.3)."""
        while len(sent) > 7:
            if sent[7] in MODBUS_WRITES:
                self.note(f"function {sent[7]}")
            sent = sent[6 + int.from_bytes(sent[4:6]) :]

    def dnp3(self, sent: bytes) -> None:
        """Requests of DNP3 (IEEE 1815-2012, 9.2): a header of 10 octets, then data with a CRC after
        each 16; the data begins with a transport octet, control, function."""
        while sent[:2] == b"\x05\x64" and len(sent) > 12:
            data = sent[2] - 5
            first = data > 2 and sent[10] & 0x40  # the transport octet's FIR
            if first and sent[12] in DNP3_COMMANDS:
                self.note(f"function {sent[12]}")
            sent = sent[10 + data + 2 * ((data + 15) // 16) :]


def context(folder: Path) -> ssl.SSLContext:
    found = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=folder / "ca.pem")
    found.verify_mode = ssl.CERT_REQUIRED
    found.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return found


def _orders(wire: Wire) -> Orders:
    return {"reset": wire.reset, "cut": wire.cut, "hold": wire.hold, "let-go": wire.let_go}


def _charger() -> Any:
    from modbus_peers.scripted import ScriptedUnit, bench_identity, words

    unit = ScriptedUnit(seen=_nothing())
    unit.holding.update(bench_identity("ev-controller"))
    unit.put(1000, [1] * 18 + words("I", 50) + words("Q", 1) + [0])
    unit.put(2000, [0, 0, 0])
    return unit


def _nothing() -> Any:
    class Nothing(list[bytes]):
        """A device must not grow by what it has been asked."""

        def append(self, item: bytes) -> None:
            del item

    return Nothing()


@asynccontextmanager
async def modbus(folder: Path, port: int, tls: ssl.SSLContext | None) -> AsyncIterator[Orders]:
    """A charge point."""
    from modbus_peers.scripted import ScriptedServer

    server = ScriptedServer({1: _charger()})
    await server.start()
    wire = Wire(server.port, Writes(folder).modbus, tls)
    await wire.listen(port)
    yield _orders(wire)


@asynccontextmanager
async def line(folder: Path, _: int, __: None) -> AsyncIterator[Orders]:
    """A charge point on a serial line; the adapter of the line is unplugged with the process."""
    from modbus_peers.line import ScriptedLine

    writes = Writes(folder)

    class Seen(list[bytes]):
        def append(self, item: bytes) -> None:
            if item[1] in MODBUS_WRITES:
                writes.note(f"function {item[1]}")

    unit = _charger()
    served = ScriptedLine({1: unit}, requests=Seen())
    served.open()
    plugged = folder / "plugged"
    plugged.unlink(missing_ok=True)
    plugged.symlink_to(served.device)
    plugged.replace(folder / "line")

    def hold() -> None:
        unit.silent = True

    def let_go() -> None:
        unit.silent = False
        served.garbles.clear()

    yield {
        "reset": lambda: served.send(random.randbytes(40)),
        "cut": lambda: served.garbles.add(1),
        "hold": hold,
        "let-go": let_go,
    }


@asynccontextmanager
async def dnp3(folder: Path, port: int, tls: ssl.SSLContext | None) -> AsyncIterator[Orders]:
    """An RTU with two feeders and a charge point."""
    from dnp3_bench import Bench

    bench = Bench(folder)
    await bench.station.start(HOST, 0)
    wire = Wire(bench.station.port or 0, Writes(folder).dnp3, tls)
    await wire.listen(port)

    async def live() -> None:
        while True:
            await asyncio.sleep(CHANGES_S)
            bench.feeders[0].set(random.uniform(220, 240), random.uniform(-9000, 9000))
            bench.step()

    living = asyncio.create_task(live())
    yield _orders(wire)
    living.cancel()


@asynccontextmanager
async def opcua(folder: Path, port: int, secured: bool) -> AsyncIterator[Orders]:
    """A charge point behind a server; who writes is asked of the server: nothing is seen on a
    secured wire."""
    from asyncua.common.callback import CallbackType
    from opcua_bench import serving

    application = folder.parent / "application"
    credentials = application / "certificate.pem", application / "key.pem"
    users = [folder.parent / "node" / "certificate.pem"]
    writes = Writes(folder)

    def written(event: Any, _: object) -> None:
        if event.is_external:
            for wanted in event.request_params.NodesToWrite:
                writes.note(wanted.NodeId)

    only_secured: dict[str, Any] = {"credentials": credentials, "users": users} if secured else {}
    async with serving(**only_secured) as server:
        server.server.subscribe_server_callback(CallbackType.PreWrite, written)
        wire = Wire(server.port, lambda _: None)
        await wire.listen(port)

        async def live() -> None:
            while True:
                await asyncio.sleep(CHANGES_S)
                await server.show("U1", random.uniform(220, 240))

        living = asyncio.create_task(live())
        yield _orders(wire)
        living.cancel()


def _opening(kind: str, folder: Path, port: int) -> Any:
    tls = context(folder.parent / "device") if kind.endswith("-tls") else None
    if kind == "modbus-rtu":
        return line(folder, port, None)
    if kind.startswith("dnp3"):
        return dnp3(folder, port, tls)
    if kind.startswith("opcua"):
        return opcua(folder, port, kind == "opcua-secured")
    return modbus(folder, port, tls)


async def main(kind: str, folder: Path, port: int) -> None:
    async with _opening(kind, folder, port) as orders:
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        print("ready", flush=True)
        while order := (await reader.readline()).decode().strip():
            orders[order]()
            print(order, flush=True)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
