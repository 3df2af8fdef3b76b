"""Seconds from an overload to the setpoint that answers it."""

from __future__ import annotations

from statistics import median

from msgspec import Struct

from ortsnetz_hil.plant.calendar import Window
from ortsnetz_hil.servers.setpoint_log import SetpointWrite
from ortsnetz_hil.verdict.excursions import Excursion


class Reaction(Struct, frozen=True):
    """How fast overloads were answered.

    Attributes:
        excursions: how often anything left its limit.
        answered: how many of them were followed by a lowered limit before they ended.
        median_s, longest_s: wall seconds from the first step outside to that setpoint; None if
            none was answered.
    """

    excursions: int
    answered: int
    median_s: float | None
    longest_s: float | None


def reaction(found: list[Excursion], writes: list[SetpointWrite], window: Window) -> Reaction:
    """Match excursions with the first setpoint after their beginning that lowers a limit."""
    lowered = sorted(window.elapsed_s(w.time_ns) for w in writes if w.value < w.before)
    delays = []
    for excursion in found:
        answer = next((t for t in lowered if t >= excursion.first_s), None)
        if answer is not None and answer < excursion.end_s:
            delays.append(answer - excursion.first_s)
    return Reaction(
        excursions=len(found),
        answered=len(delays),
        median_s=round(median(delays), 3) if delays else None,
        longest_s=round(max(delays), 3) if delays else None,
    )
