"""The clocks an agent may live by: the machine's own, or the bench's in stepped time."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Protocol

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_common.link.bench_clock import (
    LONGEST_LINE,
    BenchClockAddress,
    BenchClockError,
    Done,
    Tick,
    pack,
    unpack,
)
from ortsnetz_common.measurement.time import now_ns

CONNECT_DEADLINE_S = 10.0
BENCH_PATIENCE_S = 30.0
"""In stepped time nothing is given up because the machine is slow, only because it hangs."""


class Clock(Protocol):
    """What the cycle asks the time of.

    Attributes:
        stepped: whether time stands still while the agent works.
    """

    stepped: bool

    def now_ns(self) -> int:
        """Wall clock, UTC ns."""

    def monotonic(self) -> float:
        """Seconds that never jump."""

    def patience(self, seconds: float) -> float:
        """Wall seconds that a wait of so many seconds may take."""


class WallClock:
    """The machine's own clock."""

    stepped = False

    def now_ns(self) -> int:
        """Wall clock, UTC ns."""
        return now_ns()

    def monotonic(self) -> float:
        """Seconds that never jump."""
        return time.monotonic()

    def patience(self, seconds: float) -> float:
        """The same: here a deadline is a deadline."""
        return seconds


class BenchClock:
    """The bench's time, cycle by cycle; see `ortsnetz_common.link.bench_clock`."""

    stepped = True

    def __init__(self) -> None:
        self._now = Tick(0, now_ns(), 0.0)
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    def now_ns(self) -> int:
        """Wall clock as the bench shows it."""
        return self._now.time_ns

    def monotonic(self) -> float:
        """The bench's time that never jumps."""
        return self._now.monotonic_s

    def patience(self, seconds: float) -> float:
        """Long: the bench waits."""
        return max(seconds, BENCH_PATIENCE_S)

    async def connect(self, address: BenchClockAddress) -> None:
        """Connect to the bench.

        Raises:
            OrtsnetzError: nobody gives the time there.
        """
        try:
            async with asyncio.timeout(CONNECT_DEADLINE_S):
                self._reader, self._writer = await asyncio.open_connection(
                    address.host, address.port, limit=LONGEST_LINE
                )
        except (OSError, TimeoutError) as error:
            raise OrtsnetzError(
                f"bench clock {address.host}:{address.port} cannot be reached: {error}; "
                "remove 'bench_clock' from the bootstrap file of a node that is not on a bench"
            ) from error

    async def tick(self) -> bool:
        """Wait for the next cycle; False when the bench gives no time any more.

        Raises:
            OrtsnetzError: what comes is no time.
        """
        if self._reader is None:
            raise OrtsnetzError("the bench clock is not connected")
        try:
            line = await self._reader.readline()
            if not line:
                return False
            self._now = unpack(line, Tick)
        except (BenchClockError, ValueError) as error:
            raise OrtsnetzError(f"bench clock: {error}") from error
        except OSError:
            return False
        return True

    async def done(self) -> None:
        """Tell the bench that the cycle is over."""
        if self._writer is not None:
            self._writer.write(pack(Done(self._now.cycle)))
            with contextlib.suppress(OSError):
                await self._writer.drain()

    async def close(self) -> None:
        """Hang up."""
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()
