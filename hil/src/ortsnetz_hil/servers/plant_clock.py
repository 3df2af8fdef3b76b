"""Plant time: the wall clock in real time, a counter of steps in stepped time."""

from __future__ import annotations

from typing import Protocol

from ortsnetz_common.measurement.time import NS_PER_S, now_ns
from ortsnetz_hil.plant.calendar import Window


class PlantClock(Protocol):
    """What devices and logs ask the time of."""

    def now_s(self) -> float:
        """Plant seconds since the beginning of the window; negative before it."""

    def now_ns(self) -> int:
        """The same instant as a wall clock, UTC ns: the clock of the devices."""


class WallPlantClock:
    """Real time: plant time is wall time."""

    def __init__(self, window: Window) -> None:
        self._window = window

    def now_s(self) -> float:
        """Plant seconds since the beginning of the window."""
        return self._window.elapsed_s(now_ns())

    def now_ns(self) -> int:
        """Wall clock, UTC ns."""
        return now_ns()


class SteppedPlantClock:
    """Stepped time: a whole number of steps, so that nothing adds up to a rounding error.

    Attributes:
        number: steps since the beginning of the window; negative before it.
    """

    def __init__(self, window: Window, steps_a_cycle: int, cycle_s: float, number: int) -> None:
        self._window = window
        self._steps_a_cycle = steps_a_cycle
        self._cycle_s = cycle_s
        self.number = number

    def now_s(self) -> float:
        """Plant seconds since the beginning of the window."""
        return self.number * self._cycle_s / self._steps_a_cycle

    def now_ns(self) -> int:
        """The wall clock that belongs to it, UTC ns."""
        return self._window.wall_start_ns + round(self.now_s() * NS_PER_S)

    def advance(self) -> None:
        """One step further."""
        self.number += 1

    @property
    def at_cycle(self) -> bool:
        """Whether a cycle of the device under test begins now."""
        return self.number % self._steps_a_cycle == 0
