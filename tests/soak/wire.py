"""A wire that can be cut: a relay between a driver and its server, in all the ways a line fails."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

READ_BYTES = 65536
Looked = Callable[[bytes], None]
"""Is shown what the driver sends."""


@dataclass
class Wire:
    """Relays from a port to a server's.

    Attributes:
        server_port: where the server listens.
        looks: is shown everything that goes to the server, in plain text.
        tls: of the driver's side; None for plain text.
    """

    server_port: int
    looks: Looked
    tls: ssl.SSLContext | None = None
    _open: asyncio.Event = field(default_factory=asyncio.Event)
    _relays: set[_Relay] = field(default_factory=set)
    _server: asyncio.Server | None = None

    async def listen(self, port: int) -> None:
        self._open.set()
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", port, ssl=self.tls)

    def reset(self) -> None:
        """Everybody is thrown out with a RST, and may come back."""
        for relay in list(self._relays):
            relay.reset()

    def cut(self) -> None:
        """Half-open: the connections stand and carry nothing any more; new ones do."""
        for relay in self._relays:
            relay.dead = True

    def hold(self) -> None:
        """Nothing comes back to anybody, until it is let go; connections are still accepted."""
        self._open.clear()

    def let_go(self) -> None:
        self._open.set()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            behind, before = await asyncio.open_connection("127.0.0.1", self.server_port)
        except OSError:
            writer.transport.abort()
            return
        relay = _Relay(self._open, writer, before)
        self._relays.add(relay)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(relay.forward(reader, self.looks))
                both.create_task(relay.back(behind))
        except* OSError:
            pass
        finally:
            self._relays.discard(relay)
            relay.close()


class _Relay:
    """One connection through the wire."""

    def __init__(
        self, is_open: asyncio.Event, driver: asyncio.StreamWriter, server: asyncio.StreamWriter
    ) -> None:
        self.dead = False
        self._open, self._driver, self._server = is_open, driver, server

    async def forward(self, reader: asyncio.StreamReader, looks: Looked) -> None:
        while data := await reader.read(READ_BYTES):
            if not self.dead:
                looks(data)
                self._server.write(data)
                await self._server.drain()
        raise ConnectionResetError("the driver has left")

    async def back(self, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(READ_BYTES):
            await self._open.wait()
            if not self.dead:
                self._driver.write(data)
                await self._driver.drain()
        if self.dead:
            await asyncio.Event().wait()  # nobody hears of the server's end either
        raise ConnectionResetError("the server has left")

    def reset(self) -> None:
        end: socket.socket = self._driver.get_extra_info("socket")
        with suppress(OSError):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        for writer in (self._driver, self._server):
            writer.transport.abort()
