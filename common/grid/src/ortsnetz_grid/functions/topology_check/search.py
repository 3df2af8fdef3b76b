"""Trying hypotheses within a budget, and along a loop without trying every branch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from ortsnetz_grid.functions.topology_check.hypothesis import Hypothesis
from ortsnetz_grid.functions.topology_check.judging import Judge, Judgement


@dataclass(slots=True)
class Tried:
    """Hypotheses that were computed.

    Attributes:
        judge: what computes them.
        found: judgements of those that could be computed.
        unobservable: those under which the state cannot be determined.
        untested: those for which the budget did not reach.
    """

    judge: Judge
    found: dict[Hypothesis, Judgement] = field(default_factory=dict)
    unobservable: list[Hypothesis] = field(default_factory=list)
    untested: list[Hypothesis] = field(default_factory=list)

    def add(self, hypothesis: Hypothesis) -> float:
        """Misfit of a hypothesis; infinite where it cannot be computed."""
        if hypothesis in self.found:
            return self.found[hypothesis].misfit
        if hypothesis in self.unobservable:
            return math.inf
        if len(self.found) >= self.judge.settings.most_hypotheses:
            self.untested.append(hypothesis)
            return math.inf
        judged = self.judge.judge(hypothesis)
        if judged is None:
            self.unobservable.append(hypothesis)
            return math.inf
        self.found[hypothesis] = judged
        return judged.misfit


def best_of(tried: Tried, stated: float) -> bool:
    """Whether any hypothesis so far explains more than the stated network."""
    return any(each.misfit < stated for each in tried.found.values())


def along(tried: Tried, loop: Sequence[Hypothesis]) -> None:
    """Try openings in the order around a loop: some first, then all beside the best.

    Moving the opening moves load from one side to the other, so that the misfit falls towards the
    true one and rises behind it.
    """
    if not loop:
        return
    stride = max(1, math.isqrt(len(loop)))
    coarse = range(0, len(loop), stride)
    misfits = {at: tried.add(loop[at]) for at in coarse}
    best = min(misfits, key=lambda at: misfits[at])
    for at in range(max(0, best - stride), min(len(loop), best + stride + 1)):
        tried.add(loop[at])
