"""A Modbus device after the specification, with all its faults under the test's control.

Written from MODBUS application protocol 1.1b3, messaging on TCP/IP 1.0b and serial line 1.02; it
shares no code with the driver, nor with the library that the driver is built on.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

Answer = Callable[[int, bytes], Awaitable[bytes | None]]
"""Takes unit and PDU of a request, gives the PDU of the answer, None for silence."""


class RefusalError(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def words(form: str, *values: object) -> list[int]:
    """Registers with the most significant word first."""
    raw = struct.pack(">" + form, *values)
    return list(struct.unpack(f">{len(raw) // 2}H", raw))


def text(content: str, registers: int) -> list[int]:
    raw = content.encode().ljust(2 * registers, b"\0")
    return list(struct.unpack(f">{registers}H", raw))


def bench_identity(model: str, serial: str = "") -> dict[int, int]:
    """The identity block of docs/register-maps.md."""
    block = [*text("Ortsnetz bench", 8), *text(model, 16), *text(serial, 16)]
    return dict(enumerate(block, start=65000))


@dataclass
class ScriptedUnit:
    """One unit. What is not in a table is not there.

    Attributes:
        refuses: exception by function, before anything else.
        silent: takes requests and says nothing.
        seen: PDUs of all requests.
        objects: of the identification; None for a device that does not know function 43.
        object_limit: so many objects an answer, the rest follows.
    """

    holding: dict[int, int] = field(default_factory=dict)
    input: dict[int, int] = field(default_factory=dict)
    coil: dict[int, bool] = field(default_factory=dict)
    discrete: dict[int, bool] = field(default_factory=dict)
    objects: dict[int, bytes] | None = None
    object_limit: int = 3
    refuses: dict[int, int] = field(default_factory=dict)
    silent: bool = False
    late_s: float = 0.0
    seen: list[bytes] = field(default_factory=list)

    def put(self, address: int, values: list[int]) -> None:
        self.holding.update(enumerate(values, start=address))

    def reads(self) -> list[tuple[int, int, int]]:
        """Function, address and count of all reads that it has seen."""
        return [struct.unpack(">BHH", pdu) for pdu in self.seen if pdu[0] <= 4]

    def writes(self) -> list[tuple[int, int]]:
        """Address and value of all single writes that it has seen."""
        return [struct.unpack(">HH", pdu[1:5]) for pdu in self.seen if pdu[0] in {5, 6}]

    async def answer(self, pdu: bytes) -> bytes | None:
        self.seen.append(pdu)
        if self.silent:
            return None
        if self.late_s:
            await asyncio.sleep(self.late_s)
        if pdu[0] in self.refuses:
            return bytes([pdu[0] | 0x80, self.refuses[pdu[0]]])
        try:
            return self._served(pdu)
        except RefusalError as refusal:
            return bytes([pdu[0] | 0x80, refusal.code])

    def _served(self, pdu: bytes) -> bytes:
        function = pdu[0]
        if function in {1, 2}:
            return self._bits(pdu, self.coil if function == 1 else self.discrete)
        if function in {3, 4}:
            return self._registers(pdu, self.holding if function == 3 else self.input)
        if function == 5:
            address, value = struct.unpack(">HH", pdu[1:5])
            if address not in self.coil:
                raise RefusalError(2)
            self.coil[address] = value == 0xFF00
            return pdu
        if function == 6:
            address, value = struct.unpack(">HH", pdu[1:5])
            if address not in self.holding:
                raise RefusalError(2)
            self.holding[address] = value
            return pdu
        if function == 16:
            address, count, size = struct.unpack(">HHB", pdu[1:6])
            if size != 2 * count or any(
                at not in self.holding for at in range(address, address + count)
            ):
                raise RefusalError(2)
            self.put(address, list(struct.unpack(f">{count}H", pdu[6:])))
            return pdu[:5]
        if function == 43 and self.objects is not None and pdu[1] == 14:
            return self._identification(pdu)
        raise RefusalError(1)

    def _registers(self, pdu: bytes, table: dict[int, int]) -> bytes:
        address, count = struct.unpack(">HH", pdu[1:5])
        if not 1 <= count <= 125:
            raise RefusalError(3)
        if any(at not in table for at in range(address, address + count)):
            raise RefusalError(2)
        values = [table[at] for at in range(address, address + count)]
        return struct.pack(f">BB{count}H", pdu[0], 2 * count, *values)

    def _bits(self, pdu: bytes, table: dict[int, bool]) -> bytes:
        address, count = struct.unpack(">HH", pdu[1:5])
        if any(at not in table for at in range(address, address + count)):
            raise RefusalError(2)
        raw = sum(table[address + n] << n for n in range(count))
        size = (count + 7) // 8
        return bytes([pdu[0], size]) + raw.to_bytes(size, "little")

    def _identification(self, pdu: bytes) -> bytes:
        assert self.objects is not None
        code, first = pdu[2], pdu[3]
        last = {1: 2, 2: 6, 3: 255}[code]
        wanted = [n for n in sorted(self.objects) if first <= n <= last]
        now, later = wanted[: self.object_limit], wanted[self.object_limit :]
        head = bytes([43, 14, code, 0x83, 0xFF if later else 0, later[0] if later else 0, len(now)])
        return head + b"".join(bytes([n, len(self.objects[n])]) + self.objects[n] for n in now)


@dataclass
class ScriptedServer:
    """Units behind one TCP port; a unit that is not there is left without an answer.

    Attributes:
        gateway: exception that stands for a unit that does not answer; None for silence.
        raw: instead of all that: takes a whole frame, gives the bytes to send.
        connections: how many have been made.
    """

    units: dict[int, ScriptedUnit]
    gateway: int | None = None
    raw: Callable[[bytes], bytes] | None = None
    deaf: bool = False
    connections: int = 0
    port: int = 0
    _server: asyncio.Server | None = None
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Go away like a device without power: connections are reset."""
        assert self._server is not None
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await self._server.wait_closed()

    async def babble(self, noise: bytes) -> None:
        """Send to everybody without being asked."""
        for writer in list(self._writers):
            writer.write(noise)
            with suppress(ConnectionError):
                await writer.drain()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    header = await reader.readexactly(7)
                    pdu = await reader.readexactly(struct.unpack(">H", header[4:6])[0] - 1)
                    if not self.deaf:
                        writer.write(await self._frame(header, pdu))
        finally:
            self._writers.discard(writer)
            with suppress(Exception):
                writer.close()

    async def _frame(self, header: bytes, pdu: bytes) -> bytes:
        if self.raw is not None:
            return self.raw(header + pdu)
        unit = self.units.get(header[6])
        answer = None if unit is None else await unit.answer(pdu)
        if answer is None and self.gateway is not None:
            answer = bytes([pdu[0] | 0x80, self.gateway])
        if answer is None:
            return b""
        return header[:4] + struct.pack(">HB", len(answer) + 1, header[6]) + answer


@asynccontextmanager
async def serving(
    *units: ScriptedUnit, gateway: int | None = None
) -> AsyncIterator[ScriptedServer]:
    """Units 1, 2, ... behind a free port."""
    server = ScriptedServer(dict(enumerate(units, start=1)), gateway)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def crc(frame: bytes) -> bytes:
    """CRC of Modbus over serial line 1.02, 6.2.2; low byte first."""
    value = 0xFFFF
    for byte in frame:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return struct.pack("<H", value)


def rtu(unit: int, pdu: bytes) -> bytes:
    """A frame of a serial line."""
    frame = bytes([unit]) + pdu
    return frame + crc(frame)
