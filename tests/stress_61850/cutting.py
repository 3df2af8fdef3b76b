"""A wire that is cut at random: reset on either side, held for a while, or just closed."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Awaitable, Callable

from ortsnetz_hil.faults.connection import reset

WAYS = ("reset both", "reset the client", "reset the server", "hold and reset", "close")
HOLD_S = 2.0
PIECE = 65536


class Wire:
    """Carries connections to a port, each for a random while.

    Attributes:
        cuts: how often in which way.
        connections: that there were.
    """

    def __init__(self, host: str, port: int, mean_life_s: float, seed: int) -> None:
        self.cuts: Counter[str] = Counter()
        self.connections = 0
        self._host, self._port, self._mean_s = host, port, mean_life_s
        self._random = random.Random(seed)
        self._server: asyncio.Server | None = None
        self._running: set[asyncio.Task[None]] = set()
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._carry, self._host, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await self._carried(reader, writer)
        finally:
            self._running.discard(task)
            writer.close()

    async def _carried(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        there, back = await asyncio.open_connection(self._host, self._port)
        life = self._random.expovariate(1 / self._mean_s)
        way = self._random.choice(WAYS)
        passing = asyncio.Event()
        passing.set()
        pumps = [
            asyncio.create_task(pump(reader, back, passing)),
            asyncio.create_task(pump(there, writer, passing)),
        ]
        done, _ = await asyncio.wait(pumps, timeout=life, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            self.cuts[way] += 1
            if way == "hold and reset":
                passing.clear()
                await asyncio.sleep(HOLD_S)
            for side, transport in (("client", writer), ("server", back)):
                if way in {"reset both", "hold and reset", f"reset the {side}"}:
                    reset(transport.transport)
        for task in pumps:
            task.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        back.close()


async def pump(
    source: asyncio.StreamReader, sink: asyncio.StreamWriter, passing: asyncio.Event
) -> None:
    while piece := await source.read(PIECE):
        await passing.wait()
        sink.write(piece)
        await sink.drain()


Stop = Callable[[], Awaitable[None]]
