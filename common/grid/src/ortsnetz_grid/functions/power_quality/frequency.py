"""Frequency over 10 s: whole cycles over the time they took (IEC 61000-4-30, 5.1).

Cycles that overlap the 10 s marks of the clock are left out. An interval with a cycle that was not
measured has no frequency; one without a single cycle is not given out.
"""

from __future__ import annotations

from dataclasses import dataclass

INTERVAL_NS = 10_000_000_000


@dataclass(frozen=True, slots=True)
class Frequency:
    """Frequency of a 10 s interval.

    Attributes:
        start_ns: of the interval.
        hz: None where a cycle was not measured.
        synchronised: whether the source's clock was synchronised in all of its cycles.
    """

    start_ns: int
    hz: float | None
    synchronised: bool = True


@dataclass(frozen=True, slots=True)
class FrequencyState:
    """The interval that runs: its first and last rising zero, and whether all were measured.

    `synchronised` says whether the source's clock was in every cycle of it.
    """

    interval: int | None = None
    first_ns: int = 0
    last_ns: int = 0
    cycles: int = 0
    whole: bool = True
    synchronised: bool = True


def advance_frequency(
    state: FrequencyState, zeros_ns: list[int], valid: list[bool], synchronised: list[bool]
) -> tuple[FrequencyState, tuple[Frequency, ...]]:
    """Go on with the rising zeros of the reference.

    Args:
        state: of the call before.
        zeros_ns: their instants; rising.
        valid: whether the reference was measured there and since the zero before.
        synchronised: whether the source's clock was, there and since the zero before.
    """
    found: list[Frequency] = []
    for instant, good, timed in zip(zeros_ns, valid, synchronised, strict=True):
        interval = instant // INTERVAL_NS
        if state.interval is None:  # the first interval was not seen whole
            state = FrequencyState(interval, instant, instant, 0, whole=False, synchronised=timed)
        elif interval != state.interval:
            found.append(_closed(state))
            state = FrequencyState(interval, instant, instant, 0, good, timed)
        else:
            state = FrequencyState(
                interval,
                state.first_ns,
                instant,
                state.cycles + 1,
                state.whole and good,
                state.synchronised and timed,
            )
    return state, tuple(found)


def _closed(state: FrequencyState) -> Frequency:
    assert state.interval is not None  # noqa: S101  # the caller has looked
    hz = None
    if state.whole and state.cycles > 0:
        hz = state.cycles * 1e9 / (state.last_ns - state.first_ns)
    return Frequency(state.interval * INTERVAL_NS, hz, state.synchronised)
