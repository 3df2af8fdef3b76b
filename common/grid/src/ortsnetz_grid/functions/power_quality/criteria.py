"""The criteria of EN 50160 for low voltage, each of its channel and its kind of interval."""

from __future__ import annotations

import numpy as np

from ortsnetz_grid.functions.power_quality import en50160
from ortsnetz_grid.functions.power_quality.aggregation import TEN_MINUTES_NS
from ortsnetz_grid.functions.power_quality.en50160 import (
    THD_ORDERS,
    Criterion,
    Limits,
    as_far_as_measured,
    criterion,
)
from ortsnetz_grid.functions.power_quality.events import EventKind
from ortsnetz_grid.functions.power_quality.frequency import INTERVAL_NS
from ortsnetz_grid.functions.power_quality.harmonics import distortion
from ortsnetz_grid.functions.power_quality.record import LEAST_COVERED, Record, highest_order
from ortsnetz_grid.functions.power_quality.samples import Flags, Kind, Real

ANY = EventKind.DIP | EventKind.SWELL | EventKind.INTERRUPTION

BESIDE_NS = 100_000_000
"""A frequency needs the two cycles beside it, too; an event's instants are exact to 1.5 cycles."""


def criteria_of(record: Record) -> tuple[Criterion, ...]:
    """Every criterion of the standard that the channels allow."""
    return (
        *_frequency(record),
        *_voltages(record),
        *_unbalance(record),
        *_distortion(record),
        *_flicker(record),
    )


def _left_out(record: Record, flags: EventKind) -> Flags:
    return np.array([bool(i.flags & flags) for i in record.ten_minutes], dtype=np.bool_)


def _known(record: Record, values: list[float | None]) -> Real:
    """Values of the intervals; NaN where there is none or too little of the interval was seen."""
    return np.array(
        [
            np.nan if value is None or interval.covered < LEAST_COVERED else value
            for value, interval in zip(values, record.ten_minutes, strict=True)
        ],
        dtype=np.float64,
    )


def _expected(record: Record) -> int:
    return (record.end_ns - record.start_ns) // TEN_MINUTES_NS


def _frequency(record: Record) -> list[Criterion]:
    """4.2.1, systems with synchronous connection; 99.5 % of a year is judged week by week.

    Where there was no voltage there is no frequency to judge.
    """
    hz = record.declared.nominal_hz
    inside = [f for f in record.frequencies if record.start_ns <= f.start_ns < record.end_ns]
    values = np.array([np.nan if f.hz is None else f.hz for f in inside], dtype=np.float64)
    expected = (record.end_ns - record.start_ns) // INTERVAL_NS
    gone = _interrupted(record)
    places = [(f.start_ns - record.start_ns) // INTERVAL_NS for f in inside]
    out = np.isnan(values) & gone[np.array(places, dtype=np.intp)]
    return [
        criterion(
            Limits("frequency within -1 % and +1 %", "4.2.1", "Hz", 0.995, 0.99 * hz, 1.01 * hz),
            values,
            out,
            expected,
        ),
        criterion(
            Limits("frequency within -6 % and +4 %", "4.2.1", "Hz", 1.0, 0.94 * hz, 1.04 * hz),
            values,
            out,
            expected,
        ),
    ]


def _interrupted(record: Record) -> Flags:
    """The 10 s of the period in which the supply was gone, as far as that is certain."""
    found = np.zeros((record.end_ns - record.start_ns) // INTERVAL_NS, dtype=np.bool_)
    for event in record.events:
        if event.kind is not EventKind.INTERRUPTION or event.uncertain:
            continue
        end_ns = record.end_ns if event.end_ns is None else event.end_ns + BESIDE_NS
        first = max((event.start_ns - BESIDE_NS - record.start_ns) // INTERVAL_NS, 0)
        found[first : -((record.start_ns - end_ns) // INTERVAL_NS)] = True
    return found


def _voltages(record: Record) -> list[Criterion]:
    """4.2.2.2; periods with interruptions are left out."""
    declared = record.declared.voltage_v
    found = []
    for row in _rows(record):
        phase = record.channels[row].phase
        values = _known(
            record,
            [None if i.quantities is None else i.quantities.rms[row] for i in record.ten_minutes],
        )
        for name, share, lower in (("-10 % and +10 %", 0.95, 0.9), ("-15 % and +10 %", 1.0, 0.85)):
            limits = Limits(
                f"voltage {phase} within {name}",
                "4.2.2.2",
                "V",
                share,
                lower * declared,
                1.1 * declared,
            )
            out = _left_out(record, EventKind.INTERRUPTION)
            found.append(criterion(limits, values, out, _expected(record)))
    return found


def _unbalance(record: Record) -> list[Criterion]:
    """4.2.4: negative sequence."""
    if len(_rows(record)) < 3:
        return []
    values = [
        None
        if i.quantities is None or i.quantities.unbalance is None
        else i.quantities.unbalance.u2
        for i in record.ten_minutes
    ]
    limits = Limits("unbalance u2", "4.2.4", "1", 0.95, upper=en50160.UNBALANCE_LIMIT)
    return [criterion(limits, _known(record, values), _left_out(record, ANY), _expected(record))]


def _distortion(record: Record) -> list[Criterion]:
    """4.2.5: THD up to order 40 and each order up to 25, of the fundamental."""
    found = []
    out, expected = _left_out(record, ANY), _expected(record)
    highest = highest_order(record)
    partial = highest is not None and highest < THD_ORDERS
    asked = f" (orders up to {highest} of {THD_ORDERS})" if partial else ""
    for row in _rows(record):
        phase = record.channels[row].phase
        shares = [
            None if i.quantities is None else _shares(i.quantities.harmonics[row])
            for i in record.ten_minutes
        ]
        thd = _known(record, [None if s is None else float(s[0]) for s in shares])
        name = f"THD of voltage {phase}{asked}"
        limits = Limits(name, "4.2.5", "1", 0.95, upper=en50160.THD_LIMIT)
        judged = criterion(limits, thd, out, expected)
        found.append(as_far_as_measured(judged) if partial else judged)
        for order, most in en50160.HARMONIC_LIMITS.items():
            values: list[float | None] = [
                None if s is None or len(s) <= order else float(s[order]) for s in shares
            ]
            limits = Limits(f"order {order} of voltage {phase}", "4.2.5", "1", 0.95, upper=most)
            found.append(criterion(limits, _known(record, values), out, expected))
    return found


def _shares(subgroups: Real) -> Real:
    """THD in place 0, then shares of the fundamental at their orders."""
    if not subgroups[1] > 0.0:
        return np.full(len(subgroups), np.nan)
    result: Real = subgroups / subgroups[1]
    result[0] = distortion(subgroups[None, :], THD_ORDERS)[0]
    return result


def _flicker(record: Record) -> list[Criterion]:
    """4.2.3.2: Plt, intervals of two hours."""
    found = []
    expected = (record.end_ns - record.start_ns) // (12 * TEN_MINUTES_NS)
    for row in _rows(record):
        phase = record.channels[row].phase
        of_phase = [f for f in record.flicker if f.phase == phase]
        values = np.array([np.nan if f.plt is None else f.plt for f in of_phase], dtype=np.float64)
        out = np.array([bool(f.flags & ANY) for f in of_phase], dtype=np.bool_)
        most = en50160.LONG_TERM_FLICKER_LIMIT
        limits = Limits(f"Plt of voltage {phase}", "4.2.3.2", "1", 0.95, upper=most)
        found.append(criterion(limits, values, out, expected))
    return found


def _rows(record: Record) -> list[int]:
    """Rows of the phase voltages."""
    return [
        k
        for k, channel in enumerate(record.channels)
        if channel.kind is Kind.VOLTAGE and channel.phase in "abc"
    ]
