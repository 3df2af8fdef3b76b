"""The process image, double-buffered: drivers fill the next one, a cycle works on a frozen one."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from ortsnetz_common.measurement.quality import Quality
from ortsnetz_edge.acquisition.frozen import FrozenWatch, as_old
from ortsnetz_edge.acquisition.notices import Notices
from ortsnetz_edge.acquisition.plausibility import judge
from ortsnetz_edge.drivers.contract import DriverError, FailureKind, Scan, SourcePoint

FRESH_A_CYCLE = 50
"""Most scans of one source that one image takes singly; of those beyond, the newest stands for all,
so that a source that floods the agent with reports fills neither its memory nor its journal."""
log = logging.getLogger(__name__)

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
        repeats: it answers, and what it says is old: its own count or all it measures stands still.
    """

    scan: Scan | None
    age_s: float | None
    valid: bool
    failure: str | None
    repeats: bool = False


@dataclass(frozen=True, slots=True)
class ProcessImage:
    """What the station looked like at one instant. Everything a cycle decides rests on it.

    Attributes:
        time_ns: instant of the freeze, UTC ns.
        sources: by name.
        fresh: answers and reports since the last freeze, each exactly once, in the order of their
            arrival; of a source with more than `FRESH_A_CYCLE` the newest stands for the rest.
        lost: sources that have turned invalid since the last freeze.
        monotonic_s: the same instant as `time_ns` by the clock that never jumps.
    """

    cycle: int
    time_ns: int
    sources: Mapping[str, SourceImage]
    fresh: tuple[tuple[str, Scan], ...]
    lost: tuple[str, ...]
    monotonic_s: float = 0.0


class NextImage:
    """The image that is being filled. Placed into by the scans, frozen once a cycle."""

    def __init__(
        self,
        points: Mapping[str, tuple[SourcePoint, ...]],
        *,
        stale_after_s: float,
        frozen_after_s: Mapping[str, float] | None = None,
    ) -> None:
        """Begin with an empty image.

        Args:
            points: of each source, in the order of its values.
            stale_after_s: an answer that is older than this is not used.
            frozen_after_s: of the sources whose measurements cannot stand still that long.
        """
        self.counters: Counter[str] = Counter()
        self._points = points
        self._stale_after_s = stale_after_s
        self._scans: dict[str, Scan] = {}
        self._arrived: dict[str, float] = {}
        self._failures: dict[str, str | None] = dict.fromkeys(points)
        self._valid: dict[str, bool] = dict.fromkeys(points, True)
        self._repeats: dict[str, bool] = dict.fromkeys(points, False)
        self._fresh: list[tuple[str, Scan]] = []
        self._watches = {
            name: FrozenWatch(points[name], after_s)
            for name, after_s in (frozen_after_s or {}).items()
        }
        self._notices = Notices(log, "'%s' is lost: %s", "'%s' is back")
        self._places: dict[str, list[int]] = {}  # of each source's scans in `_fresh`

    def place(self, name: str, scan: Scan, *, now: float, reported: bool = False) -> None:
        """Take in an answer, or a report.

        Args:
            name: the source's.
            scan: as the driver delivered it.
            now: monotonic time, s.
            reported: whether nobody asked for it; the device's own count of answers then stands
                still without meaning anything.

        Raises:
            DriverError: it has not the values of this source.
        """
        count = len(self._points[name])
        if len(scan.values) != count or len(scan.qualities) != count:
            words = f"the driver delivered {len(scan.values)} values instead of {count}"
            raise DriverError(FailureKind.WRONG_ANSWER, words)
        previous = None if reported else self._scans.get(name)
        judgement = judge(scan, previous, self._points[name])
        watch = self._watches.get(name)
        stands_still = watch is not None and watch.repeats(scan, now=now)
        settled = as_old(judgement.scan) if stands_still else judgement.scan
        before = self._scans.get(name)
        self._scans[name] = settled
        self._repeats[name] = judgement.frozen or stands_still
        if not self._repeats[name]:  # what is repeated does not get any younger
            self._arrived[name] = now - scan.held_s
        self._failures[name] = None
        if name in self._places and _says_the_same(settled, before):
            self.counters["scans_unchanged"] += 1  # the report before it is in this cycle
        else:
            self._add(name, settled)
        self.counters["reports" if reported else "reads"] += 1
        self.counters["reads_missed"] += judgement.missed
        self.counters["values_out_of_range"] += len(judgement.out_of_range)
        self.counters["answers_repeated"] += judgement.frozen
        self.counters["measurements_frozen"] += stands_still
        self.counters["device_restarts"] += judgement.restarted
        self.counters["clocks_off"] += judgement.clock_error_s is not None

    def fail(self, name: str, error: DriverError) -> None:
        """Note that a request came to nothing. The last answer ages; nothing replaces it."""
        if error.kind is not FailureKind.WAITING or self._failures[name] is None:
            self._failures[name] = str(error)
        self.counters[f"requests_{error.kind.value}"] += 1

    def latest(self, name: str) -> Scan | None:
        """Last answer or report of a source, judged; None if there never was one, or it repeats."""
        return None if self._repeats[name] else self._scans.get(name)

    def freeze(self, cycle: int, time_ns: int, *, now: float) -> ProcessImage:
        """The image of this cycle; the next one starts with the same last answers, none fresh."""
        sources: dict[str, SourceImage] = {}
        lost: list[str] = []
        for name in self._points:
            arrived = self._arrived.get(name)
            age_s = None if arrived is None else now - arrived
            valid = age_s is not None and age_s <= self._stale_after_s
            sources[name] = SourceImage(
                self._scans.get(name), age_s, valid, self._failures[name], self._repeats[name]
            )
            if self._valid[name] and not valid:
                lost.append(name)
            self._note(name, valid=valid)
            self._valid[name] = valid
        fresh, self._fresh = tuple(self._fresh), []
        self._places = {}
        return ProcessImage(cycle, time_ns, sources, fresh, tuple(lost), now)

    def _note(self, name: str, *, valid: bool) -> None:
        """Say it once where a source is lost, and once where it is back."""
        if valid:
            self._notices.well(name)
        else:
            silent = "stopped answering" if name in self._arrived else "not answered yet"
            self._notices.failed(name, self._failures[name] or f"it has {silent}")

    def _add(self, name: str, scan: Scan) -> None:
        """Note a scan as fresh; beyond the bound in place of the source's last one."""
        places = self._places.setdefault(name, [])
        if len(places) >= FRESH_A_CYCLE:
            self._fresh[places[-1]] = (name, scan)
            self.counters["scans_coalesced"] += 1
            return
        places.append(len(self._fresh))
        self._fresh.append((name, scan))


def _says_the_same(scan: Scan, before: Scan | None) -> bool:
    """Whether two scans hold the same values of the same instants."""
    return (
        before is not None
        and scan.value_times_ns is not None
        and scan.value_times_ns == before.value_times_ns
        and scan.values == before.values
        and scan.qualities == before.qualities
        and scan.value_time_qualities == before.value_time_qualities
    )
