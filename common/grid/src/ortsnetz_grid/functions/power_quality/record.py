"""What was measured in a period at one place: what a report rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ortsnetz_grid.functions.power_quality.aggregation import Interval
from ortsnetz_grid.functions.power_quality.declared import Declared
from ortsnetz_grid.functions.power_quality.events import Event, EventKind
from ortsnetz_grid.functions.power_quality.frequency import Frequency
from ortsnetz_grid.functions.power_quality.samples import Channel

LEAST_COVERED = 0.9
"""An interval less covered than this has no value; the standard says nothing about it."""


@dataclass(frozen=True, slots=True)
class LongTermFlicker:
    """Plt of two hours; None where it could not be had.

    `synchronised` says whether the source's clock was, all the time.
    """

    start_ns: int
    phase: str
    plt: float | None
    flags: EventKind = EventKind.NONE
    synchronised: bool = True


@dataclass(frozen=True, slots=True)
class Record:
    """What was measured in a period at one place; events are those that reach into it."""

    declared: Declared
    channels: tuple[Channel, ...]
    start_ns: int
    end_ns: int
    ten_minutes: Sequence[Interval] = ()
    frequencies: Sequence[Frequency] = ()
    flicker: Sequence[LongTermFlicker] = ()
    events: Sequence[Event] = ()


def highest_order(record: Record) -> int | None:
    """The highest order that all intervals have; the sampling rate limits it. None of nothing."""
    found = [
        i.quantities.harmonics.shape[1] - 1
        for i in record.ten_minutes
        if i.quantities is not None and i.covered >= LEAST_COVERED
    ]
    return min(found, default=None)
