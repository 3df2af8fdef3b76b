"""The weekly report by EN 50160: every criterion, and the tables of dips and swells.

The standard does not say to which week an event belongs that reaches from one into the next. Here
it is in the report of each period that it reaches into, with all of its duration, as in each of
them people were without their voltage; `began_before` says how many of a report's events the
report before has, too, so that weeks can be added up.
"""

from __future__ import annotations

from dataclasses import dataclass

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.power_quality import en50160
from ortsnetz_grid.functions.power_quality.aggregation import TEN_MINUTES_NS
from ortsnetz_grid.functions.power_quality.criteria import criteria_of
from ortsnetz_grid.functions.power_quality.en50160 import Criterion, Judgement
from ortsnetz_grid.functions.power_quality.events import Event, EventKind
from ortsnetz_grid.functions.power_quality.record import Record, highest_order

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
        longer_dips, longer_swells: beyond a minute, which the tables have no column for.
        lasting: events without an end. One that is certain and has lasted too long for a table or
            a short interruption is among the long ones, too.
        began_before: events that began before the period.
        uncertain: events with lost samples in them.
        highest_order: of the harmonics that were measured; None if none were.
        judgement: not met if one criterion is not; undecided if one is; met as far as measured if
            one is; else met.
    """

    start_ns: int
    end_ns: int
    criteria: tuple[Criterion, ...]
    dips: tuple[tuple[int, ...], ...]
    swells: tuple[tuple[int, ...], ...]
    short_interruptions: int
    long_interruptions: int
    longer_dips: int
    longer_swells: int
    lasting: int
    began_before: int
    uncertain: int
    highest_order: int | None
    judgement: Judgement


def report(record: Record) -> Report:
    """Judge a period, usually a week.

    Raises:
        InputError: the period is not whole ten minutes, or intervals or events lie outside it.
    """
    length = record.end_ns - record.start_ns
    if length <= 0 or length % TEN_MINUTES_NS or record.start_ns % TEN_MINUTES_NS:
        raise InputError("EN 50160: the period has to be whole intervals of ten minutes")
    _require_within(record)
    criteria = criteria_of(record)
    found = {c.judgement for c in criteria}
    order = (
        Judgement.NOT_MET,
        Judgement.UNDECIDED,
        Judgement.MET_AS_MEASURED,
        Judgement.MET,
    )
    interruptions = [e for e in record.events if e.kind is EventKind.INTERRUPTION]
    dips = _dips(record, interruptions)
    swells = [e for e in record.events if e.kind is EventKind.SWELL]
    counted = (*interruptions, *dips, *swells)
    return Report(
        record.start_ns,
        record.end_ns,
        criteria,
        _table(dips, en50160.DIP_ROWS_PU, en50160.DIP_COLUMNS_S),
        _table(swells, en50160.SWELL_ROWS_PU, en50160.SWELL_COLUMNS_S),
        sum(
            e.duration_s is not None and e.duration_s <= en50160.LONG_INTERRUPTION_S
            for e in interruptions
        ),
        _longer(interruptions, en50160.LONG_INTERRUPTION_S, record.end_ns),
        _longer(dips, en50160.DIP_COLUMNS_S[-1], record.end_ns),
        _longer(swells, en50160.SWELL_COLUMNS_S[-1], record.end_ns),
        sum(e.end_ns is None for e in counted),
        sum(e.start_ns < record.start_ns for e in counted),
        sum(e.uncertain for e in record.events),
        highest_order(record),
        next(j for j in order if j in found),
    )


def _require_within(record: Record) -> None:
    starts = [i.start_ns for i in record.ten_minutes]
    if len(set(starts)) < len(starts):
        raise InputError("EN 50160: an interval of ten minutes is there twice")
    if any(not record.start_ns <= s < record.end_ns for s in starts):
        raise InputError("EN 50160: an interval lies outside the period of the report")
    if not all(e.reaches_into(record.start_ns, record.end_ns) for e in record.events):
        raise InputError("EN 50160: an event lies outside the period of the report")


def _dips(record: Record, interruptions: list[Event]) -> list[Event]:
    """Dips that are no part of an interruption."""
    return [
        e
        for e in record.events
        if e.kind is EventKind.DIP
        and not any(
            e.start_ns <= i.start_ns and (e.end_ns is None or i.start_ns < e.end_ns)
            for i in interruptions
        )
    ]


def _longer(events: list[Event], limit_s: float, end_ns: int) -> int:
    """How many lasted longer, or have lasted longer at the period's end and certainly still do."""

    def length_s(event: Event) -> float:
        if event.duration_s is not None:
            return event.duration_s
        return 0.0 if event.uncertain else (end_ns - event.start_ns) / 1e9

    return sum(length_s(event) > limit_s for event in events)


def _table(
    events: list[Event], rows: tuple[float, ...], columns: tuple[float, ...]
) -> tuple[tuple[int, ...], ...]:
    """Counts by magnitude and duration of those that ended; the last row is open.

    What is longer than the last column is counted by `_longer`.
    """
    below = rows[1:] if rows[0] < 1.0 else rows
    counts = [[0] * len(columns) for _ in below]
    for event in events:
        duration = event.duration_s
        if duration is None or duration > columns[-1]:
            continue
        row = next((k for k, edge in enumerate(below) if event.extreme_pu >= edge), len(below) - 1)
        counts[row][next(k for k, most in enumerate(columns) if duration <= most)] += 1
    return tuple(tuple(row) for row in counts)
