"""Which phases a load or generator is on: nobody's data say it, a seed decides it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SINGLE_PHASE_LOAD_BELOW_VA = 5000.0
SINGLE_PHASE_LOAD_PROBABILITY = 0.5
SINGLE_PHASE_PV_UP_TO_VA = 4600.0
"""Largest single-phase feed-in, VDE-AR-N 4105 clause 5.3 (4.6 kVA)."""

Share = tuple[float, float, float]
BALANCED: Share = (1 / 3, 1 / 3, 1 / 3)
_SINGLE: tuple[Share, ...] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


@dataclass(frozen=True, slots=True)
class Phases:
    """Draws phases from a seed; without a seed everything is balanced."""

    seed: int | None
    _random: np.random.Generator

    @classmethod
    def from_seed(cls, seed: int | None) -> Phases:
        """A new draw."""
        return cls(seed, np.random.default_rng(seed))

    def of_load(self, apparent_va: float) -> Share:
        """Shares of the phases in a load of this apparent power (total of three phases)."""
        single = self._random.random() < SINGLE_PHASE_LOAD_PROBABILITY
        phase = int(self._random.integers(3))
        if self.seed is None or apparent_va >= SINGLE_PHASE_LOAD_BELOW_VA or not single:
            return BALANCED
        return _SINGLE[phase]

    def of_generator(self, apparent_va: float) -> Share:
        """Shares of the phases in a generator of this apparent power (total of three phases)."""
        phase = int(self._random.integers(3))
        if self.seed is None or apparent_va > SINGLE_PHASE_PV_UP_TO_VA:
            return BALANCED
        return _SINGLE[phase]

    @property
    def assumption(self) -> str:
        """In words, for the network file."""
        if self.seed is None:
            return "all loads and generators are balanced over the three phases"
        return (
            f"phases are drawn from seed {self.seed}: a load below "
            f"{SINGLE_PHASE_LOAD_BELOW_VA / 1e3:g} kVA is single-phase with a probability of "
            f"{SINGLE_PHASE_LOAD_PROBABILITY:g}, every other load is three-phase; a generator or "
            "storage up to "
            f"{SINGLE_PHASE_PV_UP_TO_VA / 1e3:g} kVA is single-phase, a larger one three-phase"
        )
