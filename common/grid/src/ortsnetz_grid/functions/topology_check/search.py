"""Trying hypotheses within a budget, and along a loop without trying every branch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from ortsnetz_grid.functions.topology_check.hypothesis import Hypothesis
from ortsnetz_grid.functions.topology_check.judging import Judge, Judgement

_EVERY = 80
"""Length of a loop up to which all of its branches are tried."""


@dataclass(slots=True)
class Tried:
    """Hypotheses that were computed.

    Attributes:
        judge: what computes them.
        limit: misfit of the stated network; what leaves more explains nothing.
        found: judgements of those that could be computed.
        unobservable: those under which the state cannot be determined.
        untested: those for which the budget did not reach.
    """

    judge: Judge
    limit: float
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
        judged = self.judge.judge(hypothesis, self.limit)
        if judged is None:
            self.unobservable.append(hypothesis)
            return math.inf
        self.found[hypothesis] = judged
        return judged.misfit


def along(tried: Tried, loop: Sequence[Hypothesis]) -> list[float]:
    """Try openings in the order around a loop: some first, then all beside the best.

    Moving the opening moves load from one side to the other, so that the misfit mostly falls
    towards the true one and rises behind it. Mostly: short loops are tried in full.

    Returns:
        Misfits of those that were tried.
    """
    if not loop:
        return []
    stride = 1 if len(loop) <= _EVERY else math.isqrt(len(loop))
    coarse = range(0, len(loop), stride)
    misfits = {at: tried.add(loop[at]) for at in coarse}
    best = min(misfits, key=lambda at: misfits[at])
    for at in range(max(0, best - stride), min(len(loop), best + stride + 1)):
        misfits[at] = tried.add(loop[at])
    return list(misfits.values())
