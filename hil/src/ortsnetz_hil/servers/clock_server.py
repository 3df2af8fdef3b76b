"""Gives the device under test its time, cycle by cycle, and waits until it is done."""

from __future__ import annotations

import asyncio
import contextlib

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_common.link.bench_clock import (
    LONGEST_LINE,
    BenchClockError,
    Done,
    Tick,
    pack,
    unpack,
)

CONNECT_DEADLINE_S = 90.0


class ClockServer:
    """The bench's end of the bench clock; one device under test at a time.

    A device under test that was stopped on purpose hangs up; the bench goes on when it is back. In
    between plant time passes without it: nobody reads, nobody decides.
    """

    def __init__(self, host: str, port: int, deadline_s: float) -> None:
        self._host, self._port, self._deadline_s = host, port, deadline_s
        self._server: asyncio.Server | None = None
        self._peer: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._connected = asyncio.Event()

    async def start(self) -> None:
        """Listen.

        Raises:
            OrtsnetzError: the port cannot be had.
        """
        try:
            self._server = await asyncio.start_server(
                self._take, self._host, self._port, limit=LONGEST_LINE
            )
        except OSError as error:
            raise OrtsnetzError(
                f"port {self._port} on {self._host}, wanted for the bench clock, cannot be used: "
                f"{error.strerror or error}"
            ) from error

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._peer is not None:
            writer.close()
            return
        self._peer = (reader, writer)
        self._connected.set()

    async def wait_connected(self) -> None:
        """Wait for the device under test.

        Raises:
            OrtsnetzError: it does not come.
        """
        try:
            async with asyncio.timeout(CONNECT_DEADLINE_S):
                await self._connected.wait()
        except TimeoutError:
            raise OrtsnetzError(
                f"no device under test asked for the time at {self._host}:{self._port} within "
                f"{CONNECT_DEADLINE_S:.0f} s"
            ) from None

    async def cycle(self, tick: Tick) -> bool:
        """Give the time of a cycle and wait until it is over; False if nobody is connected.

        Raises:
            OrtsnetzError: the cycle takes longer than the deadline, or the answer is none.
        """
        if self._peer is None:
            return False
        reader, writer = self._peer
        try:
            async with asyncio.timeout(self._deadline_s):
                writer.write(pack(tick))
                await writer.drain()
                line = await reader.readline()
            if not line:
                await self._hang_up()
                return False
            if unpack(line, Done).cycle != tick.cycle:
                raise OrtsnetzError("the device under test has finished another cycle than this")
        except TimeoutError:
            raise OrtsnetzError(
                f"the device under test has not finished cycle {tick.cycle} within "
                f"{self._deadline_s:.0f} s"
            ) from None
        except (BenchClockError, ValueError) as error:
            raise OrtsnetzError(f"device under test: {error}") from error
        except OSError:
            await self._hang_up()
            return False
        return True

    async def _hang_up(self) -> None:
        if self._peer is not None:
            writer = self._peer[1]
            self._peer = None
            self._connected.clear()
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def end_of_time(self) -> None:
        """Tell the device under test that no more cycle comes; it may hand over what it has."""
        await self._hang_up()

    async def stop(self) -> None:
        """Stop listening."""
        await self._hang_up()
        if self._server is not None:
            self._server.close()
