"""The bench's calendar: twelve hours of a day, faster than real time by a stated factor.

Only the calendar is fast. Protocols, the agent's cycle and the reactions of devices run in real
time. The calendar waits at 11:00 until the run begins. A run of a stated length ends at 23:00, and
there the calendar waits again. An endless run repeats the window day after day: from 23:00 the
calendar jumps to 11:00 of the next day, and with it the cars leave and the sun is back.
"""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct

from ortsnetz_common.measurement.time import NS_PER_S
from ortsnetz_common.parameters.parameter_set import Calendar

WINDOW_START_NS = 1_469_444_400 * NS_PER_S
"""2016-07-25T11:00:00Z: the one SimBench day with a sunny noon in all PV profiles and the highest
evening load among such days. SimBench's own clock is taken as UTC."""
WINDOW_S = 43_200.0
DAY_S = 86_400.0
END_S = 0.001
"""A run that does not repeat its window stops this long before the next would begin."""
ENDLESS_FACTOR = 360.0


@dataclass(frozen=True, slots=True)
class Instant:
    """An instant of the calendar.

    Attributes:
        day: how often the window has been repeated.
        second: seconds since the beginning of the window.
        calendar_ns: the calendar's UTC instant, ns.
    """

    day: int
    second: float
    calendar_ns: int


class Window(Struct, frozen=True, forbid_unknown_fields=True):
    """The window of the calendar and how it runs.

    Attributes:
        start_ns: calendar instant (UTC, ns) at which the window begins.
        length_s: its length in calendar seconds.
        factor: calendar seconds per wall second.
        wall_start_ns: wall instant at which the window begins; the calendar waits there before.
        repeats: whether the window is repeated for ever.
    """

    start_ns: int
    length_s: float
    factor: float
    wall_start_ns: int
    repeats: bool

    def after(self, elapsed_s: float) -> Instant:
        """Instant a number of wall seconds after the beginning."""
        passed = max(elapsed_s, 0.0) * self.factor
        if not self.repeats:
            passed = min(passed, self.length_s - END_S)
        day = int(passed // self.length_s)
        second = passed - day * self.length_s
        calendar_ns = self.start_ns + round((day * DAY_S + second) * NS_PER_S)
        return Instant(day, second, calendar_ns)

    def elapsed_s(self, wall_ns: int) -> float:
        """Wall seconds since the beginning; negative before it."""
        return (wall_ns - self.wall_start_ns) / NS_PER_S

    def shared(self) -> Calendar:
        """What the agent is told. It is linear; `plant.pseudo` makes the repetition fit."""
        return Calendar(self.wall_start_ns, self.start_ns, self.factor)


def window(seconds: float | None, wall_start_ns: int) -> Window:
    """The demonstration window.

    Args:
        seconds: length of the run in wall seconds, None for an endless one.
        wall_start_ns: wall instant at which it begins.
    """
    factor = ENDLESS_FACTOR if seconds is None else WINDOW_S / seconds
    return Window(WINDOW_START_NS, WINDOW_S, factor, wall_start_ns, repeats=seconds is None)
