"""A week of a place: its lines in memory and on disk, and its report beside them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import msgspec

from ortsnetz_edge.drivers.sampled_values.weekly_dates import date_of
from ortsnetz_edge.drivers.sampled_values.weekly_lines import (
    EventLine,
    FlickerLine,
    FrequencyLine,
    FurtherLine,
    Head,
    IntervalLine,
    Line,
    decoded,
    event_of,
    interval_of,
)
from ortsnetz_grid.functions.power_quality.aggregation import TEN_MINUTES_NS, Interval
from ortsnetz_grid.functions.power_quality.events import Event, EventKind
from ortsnetz_grid.functions.power_quality.frequency import Frequency
from ortsnetz_grid.functions.power_quality.presentation import as_json, as_svg, as_text
from ortsnetz_grid.functions.power_quality.record import LongTermFlicker, Record
from ortsnetz_grid.functions.power_quality.week import WEEK_NS, report

MOST_EVENTS = 10_000
"""A week; of a contact that flutters there are more than anybody reads."""


class WeekFile:
    """What is known of a week.

    Attributes:
        start_ns, end_ns: of the week.
        unreadable: lines that were none, such as one that a power cut has torn.
        further_events: beyond the most that are kept; the report says how many.
    """

    def __init__(self, stem: Path, start_ns: int, head: Head | None) -> None:
        """Read what is there, and begin the file if nothing is.

        Args:
            stem: path of the files, the date and the suffix missing.
            start_ns: of the week.
            head: of the place; a file of a place that was declared another one is put aside. None
                takes the file's own.

        Raises:
            OSError: the disk does not take it or give it.
        """
        self.start_ns, self.end_ns = start_ns, start_ns + WEEK_NS
        self.unreadable = self.further_events = 0
        self._stem, self._further_said = stem, 0
        self._intervals: dict[int, Interval] = {}
        self._frequencies: dict[int, Frequency] = {}
        self._flicker: dict[tuple[int, str], LongTermFlicker] = {}
        self._events: dict[tuple[EventKind, int], Event] = {}
        self._head = self._read_back(head)

    def path(self, suffix: str) -> Path:
        """Of one of its files."""
        return self._stem.with_name(f"{self._stem.name}{date_of(self.start_ns)}{suffix}")

    def knows(self, event: Event) -> bool:
        """Whether there is a line of this event, be it of its beginning only."""
        return (event.kind, event.start_ns) in self._events

    def add(self, lines: Iterable[Line]) -> None:
        """Keep these lines. Raises OSError."""
        self._append([line for line in lines if self._takes(line)])

    def write_report(self, end_ns: int, lasting: Iterable[Event]) -> None:
        """From the week's begin to this instant, at most its end.

        Args:
            end_ns: of what is reported.
            lasting: events that have not ended yet.

        Raises:
            OSError, InputError: the disk does not take it; what is there is not of such a place.
        """
        end_ns = min(end_ns, self.end_ns) // TEN_MINUTES_NS * TEN_MINUTES_NS
        if end_ns <= self.start_ns or self._head is None:
            return
        if self.further_events != self._further_said:
            self._append([FurtherLine(self.further_events)])
            self._further_said = self.further_events
        record = self._record(self._head, end_ns, lasting)
        found, further = report(record), ""
        if self.further_events:
            further = f"{self.further_events} further events are in no table of this report\n"
        for suffix, text in (
            (".json", as_json(found)),
            (".txt", as_text(found) + further),
            (".svg", as_svg(record)),
        ):
            new = self.path(f"{suffix}.part")
            new.write_text(text, "utf-8")
            new.replace(self.path(suffix))

    def _record(self, head: Head, end_ns: int, lasting: Iterable[Event]) -> Record:
        """What lies outside is of another report; an event is in each that it reaches into."""

        def inside(at_ns: int) -> bool:
            return self.start_ns <= at_ns < end_ns

        events = {
            # whether one that has no end here lasted on, the process that saw it would have said
            key: replace(event, uncertain=True) if event.end_ns is None else event
            for key, event in self._events.items()
        } | {(event.kind, event.start_ns): event for event in lasting}
        return Record(
            head.place,
            head.places,
            self.start_ns,
            end_ns,
            tuple(i for at, i in sorted(self._intervals.items()) if inside(at)),
            tuple(f for at, f in sorted(self._frequencies.items()) if inside(at)),
            tuple(f for (at, _), f in sorted(self._flicker.items()) if inside(at)),
            tuple(e for e in events.values() if e.reaches_into(self.start_ns, end_ns)),
        )

    def _read_back(self, head: Head | None) -> Head | None:
        """What a former process, or this one, has written of this week."""
        path = self.path(".jsonl")
        found = path.read_bytes() if path.exists() else b""
        lines = [line for line in map(decoded, found.splitlines()) if line is not None]
        self.unreadable = len(found.splitlines()) - len(lines)
        own = lines[0] if lines and isinstance(lines[0], Head) else None
        if head is None:
            head = own
        elif lines and own != head:
            path.replace(self.path(".former"))  # the place was declared another one
            lines, found = [], b""
        if not lines and head is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(msgspec.json.encode(head) + b"\n")
        elif found and not found.endswith(b"\n"):
            with path.open("ab") as file:
                file.write(b"\n")
        for line in lines:
            self._keep(line)
        return head

    def _append(self, lines: list[Line]) -> None:
        if lines:
            with self.path(".jsonl").open("ab") as file:
                file.write(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))

    def _takes(self, line: Line) -> bool:
        """Keep a line, unless it is of one event too many, which is counted once it ends."""
        full = len(self._events) >= MOST_EVENTS
        if full and isinstance(line, EventLine) and not self.knows(event_of(line)):
            self.further_events += line.end_ns is not None
            return False
        self._keep(line)
        return True

    def _keep(self, line: Line) -> None:
        if isinstance(line, IntervalLine):
            self._intervals[line.start_ns] = interval_of(line)
        elif isinstance(line, FrequencyLine):
            self._frequencies[line.start_ns] = Frequency(line.start_ns, line.hz)
        elif isinstance(line, FlickerLine):
            flicker = LongTermFlicker(line.start_ns, line.phase, line.plt, EventKind(line.flags))
            self._flicker[line.start_ns, line.phase] = flicker
        elif isinstance(line, EventLine):
            self._events[EventKind(line.kind), line.start_ns] = event_of(line)
        elif isinstance(line, FurtherLine):
            self.further_events = self._further_said = line.count
