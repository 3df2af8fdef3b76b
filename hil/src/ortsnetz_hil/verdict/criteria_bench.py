"""Criteria about the bench itself: whether the plant was in balance, in time and without gaps."""

from __future__ import annotations

import numpy as np

from ortsnetz_hil.verdict import measures
from ortsnetz_hil.verdict.criteria_values import Criterion, Judgement
from ortsnetz_hil.verdict.recording import CannotJudgeError, Recording


class PowerBalance(Criterion, frozen=True, kw_only=True):
    """`power balance below X`: what the source gives is what loads, generators and losses take."""

    below: float

    def _judged(self, recording: Recording) -> Judgement:
        rows = measures.judged(recording)
        values = np.abs(measures.numbers(rows, "balance"))
        worst = int(np.argmax(values))
        return Judgement(
            self.sentence,
            passed=bool(values[worst] <= self.below),
            words=f"at most {values[worst]:.1e} at {rows[worst].time_s:.1f} s",
            margin=float(self.below - values[worst]),
            unit="relative",
            observed=float(values[worst]),
            limit=self.below,
            at_s=round(rows[worst].time_s, 3),
        )


class Overruns(Criterion, frozen=True, kw_only=True):
    """`no overrun`, `at most N overruns`: steps that began more than a period late."""

    most: int

    def _judged(self, recording: Recording) -> Judgement:
        counters = recording.counters
        if counters is None or counters.steps == 0:
            raise CannotJudgeError("the plant has left no count of its steps")
        words = f"{counters.overruns} of {counters.steps} steps began more than a period late"
        return self._below(counters.overruns, self.most, words, "steps")


class Unbroken(Criterion, frozen=True, kw_only=True):
    """`trajectory unbroken`: there is truth for the whole run."""

    def _judged(self, recording: Recording) -> Judgement:
        rows = measures.judged(recording)  # says where the gap is
        dropped = recording.counters.truth_parts_dropped if recording.counters else 0
        if dropped:
            raise CannotJudgeError(f"{dropped} parts of the truth were dropped")
        times = np.array([row.time_s for row in rows])
        widest = float(np.diff(times).max()) if times.size > 1 else 0.0
        return Judgement(
            self.sentence,
            passed=True,
            words=f"{len(rows)} steps over {recording.seconds:g} s, at most {widest:.2f} s apart",
        )
