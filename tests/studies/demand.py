"""What customers draw in a case, and what somebody who does not meter them believes about it.

A customer's total is its expected power times a lognormal factor. Half of the small customers are
on one phase, the others on three, unevenly. The belief is honest: its deviation is the root of the
mean squared difference to what was drawn, so that intervals can be judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]
Allocation = Literal["even", "another"]
"""Phases of unmetered customers as believed: a third each, or another draw than the truth's."""

SPREAD = 0.6
"""Standard deviation of the logarithm of a customer's power over its expectation."""
SINGLE_PHASE_BELOW_VA = 15e3
SINGLE_PHASE_SHARE = 0.5
TAN_PHI = 0.5
"""Largest Q over P; drawn uniformly from nothing to this."""
_EVENNESS = {"small": 8.0, "large": 30.0, "mv": 5000.0}
"""Parameter of the Dirichlet distribution of three-phase customers' shares. Nothing earths the
medium voltage side of most transformers: customers that were not even would move its neutral."""


@dataclass(frozen=True)
class Belief:
    """Power of each phase as believed, (k, 3) W and var, with standard deviations."""

    p: Real
    q: Real
    p_sigma: Real
    q_sigma: Real


@dataclass(frozen=True)
class Customers:
    """Expected totals (k,) in W, and what kind each customer is."""

    expected_w: Real
    kinds: tuple[str, ...]

    def draw(self, rng: np.random.Generator, *, normal: bool = False) -> tuple[Real, Real]:
        """P and Q of each phase (k, 3); `normal`: as the even belief has it, and nothing else."""
        if normal:
            belief = self.belief("even", rng)
            p = belief.p + belief.p_sigma * rng.normal(size=belief.p.shape)
            return p, belief.q + belief.q_sigma * rng.normal(size=belief.q.shape)
        factor = np.exp(SPREAD * rng.normal(size=len(self.expected_w)) - SPREAD**2 / 2)
        p = (self.expected_w * factor)[:, None] * self.shares(rng)
        return p, p * rng.uniform(0, TAN_PHI, size=(len(p), 1))

    def shares(self, rng: np.random.Generator) -> Real:
        """How customers spread over the phases, (k, 3), each adds up to 1."""
        found = np.stack([rng.dirichlet([_EVENNESS[kind]] * 3) for kind in self.kinds])
        single = (rng.random(len(found)) < SINGLE_PHASE_SHARE) & self._small
        found[single] = np.eye(3)[rng.integers(3, size=int(single.sum()))]
        return np.asarray(found)

    def belief(self, allocation: Allocation, rng: np.random.Generator) -> Belief:
        """What is believed without a meter."""
        square = self._mean_square_share()
        own = np.full((len(square), 3), 1 / 3)
        own_square = np.full(len(square), 1 / 9)
        if allocation == "another":
            own, own_square = self.shares(rng), square
        factor_square = np.exp(SPREAD**2)
        spread = np.sqrt(factor_square * square + own_square - 2 / 9)
        tan_square = TAN_PHI**2 / 3
        tan = TAN_PHI / 2
        q_spread = np.sqrt(
            factor_square * square * tan_square + tan**2 * own_square - 2 * tan**2 / 9
        )
        size = np.abs(self.expected_w)
        return Belief(
            p=self.expected_w[:, None] * own,
            q=self.expected_w[:, None] * own * tan,
            p_sigma=np.repeat(np.maximum(size * spread, 1.0)[:, None], 3, axis=1),
            q_sigma=np.repeat(np.maximum(size * q_spread, 1.0)[:, None], 3, axis=1),
        )

    @property
    def _small(self) -> NDArray[np.bool_]:
        return np.array([kind == "small" for kind in self.kinds], dtype=bool)

    def _mean_square_share(self) -> Real:
        """Mean of the square of one phase's share (k,)."""
        three = np.array([1 / 9 + (2 / 9) / (3 * _EVENNESS[kind] + 1) for kind in self.kinds])
        mixed = SINGLE_PHASE_SHARE / 3 + (1 - SINGLE_PHASE_SHARE) * three
        return np.where(self._small, mixed, three)


def kinds_of(total_va: Real, u_rated: Real) -> tuple[str, ...]:
    """Kind of each customer from its power in the network file and its rated voltage."""
    return tuple(
        "mv" if volts > 1000 else "small" if power < SINGLE_PHASE_BELOW_VA else "large"
        for power, volts in zip(total_va, u_rated, strict=True)
    )
