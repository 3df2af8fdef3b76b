"""What all devices that take a limit have in common."""

from __future__ import annotations

from ortsnetz_hil.plant.devices.watchdog import RefusedValueError, Watchdog

FULL = 1000
"""The rating in the unit of limits, 0.1 %."""


class Limited:
    """A limit in force and a watchdog, in the device's own unit.

    Attributes:
        limit: limit in force.
    """

    limit: int
    watchdog: Watchdog

    def checked(self, value: int) -> int:
        """A value that the device takes as limit or fall-back; raises RefusedValueError."""
        raise NotImplementedError

    def write_limit(self, value: int, now_s: float) -> None:
        """Command a limit.

        Raises:
            RefusedValueError: the device does not take it; nothing changes.
        """
        self.limit = self.checked(value)
        self.watchdog.fed(now_s)

    def write_fallback(self, value: int) -> None:
        """Set the limit that comes into force without commands.

        Raises:
            RefusedValueError: the device does not take it; nothing changes.
        """
        self.watchdog.fallback = self.checked(value)


class ShareLimited(Limited):
    """Takes its limit as a share of the rating, 0.1 %."""

    def checked(self, value: int) -> int:
        """A share that the device takes as limit or fall-back; raises RefusedValueError."""
        if not 0 <= value <= FULL:
            raise RefusedValueError(f"a limit is 0-{FULL} (0.1 % of the rating), not {value}")
        return value
