"""What to send and when: driven by watermarks, bounded, patient. No I/O, no clock of its own."""

from __future__ import annotations

import random
from collections import Counter, deque
from dataclasses import dataclass
from enum import Enum

from ortsnetz_edge.journal.layout import Stretch

MAX_BATCHES = 4
MAX_BYTES = 4 * 1024 * 1024
"""Bounds of what is on its way and not acknowledged; below the journal's `IN_FLIGHT_BYTES`."""
RESEND_FIRST_S = 4.0
RESEND_CAP_S = 30.0
LARGE_BACKLOG = 600
BACKFILL_SPREAD_S = 5.0
"""Longest random delay before a large backlog, so that a region does not return all at once."""


class Verdict(Enum):
    """What a watermark means for the journal."""

    PROGRESS = "progress"
    NOTHING_NEW = "nothing-new"
    OTHER_EPOCH = "other-epoch"
    FORGOTTEN = "forgotten"  # the cockpit has less than it once confirmed, and says so repeatedly
    AHEAD = "ahead"  # the cockpit has more than this journal ever wrote


@dataclass(frozen=True, slots=True)
class _OnItsWay:
    last: int
    size: int


class SendWindow:
    """Sequence numbers of the current epoch that are acknowledged, on their way, and next."""

    def __init__(self, seed: int | None = None) -> None:
        self.counters: Counter[str] = Counter()
        self._random = random.Random(seed)  # noqa: S311 - spreads load, keeps no secret
        self._epoch: str | None = None
        self._acknowledged = 0
        self._sent = 0
        self._on_its_way: deque[_OnItsWay] = deque()
        self._attempt = 0
        self._resend_at = 0.0
        self._not_before = 0.0
        self._connected = False

    @property
    def acknowledged(self) -> tuple[str, int] | None:
        """Epoch and sequence that the cockpit has confirmed last; None if nothing yet."""
        return None if self._epoch is None else (self._epoch, self._acknowledged)

    def connected(self, *, now: float, backlog: int) -> None:
        """A connection stands: everything that is not acknowledged is sent again."""
        self._connected = True
        self._again()
        spread_s = BACKFILL_SPREAD_S if backlog > LARGE_BACKLOG else 0.0
        self._not_before = now + self._random.uniform(0.0, spread_s)

    def disconnected(self) -> None:
        """The connection has gone."""
        self._connected = False

    def next(self, epoch: str, committed: int, *, now: float) -> tuple[str, int] | None:
        """Epoch and sequence behind which a batch may be sent now; None if none may.

        Args:
            epoch: the journal's.
            committed: sequence up to which the journal knows the cockpit to be.
            now: monotonic time, s.
        """
        if epoch != self._epoch:
            self._epoch, self._acknowledged, self._attempt = epoch, committed, 0
            self._again()
        if not self._connected or now < self._not_before:
            return None
        if self._on_its_way and now >= self._resend_at:
            self.counters["uplink_resends"] += 1
            self._attempt += 1
            self._again()
        batches = 1 if self._attempt else MAX_BATCHES  # without an answer, one batch asks for it
        size = sum(item.size for item in self._on_its_way)
        if len(self._on_its_way) >= batches or size >= MAX_BYTES:
            return None
        return epoch, self._sent

    def sent(self, stretch: Stretch, *, now: float) -> None:
        """A batch was handed to the connection."""
        if not self._on_its_way:
            bound = min(RESEND_CAP_S, RESEND_FIRST_S * 2.0 ** min(self._attempt, 8))
            self._resend_at = now + bound * self._random.uniform(0.75, 1.25)
        self._sent = stretch.last
        self._on_its_way.append(_OnItsWay(stretch.last, stretch.size))
        self.counters["uplink_batches"] += 1
        self.counters["uplink_records"] += len(stretch.records)

    def watermark(self, epoch: str, sequence: int, *, newest: int, now: float) -> Verdict:
        """Take in what the cockpit has committed.

        Args:
            epoch: as the cockpit says.
            sequence: as the cockpit says.
            newest: sequence of the newest record in the journal.
            now: monotonic time, s.
        """
        if epoch != self._epoch:
            self.counters["uplink_watermarks_of_other_epochs"] += 1
            return Verdict.OTHER_EPOCH
        if sequence > newest:
            self.counters["uplink_cockpit_ahead"] += 1
            return Verdict.AHEAD
        if sequence < self._acknowledged and self._attempt:
            self.counters["uplink_cockpit_forgot"] += 1
            return Verdict.FORGOTTEN
        if sequence <= self._acknowledged:
            self.counters["uplink_watermarks_repeated"] += 1
            return Verdict.NOTHING_NEW
        self._acknowledged = sequence
        self._sent = max(self._sent, sequence)
        self._attempt = 0
        while self._on_its_way and self._on_its_way[0].last <= sequence:
            self._on_its_way.popleft()
        self._resend_at = now + RESEND_FIRST_S
        return Verdict.PROGRESS

    def _again(self) -> None:
        self._sent = self._acknowledged
        self._on_its_way.clear()
