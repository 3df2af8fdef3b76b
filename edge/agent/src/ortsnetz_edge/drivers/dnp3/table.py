"""What an outstation has said of its points: value, quality and time of each. No I/O."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ortsnetz_common.measurement.quality import is_usable, worst
from ortsnetz_common.measurement.time import NS_PER_S, TimeQuality
from ortsnetz_edge.drivers.dnp3.flags import (
    COMM_LOST,
    NEVER_SAID,
    NO_SUCH_POINT,
    RESTART,
    RESTARTED,
    quality,
)
from ortsnetz_edge.drivers.dnp3.objects import Reported
from ortsnetz_edge.profiles.references.dnp3 import PointKind, PointReference

MAX_CLOCK_ERROR_NS = 5 * NS_PER_S
"""Times further off are not the outstation's clock at work, as for every other device."""
_NS_PER_MS = 1_000_000
_ARRIVAL = int(TimeQuality.SET_BY_RECEIVER)
_WRONG_CLOCK = int(TimeQuality.SET_BY_RECEIVER | TimeQuality.CLOCK_NOT_SYNCHRONISED)
_UNSET_CLOCK = int(TimeQuality.CLOCK_NOT_SYNCHRONISED)

Key = tuple[PointKind, int]


@dataclass(frozen=True, slots=True)
class PointValue:
    """The last that was said of a point.

    Attributes:
        value: raw; None where there is none.
        quality: bits of `measurement.quality`.
        time_ns: when it came to have this value, by the outstation's clock; or when it was first
            heard of, see `time_quality`.
        unset: the outstation says that it has not been updated since its start, and nothing worse:
            an output that nobody has operated.
    """

    value: float | str | None
    quality: int
    time_ns: int
    time_quality: int
    unset: bool = False


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Under which an answer came.

    Attributes:
        received_ns: when it was complete.
        drained_ns: when the outstation last had no events left: those that come now are younger;
            None while it may still have old ones.
        clock_unset: the outstation says that it needs the time.
    """

    received_ns: int
    drained_ns: int | None
    clock_unset: bool


class PointTable:
    """All points of an outstation.

    Attributes:
        counters: `clocks_off`: events whose time cannot be.
    """

    def __init__(self) -> None:
        self.counters: Counter[str] = Counter()
        self._points: dict[Key, PointValue] = {}
        self._lapses: Counter[Key] = Counter()
        self._integrity = False

    def take(self, points: Iterable[Reported], around: Circumstances) -> None:
        """Take what an answer says, in its order."""
        for reported in points:
            key = (reported.kind, reported.index)
            said = self._valued(reported, around)
            before = self._points.get(key)
            if not reported.event and before is not None and _same(before, said):
                continue  # still what it was: it keeps the time at which it came to be so
            if before is not None and is_usable(before.quality) and not is_usable(said.quality):
                self._lapses[key] += 1
            self._points[key] = said

    def lapses(self, references: Iterable[PointReference]) -> int:
        """How often these points have turned bad, also where they were good again in one answer."""
        return sum(self._lapses[reference.kind, reference.index] for reference in references)

    def complete(self) -> None:
        """Everything has been said once: what is not there now, the outstation does not have."""
        self._integrity = True

    def expire(self) -> None:
        """The outstation has restarted, or is another one: nothing that was said holds."""
        self._integrity = False
        self._points = {
            key: replace(point, quality=worst(point.quality, RESTARTED), unset=False)
            for key, point in self._points.items()
        }

    def value(self, reference: PointReference, now_ns: int) -> PointValue:
        """What is known of a point."""
        found = self._points.get((reference.kind, reference.index))
        if found is not None:
            return found
        quality = NO_SUCH_POINT if self._integrity else NEVER_SAID
        return PointValue(None, quality, now_ns, _ARRIVAL)

    def text(self, reference: PointReference) -> str | None:
        """A point as text; None where there is none, or none that has been said in this life."""
        found = self._points.get((reference.kind, reference.index))
        if found is None or found.value is None or not is_usable(found.quality):
            return None
        return found.value if isinstance(found.value, str) else f"{found.value:g}"

    def all(self) -> list[tuple[PointReference, PointValue]]:
        """Every point there is, by kind and index."""
        order = list(PointKind)
        keys = sorted(self._points, key=lambda key: (order.index(key[0]), key[1]))
        return [(PointReference(kind, index), self._points[kind, index]) for kind, index in keys]

    def _valued(self, reported: Reported, around: Circumstances) -> PointValue:
        judged = quality(reported.kind, reported.flags)
        value = reported.value
        if isinstance(value, float) and not math.isfinite(value):
            value, judged = None, worst(judged, NEVER_SAID)
        time_ns, time_quality = self._time(reported, around)
        unset = (reported.flags or 0) & (RESTART | COMM_LOST) == RESTART
        return PointValue(value, judged, time_ns, time_quality, unset)

    def _time(self, reported: Reported, around: Circumstances) -> tuple[int, int]:
        if reported.time_ms is None:
            return around.received_ns, _ARRIVAL
        time_ns = reported.time_ms * _NS_PER_MS
        too_late = time_ns > around.received_ns + MAX_CLOCK_ERROR_NS
        drained_ns = around.drained_ns
        # an event that happened after the outstation had none left, and claims to be older
        too_early = drained_ns is not None and time_ns < drained_ns - MAX_CLOCK_ERROR_NS
        if reported.event and (too_late or too_early):
            self.counters["clocks_off"] += 1
            return around.received_ns, _WRONG_CLOCK
        unset = around.clock_unset or reported.synchronised is False
        return time_ns, _UNSET_CLOCK if unset else 0


def _same(before: PointValue, said: PointValue) -> bool:
    return (
        before.value == said.value
        and before.quality == said.quality
        and bool(said.time_quality & _ARRIVAL)
    )
