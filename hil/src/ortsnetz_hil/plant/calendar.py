"""The bench's calendar: a window of a year, faster than plant time by a stated factor.

Only the calendar is fast. Protocols, the agent's cycle and the reactions of devices run in plant
time. The calendar waits at the beginning of the window until the run begins. A run of a stated
length ends with the window, and there the calendar waits again. An endless run repeats the window
day after day: the demonstration's calendar jumps from 23:00 to 11:00 of the next day, and with it
the cars leave and the sun is back.
"""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct

from ortsnetz_common.errors import InputError
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
        factor: calendar seconds per plant second.
        wall_start_ns: wall instant at which the window begins; the calendar waits there before.
        repeats: whether the window is repeated for ever.
    """

    start_ns: int
    length_s: float
    factor: float
    wall_start_ns: int
    repeats: bool

    def after(self, elapsed_s: float) -> Instant:
        """Instant a number of plant seconds after the beginning."""
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


def window(
    seconds: float | None,
    wall_start_ns: int,
    begin_ns: int = WINDOW_START_NS,
    factor: float | None = None,
) -> Window:
    """The window of a run.

    Args:
        seconds: length of the run in plant seconds, None for one that repeats its window.
        wall_start_ns: wall instant at which it begins.
        begin_ns: calendar instant (UTC, ns) at which it begins.
        factor: calendar seconds per plant second; None for the demonstration's twelve hours in
            `seconds`, or its endless factor.

    Raises:
        InputError: length or factor are not positive.
    """
    for what, value in (("length of the run", seconds), ("calendar factor", factor)):
        if value is not None and not 0 < value < float("inf"):
            raise InputError(f"{what}: {value} is not positive")
    if seconds is None:
        return Window(begin_ns, WINDOW_S, factor or ENDLESS_FACTOR, wall_start_ns, repeats=True)
    if factor is None:
        return Window(begin_ns, WINDOW_S, WINDOW_S / seconds, wall_start_ns, repeats=False)
    return Window(begin_ns, seconds * factor, factor, wall_start_ns, repeats=False)
