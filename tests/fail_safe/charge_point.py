"""A charge point of the field: its limit, its own watchdog, and all that was written to it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

PHASE_V = 230.0
LOWEST_A = 6


@dataclass(frozen=True)
class Change:
    """A limit that has changed, or was written again.

    Attributes:
        at_s: monotonic time.
        before, after: A.
        by_itself: the device's own watchdog did it; nobody wrote.
    """

    at_s: float
    device: str
    before: int
    after: int
    by_itself: bool = False


@dataclass
class ChargePoint:
    """A three-phase charge point with a car that draws all it may.

    Attributes:
        limit_a: in force, per phase.
        fallback_after_s: set by whoever commands it; 0 is none.
        fallback_a: limit that it then takes by itself.
        changes: everything that was written, and what it did by itself.
    """

    name: str
    limit_a: int = 16
    wish_a: int = 16
    fallback_after_s: int = 0
    fallback_a: int = LOWEST_A
    changes: list[Change] = field(default_factory=list)
    written_at_s: float = field(default_factory=time.monotonic)

    @property
    def drawn_a(self) -> int:
        """Current per phase; a car draws nothing below six amperes (IEC 61851-1)."""
        return min(self.limit_a, self.wish_a) if self.limit_a >= LOWEST_A else 0

    @property
    def phase_w(self) -> float:
        """Power per phase."""
        return self.drawn_a * PHASE_V

    def write(self, limit_a: int) -> None:
        """Somebody commands a limit: that feeds the watchdog."""
        self.written_at_s = time.monotonic()
        self.changes.append(Change(self.written_at_s, self.name, self.limit_a, limit_a))
        self.limit_a = limit_a

    def watch(self, after_s: int) -> None:
        """Somebody sets the watchdog: it counts from now."""
        self.fallback_after_s, self.written_at_s = after_s, time.monotonic()

    def live(self) -> None:
        """Fall back where nobody has written for too long."""
        now = time.monotonic()
        if not self.fallback_after_s or now - self.written_at_s <= self.fallback_after_s:
            return
        if self.limit_a > self.fallback_a:
            self.changes.append(Change(now, self.name, self.limit_a, self.fallback_a, True))
            self.limit_a = self.fallback_a
