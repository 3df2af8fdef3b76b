"""Which limits a device was meant to have, and when: what it can be at on our account. Pure."""

from __future__ import annotations

import math
from collections import deque

_REMEMBERED = 32


class MeantLimits:
    """The limits of the last while, in the device's own unit; at most one a cycle.

    Limits that change each second do not excuse a device, and a slow one is not blamed for a limit
    that it cannot have followed yet: what counts is the lowest and the highest since then.
    """

    def __init__(self, longest_s: float, cycle_s: float) -> None:
        """Begin with none; twice as many are kept as regular cycles would need.

        Args:
            longest_s: longest time that will be looked back.
            cycle_s: time between two limits, at least.
        """
        self._limits: deque[tuple[float, float]] = deque(
            maxlen=max(_REMEMBERED, 2 * math.ceil(longest_s / cycle_s))
        )

    def restart(self, limit: float, *, now: float) -> None:
        """Forget all: this one was found in force."""
        self._limits.clear()
        self.note(limit, now=now)

    def note(self, limit: float, *, now: float) -> None:
        """A limit was meant from now on."""
        self._limits.append((now, limit))

    def lowest(self, since: float) -> float:
        """Lowest limit meant since an instant, that of the instant among them; infinite if none."""
        lowest = math.inf
        for at, limit in reversed(self._limits):
            lowest = min(lowest, limit)
            if at <= since:
                break
        return lowest

    def highest_known(self, since: float) -> float | None:
        """Highest limit meant since an instant, or since the first that is known; None if none."""
        known = self.highest(since)
        return max((limit for _, limit in self._limits), default=None) if known is None else known

    def highest(self, since: float) -> float | None:
        """Highest limit meant since an instant; None where that is longer ago than is known."""
        highest = -math.inf
        for at, limit in reversed(self._limits):
            highest = max(highest, limit)
            if at <= since:
                return highest
        return None
