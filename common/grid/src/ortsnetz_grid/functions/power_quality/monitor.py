"""Everything of a place of measurement at once: blocks of samples in, results out.

It joins the meter, the intervals and the flicker of each phase, which share the samples and the ten
minutes of the clock. This is what an agent or a bench hosts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from ortsnetz_grid.functions.power_quality.aggregation import (
    TEN_MINUTES_NS,
    TWO_HOURS_NS,
    Aggregated,
    AggregationState,
    Interval,
    advance_aggregation,
)
from ortsnetz_grid.functions.power_quality.declared import Declared
from ortsnetz_grid.functions.power_quality.events import Event
from ortsnetz_grid.functions.power_quality.flicker import (
    FlickerState,
    advance_flicker,
    after_loss,
    counted_s,
    long_term,
    next_interval,
    short_term,
)
from ortsnetz_grid.functions.power_quality.meter import Measured, MeterState, advance
from ortsnetz_grid.functions.power_quality.record import LongTermFlicker
from ortsnetz_grid.functions.power_quality.samples import Kind, Samples

LEAST_COUNTED_S = 510.0
"""Of ten minutes: one loss of samples costs a minute until the filters have settled again."""

LAMP_HZ = 50
"""The lamp of the flicker meter is that of 50 Hz; elsewhere there is no flicker rather than a wrong
one."""


@dataclass(frozen=True, slots=True)
class ShortTermFlicker:
    """Pst of ten minutes; None where too little of them was counted.

    `synchronised` says whether the source's clock was, all the time.
    """

    start_ns: int
    phase: str
    pst: float | None
    synchronised: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class MonitorState:
    """Between two calls.

    Attributes:
        meter, aggregation: of these parts.
        flicker: a state for each phase voltage.
        flicker_end_ns: instant behind the last sample the flicker has seen.
        flicker_synchronised: whether the source's clock was, in the ten minutes that run.
        short: Pst of the last four hours, for Plt.
    """

    meter: MeterState = field(default_factory=MeterState)
    aggregation: AggregationState = field(default_factory=AggregationState)
    flicker: tuple[FlickerState, ...] = ()
    flicker_end_ns: int | None = None
    flicker_synchronised: bool = True
    short: tuple[ShortTermFlicker, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Monitored:
    """What a call found; `lasting` are the events that have not ended with it."""

    measured: Measured
    intervals: Aggregated
    short_flicker: tuple[ShortTermFlicker, ...] = ()
    long_flicker: tuple[LongTermFlicker, ...] = ()
    lasting: tuple[Event, ...] = ()


def advance_monitor(
    state: MonitorState, block: Samples, declared: Declared
) -> tuple[MonitorState, Monitored]:
    """Go on with a block of samples.

    Raises:
        InputError: as `meter.advance`; the rate is too low for flicker.
    """
    meter, measured = advance(state.meter, block, declared)
    aggregation, intervals = advance_aggregation(state.aggregation, measured.windows)
    state, short = _flicker(replace(state, meter=meter, aggregation=aggregation), block, declared)
    kept = tuple(s for s in (*state.short, *short) if s.start_ns > block.end_ns - 2 * TWO_HOURS_NS)
    state = replace(state, short=kept)
    long = tuple(f for two in intervals.two_hours for f in _long_term(state, block, two))
    return state, Monitored(measured, intervals, short, long, meter.events.lasting)


def _flicker(
    state: MonitorState, block: Samples, declared: Declared
) -> tuple[MonitorState, tuple[ShortTermFlicker, ...]]:
    """Flicker of all phases, cut at the ten minutes of the clock and at losses."""
    if declared.nominal_hz != LAMP_HZ:
        return state, ()
    rows = block.rows(Kind.VOLTAGE)
    states = list(state.flicker) or [FlickerState() for _ in rows]
    expected = state.flicker_end_ns
    if expected is not None and abs(block.start_ns - expected) * block.rate_hz > 0.5e9:
        states = [after_loss(s) for s in states]
    # half a sample back: the instant behind the last sample may be the start of the next interval
    half_ns = round(0.5e9 / block.rate_hz)
    before = block.start_ns if expected is None else expected - half_ns
    found: list[ShortTermFlicker] = []
    timed = state.flicker_synchronised
    for first, end in _pieces(block):
        interval = block.instant_ns(first + 0.5) // TEN_MINUTES_NS
        if interval != before // TEN_MINUTES_NS:
            start = before // TEN_MINUTES_NS * TEN_MINUTES_NS
            for row, one in zip(rows, states, strict=True):
                enough = counted_s(one, block.rate_hz) >= LEAST_COUNTED_S
                pst = short_term(one) if enough else None
                found.append(ShortTermFlicker(start, block.channels[row].phase, pst, timed))
            states = [next_interval(s) for s in states]
            timed = True
        timed = timed and not bool(block.unsynchronised[first:end].any())
        if block.lost[first]:
            states = [after_loss(s) for s in states]
        else:
            states = [
                advance_flicker(s, block.values[row, first:end], block.rate_hz)[0]
                for row, s in zip(rows, states, strict=True)
            ]
        before = block.instant_ns(end - 0.5)
    state = replace(
        state,
        flicker=tuple(states),
        flicker_end_ns=block.end_ns,
        flicker_synchronised=timed,
    )
    return state, tuple(found)


def _pieces(block: Samples) -> Iterator[tuple[int, int]]:
    """Stretches of samples that are all lost or all there, and of the same ten minutes."""
    cuts = {0, block.count, *(np.flatnonzero(np.diff(block.lost)) + 1).tolist()}
    mark = (block.start_ns // TEN_MINUTES_NS + 1) * TEN_MINUTES_NS
    while mark < block.end_ns:
        at = int(np.ceil((mark - block.start_ns) * block.rate_hz / 1e9 - 1e-6))
        cuts.add(min(max(at, 0), block.count))
        mark += TEN_MINUTES_NS
    places = sorted(cuts)
    return pairwise(places)


def _long_term(state: MonitorState, block: Samples, two: Interval) -> Iterator[LongTermFlicker]:
    """Plt of each phase over two hours that ended; None where a Pst is missing."""
    for row in block.rows(Kind.VOLTAGE):
        phase = block.channels[row].phase
        short = [
            s.pst
            for s in state.short
            if s.phase == phase and two.start_ns <= s.start_ns < two.end_ns
        ]
        yield LongTermFlicker(two.start_ns, phase, long_term(short), two.flags, two.synchronised)
