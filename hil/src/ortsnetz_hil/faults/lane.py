"""One direction of a connection through the wire proxy."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import numpy as np

from ortsnetz_hil.faults.conditions import Conditions, WireCounts, pieces

MOST_HELD = 65_536
"""Bytes on their way above which nothing more is read."""
STALLED_S = 60.0
"""A peer that takes nothing for so long is given up."""


class Line:
    """A line of limited bandwidth in one direction, shared by all connections of a proxy."""

    def __init__(self) -> None:
        self._free_at = 0.0

    def sent(self, now: float, count: int, bytes_per_s: float) -> float:
        """When the last of so many bytes has left, if they queue up now; the loop's time."""
        self._free_at = max(self._free_at, now) + count / bytes_per_s
        return self._free_at


class Lane:
    """Takes chunks from a source and gives them to a target, later and worse if faults say so.

    The order of chunks is kept. What is on its way is bounded: above `MOST_HELD`, and while the
    target takes nothing, the source is not read.
    """

    def __init__(
        self,
        ends: tuple[asyncio.Transport, asyncio.Transport],
        line: Line,
        rng: np.random.Generator,
        counts: WireCounts,
        given_up: Callable[[], None],
    ) -> None:
        """Connect two ends.

        Args:
            ends: source and target.
            line: this direction's bandwidth.
            rng: draws of this direction of this connection.
            counts: takes what happens.
            given_up: called when the target has taken nothing for `STALLED_S`.
        """
        self._source, self._target = ends
        self._line, self._rng, self._counts = line, rng, counts
        self._given_up = given_up
        self._loop = asyncio.get_running_loop()
        self._way: deque[tuple[float, bytes]] = deque()
        self._held = 0
        self._last_due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._ending: Callable[[], None] | None = None

    def take(self, chunk: bytes, conditions: Conditions) -> None:
        """Carry a chunk under the conditions of this instant."""
        if conditions.clear and not self._way:
            self._target.write(chunk)
            return
        for rest in conditions.suffered(chunk, self._rng, self._counts):
            self._send(rest, conditions)
        self._regulate()
        self._arm()

    def end(self, then: Callable[[], None]) -> None:
        """The source has ended: call this when all is delivered."""
        self._ending = then
        if not self._way:
            then()

    def pause(self) -> None:
        """The target's buffer is full."""
        if self._patience is None:
            self._patience = self._loop.call_later(STALLED_S, self._given_up)
        self._regulate()

    def resume(self) -> None:
        """The target takes more."""
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        self._deliver()

    def cut(self) -> int:
        """Forget what is on its way; how many chunks that were."""
        lost = len(self._way)
        self._way.clear()
        self._held = 0
        for timer in (self._timer, self._patience):
            if timer is not None:
                timer.cancel()
        self._timer = self._patience = None
        self._regulate()
        return lost

    def _send(self, chunk: bytes, conditions: Conditions) -> None:
        rate, delay_s = conditions.bytes_per_s, conditions.delay_s(self._rng)
        now = self._loop.time()
        for piece in [chunk] if rate is None else pieces(chunk):
            sent = now if rate is None else self._line.sent(now, len(piece), rate)
            self._last_due = max(sent + delay_s, self._last_due)
            self._way.append((self._last_due, piece))
            self._held += len(piece)

    def _deliver(self) -> None:
        self._timer = None
        now = self._loop.time()
        while self._way and self._way[0][0] <= now and self._patience is None:
            piece = self._way.popleft()[1]
            self._held -= len(piece)
            self._target.write(piece)
        self._regulate()
        self._arm()
        if self._ending is not None and not self._way:
            self._ending()

    def _arm(self) -> None:
        if self._way and self._timer is None and self._patience is None:
            self._timer = self._loop.call_at(self._way[0][0], self._deliver)

    def _regulate(self) -> None:
        if self._patience is not None or self._held > MOST_HELD:
            self._source.pause_reading()
        else:
            self._source.resume_reading()
