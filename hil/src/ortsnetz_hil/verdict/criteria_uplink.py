"""Criteria about the alarms and modes that the device under test reports."""

from __future__ import annotations

from ortsnetz_hil.verdict import states
from ortsnetz_hil.verdict.criteria_soon import Soon
from ortsnetz_hil.verdict.criteria_values import Criterion, Judgement, Span
from ortsnetz_hil.verdict.recording import CannotJudgeError, Recording


class AlarmSoon(Soon, frozen=True, kw_only=True):
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


class AlarmCleared(Soon, frozen=True, kw_only=True):
    """`alarm KEY cleared within N s [after FAULT]`: it had been raised, and does not return."""

    key: str

    def _judged(self, recording: Recording) -> Judgement:
        begin_s = self.anchor.instant(recording)
        alarms = states.alarms(recording, self.key)
        if not any(on for _, on in alarms.changes):
            return Judgement(self.sentence, passed=False, words="it was never raised")
        found = self._reached(recording, "cleared", alarms.first(state=False, begin_s=begin_s))
        due_s = begin_s + self.within.seconds(recording)
        if found.passed and alarms.at(due_s) is True:
            words = f"{found.words}; it stands again by then"
            return Judgement(self.sentence, passed=False, words=words, at_s=round(due_s, 3))
        return found


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
            states.require_heard(recording, first_s, last_s)
            return Judgement(self.sentence, passed=True, words="none")
        key = states.standing(recording, self.key, at_s)
        words = f"{key} at {at_s:.1f} s"
        return Judgement(self.sentence, passed=False, words=words, at_s=round(at_s, 3))


class ModeSoon(Soon, frozen=True, kw_only=True):
    """`mode active|safe|blind|starting within N s [of FAULT]`."""

    mode: str

    def _judged(self, recording: Recording) -> Judgement:
        begin_s = self.anchor.instant(recording)
        modes = states.modes(recording)
        return self._reached(
            recording, self.mode, self._first(recording, modes, state=self.mode, begin_s=begin_s)
        )


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
            states.require_heard(recording, first_s, last_s)
            return Judgement(self.sentence, passed=True, words=f"never {self.mode}")
        words = f"{self.mode} at {at_s:.1f} s"
        return Judgement(self.sentence, passed=False, words=words, at_s=round(at_s, 3))
