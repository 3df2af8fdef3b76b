"""Criteria about what the device under test said: qualities, alarms, modes."""

from __future__ import annotations

from collections.abc import Mapping

from ortsnetz_hil.scenarios.durations import words as duration
from ortsnetz_hil.verdict import measures, states
from ortsnetz_hil.verdict.criteria_values import Anchor, Criterion, Judgement, Span, Within
from ortsnetz_hil.verdict.recording import CannotJudgeError, Recording
from ortsnetz_hil.verdict.states import States


class _Soon(Criterion, frozen=True, kw_only=True):
    """A state that has to be reached within a time after something."""

    within: Within
    anchor: Anchor

    @property
    def happenings(self) -> tuple[str, ...]:
        """Names of faults and events that it refers to."""
        return self.anchor.names()

    def _reached(self, recording: Recording, what: str, at_s: float | None) -> Judgement:
        """Judge the instant at which it was reached, None for never."""
        begin_s, allowed_s = self.anchor.instant(recording), self.within.seconds(recording)
        if at_s is None:
            words = f"{what} never {self.anchor.words()}"
            return Judgement(self.sentence, passed=False, words=words, limit=allowed_s, unit="s")
        seconds = max(at_s - begin_s, 0.0)
        words = f"{what} {seconds:.1f} s {self.anchor.words()}; allowed are {duration(allowed_s)}"
        return Judgement(
            self.sentence,
            passed=seconds <= allowed_s + 1e-6,
            words=words,
            margin=round(allowed_s - seconds, 3),
            unit="s",
            observed=round(seconds, 3),
            limit=round(allowed_s, 3),
            at_s=round(at_s, 3),
        )


class QualityInvalid(_Soon, frozen=True, kw_only=True):
    """`quality of SOURCE invalid within N scans [of FAULT]`: it was good until then."""

    source: str

    @property
    def devices(self) -> tuple[str, ...]:
        """The source."""
        return (self.source,)

    def _judged(self, recording: Recording) -> Judgement:
        begin_s = self.anchor.instant(recording)
        slowest: Judgement | None = None
        for name, states_ in _sources(recording, self.source).items():
            if begin_s > 0.0 and states_.at(begin_s) is not True:
                raise CannotJudgeError(f"{name} was not good before")
            found = self._reached(
                recording, f"{name} invalid", states_.first(state=False, begin_s=begin_s)
            )
            slowest = found if slowest is None else _worse(slowest, found)
        if slowest is None:
            raise CannotJudgeError(f"nothing was heard of '{self.source}'")
        return slowest


class QualityGood(_Soon, frozen=True, kw_only=True):
    """`quality of SOURCE good within N s [after FAULT]`."""

    source: str

    @property
    def devices(self) -> tuple[str, ...]:
        """The source."""
        return (self.source,)

    def _judged(self, recording: Recording) -> Judgement:
        begin_s = self.anchor.instant(recording)
        slowest: Judgement | None = None
        for name, states_ in _sources(recording, self.source).items():
            found = self._reached(
                recording, f"{name} good", states_.first(state=True, begin_s=begin_s)
            )
            slowest = found if slowest is None else _worse(slowest, found)
        if slowest is None:
            raise CannotJudgeError(f"nothing was heard of '{self.source}'")
        return slowest


class QualityAlwaysGood(Criterion, frozen=True, kw_only=True):
    """`quality of SOURCE good`: from the beginning to the end of the run."""

    source: str
    span: Span

    @property
    def happenings(self) -> tuple[str, ...]:
        """Names of faults and events that it refers to."""
        return self.span.names()

    @property
    def devices(self) -> tuple[str, ...]:
        """The source."""
        return (self.source,)

    def _judged(self, recording: Recording) -> Judgement:
        first_s, last_s = self.span.bounds(recording)
        found = _sources(recording, self.source)
        for name, states_ in found.items():
            if states_.at(first_s) is None:
                raise CannotJudgeError(f"nothing was heard of {name} until {first_s:.1f} s")
            bad_s = states_.first(state=False, begin_s=first_s)
            if bad_s is not None and bad_s < last_s:
                words = f"{name} was not good at {bad_s:.1f} s"
                return Judgement(self.sentence, passed=False, words=words, at_s=round(bad_s, 3))
        return Judgement(self.sentence, passed=True, words=f"{_many(found)}, all the time")


class AlarmSoon(_Soon, frozen=True, kw_only=True):
    """`alarm KEY within N s [of FAULT]`: it is raised then, and did not stand before."""

    key: str

    def _judged(self, recording: Recording) -> Judgement:
        begin_s = self.anchor.instant(recording)
        alarms = states.alarms(recording, self.key)
        if begin_s > 0.0 and alarms.at(begin_s) is True:
            words = f"it stood already before {begin_s:.1f} s: it says nothing new"
            return Judgement(self.sentence, passed=False, words=words)
        raised = next(
            (t for t, on in alarms.changes if on and (t >= begin_s or begin_s == 0)), None
        )
        return self._reached(recording, "raised", raised)


class AlarmCleared(_Soon, frozen=True, kw_only=True):
    """`alarm KEY cleared within N s [after FAULT]`: it had been raised."""

    key: str

    def _judged(self, recording: Recording) -> Judgement:
        begin_s = self.anchor.instant(recording)
        alarms = states.alarms(recording, self.key)
        if not any(on for _, on in alarms.changes):
            return Judgement(self.sentence, passed=False, words="it was never raised")
        return self._reached(recording, "cleared", alarms.first(state=False, begin_s=begin_s))


class NoAlarm(Criterion, frozen=True, kw_only=True):
    """`no alarm KEY`."""

    key: str
    span: Span

    @property
    def happenings(self) -> tuple[str, ...]:
        """Names of faults and events that it refers to."""
        return self.span.names()

    def _judged(self, recording: Recording) -> Judgement:
        first_s, last_s = self.span.bounds(recording)
        if not recording.heard().modes:
            raise CannotJudgeError("the device under test said nothing of itself")
        at_s = states.alarms(recording, self.key).first(state=True, begin_s=first_s)
        if at_s is None or at_s >= last_s:
            return Judgement(self.sentence, passed=True, words="none")
        key = states.standing(recording, self.key, at_s)
        words = f"{key} at {at_s:.1f} s"
        return Judgement(self.sentence, passed=False, words=words, at_s=round(at_s, 3))


class ModeSoon(_Soon, frozen=True, kw_only=True):
    """`mode active|safe|blind|starting within N s [of FAULT]`.

    After the agent was stopped, killed or started only what it says afterwards counts.
    """

    mode: str

    def _judged(self, recording: Recording) -> Judgement:
        begin_s = self.anchor.instant(recording)
        modes = states.modes(recording)
        afresh = self.anchor.name is not None and self._restarts(recording)
        if afresh:
            at_s = next(
                (t for t, mode in modes.changes if mode == self.mode and t >= begin_s), None
            )
        else:
            at_s = modes.first(self.mode, begin_s)
        return self._reached(recording, self.mode, at_s)

    def _restarts(self, recording: Recording) -> bool:
        """Whether the anchor is an event of the agent's own process."""
        own = [e for e in recording.scenario.events if e.called == self.anchor.name]
        return any(getattr(event, event.key) == "agent" for event in own)


class ModeNever(Criterion, frozen=True, kw_only=True):
    """`mode never blind`."""

    mode: str
    span: Span

    @property
    def happenings(self) -> tuple[str, ...]:
        """Names of faults and events that it refers to."""
        return self.span.names()

    def _judged(self, recording: Recording) -> Judgement:
        first_s, last_s = self.span.bounds(recording)
        modes = states.modes(recording)
        at_s = modes.first(self.mode, first_s)
        if at_s is None or at_s >= last_s:
            return Judgement(self.sentence, passed=True, words=f"never {self.mode}")
        words = f"{self.mode} at {at_s:.1f} s"
        return Judgement(self.sentence, passed=False, words=words, at_s=round(at_s, 3))


def _many(sources: Mapping[str, object]) -> str:
    return next(iter(sources)) if len(sources) == 1 else f"{len(sources)} sources"


def _sources(recording: Recording, pattern: str) -> dict[str, States[bool]]:
    found = states.qualities(recording)
    meters = [meter.name for meter in recording.configuration.meters]
    wanted = measures.matching([*meters, *recording.device_names()], pattern, "meter or device")
    unheard = [name for name in wanted if name not in found]
    if unheard:
        raise CannotJudgeError(f"nothing was heard of {unheard[0]}")
    return {name: found[name] for name in wanted}


def _worse(one: Judgement, other: Judgement) -> Judgement:
    if one.margin is None or other.margin is None:
        return one if one.margin is None else other
    return one if one.margin <= other.margin else other
