"""How devices follow what they are told: after a dead time, or with a first-order lag."""

from __future__ import annotations

import math


class Follower:
    """A limit that is taken over `reaction_s` after it first differed.

    The timer does not start again while the limit goes on changing: what holds when it ends is
    taken over, as by a device that polls. Even without a reaction time the step that first sees a
    new limit still obeys the old one.

    Attributes:
        value: what the device obeys now.
    """

    def __init__(self, value: int, reaction_s: float) -> None:
        self.value = value
        self._reaction_s = reaction_s
        self._due_s: float | None = None

    def follow(self, limit: int, now_s: float) -> int:
        """Live until `now_s` (plant seconds) with `limit` in force; returns what is obeyed."""
        if self.value == limit:
            self._due_s = None
        elif self._due_s is None:
            self._due_s = now_s + self._reaction_s
        elif now_s >= self._due_s:
            self.value, self._due_s = limit, None
        return self.value


class Lag:
    """First-order lag, stepped exactly for an input that holds during the step.

    Attributes:
        value: the output now.
    """

    def __init__(self, value: float, time_constant_s: float) -> None:
        self.value = value
        self._time_constant_s = time_constant_s

    def follow(self, target: float, passed_s: float) -> float:
        """Live through `passed_s` seconds towards `target`; returns the output at their end."""
        if self._time_constant_s <= 0.0:
            self.value = target
        else:
            self.value += (target - self.value) * -math.expm1(-passed_s / self._time_constant_s)
        return self.value


class Elapsed:
    """Plant seconds between two steps, never negative, 0 at the first."""

    def __init__(self) -> None:
        self._before_s: float | None = None

    def until(self, now_s: float) -> float:
        """Seconds since the last call."""
        before_s, self._before_s = self._before_s, now_s
        return 0.0 if before_s is None else max(now_s - before_s, 0.0)
