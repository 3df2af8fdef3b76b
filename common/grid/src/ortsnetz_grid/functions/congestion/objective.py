"""What is looked for: range of the controls, and what it costs to leave the wishes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.functions.congestion.controls import Asked, Controls
from ortsnetz_grid.functions.congestion.problem import Fairness, Objective, Settings

REACTIVE_WEIGHT = 1e-4
"""Weight of a reactive setpoint beside that of a device's curtailment, about 1."""

_TIE = 1e-6
"""Weight of the squares where they only decide between points of equal value."""

_WORST_OF = 8
"""Power of the curtailment that tells points apart for `max-min`: the worst served counts."""


@dataclass(frozen=True, slots=True)
class Box:
    """Range and value of the c controls; the first d are factors, the rest reactive power.

    Attributes:
        lowest: (c,) lower bounds.
        highest: (c,) upper bounds.
        wish: (c,) where a control costs nothing.
        weight: (c,) of the squared distance from the wish.
        power: (c,) share of each device in the requested power; 0 for reactive power.
        worth: (c,) share of each device in the priced requested power, likewise.
        factors: d.
        objective: what is looked for.
    """

    lowest: NDArray[np.float64]
    highest: NDArray[np.float64]
    wish: NDArray[np.float64]
    weight: NDArray[np.float64]
    power: NDArray[np.float64]
    worth: NDArray[np.float64]
    factors: int
    objective: Objective = Objective.LEAST_SQUARES

    @classmethod
    def of(cls, asked: Asked, controls: Controls, settings: Settings) -> Box:
        """Box of all controls."""
        count, more = controls.factors, len(controls.device) - controls.factors
        weight = asked.weight
        if settings.fairness is not Fairness.EQUAL:
            weight = weight * _fair(asked.total_w)
        power = worth = _share(asked.total_w)
        if settings.objective is Objective.ENERGY:
            priced = asked.price * asked.total_w
            worth = _share(priced if priced.any() else asked.total_w)
        if more:
            nothing = np.zeros(more)
            weight = np.concatenate([weight, np.full(more, REACTIVE_WEIGHT)])
            power, worth = np.concatenate([power, nothing]), np.concatenate([worth, nothing])
        return cls(
            lowest=controls.lowest,
            highest=controls.highest,
            wish=controls.wish,
            weight=weight,
            power=power,
            worth=worth,
            factors=count,
            objective=settings.objective,
        )

    def with_reactive(self, told: Mapping[int, float]) -> Box:
        """The same with reactive power that is told already: it is not looked for.

        Args:
            told: by place of the control, as a share of the most; others stay as they wish.
        """
        reactive = slice(self.factors, None)
        wish = self.wish.copy()
        for place, share in told.items():
            wish[place] = min(max(share, self.lowest[place]), self.highest[place])
        lowest, highest = self.lowest.copy(), self.highest.copy()
        lowest[reactive] = highest[reactive] = wish[reactive]
        return replace(self, lowest=lowest, highest=highest, wish=wish)

    def around(self, controls: NDArray[np.float64], reach: float) -> Box:
        """The part of it in which factors are within reach of controls (c,)."""
        lowest, highest = self.lowest.copy(), self.highest.copy()
        near = slice(0, self.factors)
        lowest[near] = np.maximum(lowest[near], controls[near] - reach)
        highest[near] = np.minimum(highest[near], controls[near] + reach)
        return replace(self, lowest=lowest, highest=highest)

    def cost(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Cost of points (..., c); 0 where nothing is held back."""
        away = self.wish - points
        squares = (self.weight * away**2).sum(axis=-1)
        if self.objective is Objective.LEAST_SQUARES:
            return np.asarray(squares)
        if self.objective is Objective.ENERGY:
            return np.asarray((self.worth * away).sum(axis=-1) + _TIE * squares)
        worst = (np.abs(away[..., : self.factors]) ** _WORST_OF).sum(axis=-1)
        return np.asarray(worst + _TIE * squares)

    def served(self, point: NDArray[np.float64]) -> float:
        """Share of the requested power at a point (c,)."""
        return float(self.power @ point)


def _fair(total_w: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights of the devices' curtailments by power, about 1 on average."""
    if not total_w.any():
        return np.ones(len(total_w))
    return np.asarray(np.maximum(total_w / total_w.mean(), 1e-3))  # everybody keeps some weight


def _share(values: NDArray[np.float64]) -> NDArray[np.float64]:
    total = float(values.sum())
    return values / total if total > 0 else values
