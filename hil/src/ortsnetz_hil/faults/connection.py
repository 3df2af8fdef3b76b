"""A connection through the wire proxy: two ends, a lane in each direction."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import Protocol

from ortsnetz_hil.faults.conditions import Conditions, WireCounts
from ortsnetz_hil.faults.lane import STALLED_S, Lane, Line
from ortsnetz_hil.plant.random_streams import stream

FORGOTTEN_S = 600.0
"""How long an end stays of a forgotten connection whose other end has gone."""


class Host(Protocol):
    """The proxy, as its connections need it."""

    counts: WireCounts
    name: str
    seed: int
    lines: tuple[Line, Line]

    def tick(self) -> Conditions:
        """Let act on all connections what holds now."""
        ...

    def accepted(self, connection: Connection, /) -> None:
        """A client has connected."""
        ...

    def gone(self, connection: Connection, /) -> None:
        """Both ends of a connection are closed."""
        ...


def reset(transport: asyncio.BaseTransport | None) -> None:
    """Close at once with a TCP reset (RST), as a device does that restarts."""
    if not isinstance(transport, asyncio.Transport):
        return
    end: socket.socket = transport.get_extra_info("socket")
    with contextlib.suppress(OSError):  # closed a moment ago
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


class End(asyncio.Protocol):
    """One end: what asyncio tells about it goes to its connection."""

    def __init__(self, connection: Connection) -> None:
        self.transport: asyncio.Transport | None = None
        self.out: Lane | None = None  # carries away what this end says
        self.into: Lane | None = None  # brings what it shall hear
        self._connection = connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """This end is connected."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("a stream is needed")
        self.transport = transport
        transport.pause_reading()
        self._connection.made(self)

    def data_received(self, data: bytes) -> None:
        """This end has said something."""
        self._connection.heard(self, data)

    def eof_received(self) -> bool:
        """This end says nothing more; it may still listen."""
        return self._connection.finished(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """This end is closed."""
        self.transport = None
        self._connection.lost(self, exc)

    def pause_writing(self) -> None:
        """This end takes nothing at the moment."""
        if self.into is not None:
            self.into.pause()

    def resume_writing(self) -> None:
        """This end takes more."""
        if self.into is not None:
            self.into.resume()


class Connection:
    """Two ends.

    Attributes:
        client: the end of the device under test.
        forgotten: nothing comes through any more, and nobody is told.
        ended: reset or closed by the proxy.
    """

    def __init__(self, host: Host) -> None:
        self.client = End(self)
        self.forgotten = False
        self.ended = False
        self._host = host
        self._server: End | None = None
        self._goodbyes = 0
        self._deadline: asyncio.TimerHandle | None = None

    def made(self, end: End) -> None:
        """An end is connected."""
        if end is self.client:
            self._host.accepted(self)
            if self.forgotten and end.transport is not None:
                end.transport.resume_reading()  # swallows what comes

    def join(self, server: End) -> None:
        """The server's end is there: carry."""
        client, counts = self.client, self._host.counts
        self._server = server
        if client.transport is None or server.transport is None:
            self.cut()
            return
        purpose = f"wire {self._host.name}, connection {counts.connections}"
        ends = (client, server)
        for i, (source, target) in enumerate((ends, ends[::-1])):
            if source.transport is None or target.transport is None:
                return
            rng = stream(self._host.seed, f"{purpose}, direction {i}")
            line = self._host.lines[i]
            lane = Lane((source.transport, target.transport), line, rng, counts, self._overdue)
            source.out = target.into = lane
        client.transport.resume_reading()
        server.transport.resume_reading()

    def heard(self, end: End, data: bytes) -> None:
        """An end has said something."""
        counts = self._host.counts
        counts.bytes += len(data)
        counts.chunks += 1
        conditions = self._host.tick()
        if self.forgotten or self.ended or end.out is None:
            counts.dropped += 1
            return
        end.out.take(data, conditions)

    def finished(self, end: End) -> bool:
        """An end says nothing more; returns whether it stays open for the other's words."""
        other = self._other(end)
        if self.forgotten:
            return False  # its own goodbye is kept from the other
        if end.out is None or other is None:
            self.cut()
            return False
        end.out.end(lambda: self._say_goodbye(other))
        self._wait(STALLED_S)
        return True

    def lost(self, end: End, reason: Exception | None) -> None:
        """An end is closed."""
        other = self._other(end)
        if other is None or other.transport is None:
            self._over()
        elif self.forgotten:
            self._wait(FORGOTTEN_S)
        elif reason is not None or end.out is None:
            self.cut()
        else:
            end.out.end(other.transport.close)
            self._wait(STALLED_S)

    def forget(self) -> None:
        """As a gateway that has lost its table: nothing comes through, nobody is told."""
        if not self.forgotten:
            self.forgotten = True
            self._cut_lanes()

    def cut(self) -> None:
        """Reset both ends."""
        self.ended = True
        self._cut_lanes()
        reset(self.client.transport)
        if self._server is not None:
            reset(self._server.transport)

    def _say_goodbye(self, other: End) -> None:
        self._goodbyes += 1
        if self._goodbyes == 1 and other.transport is not None:
            other.transport.write_eof()
            return
        for end in (self.client, self._server):
            if end is not None and end.transport is not None:
                end.transport.close()

    def _other(self, end: End) -> End | None:
        return self._server if end is self.client else self.client

    def _cut_lanes(self) -> None:
        for lane in (self.client.out, self.client.into):
            if lane is not None:
                self._host.counts.dropped += lane.cut()

    def _wait(self, seconds: float) -> None:
        if self._deadline is None:
            self._deadline = asyncio.get_running_loop().call_later(seconds, self._overdue)

    def _overdue(self) -> None:
        self._host.counts.overdue += 1
        self.cut()

    def _over(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._cut_lanes()
        self.ended = True
        self._host.gone(self)
