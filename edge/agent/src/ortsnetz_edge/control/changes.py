"""How often a limit changes: bounded for raises, counted for all. Pure."""

from __future__ import annotations

from collections import deque

HOUR_S = 3600.0
FREE = 1 / 3
"""Share of an hour's changes that need not wait for each other."""


class ChangeBudget:
    """Changes of one device's limit within an hour.

    A third of them is free, so that a release can climb its ramp; raises beyond are spread over
    the hour. Lowering is counted and never delayed: then there are more than the bound, and no
    raise until there are fewer.
    """

    def __init__(self, per_hour: int) -> None:
        """Args: per_hour: most changes within an hour after which a limit is still raised."""
        self._per_hour = per_hour
        # the newest decide: whether there are too many needs no more than that
        self._times: deque[float] = deque(maxlen=max(1, per_hour))
        self.total = 0
        self.most = 0

    def note(self, *, now: float) -> None:
        """The limit has changed."""
        self.total += 1
        self._times.append(now)
        self.most = max(self.most, self.within_hour(now=now))

    def within_hour(self, *, now: float) -> int:
        """Changes within the last hour; no more than the bound is counted."""
        while self._times and now - self._times[0] >= HOUR_S:
            self._times.popleft()
        return len(self._times)

    def is_spread(self, *, now: float) -> bool:
        """Whether so many have been that raises are spread."""
        return self.within_hour(now=now) >= FREE * self._per_hour

    def may_raise(self, *, now: float) -> bool:
        """Whether the limit may be raised now."""
        if not self.is_spread(now=now):
            return True
        if self.within_hour(now=now) >= self._per_hour:
            return False
        return now - self._times[-1] >= HOUR_S / ((1 - FREE) * self._per_hour)
