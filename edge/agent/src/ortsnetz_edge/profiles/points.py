"""A profile compiled for one source: what has to be read, and what becomes of it. Pure.

The map knows no protocol: a driver reads `references`, in whatever requests suit its protocol, and
hands the raw values over in their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from ortsnetz_common.measurement.quality import Quality, is_usable, worst
from ortsnetz_common.measurement.time import TimeQuality
from ortsnetz_edge.drivers.contract import Scan, SourcePoint
from ortsnetz_edge.profiles.conversion import ClockPlaces, Conversion

R = TypeVar("R")
MISSING = int(Quality.INVALID | Quality.FAILURE)
_SET_BY_RECEIVER = int(TimeQuality.SET_BY_RECEIVER)


@dataclass(frozen=True)
class PointMap(Generic[R]):
    """A profile compiled for one source.

    Attributes:
        points: in the order of every scan's values.
        references: what has to be read, no two alike.
        absent: raw value that stands for "not present", of each reference.
        periods_s: how often each reference is due; 0 with every scan.
    """

    points: tuple[SourcePoint, ...]
    references: tuple[R, ...]
    absent: tuple[int | None, ...]
    periods_s: tuple[float, ...]
    _conversions: tuple[Conversion, ...]
    _clock: ClockPlaces
    _count: Conversion | None
    _limit: Conversion | None
    _adjusted: tuple[Conversion, ...] = ()

    @property
    def places(self) -> tuple[tuple[int, ...], ...]:
        """For each point the places, among the references, of the raw values it rests on."""
        return tuple(conversion.places for conversion in self._conversions)

    @property
    def limit_places(self) -> tuple[int, ...]:
        """Places of the raw values that the limit in force rests on; none without one."""
        return () if self._limit is None else self._limit.places

    def limit(self, raws: Sequence[float | None]) -> float | None:
        """The limit in force in the device's own unit, whatever is said of its quality."""
        return None if self._limit is None else self._limit.value(raws)

    def scan(
        self,
        raws: Sequence[float | None],
        received_ns: int,
        qualities: Sequence[int] | None = None,
        times_ns: Sequence[int] | None = None,
        time_qualities: Sequence[int] | None = None,
    ) -> Scan:
        """The scan of an answer.

        Args:
            raws: one a reference, in their order; None where the device has none.
            received_ns: when the answer was complete, UTC ns.
            qualities: what the device says of each raw value; None for good.
            times_ns: source time of each raw value, where the protocol has one.
            time_qualities: belongs to `times_ns`.
        """
        values: list[float | None] = []
        judged: list[int] = []
        for conversion in self._conversions:
            value = conversion.value(raws)
            values.append(value)
            quality = 0 if qualities is None else _quality(conversion, qualities)
            judged.append(quality if value is not None else worst(quality, MISSING))
        time_ns = self._clock.time_ns(raws)
        value_times = value_time_qualities = None
        if times_ns is not None and time_qualities is not None:
            places = [conversion.raw for conversion in self._conversions]
            value_times = tuple(times_ns[place] for place in places)
            value_time_qualities = tuple(time_qualities[place] for place in places)
            time_ns = time_ns or max(value_times, default=None)
        count = None if self._count is None else self._count.value(raws)
        limit = self.limit(raws)
        if self._limit is not None and qualities is not None:
            # what the device doubts itself is no confirmation of a limit
            limit = limit if is_usable(_quality(self._limit, qualities)) else None
        adjusted = tuple(
            one.value(raws) if qualities is None or is_usable(_quality(one, qualities)) else None
            for one in self._adjusted
        )
        return Scan(
            values=tuple(values),
            qualities=tuple(judged),
            time_ns=received_ns if time_ns is None else time_ns,
            time_quality=_SET_BY_RECEIVER if time_ns is None else 0,
            received_ns=received_ns,
            read_count=None if count is None else int(count),
            limit_in_force=limit,
            value_times_ns=value_times,
            value_time_qualities=value_time_qualities,
            adjusted=adjusted,
        )


def _quality(conversion: Conversion, qualities: Sequence[int]) -> int:
    if conversion.is_single:
        return qualities[conversion.raw]
    return worst(*(qualities[place] for place in conversion.places))
