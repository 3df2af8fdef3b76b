"""The three command registers of a device: limit, fall-back time, fall-back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ortsnetz_hil.plant.devices.watchdog import Watchdog

LIMIT, FALLBACK_TIME, FALLBACK = range(3)


class Limited(Protocol):
    """A device model that takes a limit."""

    limit: int
    watchdog: Watchdog

    def checked(self, value: int, /) -> int:
        """A value that the device takes as limit or fall-back; raises RefusedValueError."""
        ...

    def write_limit(self, value: int, now_s: float, /) -> None:
        """Command a limit; raises RefusedValueError."""
        ...


@dataclass(frozen=True, slots=True)
class Commands:
    """Command registers of a device; `address` is the first of the three."""

    address: int
    model: Limited

    def settings(self) -> tuple[int, int, int]:
        """Limit in force, fall-back time, fall-back: what a read of the three gives."""
        watchdog = self.model.watchdog
        return self.model.limit, watchdog.time_s, watchdog.fallback

    def write(self, first: int, values: list[int], now_s: float) -> None:
        """Write consecutive registers: all of them, or none.

        Args:
            first: number of the first register, 0 is the limit.
            values: raw register values.
            now_s: wall seconds in the plant's scale.

        Raises:
            RefusedValueError: the device does not take one of the values; nothing has changed.
        """
        watchdog = self.model.watchdog
        pairs = list(enumerate(values, start=first))
        for place, value in pairs:
            if place == FALLBACK_TIME:
                watchdog.checked_time(value)
            else:
                self.model.checked(value)
        for place, value in pairs:
            if place == LIMIT:
                self.model.write_limit(value, now_s)
            elif place == FALLBACK_TIME:
                watchdog.time_s = value
            else:
                watchdog.fallback = value
