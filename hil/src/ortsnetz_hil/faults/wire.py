"""A TCP proxy that plays a bad connection."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from ortsnetz_hil.faults.conditions import Conditions, WireCounts
from ortsnetz_hil.faults.connection import Connection, End, reset
from ortsnetz_hil.faults.lane import Line
from ortsnetz_hil.faults.specs import Wire

Address = tuple[str, int]
CONNECT_S = 5.0
STOP_S = 2.0
MOST_CONNECTIONS = 200


class WireProxy:
    """Carries bytes between a public port and a server, as well as its faults let it.

    While no fault holds, bytes pass as they are. A half-open connection stays dead after the fault:
    the gateway in between has forgotten it and tells nobody; new connections work. Call `tick` with
    each step of the plant, so that idle connections are reset or forgotten at their time, too.

    Attributes:
        counts: what has happened.
    """

    def __init__(
        self,
        listen: Address,
        upstream: Address,
        faults: tuple[Wire, ...],
        now_s: Callable[[], float],
        seed: int,
        *,
        name: str = "wire",
        counts: WireCounts | None = None,
    ) -> None:
        """Prepare a proxy; it does nothing before `start`.

        Args:
            listen: public address; port 0 takes a free one (`port`).
            upstream: address of the server behind.
            faults: what is wrong, and when.
            now_s: plant seconds now.
            seed: seed of the plant.
            name: the link's name: each link has draws of its own.
            counts: counters to go on with.
        """
        self.counts = WireCounts() if counts is None else counts
        self.name = name
        self.seed = seed
        self.lines = (Line(), Line())
        self._listen, self._upstream = listen, upstream
        self._faults, self._now_s = faults, now_s
        self._server: asyncio.Server | None = None
        self._open: set[Connection] = set()
        self._dialling: set[asyncio.Task[None]] = set()
        self._none_open = asyncio.Event()

    @property
    def port(self) -> int:
        """The public port; only while it listens."""
        if self._server is None:
            raise RuntimeError("the proxy does not listen")
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def open_connections(self) -> int:
        """How many connections have an end left."""
        return len(self._open)

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the port cannot be had.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self).client, *self._listen, reuse_address=True
        )

    async def stop(self) -> None:
        """Close the port and reset what is still connected."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in self._dialling:
            task.cancel()
        await asyncio.gather(*self._dialling, return_exceptions=True)
        for connection in list(self._open):
            connection.cut()
        self._none_open.clear()
        if self._open:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_S):
                    await self._none_open.wait()

    def tick(self) -> Conditions:
        """Let act on all connections what holds now."""
        conditions = Conditions.at(self._faults, self._now_s())
        if conditions.reset:
            for connection in self._open:
                if not connection.ended:
                    self.counts.resets += 1
                    connection.cut()
        elif conditions.half_open:
            for connection in self._open:
                connection.forget()
        return conditions

    def accepted(self, connection: Connection) -> None:
        """A client has connected."""
        self._open.add(connection)
        self.counts.connections += 1
        self.tick()
        if connection.ended or connection.forgotten:
            return
        if len(self._open) > MOST_CONNECTIONS:
            self.counts.refused += 1
            connection.cut()
            return
        task = asyncio.get_running_loop().create_task(self._dial(connection))
        self._dialling.add(task)
        task.add_done_callback(self._dialling.discard)

    def gone(self, connection: Connection) -> None:
        """Both ends of a connection are closed."""
        self._open.discard(connection)
        if not self._open:
            self._none_open.set()

    async def _dial(self, connection: Connection) -> None:
        end = End(connection)
        try:
            async with asyncio.timeout(CONNECT_S):
                await asyncio.get_running_loop().create_connection(lambda: end, *self._upstream)
        except (OSError, TimeoutError):
            self.counts.refused += 1
            connection.cut()
            return
        if connection.ended:
            reset(end.transport)
            return
        connection.join(end)
