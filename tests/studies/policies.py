"""What others do instead of solving for the least curtailment. Floors are respected by all of them.

Each is given the exact network and the exact state, and a power flow for everything it tries.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from studies.optimum_cases import LimitCase
from studies.optimum_judge import KEPT, Judge

Floats = NDArray[np.float64]
_BISECTIONS = 4
_PARTS = 33
"""Points of one batch between two ends: four batches come down to a millionth."""


def uniform_scaling(case: LimitCase, judge: Judge) -> Floats:
    """One factor for everybody, the largest that keeps the limits."""
    return _furthest(case, judge, case.lowest, lambda share: np.maximum(case.lowest, share))


def last_in_first_out(case: LimitCase, judge: Judge) -> Floats:
    """Who came last is set to the floor first; the last to be touched is held back in part."""
    count = len(case.devices)
    came = np.random.default_rng(count).permutation(count)

    def prefix(share: float) -> Floats:
        """As many as this share of all, in their order, without limit."""
        served = np.clip(share * count - came, 0.0, 1.0)
        return np.asarray(case.lowest + served * (1 - case.lowest))

    return _furthest(case, judge, case.lowest, prefix)


def off_above_a_threshold(case: LimitCase, judge: Judge) -> Floats:
    """Everybody to the floor as soon as anything is beyond its limit."""
    asked = np.ones(len(case.devices))
    return asked if judge.room(asked, case.limits)[0] >= -KEPT else case.lowest


POLICIES: dict[str, Callable[[LimitCase, Judge], Floats]] = {
    "uniform scaling": uniform_scaling,
    "last in, first out": last_in_first_out,
    "off above a threshold": off_above_a_threshold,
}


def _furthest(
    case: LimitCase, judge: Judge, lowest: Floats, way: Callable[[float], Floats]
) -> Floats:
    """Furthest point of a way from 0 to 1 that keeps the limits; the floors if none does."""
    start, end, best = 0.0, 1.0, lowest
    for _ in range(_BISECTIONS):
        shares = np.linspace(start, end, _PARTS)
        points = np.array([way(share) for share in shares])
        kept = np.flatnonzero(judge.room(points, case.limits) >= -KEPT)
        if not len(kept):
            return best
        best = points[kept[-1]]
        if kept[-1] == _PARTS - 1:
            return best
        start, end = shares[kept[-1]], shares[kept[-1] + 1]
    return best


def jain(factors: Floats) -> float:
    """Jain's index of the shares that devices are served: 1 is equal, 1/d is one for all."""
    squares = float((factors**2).sum())
    return 1.0 if squares == 0 else float(factors.sum() ** 2 / (len(factors) * squares))
