"""The process image, double-buffered: drivers fill the next one, a cycle works on a frozen one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from ortsnetz_common.measurement.quality import Quality
from ortsnetz_edge.acquisition.plausibility import judge
from ortsnetz_edge.drivers.contract import DriverError, FailureKind, Scan, SourcePoint

LOST_QUALITY = int(Quality.INVALID | Quality.FAILURE | Quality.OLD_DATA)
"""Quality of everything that belongs to a source that does not answer."""


@dataclass(frozen=True, slots=True)
class SourceImage:
    """One source in a frozen image.

    Attributes:
        scan: last answer that has arrived, judged; None if there never was one.
        age_s: seconds since it arrived; None if there never was one.
        valid: whether it is young enough to be used.
        failure: why the last request came to nothing; None if it was answered.
    """

    scan: Scan | None
    age_s: float | None
    valid: bool
    failure: str | None


@dataclass(frozen=True, slots=True)
class ProcessImage:
    """What the station looked like at one instant. Everything a cycle decides rests on it.

    Attributes:
        time_ns: instant of the freeze, UTC ns.
        sources: by name.
        fresh: answers since the last freeze, each exactly once, in the order of their arrival.
        lost: sources that have turned invalid since the last freeze.
    """

    cycle: int
    time_ns: int
    sources: Mapping[str, SourceImage]
    fresh: tuple[tuple[str, Scan], ...]
    lost: tuple[str, ...]


class NextImage:
    """The image that is being filled. Placed into by the scans, frozen once a cycle."""

    def __init__(
        self, points: Mapping[str, tuple[SourcePoint, ...]], *, stale_after_s: float
    ) -> None:
        self.counters: Counter[str] = Counter()
        self._points = points
        self._stale_after_s = stale_after_s
        self._scans: dict[str, Scan] = {}
        self._arrived: dict[str, float] = {}
        self._failures: dict[str, str | None] = dict.fromkeys(points)
        self._valid: dict[str, bool] = dict.fromkeys(points, True)
        self._fresh: list[tuple[str, Scan]] = []

    def place(self, name: str, scan: Scan, *, now: float) -> None:
        """Take in an answer.

        Args:
            name: the source's.
            scan: as the driver delivered it.
            now: monotonic time, s.
        """
        judgement = judge(scan, self._scans.get(name), self._points[name])
        self._scans[name] = judgement.scan
        if not judgement.frozen:  # a repeated answer does not make the data any younger
            self._arrived[name] = now
        self._failures[name] = None
        self._fresh.append((name, judgement.scan))
        self.counters["reads"] += 1
        self.counters["reads_missed"] += judgement.missed
        self.counters["values_out_of_range"] += len(judgement.out_of_range)
        self.counters["answers_repeated"] += judgement.frozen
        self.counters["device_restarts"] += judgement.restarted
        self.counters["clocks_off"] += judgement.clock_error_s is not None

    def fail(self, name: str, error: DriverError) -> None:
        """Note that a request came to nothing. The last answer ages; nothing replaces it."""
        if error.kind is not FailureKind.WAITING or self._failures[name] is None:
            self._failures[name] = str(error)
        self.counters[f"requests_{error.kind.value}"] += 1

    def freeze(self, cycle: int, time_ns: int, *, now: float) -> ProcessImage:
        """The image of this cycle; the next one starts with the same last answers, none fresh."""
        sources: dict[str, SourceImage] = {}
        lost: list[str] = []
        for name in self._points:
            arrived = self._arrived.get(name)
            age_s = None if arrived is None else now - arrived
            valid = age_s is not None and age_s <= self._stale_after_s
            sources[name] = SourceImage(self._scans.get(name), age_s, valid, self._failures[name])
            if self._valid[name] and not valid:
                lost.append(name)
            self._valid[name] = valid
        fresh, self._fresh = tuple(self._fresh), []
        return ProcessImage(cycle, time_ns, sources, fresh, tuple(lost))
