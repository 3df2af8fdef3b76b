"""The search for the least curtailment that a power flow verifies.

Linearise the phasors at the last computed point, find the least curtailment on the linear model,
compute the power flow there, and so on. Only computed points that keep all bounds are results.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.functions.congestion.constraints import VERIFIED, Constraints
from ortsnetz_grid.functions.congestion.curtailment import (
    Box,
    Curtailment,
    Cuts,
    least_curtailment,
)
from ortsnetz_grid.functions.congestion.linear_model import LinearModel, slopes_at
from ortsnetz_grid.functions.congestion.operating_points import DeviceFlows, Point
from ortsnetz_grid.functions.congestion.problem import Settings
from ortsnetz_grid.functions.congestion.uniform import scale_uniformly

_SHARES = np.linspace(0.0, 1.0, 17)
_STANDSTILL = 1e-6
_TURN = 0.05
"""Change of a factor beyond which sensitivities are taken anew. Values always are."""

_STRIDES = np.geomspace(1e-5, 1e-2, 10)
"""Shares of the way to the requests, for what the distance kept from the bounds leaves over."""

_HALVINGS = np.array([1.0, 0.5, 0.25, 0.125, 0.0625])


@dataclass(frozen=True, slots=True)
class Learned:
    """What a round knows: a linear model and the solution on it."""

    model: LinearModel
    step: Curtailment


class Search:
    """One search; remembers the best point that keeps all bounds, and what was learned.

    Attributes:
        best: cheapest point that keeps all bounds, None until there is one.
        nearest: computed point with the least excess, None until there is one.
        learned: the last linear model and the solution on it, None before the first.
    """

    def __init__(
        self, flows: DeviceFlows, constraints: Constraints, box: Box, settings: Settings
    ) -> None:
        self.best: Point | None = None
        self.nearest: Point | None = None
        self._least_excess = np.inf
        self.learned: Learned | None = None
        self._last: Point | None = None
        self._flows = flows
        self._constraints = constraints
        self._box = box
        self._settings = settings
        self._cuts = Cuts()

    def run(self, start: Point) -> Point | None:
        """Search from a computed point.

        Returns:
            The best point that keeps all bounds, or None if none was found: neither by the rounds
            from the start, nor at the floors, nor by the rounds from there, which look for the
            least excess where the linear model has no solution.
        """
        self._note(start)
        nothing_held_back = self.best is not None and self._box.cost(start.factors) == 0
        if nothing_held_back or not (self._box.lowest < self._box.highest).any():
            return self.best
        self._rounds(self._scaled(start))
        if self.best is None:
            floors = self.compute(self._box.lowest)
            if floors is not None:
                self._note(floors)
                self._rounds(floors)
        if self.best is not None and self._last is not None:
            self._approach(self.best, self._last)
        if self.best is not None:
            self._stretch(self.best)
        return self.best

    def _rounds(self, point: Point) -> None:
        """Linearise, optimise and compute until a kept point cannot be improved."""
        slopes: NDArray[np.complex128] | None = None
        taken_at = point.factors
        for _ in range(self._settings.passes):
            if slopes is None or np.abs(point.factors - taken_at).max(initial=0.0) > _TURN:
                fresh = slopes_at(self._flows, point.factors, self._box.lowest)
                slopes, taken_at = (slopes if fresh is None else fresh), point.factors
            if slopes is None:
                return
            model = LinearModel(point.factors, point.phasors, slopes)
            step = least_curtailment(
                model, self._constraints, self._box, self._cuts, self._settings.aim
            )
            if step is None:
                return
            self.learned = Learned(model, step)
            if self._is_settled(step):
                return
            reached = self._towards(point, step.factors)
            if reached is None:
                return
            self._note(reached)
            moved = np.abs(reached.factors - point.factors).max(initial=0.0)
            if moved < _STANDSTILL:
                return
            point = reached

    def _scaled(self, start: Point) -> Point:
        """Where to start, and at least how much to serve: both from uniform scaling.

        Sensitivities far beyond the bounds tell little about what holds at the bounds.
        """
        if self.best is not None:
            return start
        uniform = scale_uniformly(
            self._flows, self._constraints, self._box, start, self._settings.aim
        )
        self._box = replace(self._box, least_served=uniform.served)
        if uniform.kept is not None:
            self._note(uniform.kept)
        return uniform.nearest

    def _is_settled(self, step: Curtailment) -> bool:
        """Whether the best point is as good as what the linear model promises."""
        if self.best is None:
            return False
        share = self._settings.settled
        promised, reached = self._box.cost(step.factors), self._box.cost(self.best.factors)
        moved = self._box.power @ np.abs(step.factors - self.best.factors)
        served = self._box.power @ self.best.factors
        return bool(promised >= reached * (1 - share) and moved <= share * served)

    def _note(self, point: Point) -> None:
        """Remember a computed point."""
        self._last = point
        excess = float(self._constraints.worst(point.phasors))
        if excess < self._least_excess:
            self.nearest, self._least_excess = point, excess
        if excess > VERIFIED:
            return
        if self.best is None or self._box.cost(point.factors) < self._box.cost(self.best.factors):
            self.best = point

    def compute(self, factors: NDArray[np.float64]) -> Point | None:
        """One operating point, None if its power flow does not converge."""
        points = self._flows.at(factors[None, :])
        return Point(factors, points.phasors[0]) if points.converged[0] else None

    def _towards(self, point: Point, target: NDArray[np.float64]) -> Point | None:
        """The target, or as much of the way to it as has a power flow."""
        reached = self.compute(target)
        if reached is not None:
            return reached
        shares = _HALVINGS[1:, None]
        points = self._flows.at(point.factors + shares * (target - point.factors))
        for number in np.flatnonzero(points.converged)[:1]:
            return Point(points.factors[number], points.phasors[number])
        return None

    def _approach(self, kept: Point, wanted: Point) -> None:
        """Go from a kept point towards a cheaper one that is not kept, as far as bounds allow."""
        for _ in range(2):
            saving = self._box.cost(kept.factors) - self._box.cost(wanted.factors)
            if saving <= self._settings.settled * self._box.cost(kept.factors):
                return
            way = wanted.factors - kept.factors
            points = self._flows.at(kept.factors + _SHARES[1:, None] * way)
            good = points.converged & (self._constraints.worst(points.phasors) <= VERIFIED)
            reach = len(good) if good.all() else int(np.argmin(good))
            for number in range(reach):
                self._note(Point(points.factors[number], points.phasors[number]))
            if reach == len(good):
                return
            wanted = Point(points.factors[reach], points.phasors[reach])
            if reach:
                kept = Point(points.factors[reach - 1], points.phasors[reach - 1])

    def _stretch(self, kept: Point) -> None:
        """Go from a kept point straight towards the requests until a bound is met."""
        way = self._box.highest - kept.factors
        points = self._flows.at(kept.factors + _STRIDES[:, None] * way)
        good = points.converged & (self._constraints.worst(points.phasors) <= VERIFIED)
        for number in range(len(good) if good.all() else int(np.argmin(good))):
            self._note(Point(points.factors[number], points.phasors[number]))


def first_point(flows: DeviceFlows, box: Box) -> Point | None:
    """A computed point to start from: the requests, else as near to them as a power flow exists.

    Beyond the nose point of the network there is no power flow; then the way from the floors to the
    requests is tried.
    """
    requests = flows.at(box.highest[None, :])
    if requests.converged[0]:
        return Point(box.highest, requests.phasors[0])
    way = box.lowest + _SHARES[:, None] * (box.highest - box.lowest)
    points = flows.at(way)
    for number in np.flatnonzero(points.converged)[::-1]:
        return Point(way[number], points.phasors[number])
    return None
