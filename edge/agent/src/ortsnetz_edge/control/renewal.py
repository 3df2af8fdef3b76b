"""When a standing alarm is said anew: another element, clearly worse, or clearly better. Pure.

IEC 62682 asks for alarms that are true and for no flood of them. So the amounts that were said are
remembered, and only a step from them is news. What comes and goes within a minute was said once.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

STEP = 1.0
"""Amounts are in steps that a person would call clearly worse."""
EVERY_S = 10.0
"""A standing alarm changes no more often."""
BETTER_AFTER_S = 60.0
"""What is gone or better is said when it has been for so long: a dead band in time."""


class News(Enum):
    """What a condition says beyond what its alarm has said."""

    NONE = 0
    CHANGED = 1
    WORSE = 2


class Said:
    """What a standing alarm has said, by element."""

    def __init__(self, extent: Mapping[str, float], *, now: float) -> None:
        """Begin with what the alarm says from now on, in steps."""
        self._said = dict(extent)
        self._said_at = now
        self._better_since: dict[str, float] = {}

    def look(self, extent: Mapping[str, float], *, now: float) -> News:
        """Compare; what is news counts as said from now on.

        Args:
            extent: how far beyond its limit each element is now, in steps.
            now: monotonic time, s.
        """
        self._watch_better(extent, now)
        if now - self._said_at < EVERY_S:
            return News.NONE
        is_worse = any(
            amount >= self._said.get(name, 0.0) + STEP for name, amount in extent.items()
        )
        over = {n for n, since in self._better_since.items() if now - since >= BETTER_AFTER_S}
        if not is_worse and not over and extent.keys() <= self._said.keys():
            return News.NONE
        waiting = {name: was for name, was in self._said.items() if name not in over}
        self._said = {
            name: max(extent.get(name, 0.0), waiting.get(name, 0.0))
            for name in extent.keys() | waiting.keys()
        }
        self._said_at = now
        self._better_since = {n: s for n, s in self._better_since.items() if n not in over}
        return News.WORSE if is_worse else News.CHANGED

    def _watch_better(self, extent: Mapping[str, float], now: float) -> None:
        for name, was in self._said.items():
            amount = extent.get(name)
            if amount is None or amount <= was - STEP:
                self._better_since.setdefault(name, now)
            else:
                self._better_since.pop(name, None)
