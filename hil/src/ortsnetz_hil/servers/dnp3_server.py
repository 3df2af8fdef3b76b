"""py1815's outstation as the bench needs it: silent on request, counted, reset like a device."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Protocol

from py1815.application import Request
from py1815.server import OutstationServer
from py1815.session import Session

from ortsnetz_hil.faults.connection import reset

GONE_S = 1.0
"""So long a connection that was reset may take to end."""
SHORTEST_WAIT_S = 0.01


class Station(Protocol):
    """Who owns the session: `servers.dnp3_station.Dnp3Station`.

    Attributes:
        silent: whether it answers nothing.
    """

    silent: bool

    def served(self) -> None:
        """A poll has been answered."""

    def push(self) -> None:
        """Make events of what has changed."""


class StationSession(Session):
    """Counts what is read, and can be silent."""

    def __init__(self, station: Station, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self._station = station

    def receive(self, data: bytes) -> bytes:
        """Answer, or stay silent."""
        if self._station.silent:
            return b""
        reply = super().receive(data)
        self._station.push()  # what a command has changed
        return reply

    def initiate(self) -> bytes:
        """Report, or stay silent."""
        return b"" if self._station.silent else super().initiate()

    def _handle_read(self, request: Request, fragment: bytes) -> bytes:
        if any(header.event_class for header in request.headers):
            self._station.served()
        return super()._handle_read(request, fragment)


class StationServer(OutstationServer):
    """A listener whose connection can be reset."""

    def reset_connection(self) -> None:
        """Reset the connection with a TCP reset, as a device does that loses its power."""
        if self._active is not None:
            reset(self._active.transport)

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection; one that a newer one displaces ends without a word.

        The library cancels its task, of which asyncio in Python 3.11 makes an error in the log.
        """
        with contextlib.suppress(asyncio.CancelledError):
            await super()._handle(reader, writer)

    async def _initiate(self, writer: asyncio.StreamWriter, draining: asyncio.Lock) -> None:
        """Send what the session has to say unasked, as the library does, and end when told to.

        The library waits with `asyncio.wait_for`, which may swallow a cancellation in Python 3.11
        (python/cpython issue 86296): its connection then never ends.
        """
        while not writer.is_closing():
            self._wake.clear()
            out = self._session.initiate()
            if out:
                writer.write(out)
                async with draining, asyncio.timeout(self._idle_timeout):
                    await writer.drain()
            due = self._session.initiate_after()
            wait_s = self._unsolicited_interval if due is None else max(due, SHORTEST_WAIT_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(wait_s, self._unsolicited_interval)):
                    await self._wake.wait()

    async def go_down(self) -> None:
        """Reset the connection, let its task end by itself, and close the port."""
        serving = self._active_task
        self.reset_connection()
        if serving is not None:
            await asyncio.wait([serving], timeout=GONE_S)
        await self.stop()
