"""Waveform recorder: what was before a trigger and what comes after it becomes a recording.

The state keeps the last `before_s` seconds, and the recording that runs. A trigger while one runs
makes it longer, up to `longest_s`; then it is closed, and a new one may begin. What triggers is the
business of conditions: an event that begins or ends, a jump of a current, or a call from outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.power_quality.declared import Declared
from ortsnetz_grid.functions.power_quality.recording import Recording
from ortsnetz_grid.functions.power_quality.samples import Samples, joined

LATENESS_S = 0.5
"""Kept beyond `before_s`: an event is known only some cycles after it began."""
LONGEST_GAP_S = 1.0
"""A recording does not go on over a longer gap."""


@dataclass(frozen=True, slots=True)
class RecorderSettings:
    """Of a recorder.

    Attributes:
        before_s, after_s: kept before a trigger and after the last one.
        longest_s: of a recording.
        current_jump_a: a change of a current against one cycle before that triggers; None: none.
        station, device: for the file.
    """

    before_s: float = 0.2
    after_s: float = 0.8
    longest_s: float = 10.0
    current_jump_a: float | None = None
    station: str = ""
    device: str = ""

    def __post_init__(self) -> None:
        """Refuse lengths that do not fit together."""
        if not 0.0 < self.before_s + self.after_s <= self.longest_s:
            raise InputError(
                f"recorder: {self.before_s} s before and {self.after_s} s after do not fit"
                f" into the longest recording of {self.longest_s} s"
            )


@dataclass(frozen=True, slots=True)
class Trigger:
    """A reason to record, and its instant."""

    time_ns: int
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class RecorderState:
    """Between two calls.

    Attributes:
        kept: the last samples, or those of the recording that runs.
        running: the trigger that began it; None while nothing is recorded.
        until_ns: its end as things stand.
        short: recordings with less before the trigger than was asked for.
    """

    kept: Samples | None = None
    running: Trigger | None = None
    until_ns: int = 0
    short: int = 0


def advance_recorder(
    state: RecorderState,
    block: Samples,
    triggers: Sequence[Trigger],
    settings: RecorderSettings,
    declared: Declared,
) -> tuple[RecorderState, tuple[Recording, ...]]:
    """Go on with a block, and the triggers that lie in it or were found late.

    A trigger may come late by `LATENESS_S`, for conditions need whole cycles. One that comes later,
    or soon after the start, records what is there and is counted as short.

    Raises:
        InputError: the block overlaps the one before.
    """
    found: list[Recording] = []
    state = _with_block(state, block, settings, declared, found)
    for trigger in sorted(triggers, key=lambda t: t.time_ns):
        state = _closed(state, settings, declared, found, until_ns=trigger.time_ns)
        state = _triggered(state, trigger, settings)
    assert state.kept is not None  # noqa: S101  # there is a block
    state = _closed(state, settings, declared, found, until_ns=state.kept.end_ns)
    return _trimmed(state, settings), tuple(found)


def _with_block(
    state: RecorderState,
    block: Samples,
    settings: RecorderSettings,
    declared: Declared,
    found: list[Recording],
) -> RecorderState:
    """The state with the block; behind a long gap it begins afresh, what ran is closed before."""
    before = state.kept
    if before is None:
        return replace(state, kept=block)
    missing = round((block.start_ns - before.end_ns) * block.rate_hz / 1e9)
    if missing < 0:
        raise InputError(f"recorder: a block starts {-missing} samples before the end of the last")
    if missing <= LONGEST_GAP_S * block.rate_hz:
        return replace(state, kept=joined(before, block, missing))
    if state.running is not None:
        state = replace(state, until_ns=min(state.until_ns, before.end_ns))
        state = _closed(state, settings, declared, found, until_ns=before.end_ns)
    return replace(state, kept=block)


def _triggered(state: RecorderState, trigger: Trigger, settings: RecorderSettings) -> RecorderState:
    """A recording begins, or the one that runs goes on for longer."""
    after_ns = round(settings.after_s * 1e9)
    until = trigger.time_ns + after_ns
    kept = state.kept
    assert kept is not None  # noqa: S101  # there is a block
    if state.running is None:
        begin = trigger.time_ns - round(settings.before_s * 1e9)
        first = max(round((begin - kept.start_ns) * kept.rate_hz / 1e9), 0)
        return replace(
            state,
            kept=kept.from_sample(min(first, kept.count)),
            running=trigger,
            until_ns=until,
            short=state.short + (kept.instant_ns(-0.5) > begin),
        )
    most = kept.start_ns + round(settings.longest_s * 1e9)
    return replace(state, until_ns=min(max(state.until_ns, until), most))


def _closed(
    state: RecorderState,
    settings: RecorderSettings,
    declared: Declared,
    found: list[Recording],
    *,
    until_ns: int,
) -> RecorderState:
    """The recording that runs, if it ended before this instant."""
    kept, running = state.kept, state.running
    if kept is None or running is None or min(until_ns, kept.end_ns) < state.until_ns:
        return state
    end = round((state.until_ns - kept.start_ns) * kept.rate_hz / 1e9)
    samples = Samples(
        kept.start_ns,
        kept.rate_hz,
        kept.channels,
        kept.values[:, :end],
        kept.lost[:end],
        kept.unsynchronised[:end],
    )
    found.append(
        Recording(
            samples,
            running.time_ns,
            settings.station,
            settings.device,
            running.reason,
            declared.nominal_hz,
        )
    )
    # what lies before the end may still be wanted before a trigger that follows at once
    return replace(state, running=None, until_ns=0)


def _trimmed(state: RecorderState, settings: RecorderSettings) -> RecorderState:
    kept = state.kept
    if kept is None or state.running is not None:
        return state
    first = max(kept.count - round((settings.before_s + LATENESS_S) * kept.rate_hz), 0)
    return replace(state, kept=kept.from_sample(first))
