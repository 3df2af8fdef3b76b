"""The measurement itself: blocks of samples in, windows, frequencies and events out.

Blocks may have any length. What is not yet whole stays in the state; it is never more than about
two windows plus the block. A gap between blocks becomes lost samples; one longer than
`LONGEST_GAP_S` starts afresh, and is stated.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.power_quality.declared import Declared
from ortsnetz_grid.functions.power_quality.events import (
    Event,
    EventKind,
    EventState,
    HalfCycles,
    advance_events,
)
from ortsnetz_grid.functions.power_quality.frequency import (
    Frequency,
    FrequencyState,
    advance_frequency,
)
from ortsnetz_grid.functions.power_quality.half_cycles import (
    half_cycles,
    measured_before,
    synchronised_before,
)
from ortsnetz_grid.functions.power_quality.reference import Reference, reach, reference_of
from ortsnetz_grid.functions.power_quality.samples import Samples, joined
from ortsnetz_grid.functions.power_quality.window import Window, window_of

LONGEST_GAP_S = 1.0
KEPT_CYCLES = 3.0
"""Kept before the window that runs: the half-cycle values reach back more than one cycle, and the
filter another one."""


@dataclass(frozen=True, slots=True, eq=False)
class MeterState:
    """Between two calls.

    Attributes:
        kept: samples that are still needed; None before the first block.
        window_start: where the window that runs began, in samples of `kept`.
        half_start: the last half cycle of the reference that was given out, in samples of `kept`.
        frequency, events: of these parts.
        spans: events that ended, kept while they may touch a window that is not yet whole.
        lost: samples lost up to now.
        restarts: how often it started afresh after a long gap.
    """

    kept: Samples | None = None
    window_start: float | None = None
    half_start: float | None = None
    frequency: FrequencyState = field(default_factory=FrequencyState)
    events: EventState = field(default_factory=EventState)
    spans: tuple[Event, ...] = ()
    lost: int = 0
    restarts: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """What a call found, each in the order of time."""

    windows: tuple[Window, ...] = ()
    half_cycles: HalfCycles | None = None
    frequencies: tuple[Frequency, ...] = ()
    events: tuple[Event, ...] = ()


def advance(state: MeterState, block: Samples, declared: Declared) -> tuple[MeterState, Measured]:
    """Go on with a block of samples.

    Raises:
        InputError: channels or rate differ from the block before, or the block overlaps it.
    """
    state = _with_block(state, block)
    samples = state.kept
    if samples is None or samples.count <= 4 * reach(samples, declared):
        return state, Measured()
    reference = reference_of(samples, declared)
    state, halves, frequencies = _half_cycles(state, samples, reference)
    events: tuple[Event, ...] = ()
    if halves is not None:
        following, events = advance_events(state.events, halves, declared)
        state = replace(state, events=following, spans=(*state.spans, *events))
    state, windows = _windows(state, samples, reference, declared)
    return _trimmed(state, samples, declared), Measured(windows, halves, frequencies, events)


def _with_block(state: MeterState, block: Samples) -> MeterState:
    """The state with the block behind what was kept."""
    lost = state.lost + int(block.lost.sum())
    before = state.kept
    if before is None:
        return replace(state, kept=block, lost=lost)
    if before.channels != block.channels or before.rate_hz != block.rate_hz:
        raise InputError("power quality: a block has other channels or another rate than before")
    missing = round((block.start_ns - before.end_ns) * block.rate_hz / 1e9)
    if missing < 0:
        raise InputError(
            f"power quality: a block starts {-missing} samples before the end of the one before"
        )
    lost += missing
    if missing > LONGEST_GAP_S * block.rate_hz:
        uncertain = tuple(replace(event, uncertain=True) for event in state.events.lasting)
        return MeterState(
            kept=block,
            frequency=replace(state.frequency, whole=False),
            events=EventState(uncertain),
            lost=lost,
            restarts=state.restarts + 1,
        )
    return replace(state, kept=joined(before, block, missing), lost=lost)


def _half_cycles(
    state: MeterState, samples: Samples, reference: Reference
) -> tuple[MeterState, HalfCycles | None, tuple[Frequency, ...]]:
    """RMS of the cycles that end in this block, and the frequency from the rising zeros."""
    if state.half_start is None:
        # the first cycle has to lie within what the filter has seen, with a phase a sixth early
        start = int(np.ceil(reference.angle_at(reference.first) / np.pi)) + 3
    else:
        start = round(reference.angle_at(state.half_start) / np.pi) + 1
    # half of a half cycle less than is known: the zero of a phase may be a sixth of a cycle late
    ends = np.arange(start, int(np.floor(reference.angle_at(reference.last) / np.pi - 0.5)) + 1)
    if not len(ends):
        return state, None, ()
    halves = half_cycles(samples, reference, ends)
    places = reference.position(ends * np.pi)
    rising = places[ends % 2 == 0]
    frequency, found = advance_frequency(
        state.frequency,
        [samples.instant_ns(float(p)) for p in rising],
        [measured_before(reference, p, samples) for p in rising],
        [synchronised_before(p, samples) for p in rising],
    )
    state = replace(state, half_start=float(places[-1]), frequency=frequency)
    return state, halves, found


def _windows(
    state: MeterState, samples: Samples, reference: Reference, declared: Declared
) -> tuple[MeterState, tuple[Window, ...]]:
    """Windows that end before the half-cycle values do: then the events in them are known."""
    if state.half_start is None:
        return state, ()
    cycles = declared.cycles_of_window
    start = state.window_start
    if start is None:
        turns = np.ceil(reference.angle_at(reference.first) / (2.0 * np.pi))
        start = float(reference.position(np.array(turns * 2.0 * np.pi)))
    found: list[Window] = []
    while True:
        # to the nearest rising zero: this brings windows back into step after a jump of the angle
        turns = round(reference.angle_at(start) / (2.0 * np.pi)) + cycles
        target = 2.0 * np.pi * turns
        if target > reference.angle_at(state.half_start) - 2.0 * np.pi:
            break
        end = float(reference.position(np.array(target)))
        valid = bool(reference.valid[int(start) : int(np.ceil(end)) + 1].all())
        flags = _flags(state, samples.instant_ns(start), samples.instant_ns(end))
        found.append(window_of(samples, start, end, cycles, valid=valid, flags=flags))
        start = end
    kept_from = samples.instant_ns(start)
    spans = tuple(e for e in state.spans if e.end_ns is not None and e.end_ns >= kept_from)
    return replace(state, window_start=start, spans=spans), tuple(found)


def _flags(state: MeterState, start_ns: int, end_ns: int) -> EventKind:
    """Events that touch this stretch of time."""
    flags = EventKind.NONE
    for event in (*state.spans, *state.events.lasting):
        if event.reaches_into(start_ns, end_ns):
            flags |= event.kind
    return flags


def _trimmed(state: MeterState, samples: Samples, declared: Declared) -> MeterState:
    """Only the samples that are still needed."""
    if state.window_start is None or state.half_start is None:
        return state
    cycle = samples.rate_hz / declared.nominal_hz
    needed = min(state.window_start, state.half_start) - KEPT_CYCLES * cycle
    first = max(int(needed), 0)
    return replace(
        state,
        kept=samples.from_sample(first),
        window_start=state.window_start - first,
        half_start=state.half_start - first,
    )
