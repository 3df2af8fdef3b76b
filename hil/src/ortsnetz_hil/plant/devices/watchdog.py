"""The watchdog inside a device: without commands it falls back by itself."""

from __future__ import annotations

import math

DEFAULT_S = 60


class RefusedValueError(ValueError):
    """A device does not take a value (Modbus exception 3)."""


class Watchdog:
    """Counts the time since the last commanded limit, in wall seconds.

    Attributes:
        fallback: limit that comes into force without commands, in the device's own unit.
        time_s: how long the device waits for a command.
    """

    def __init__(self, fallback: int) -> None:
        self.fallback = fallback
        self.time_s = DEFAULT_S
        self._fed_at: float | None = None

    def fed(self, now_s: float) -> None:
        """A limit was commanded."""
        self._fed_at = now_s

    @staticmethod
    def checked_time(seconds: int) -> int:
        """A fall-back time that a device takes; 0 s, which would void each command, it refuses."""
        if seconds == 0:
            raise RefusedValueError("a fall-back time of 0 s would never let a command act")
        return seconds

    def remaining_s(self, now_s: float) -> float:
        """Seconds until the fall-back acts; 0 while it is in force."""
        if self._fed_at is None:
            return 0.0
        # a command may come between two steps, later than the step that is looked at
        return min(max(self.time_s - (now_s - self._fed_at), 0.0), float(self.time_s))

    def expired(self, now_s: float) -> bool:
        """Whether the fall-back is in force, also before the first command."""
        return self.remaining_s(now_s) <= 0.0

    def rest(self, now_s: float) -> int:
        """Remaining whole seconds, rounded up, for a register."""
        return math.ceil(self.remaining_s(now_s))
