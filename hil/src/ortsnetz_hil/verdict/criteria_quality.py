"""Criteria about the qualities of meters and devices, as the device under test reports them."""

from __future__ import annotations

from collections.abc import Mapping

from ortsnetz_hil.verdict import measures, states
from ortsnetz_hil.verdict.criteria_soon import Soon
from ortsnetz_hil.verdict.criteria_values import Criterion, Judgement, Span
from ortsnetz_hil.verdict.recording import CannotJudgeError, Recording
from ortsnetz_hil.verdict.states import States


class QualityInvalid(Soon, frozen=True, kw_only=True):
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
            # a station server reports a loss in the very step in which it happens
            if begin_s > 0.0 and states_.before(begin_s) is not True:
                raise CannotJudgeError(f"{name} was not good before")
            found = self._reached(
                recording, f"{name} invalid", states_.first(state=False, begin_s=begin_s)
            )
            slowest = found if slowest is None else _worse(slowest, found)
        if slowest is None:
            raise CannotJudgeError(f"nothing was heard of '{self.source}'")
        return slowest


class QualityGood(Soon, frozen=True, kw_only=True):
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
                recording,
                f"{name} good",
                self._first(recording, states_, state=True, begin_s=begin_s),
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
        states.require_heard(recording, first_s, last_s)
        return Judgement(self.sentence, passed=True, words=f"{_many(found)}, all the time")


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
