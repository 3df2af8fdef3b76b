"""The weekly report of EN 50160, from what a place has measured; it outlives the process.

Everything that the report rests on is a line of a file, one file a week, which begins on Monday at
0:00 UTC. A line is of the week that its interval begins in, an event of each week that it reaches
into. A process that begins anew reads the week back. The report is renewed every two hours, a
minute later: only when the next interval runs is the last one known. A week that has ended is
reported once more and for all, by the next process if need be; what still comes of it (the end of
an outage) renews that report.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import msgspec

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.time import rfc3339
from ortsnetz_edge.drivers.sampled_values.weekly_dates import date_of, monday_of, week_of
from ortsnetz_edge.drivers.sampled_values.weekly_file import WeekFile
from ortsnetz_edge.drivers.sampled_values.weekly_lines import (
    EventLine,
    Head,
    Result,
    line_of,
    lines_of,
)
from ortsnetz_grid.functions.power_quality.aggregation import TWO_HOURS_NS
from ortsnetz_grid.functions.power_quality.declared import Declared
from ortsnetz_grid.functions.power_quality.events import Event
from ortsnetz_grid.functions.power_quality.monitor import Monitored
from ortsnetz_grid.functions.power_quality.samples import Channel
from ortsnetz_grid.functions.power_quality.week import WEEK_NS

log = logging.getLogger(__name__)

KEPT_WEEKS = 8
LATE_NS = 60 * 10**9
"""After the end of a period its report is written: results of its last interval come when the first
cycles of the next one have ended, the flicker's with a block behind it."""
_DATE = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]"


class Weekly:
    """Keeps the weeks of a place and their reports.

    Attributes:
        unreadable: lines that were none, such as one that a power cut has torn.
        failed: writes that the disk did not take.
    """

    def __init__(
        self, folder: Path, source: str, declared: Declared, channels: tuple[Channel, ...]
    ) -> None:
        self.unreadable = self.failed = 0
        safe = "".join(c if c.isalnum() or c in "-_" else "-" for c in source)
        self._folder, self._stem = folder, f"en50160-{safe}-"
        self._head = Head.of(declared, channels)
        self._open: dict[int, WeekFile] = {}
        self._lasting: tuple[Event, ...] = ()
        self._reported: int | None = None

    @property
    def further_events(self) -> int:
        """Of the week that runs, beyond the most that are kept; the report says how many."""
        return sum(week.further_events for week in self._open.values())

    def take(self, found: Monitored, now_ns: int) -> None:
        """Take what a block has brought, up to this instant; write the reports that are due."""
        self._lasting = found.lasting
        lines = list(lines_of(found))
        try:
            self._keep(lines, now_ns)
            self._report(now_ns)
        except (OSError, InputError) as error:
            self.failed += 1
            log.warning("the week of %s is not kept: %s", self._stem, error)

    def _keep(self, lines: list[Result], now_ns: int) -> None:
        """Put lines into their weeks, and into those that run the events that have begun."""
        newest = week_of(now_ns - 1)
        by_week: dict[int, list[Result]] = {}
        for line in lines:
            for week in _weeks(line, newest):
                by_week.setdefault(week, []).append(line)
        for week, of_week in by_week.items():
            self._week(week).add(of_week)
        for event in self._lasting:
            for week in {newest, *self._open}:
                if event.start_ns < week + WEEK_NS and not self._week(week).knows(event):
                    self._week(week).add([line_of(event)])

    def _report(self, now_ns: int) -> None:
        slot = (now_ns - LATE_NS) // TWO_HOURS_NS
        if slot != self._reported:
            first, self._reported = self._reported is None, slot
            if first:
                self._open_unreported(week_of(now_ns - 1))
            end_ns = slot * TWO_HOURS_NS
            week = week_of(end_ns)
            if week in self._open or self._path(week).exists():
                self._week(week).write_report(end_ns, self._lasting)
        over = [week for week in self._open if week + WEEK_NS + LATE_NS <= now_ns]
        for week in over:
            self._open.pop(week).write_report(week + WEEK_NS, self._lasting)

    def _open_unreported(self, newest: int) -> None:
        """Weeks that ended while no process was there; they are of the place as it was then."""
        for path in self._kept():
            monday = monday_of(path.stem[-len("2000-01-01") :])
            if monday is None or monday >= newest or monday in self._open:
                continue
            if not _is_reported(path.with_suffix(".json"), monday + WEEK_NS):
                week = WeekFile(self._folder / self._stem, monday, None)
                self.unreadable += week.unreadable
                self._open[monday] = week

    def _week(self, monday: int) -> WeekFile:
        """The week that begins then. Raises OSError."""
        week = self._open.get(monday)
        if week is None:
            week = WeekFile(self._folder / self._stem, monday, self._head)
            self.unreadable += week.unreadable
            self._open[monday] = week
            for old in self._kept()[:-KEPT_WEEKS]:
                for path in self._folder.glob(f"{old.stem}*"):
                    path.unlink(missing_ok=True)
        return week

    def _path(self, monday: int) -> Path:
        return self._folder / f"{self._stem}{date_of(monday)}.jsonl"

    def _kept(self) -> list[Path]:
        """Files of weeks, the oldest first."""
        return sorted(self._folder.glob(f"{self._stem}{_DATE}.jsonl"))


def _is_reported(path: Path, end_ns: int) -> bool:
    """Whether this is a report of all of the week that ends then."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=dict[str, object])
    except (OSError, msgspec.DecodeError, msgspec.ValidationError):
        return False
    return found.get("end") == rfc3339(end_ns)


def _weeks(line: Result, newest: int) -> Iterator[int]:
    """The weeks that a line is of, those that are still kept."""
    if isinstance(line, EventLine):
        end_ns = line.start_ns if line.end_ns is None else line.end_ns - 1
        oldest = newest - (KEPT_WEEKS - 1) * WEEK_NS
        yield from range(max(week_of(line.start_ns), oldest), week_of(end_ns) + 1, WEEK_NS)
    else:
        yield week_of(line.start_ns)
