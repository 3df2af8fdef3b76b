"""An outstation of the tests' own that answers what a script says, byte by byte."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from py1815.link import FrameReader, build

HOST = "127.0.0.1"
OUTSTATION, MASTER = 1024, 1
RESPONSE, UNSOLICITED = 0x81, 0x82
READ = 1
VALUE = bytes.fromhex("1e01000000 01") + (23_000).to_bytes(4, "little")
"""Group 30 variation 1, index 0, on line: 230.00 V."""


def fragment(
    sequence: int,
    body: bytes = b"",
    *,
    function: int = RESPONSE,
    flags: int = 0xC0,
    iin: bytes = b"\0\0",
) -> bytes:
    """An application fragment; `flags` are FIR 0x80, FIN 0x40, CON 0x20, UNS 0x10."""
    return bytes([flags | sequence % 16, function]) + iin + body


def framed(
    application: bytes, *, source: int = OUTSTATION, destination: int = MASTER, control: int = 0x44
) -> bytes:
    """An application fragment in segments and frames, as a correct outstation sends it."""
    parts = [application[n : n + 249] for n in range(0, len(application), 249)] or [b""]
    frames = []
    for number, part in enumerate(parts):
        head = (0x40 if number == 0 else 0) | (0x80 if number == len(parts) - 1 else 0) | number
        frames.append(build(control, destination, source, bytes([head]) + part))
    return b"".join(frames)


def good(sequence: int, function: int) -> bytes:
    """What a correct outstation with one voltage answers."""
    return framed(fragment(sequence, VALUE if function == READ else b""))


@dataclass
class Line:
    """One connection of the scripted outstation.

    Attributes:
        number: of the connection, from 1.
        requests: so many have come.
        sequence, function, request: of the last request; `request` are its objects.
    """

    number: int
    writer: asyncio.StreamWriter
    requests: int = 0
    sequence: int = 0
    function: int = 0
    request: bytes = b""

    def say(self, octets: bytes) -> None:
        self.writer.write(octets)

    def answer(self) -> None:
        """As a correct outstation."""
        self.say(good(self.sequence, self.function))

    def hang_up(self) -> None:
        self.writer.close()


Script = Callable[[Line], None]


@dataclass
class Scripted:
    """Answers each request as its script says.

    Attributes:
        ended: set when the peer has closed a connection.
    """

    script: Script
    connections: int = 0
    requests: int = 0
    port: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        line, frames = Line(self.connections, writer), FrameReader()
        with contextlib.suppress(OSError):
            while data := await reader.read(4096):
                for frame in frames.feed(data):
                    control, function = frame.payload[1:3]
                    if function == 0:
                        continue  # a confirmation
                    line.requests += 1
                    self.requests += 1
                    line.sequence, line.function = control & 0x0F, function
                    line.request = frame.payload[3:]
                    self.script(line)
        self.ended.set()
        writer.close()


@contextlib.asynccontextmanager
async def scripted(script: Script) -> AsyncIterator[Scripted]:
    """A listening outstation."""
    outstation = Scripted(script)
    server = await asyncio.start_server(outstation.carry, HOST, 0)
    outstation.port = server.sockets[0].getsockname()[1]
    try:
        yield outstation
    finally:
        server.close()
