"""The weekly report by EN 50160: every criterion, and the tables of dips and swells."""

from __future__ import annotations

from dataclasses import dataclass

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.power_quality import en50160
from ortsnetz_grid.functions.power_quality.aggregation import TEN_MINUTES_NS
from ortsnetz_grid.functions.power_quality.criteria import Record, criteria_of
from ortsnetz_grid.functions.power_quality.en50160 import Criterion, Judgement
from ortsnetz_grid.functions.power_quality.events import Event, EventKind

WEEK_NS = 7 * 24 * 3600 * 10**9


@dataclass(frozen=True, slots=True)
class Report:
    """The report.

    Attributes:
        start_ns, end_ns: of the period.
        criteria: each judged.
        dips: table 2: rows by residual voltage, columns by duration.
        swells: table 4, the same for the largest voltage.
        short_interruptions, long_interruptions: up to and beyond three minutes.
        longer_dips: dips beyond a minute, which the table has no column for.
        lasting: events without an end.
        uncertain: events with lost samples in them.
        judgement: not met if one criterion is not; undecided if one is; else met.
    """

    start_ns: int
    end_ns: int
    criteria: tuple[Criterion, ...]
    dips: tuple[tuple[int, ...], ...]
    swells: tuple[tuple[int, ...], ...]
    short_interruptions: int
    long_interruptions: int
    longer_dips: int
    lasting: int
    uncertain: int
    judgement: Judgement


def report(record: Record) -> Report:
    """Judge a period, usually a week.

    Raises:
        InputError: the period is not whole ten minutes, or intervals lie outside it.
    """
    length = record.end_ns - record.start_ns
    if length <= 0 or length % TEN_MINUTES_NS or record.start_ns % TEN_MINUTES_NS:
        raise InputError("EN 50160: the period has to be whole intervals of ten minutes")
    _require_within(record)
    criteria = criteria_of(record)
    found = {c.judgement for c in criteria}
    order = (Judgement.NOT_MET, Judgement.UNDECIDED, Judgement.MET)
    interruptions = [e for e in record.events if e.kind is EventKind.INTERRUPTION]
    ended = [e.duration_s for e in interruptions if e.duration_s is not None]
    dips = _dips(record, interruptions)
    return Report(
        record.start_ns,
        record.end_ns,
        criteria,
        _table(dips, en50160.DIP_ROWS_PU, en50160.DIP_COLUMNS_S),
        _table(_swells(record), en50160.SWELL_ROWS_PU, en50160.SWELL_COLUMNS_S),
        sum(d <= en50160.LONG_INTERRUPTION_S for d in ended),
        sum(d > en50160.LONG_INTERRUPTION_S for d in ended),
        sum((e.duration_s or 0.0) > en50160.DIP_COLUMNS_S[-1] for e in dips),
        sum(e.end_ns is None for e in record.events),
        sum(e.uncertain for e in record.events),
        next(j for j in order if j in found),
    )


def _require_within(record: Record) -> None:
    starts = [i.start_ns for i in record.ten_minutes]
    if len(set(starts)) < len(starts):
        raise InputError("EN 50160: an interval of ten minutes is there twice")
    if any(not record.start_ns <= s < record.end_ns for s in starts):
        raise InputError("EN 50160: an interval lies outside the period of the report")


def _dips(record: Record, interruptions: list[Event]) -> list[Event]:
    """Dips that ended and are no part of an interruption."""
    return [
        e
        for e in record.events
        if e.kind is EventKind.DIP
        and e.end_ns is not None
        and not any(e.start_ns <= i.start_ns < e.end_ns for i in interruptions)
    ]


def _swells(record: Record) -> list[Event]:
    return [e for e in record.events if e.kind is EventKind.SWELL and e.end_ns is not None]


def _table(
    events: list[Event], rows: tuple[float, ...], columns: tuple[float, ...]
) -> tuple[tuple[int, ...], ...]:
    """Counts by magnitude and duration; the last row is open. Longer ones are counted elsewhere."""
    below = rows[1:] if rows[0] < 1.0 else rows
    counts = [[0] * len(columns) for _ in below]
    for event in events:
        duration = event.duration_s or 0.0
        if duration > columns[-1]:
            continue
        row = next((k for k, edge in enumerate(below) if event.extreme_pu >= edge), len(below) - 1)
        counts[row][next(k for k, most in enumerate(columns) if duration <= most)] += 1
    return tuple(tuple(row) for row in counts)
