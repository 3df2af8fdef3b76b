"""How likely the history of one terminal is on each phase of a reference.

A terminal's voltage follows that of its phase at the reference. On the way the consumption of all
phases drops it, the other phases' through the neutral conductor, and moves the reference, too. So
all three take part in the model:

    v = a + b_1 V_1 + b_2 V_2 + b_3 V_3 + c p + e,

with the offset `a` between the meters and the terminal's own power `p`, if it is known. On phase f,
b_f exceeds the others: by one where nothing is consumed on the way, by more where customers are,
and by as much less as the noise of the reference hides how its phases differ. The likelihood of a
phase is the largest that any b with b_f - b_g >= lead for both other phases g gives. The lead is
half of what the reference's noise leaves of one, and zero if that noise is unknown.

The deviation `e` is correlated in time, so likelihoods are of the whitened history (first order,
Cochrane and Orcutt 1949).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]
Mask = NDArray[np.bool_]

_ROUNDING = 1e-9
_LEAST_LEAD = 0.5
"""How far the own phase leads at least if the reference is exact: the cable's own drop adds to one,
only a delta-connected neighbour takes from it."""
_MOST_PERSISTENT = 0.98
_OUTLIER = 8.0
"""Deviations (in units of a normal one) beyond which an instant says nothing."""
_NORMAL_MAD = 1.4826
"""Standard deviation of a normal variable over its median absolute deviation."""


@dataclass(frozen=True, slots=True)
class Likelihood:
    """Of one terminal.

    Attributes:
        log: (3,) logarithm of the likelihood on each phase, up to a constant.
        used: number of instants behind it.
        outliers: number of instants that nothing explains.
    """

    log: Real
    used: int
    outliers: int


def by_voltage(
    voltage: Real, reference: Real, power: Real | None, noise: float | None
) -> Likelihood:
    """Likelihood of each phase from voltages.

    Args:
        voltage: (t,) of the terminal, NaN where missing.
        reference: (t, 3) of the reference, the same unit.
        power: (t,) consumed at the terminal, any unit; or None.
        noise: standard deviation of the reference's errors from instant to instant; None: unknown.
    """
    known = [] if power is None else [power[:, None]]
    usable = _usable(voltage[:, None], reference, *known)
    drops = np.concatenate([np.ones((len(voltage), 1)), *known], axis=1)
    regression = _Regression.of(voltage, reference, drops, usable)
    if regression is None:
        return Likelihood(np.zeros(3), int(usable.sum()), 0)
    lead = _LEAST_LEAD * regression.reliability(noise)
    squares = np.array([regression.squares(phase, lead) for phase in range(3)])
    return Likelihood(_log(squares, regression.freedom), regression.used, regression.outliers)


def by_power(power: Real, reference: Real) -> Likelihood:
    """Likelihood of each phase from powers.

    Of the phases of the flow that supplies it, only the terminal's own moves with its power:
    P_f = a + p + e_f, and P_g = a + e_g for the others.

    Args:
        power: (t,) consumed at the terminal, NaN where missing.
        reference: (t, 3) flow that supplies the terminal among others, the same unit.
    """
    usable = _usable(power[:, None], reference)
    nothing, ones = np.zeros((len(power), 3)), np.ones((len(power), 1))
    log, used, outliers = np.zeros(3), [], []
    for phase in range(3):
        total = reference[:, phase]
        # the flow's own noise decides what an outlier is and how persistent it is
        alone = _Regression.of(total, nothing, ones, usable)
        if alone is None:
            return Likelihood(np.zeros(3), int(usable.sum()), 0)
        without = alone.like(total - power)
        pair = np.array([without, alone.squares(0)])
        logs = _log(pair, alone.freedom)
        log[phase] = logs[0] - logs[1]
        used.append(alone.used)
        outliers.append(alone.outliers)
    return Likelihood(log, min(used), max(outliers))


@dataclass(frozen=True, slots=True)
class _Regression:
    """Whitened least squares of one terminal.

    Attributes:
        target: (m,) what is to be explained, the drops projected out.
        phases: (m, 3) the reference, likewise.
        freedom: degrees of freedom.
        used: instants behind it.
        outliers: instants that were left out.
    """

    target: Real
    phases: Real
    freedom: int
    used: int
    outliers: int
    _drops: Real
    _pairs: Mask
    _persistence: float

    @classmethod
    def of(cls, target: Real, phases: Real, drops: Real, usable: Mask) -> _Regression | None:
        """Leave outliers out, find the persistence, whiten; None with too few instants."""
        unknowns = drops.shape[1] + 4  # with the variance
        if int(usable.sum()) <= unknowns:
            return None
        everything = np.concatenate([drops, phases], axis=1)
        left = np.full(len(target), np.nan)
        left[usable] = _left(target[usable], everything[usable])
        scale = _NORMAL_MAD * np.median(np.abs(left[usable]))
        kept = usable & (np.nan_to_num(np.abs(left)) <= _OUTLIER * scale) if scale > 0 else usable
        pairs = kept[1:] & kept[:-1]
        if int(pairs.sum()) <= unknowns:
            return None
        left[kept] = _left(target[kept], everything[kept])
        before, after = left[:-1][pairs], left[1:][pairs]
        square = float(before @ before)
        persistence = float(before @ after) / square if square > 0 else 0.0
        persistence = min(max(persistence, 0.0), _MOST_PERSISTENT)
        white = [(each[1:] - persistence * each[:-1])[pairs] for each in (target, phases, drops)]
        return cls(
            target=_left(white[0], white[2]),
            phases=_left(white[1], white[2]),
            freedom=int(pairs.sum()) - unknowns,
            used=int(kept.sum()),
            outliers=int(usable.sum() - kept.sum()),
            _drops=white[2],
            _pairs=pairs,
            _persistence=persistence,
        )

    def reliability(self, noise: float | None) -> float:
        """Share of how the reference's phases differ that is not its noise; 0 if unknown."""
        if noise is None:
            return 0.0
        differences = self.phases - self.phases[:, [1, 2, 0]]
        seen = (differences**2).sum(axis=0) / max(self.freedom, 1)
        false = 2 * noise**2 * (1 + self._persistence**2)
        return float(max(0.0, (1 - false / np.maximum(seen, np.finfo(float).tiny)).min()))

    def squares(self, phase: int, lead: float = 0.0) -> float:
        """Sum of squares that is left if the terminal is on a phase.

        A quadratic problem in three unknowns with two bounds: the least of those solutions with
        none, one or both bounds active that keep the bounds.
        """
        others = [other for other in range(3) if other != phase]
        leads = np.zeros((2, 3))
        for row, other in enumerate(others):
            leads[row, phase], leads[row, other] = 1.0, -1.0
        found = []
        for count in (0, 1, 2):
            for active in combinations(range(2), count):
                gains = self._gains(leads[list(active)], lead)
                if (leads @ gains >= lead - _ROUNDING).all():
                    left = self.target - self.phases @ gains
                    found.append(float(left @ left))
        return min(found)

    def like(self, target: Real) -> float:
        """Sum of squares of another target (t,) about its mean, whitened the same way."""
        white = (target[1:] - self._persistence * target[:-1])[self._pairs]
        left = _left(white, self._drops)
        return float(left @ left)

    def _gains(self, active: Real, lead: float) -> Real:
        """Least squares with some leads at their bound."""
        count = len(active)
        matrix = np.zeros((3 + count, 3 + count))
        matrix[:3, :3] = self.phases.T @ self.phases
        matrix[3:, :3], matrix[:3, 3:] = active, active.T
        right = np.concatenate([self.phases.T @ self.target, np.full(count, lead)])
        return np.asarray(np.linalg.lstsq(matrix, right, rcond=None)[0][:3])


def _usable(*histories: Real) -> Mask:
    """Instants (t,) at which nothing is missing."""
    whole = np.concatenate(histories, axis=1)
    return np.asarray(np.isfinite(whole).all(axis=1), dtype=np.bool_)


def _left(target: Real, columns: Real) -> Real:
    """What columns leave of a target by least squares."""
    return np.asarray(target - columns @ np.linalg.lstsq(columns, target, rcond=None)[0])


def _log(squares: Real, freedom: int) -> Real:
    """Log-likelihood with an unknown variance: its power is half the degrees of freedom."""
    floor = np.finfo(np.float64).eps * max(float(squares.max()), np.finfo(np.float64).tiny)
    return np.asarray(-freedom / 2 * np.log(np.maximum(squares, floor)))
