"""Whether the node's clock can be believed: it was set, or nothing keeps it.

Control itself lives by the monotonic clock and does not care. What does: the ends of orders, the
hour of assumed loads, and every time stamp that goes to the cockpit.
"""

from __future__ import annotations

import ctypes
from collections import Counter
from collections.abc import Callable, Iterator

from ortsnetz_common.measurement.time import NS_PER_S
from ortsnetz_edge.control.alarms import Condition

JUMP_S = 1.0
"""Between two cycles: more than any slewing accounts for (500 ppm by adjtimex(2))."""
SAID_FOR_S = 60.0
UNSYNCHRONISED_AFTER_S = 300.0
"""A node that starts has to find its time servers first."""
_TIME_ERROR = 5  # adjtimex(2): the system clock is not synchronised
_TIMEX_BYTES = 256  # struct timex has 208 on 64 bit


def synchronised() -> bool | None:
    """Whether the system keeps its clock synchronised (adjtimex(2)); None if it does not say."""
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _TIME_ERROR


class ClockWatch:
    """Compares the wall clock with the monotonic one, cycle by cycle."""

    def __init__(self, kept: Callable[[], bool | None] = synchronised) -> None:
        """Begin.

        Args:
            kept: whether the system keeps its clock synchronised; None where it does not say.
        """
        self.counters = Counter(clock_jumps=0, cycles_clock_unsynchronised=0)
        self._kept = kept
        self._ahead_s: float | None = None
        self._jumped: tuple[float, float] | None = None

    def step(self, *, now_ns: int, now: float) -> Iterator[Condition]:
        """Conditions of this cycle.

        Args:
            now_ns: wall clock, UTC ns.
            now: monotonic time, s.
        """
        ahead_s = now_ns / NS_PER_S - now
        jump_s = 0.0 if self._ahead_s is None else ahead_s - self._ahead_s
        self._ahead_s = ahead_s
        if abs(jump_s) > JUMP_S:
            self.counters["clock_jumps"] += 1
            self._jumped = (now, jump_s)
        if self._jumped is not None and now - self._jumped[0] <= SAID_FOR_S:
            yield _jumped(self._jumped[1])
        if self._kept() is False:
            self.counters["cycles_clock_unsynchronised"] += 1
            yield _NOT_KEPT


def _jumped(jump_s: float) -> Condition:
    return Condition(
        key="clock-jumped",
        priority=2,
        cause=f"the node's clock jumped by {jump_s:+.1f} s",
        consequence="limits are not concerned; records before and after it do not fit together",
        action="check the node's time servers; after a suspension of the machine nothing",
    )


_NOT_KEPT = Condition(
    key="clock-unsynchronised",
    priority=1,
    cause="the node's clock is not synchronised",
    consequence="limits are not concerned; time stamps drift away from those of others",
    action="check the node's time servers and the way to them",
    after_s=UNSYNCHRONISED_AFTER_S,
)
