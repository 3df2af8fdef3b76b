"""The weekly report of EN 50160, from what a place has measured; it outlives the process.

Everything that the report rests on is a line of a file, one file a week, which begins on Monday at
0:00 UTC. A process that begins anew reads the week back. The report is renewed every two hours.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.power_quality.aggregation import (
    TEN_MINUTES_NS,
    TWO_HOURS_NS,
    Interval,
)
from ortsnetz_grid.functions.power_quality.declared import Declared
from ortsnetz_grid.functions.power_quality.events import Event, EventKind
from ortsnetz_grid.functions.power_quality.frequency import Frequency
from ortsnetz_grid.functions.power_quality.monitor import Monitored
from ortsnetz_grid.functions.power_quality.presentation import as_json, as_svg, as_text
from ortsnetz_grid.functions.power_quality.record import LongTermFlicker, Record
from ortsnetz_grid.functions.power_quality.samples import Channel
from ortsnetz_grid.functions.power_quality.unbalance import Unbalance
from ortsnetz_grid.functions.power_quality.week import WEEK_NS, report
from ortsnetz_grid.functions.power_quality.window import Quantities

log = logging.getLogger(__name__)

KEPT_WEEKS = 8
MOST_EVENTS = 10_000
"""A week; of a contact that flutters there are more than anybody reads."""
_MONDAY_NS = 4 * 24 * 3600 * 10**9  # 5 January 1970 was the first Monday; 1 January a Thursday


class _Head(Struct, frozen=True, tag="head", forbid_unknown_fields=True):
    """What the lines are about."""

    channels: tuple[str, ...]
    declared: dict[str, float]


class _Interval(Struct, frozen=True, tag="interval", forbid_unknown_fields=True):
    """Ten minutes; without quantities where nothing was measured."""

    start_ns: int
    end_ns: int
    windows: int
    missing: int
    covered: float
    flags: int
    synchronised: bool
    rms: list[float] | None = None
    harmonics: list[list[float]] | None = None
    interharmonics: list[list[float]] | None = None
    unbalance: tuple[float, float] | None = None


class _Frequency(Struct, frozen=True, tag="frequency", forbid_unknown_fields=True):
    start_ns: int
    hz: float | None


class _Flicker(Struct, frozen=True, tag="flicker", forbid_unknown_fields=True):
    start_ns: int
    phase: str
    plt: float | None
    flags: int


class _Event(Struct, frozen=True, tag="event", forbid_unknown_fields=True):
    kind: int
    start_ns: int
    end_ns: int | None
    extreme_pu: float
    phases: str
    uncertain: bool


_Line = _Head | _Interval | _Frequency | _Flicker | _Event
_decoder: msgspec.json.Decoder[_Line] = msgspec.json.Decoder(_Line)


class Weekly:
    """Keeps the week of a place and its report.

    Attributes:
        unreadable: lines that were none, such as one that a power cut has torn.
        failed: writes that the disk did not take.
        further_events: of this week beyond the most that are kept; the report says how many.
    """

    def __init__(
        self, folder: Path, source: str, declared: Declared, channels: tuple[Channel, ...]
    ) -> None:
        self.unreadable = self.failed = self.further_events = 0
        safe = "".join(c if c.isalnum() or c in "-_" else "-" for c in source)
        self._folder, self._stem = folder, f"en50160-{safe}-"
        self._declared, self._channels = declared, channels
        self._week: int | None = None
        self._reported = 0
        self._clear()

    def take(self, found: Monitored, now_ns: int) -> None:
        """Take what a block has brought; write the report where two hours have ended."""
        lines = list(_lines(found))
        try:
            self._turn(now_ns)
            if lines:
                self._append(lines)
            slot = now_ns // TWO_HOURS_NS
            if slot != self._reported:
                if self._reported:
                    self._write_report(slot * TWO_HOURS_NS)
                self._reported = slot
        except (OSError, InputError) as error:
            self.failed += 1
            log.warning("the week of %s is not kept: %s", self._stem, error)

    def _turn(self, now_ns: int) -> None:
        """Begin the week that this instant lies in, unless it is the one that runs."""
        week = (now_ns - _MONDAY_NS) // WEEK_NS
        if week == self._week:
            return
        if self._week is not None:
            self._write_report(self._start(week))
        self._week = week
        self._clear()
        self._folder.mkdir(parents=True, exist_ok=True)
        self._read_back()
        for old in sorted(self._folder.glob(f"{self._stem}*.jsonl"))[:-KEPT_WEEKS]:
            for path in self._folder.glob(f"{old.stem}*"):
                path.unlink(missing_ok=True)

    def _clear(self) -> None:
        self._intervals: dict[int, Interval] = {}
        self._frequencies: dict[int, Frequency] = {}
        self._flicker: dict[tuple[int, str], LongTermFlicker] = {}
        self._events: list[Event] = []
        self.further_events = 0

    def _start(self, week: int | None = None) -> int:
        return (self._week or 0 if week is None else week) * WEEK_NS + _MONDAY_NS

    def _path(self, suffix: str) -> Path:
        begin = datetime.fromtimestamp(self._start() / 1e9, tz=UTC)
        return self._folder / f"{self._stem}{begin:%Y-%m-%d}{suffix}"

    def _head(self) -> _Head:
        return _Head(tuple(c.name for c in self._channels), asdict(self._declared))

    def _read_back(self) -> None:
        """What a former process has written of this week."""
        path = self._path(".jsonl")
        lines = path.read_bytes().splitlines() if path.exists() else []
        found = list(self._decoded(lines))
        if found and found[0] != self._head():
            path.replace(self._path(".former"))  # the place was declared another one
            found = []
        if not found:
            path.write_bytes(msgspec.json.encode(self._head()) + b"\n")
        elif path.read_bytes()[-1:] != b"\n":
            with path.open("ab") as file:
                file.write(b"\n")
        for line in found:
            self._keep(line)

    def _decoded(self, lines: list[bytes]) -> Iterator[_Line]:
        for line in lines:
            try:
                yield _decoder.decode(line)
            except (msgspec.DecodeError, msgspec.ValidationError):
                self.unreadable += 1

    def _append(self, lines: list[_Line]) -> None:
        room = max(0, MOST_EVENTS - len(self._events))
        events = [line for line in lines if isinstance(line, _Event)]
        self.further_events += len(events[room:])
        beyond = {id(line) for line in events[room:]}
        lines = [line for line in lines if id(line) not in beyond]
        for line in lines:
            self._keep(line)
        with self._path(".jsonl").open("ab") as file:
            file.write(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))

    def _keep(self, line: _Line) -> None:
        if isinstance(line, _Interval):
            self._intervals[line.start_ns] = _interval(line)
        elif isinstance(line, _Frequency):
            self._frequencies[line.start_ns] = Frequency(line.start_ns, line.hz)
        elif isinstance(line, _Flicker):
            flicker = LongTermFlicker(line.start_ns, line.phase, line.plt, EventKind(line.flags))
            self._flicker[line.start_ns, line.phase] = flicker
        elif isinstance(line, _Event):
            self._events.append(
                Event(
                    EventKind(line.kind),
                    line.start_ns,
                    line.end_ns,
                    line.extreme_pu,
                    line.phases,
                    line.uncertain,
                )
            )

    def _write_report(self, end_ns: int) -> None:
        """From the week's begin to this instant; what lies outside is of another week."""
        start = self._start()
        end_ns = min(end_ns, start + WEEK_NS) // TEN_MINUTES_NS * TEN_MINUTES_NS
        if end_ns <= start:
            return

        def inside(at_ns: int) -> bool:
            return start <= at_ns < end_ns

        record = Record(
            self._declared,
            self._channels,
            start,
            end_ns,
            tuple(i for at, i in sorted(self._intervals.items()) if inside(at)),
            tuple(f for at, f in sorted(self._frequencies.items()) if inside(at)),
            tuple(f for (at, _), f in sorted(self._flicker.items()) if inside(at)),
            tuple(e for e in self._events if inside(e.start_ns)),
        )
        found = report(record)
        further = ""
        if self.further_events:
            further = f"{self.further_events} further events are in no table of this report\n"
        for suffix, text in (
            (".json", as_json(found)),
            (".txt", as_text(found) + further),
            (".svg", as_svg(record)),
        ):
            new = self._path(f"{suffix}.part")
            new.write_text(text, "utf-8")
            new.replace(self._path(suffix))


def _lines(found: Monitored) -> Iterator[_Line]:
    """What of a block's results a report rests on."""
    for interval in found.intervals.ten_minutes:
        yield _written(interval)
    for frequency in found.measured.frequencies:
        yield _Frequency(frequency.start_ns, frequency.hz)
    for flicker in found.long_flicker:
        yield _Flicker(flicker.start_ns, flicker.phase, flicker.plt, flicker.flags.value)
    for event in found.measured.events:
        yield _Event(
            event.kind.value,
            event.start_ns,
            event.end_ns,
            event.extreme_pu,
            event.phases,
            event.uncertain,
        )


def _written(interval: Interval) -> _Interval:
    has = interval.quantities
    more: dict[str, Any] = {}
    if has is not None:
        more = {
            "rms": has.rms.tolist(),
            "harmonics": has.harmonics.tolist(),
            "interharmonics": has.interharmonics.tolist(),
            "unbalance": None if has.unbalance is None else (has.unbalance.u2, has.unbalance.u0),
        }
    return _Interval(
        start_ns=interval.start_ns,
        end_ns=interval.end_ns,
        windows=interval.windows,
        missing=interval.missing,
        covered=interval.covered,
        flags=interval.flags.value,
        synchronised=interval.synchronised,
        **more,
    )


def _interval(line: _Interval) -> Interval:
    quantities = None
    if line.rms is not None:
        quantities = Quantities(
            np.array(line.rms),
            np.array(line.harmonics),
            np.array(line.interharmonics),
            None if line.unbalance is None else Unbalance(*line.unbalance),
        )
    return Interval(
        line.start_ns,
        line.end_ns,
        quantities,
        line.windows,
        line.missing,
        line.covered,
        EventKind(line.flags),
        line.synchronised,
    )
