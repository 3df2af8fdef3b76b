"""What all criteria are made of: a judgement, spans and anchors in time, limits of duration."""

from __future__ import annotations

from msgspec import Struct

from ortsnetz_hil.scenarios.durations import words as duration
from ortsnetz_hil.verdict.recording import CannotJudgeError, Happening, Recording

TOLERANCE_S = 1e-6


class Judgement(Struct, frozen=True, forbid_unknown_fields=True):
    """What became of one criterion.

    Attributes:
        margin: reserve in `unit`: positive inside, negative outside; None where there is no number.
        observed, limit: the numbers behind it, in `unit`.
        at_s: plant seconds of the worst instant, None where there is none.
        words: the reason, for people.
        judged: False where an input was missing; such a criterion fails, but proves nothing.
    """

    sentence: str
    passed: bool
    words: str
    margin: float | None = None
    unit: str = ""
    observed: float | None = None
    limit: float | None = None
    at_s: float | None = None
    judged: bool = True


def unjudged(sentence: str, reason: object) -> Judgement:
    """A failure for want of an input."""
    return Judgement(sentence, passed=False, words=f"cannot be judged: {reason}", judged=False)


class Criterion(Struct, frozen=True, kw_only=True):
    """One sentence that was understood."""

    sentence: str

    @property
    def happenings(self) -> tuple[str, ...]:
        """Names of faults and events that it refers to."""
        return ()

    @property
    def devices(self) -> tuple[str, ...]:
        """Names of meters and devices that it refers to; may have wildcards."""
        return ()

    @property
    def elements(self) -> tuple[str, ...]:
        """Names of elements of the network that it refers to."""
        return ()

    @property
    def needs_replay(self) -> bool:
        """Whether it compares with the same seed without limits."""
        return False

    @property
    def needs_voltages(self) -> bool:
        """Whether it needs the voltages of all nodes."""
        return False

    def judge(self, recording: Recording) -> Judgement:
        """Judge a recording; a criterion whose input is missing fails and says so."""
        try:
            return self._judged(recording)
        except CannotJudgeError as error:
            return unjudged(self.sentence, error)

    def _judged(self, recording: Recording) -> Judgement:
        raise NotImplementedError

    def _below(self, observed: float, limit: float, words: str, unit: str) -> Judgement:
        """Passed if a number is not above its limit; the margin is what is left."""
        margin = limit - observed
        return Judgement(
            self.sentence,
            passed=margin >= -TOLERANCE_S,
            words=words,
            margin=round(margin, 6),
            unit=unit,
            observed=round(observed, 6),
            limit=round(limit, 6),
        )


class Anchor(Struct, frozen=True):
    """Where a duration begins: with a fault or event, at a fault's end, or with the run.

    Attributes:
        name: fault or event, None for the beginning of the run.
        end: whether its end counts.
    """

    name: str | None = None
    end: bool = False

    def names(self) -> tuple[str, ...]:
        """The name, if there is one."""
        return () if self.name is None else (self.name,)

    def instant(self, recording: Recording) -> float:
        """Plant seconds.

        Raises:
            CannotJudgeError: it did not take place, or did not end.
        """
        if self.name is None:
            return 0.0
        found = recording.happening(self.name)
        if self.end and found.last_s >= recording.seconds - TOLERANCE_S:
            raise CannotJudgeError(f"the run is over before '{self.name}' is")
        return found.last_s if self.end else found.first_s

    def happening(self, recording: Recording) -> Happening | None:
        """What it refers to, None for the beginning of the run."""
        return None if self.name is None else recording.happening(self.name)

    def words(self) -> str:
        """For people, e.g. `after the end of meter lost`."""
        if self.name is None:
            return "after the beginning"
        return f"after the end of {self.name}" if self.end else f"after {self.name}"


class Span(Struct, frozen=True):
    """The part of a run that counts; all of it without a field.

    Attributes:
        first_s, last_s: plant seconds.
        after: begins with the end of this fault, or at this event.
        during: from the beginning to the end of this fault.
        delay_s: begins so much later.
    """

    first_s: float | None = None
    last_s: float | None = None
    after: str | None = None
    during: str | None = None
    delay_s: float = 0.0

    def names(self) -> tuple[str, ...]:
        """Faults and events that it refers to."""
        return tuple(name for name in (self.after, self.during) if name is not None)

    def bounds(self, recording: Recording) -> tuple[float, float]:
        """First and last plant second.

        Raises:
            CannotJudgeError: nothing is left, or what it refers to did not take place.
        """
        first_s, last_s = self.first_s or 0.0, recording.seconds
        if self.last_s is not None:
            last_s = min(self.last_s, last_s)
        if self.after is not None:
            first_s = recording.happening(self.after).last_s
        if self.during is not None:
            found = recording.happening(self.during)
            first_s, last_s = found.first_s, min(found.last_s, last_s)
        first_s += self.delay_s
        if first_s >= last_s - TOLERANCE_S:
            raise CannotJudgeError(f"nothing is left of the run after {first_s:g} s")
        return first_s, last_s


class Within(Struct, frozen=True):
    """A longest duration: a number of cycles, or seconds."""

    count: float
    cycles: bool

    def seconds(self, recording: Recording) -> float:
        """In plant seconds."""
        return self.count * recording.cycle_s if self.cycles else self.count

    def words(self, recording: Recording) -> str:
        """For people."""
        if not self.cycles:
            return duration(self.count)
        return f"{self.count:g} cycles of {duration(recording.cycle_s)}"
