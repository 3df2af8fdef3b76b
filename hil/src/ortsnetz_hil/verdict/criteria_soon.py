"""What criteria have in common that wait for something the device under test says."""

from __future__ import annotations

from ortsnetz_hil.scenarios.durations import words as duration
from ortsnetz_hil.verdict.criteria_values import Anchor, Criterion, Judgement, Within
from ortsnetz_hil.verdict.recording import Recording
from ortsnetz_hil.verdict.states import State, States


class Soon(Criterion, frozen=True, kw_only=True):
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

    def _first(
        self, recording: Recording, states: States[State], *, state: State, begin_s: float
    ) -> float | None:
        """First instant from the anchor on at which a state holds, None if it never does.

        After the agent was stopped, killed or started only what it says afterwards counts: what
        was last heard of a dead agent is no state of anything.
        """
        if not self._restarts(recording):
            return states.first(state, begin_s)
        return next((t for t, one in states.changes if t >= begin_s and one == state), None)

    def _restarts(self, recording: Recording) -> bool:
        """Whether the anchor is an event of the agent's own process."""
        own = [e for e in recording.scenario.events if e.called == self.anchor.name]
        return any(getattr(event, event.key) == "agent" for event in own)
