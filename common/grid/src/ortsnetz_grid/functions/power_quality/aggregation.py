"""Intervals of 150 (180) cycles, 10 minutes and 2 hours (IEC 61000-4-30, 4.4 and 4.5, class S).

Values are root mean squares of windows. A window belongs to the 10-minute interval of the clock in
which it begins. A window without quantities adds none: it is counted as missing, and `covered` says
how much of the interval was measured. Flags of windows pass on to their intervals (4.7).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ortsnetz_grid.functions.power_quality.events import EventKind
from ortsnetz_grid.functions.power_quality.samples import Real
from ortsnetz_grid.functions.power_quality.unbalance import Unbalance
from ortsnetz_grid.functions.power_quality.window import Quantities, Window

WINDOWS_OF_SHORT = 15
TEN_MINUTES_NS = 600 * 10**9
TWO_HOURS_NS = 12 * TEN_MINUTES_NS


@dataclass(frozen=True, slots=True, eq=False)
class Interval:
    """An aggregated interval.

    Attributes:
        start_ns, end_ns: of it.
        quantities: root mean square of what was measured; None if nothing was.
        windows: windows in it that had quantities.
        missing: windows in it that had none; windows that never came are in `covered` only.
        covered: share of the time that was measured.
        flags: events that touched it.
        synchronised: whether the source's clock was synchronised all the time.
    """

    start_ns: int
    end_ns: int
    quantities: Quantities | None
    windows: int
    missing: int
    covered: float
    flags: EventKind
    synchronised: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """Sums of squares of what an interval had so far."""

    squares: tuple[Real, Real, Real] | None = None
    unbalance: tuple[float, float, int] = (0.0, 0.0, 0)
    windows: int = 0
    missing: int = 0
    measured_ns: float = 0.0
    flags: EventKind = EventKind.NONE
    synchronised: bool = True

    def plus(self, one: Window | Interval) -> _Sums:
        """With another window or interval."""
        sums = replace(
            self,
            flags=self.flags | one.flags,
            synchronised=self.synchronised and one.synchronised,
        )
        length = one.end_ns - one.start_ns
        covered, windows, missing = 1.0, 1, 0
        if isinstance(one, Interval):
            covered, windows, missing = one.covered, one.windows, one.missing
        if one.quantities is None:
            return replace(sums, missing=sums.missing + max(missing, 1))
        found = one.quantities
        # weighted by what was measured, so that a short rest of an interval weighs little
        new = tuple(windows * x**2 for x in (found.rms, found.harmonics, found.interharmonics))
        old = sums.squares
        total = new if old is None else tuple(a + b for a, b in zip(old, new, strict=True))
        u2, u0, count = sums.unbalance
        if found.unbalance is not None:
            u2 += windows * found.unbalance.u2**2
            u0 += windows * found.unbalance.u0**2
            count += windows
        return replace(
            sums,
            squares=(total[0], total[1], total[2]),
            unbalance=(u2, u0, count),
            windows=sums.windows + windows,
            missing=sums.missing + missing,
            measured_ns=sums.measured_ns + covered * length,
        )

    def interval(self, start_ns: int, end_ns: int) -> Interval:
        """The interval these sums are of."""
        quantities = None
        if self.squares is not None:
            rms, harmonics, interharmonics = (np.sqrt(s / self.windows) for s in self.squares)
            u2, u0, count = self.unbalance
            unbalance = (
                Unbalance(float(np.sqrt(u2 / count)), float(np.sqrt(u0 / count))) if count else None
            )
            quantities = Quantities(rms, harmonics, interharmonics, unbalance)
        return Interval(
            start_ns,
            end_ns,
            quantities,
            self.windows,
            self.missing,
            min(self.measured_ns / (end_ns - start_ns), 1.0),
            self.flags,
            self.synchronised,
        )


def aggregate(parts: Sequence[Window | Interval], start_ns: int, end_ns: int) -> Interval:
    """The interval that these windows, or intervals, lie in."""
    sums = _Sums()
    for part in parts:
        sums = sums.plus(part)
    return sums.interval(start_ns, end_ns)


@dataclass(frozen=True, slots=True, eq=False)
class AggregationState:
    """What runs: windows of the short interval, sums of the 10 minutes, 10 minutes of 2 hours."""

    short: tuple[Window, ...] = ()
    sums: _Sums = _Sums()
    ten_minutes: int | None = None
    intervals: tuple[Interval, ...] = ()


@dataclass(frozen=True, slots=True)
class Aggregated:
    """Intervals that became whole, each in the order of time."""

    short: tuple[Interval, ...] = ()
    ten_minutes: tuple[Interval, ...] = ()
    two_hours: tuple[Interval, ...] = ()


def advance_aggregation(
    state: AggregationState, windows: Sequence[Window]
) -> tuple[AggregationState, Aggregated]:
    """Go on with new windows."""
    short: list[Interval] = []
    ten: list[Interval] = []
    two: list[Interval] = []
    for window in windows:
        state = _short(state, window, short)
        number = window.start_ns // TEN_MINUTES_NS
        if state.ten_minutes is None:
            state = replace(state, ten_minutes=number)
        elif number != state.ten_minutes:
            state = _closed(state, number, ten, two)
        state = replace(state, sums=state.sums.plus(window))
    return state, Aggregated(tuple(short), tuple(ten), tuple(two))


def unfinished(state: AggregationState) -> Interval | None:
    """The ten minutes that run, as they stand, for a recording that ends; None without windows."""
    if state.ten_minutes is None:
        return None
    start = state.ten_minutes * TEN_MINUTES_NS
    return state.sums.interval(start, start + TEN_MINUTES_NS)


def _short(state: AggregationState, window: Window, found: list[Interval]) -> AggregationState:
    """The interval of 150 or 180 cycles; one that is broken by a gap begins anew."""
    if state.short and abs(window.start_ns - state.short[-1].end_ns) > 1_000_000:
        state = replace(state, short=())
    parts = (*state.short, window)
    if len(parts) < WINDOWS_OF_SHORT:
        return replace(state, short=parts)
    found.append(aggregate(parts, parts[0].start_ns, parts[-1].end_ns))
    return replace(state, short=())


def _closed(
    state: AggregationState, following: int, ten: list[Interval], two: list[Interval]
) -> AggregationState:
    """The 10 minutes that ended, and the 2 hours if they ended with them."""
    assert state.ten_minutes is not None  # noqa: S101  # the caller has looked
    start = state.ten_minutes * TEN_MINUTES_NS
    interval = state.sums.interval(start, start + TEN_MINUTES_NS)
    ten.append(interval)
    intervals = (*state.intervals, interval)
    if following // 12 != state.ten_minutes // 12:
        begin = state.ten_minutes // 12 * TWO_HOURS_NS
        two.append(aggregate(intervals, begin, begin + TWO_HOURS_NS))
        intervals = ()
    return AggregationState(state.short, _Sums(), following, intervals)
