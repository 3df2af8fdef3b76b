"""The search for the best controls that a power flow verifies.

Linearise the phasors at the last computed point, find the best controls on the linear model,
compute the power flow there, and so on. Only computed points that keep all bounds are results.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.functions.congestion.constraints import VERIFIED, Constraints
from ortsnetz_grid.functions.congestion.curtailment import Curtailment, Cuts, least_curtailment
from ortsnetz_grid.functions.congestion.linear_model import LinearModel
from ortsnetz_grid.functions.congestion.objective import Box
from ortsnetz_grid.functions.congestion.operating_points import DeviceFlows, Point
from ortsnetz_grid.functions.congestion.problem import Objective, Settings
from ortsnetz_grid.functions.congestion.uniform import UniformScaling, served_uniformly

_STANDSTILL = 1e-6
_NEAR = 0.1
"""Weighted distance from a bound up to which a row is linearised although it is not violated."""

_MOST_ROWS = 48
"""Rows that are linearised; what they leave out shows at the next computed point."""

_LEAST_ROWS = 8
_MOST_ROWS_IN_ALL = 1000
"""The same where it matters that all violated rows are there."""

_BACK = np.array([0.0, 2e-5, 2e-4, 2e-3, 0.02, 0.1, 0.3, 0.6])
"""Shares of the way back to a safer point that are computed with each new one."""

_CLOSE = 3
"""Up to this place in `_BACK` a kept point is as good as the one aimed at."""

_ALONG = np.array([0.005, 0.015, 0.045, 0.12, 0.25, 0.45, 0.7, 0.9])
"""Shares of the way from a kept point to a better one that is not kept."""


@dataclass(frozen=True, slots=True)
class Learned:
    """What a round knows: a computed point, a linear model there and the solution on it."""

    point: Point
    model: LinearModel
    step: Curtailment


class Search:
    """One search; remembers the best point that keeps all bounds, and what was learned.

    Attributes:
        best: best point that keeps all bounds, None until there is one.
        nearest: computed point with the least excess, None until there is one.
        learned: the last linear model and the solution on it, None before the first.
    """

    def __init__(
        self, flows: DeviceFlows, constraints: Constraints, box: Box, settings: Settings
    ) -> None:
        self.best: Point | None = None
        self.nearest: Point | None = None
        self.learned: Learned | None = None
        self._least_excess = np.inf
        self._last: Point | None = None
        self._flows = flows
        self._constraints = constraints
        self._box = box
        self._settings = settings
        self._cuts = Cuts()

    def run(self, scaling: UniformScaling) -> Point | None:
        """Search from the points of uniform scaling.

        Returns:
            The best point that keeps all bounds, or None if none was found: neither by the rounds
            from the point nearest to the bounds, nor by those from the floors, which look for the
            least excess where the linear model has no solution.
        """
        points = scaling.points
        converged = np.flatnonzero(points.converged)
        for number in converged.tolist():
            self._note(points[number])
        if not len(converged) or not (self._box.lowest < self._box.highest).any():
            return self.best
        if self._reactive_power_alone(points[int(converged[0])]):
            return self.best
        nearest, least = scaling.start(self._flows, self._box, self._constraints)
        self._rounds(nearest)
        if self.best is None:
            self._rounds(least)
        self._approach_the_last()
        self._serve_as_much_as(scaling)
        return self.best

    def run_from(self, point: Point) -> Point | None:
        """Search from one computed point."""
        self._note(point)
        if (self._box.lowest < self._box.highest).any():
            self._rounds(point)
        return self.best

    def compute(self, controls: NDArray[np.float64]) -> Point | None:
        """One operating point, None if its power flow does not converge."""
        points = self._flows.at(controls[None, :])
        return points[0] if points.converged[0] else None

    def _reactive_power_alone(self, start: Point) -> bool:
        """First stage: all requests, with other reactive power. Whether that keeps the bounds."""
        factors = self._box.factors
        granted = (start.controls[:factors] == self._box.highest[:factors]).all()
        movable = self._box.lowest[factors:] < self._box.highest[factors:]
        if not movable.any() or not granted:
            return False
        lowest = np.concatenate([self._box.highest[:factors], self._box.lowest[factors:]])
        whole = replace(
            self._box, lowest=lowest, objective=Objective.LEAST_SQUARES, least_served=0.0
        )
        stage = Search(self._flows, self._constraints, whole, self._settings)
        stage.run_from(start)
        if stage.best is None:
            return False
        self.best, self.learned, self.nearest = stage.best, stage.learned, stage.nearest
        return True

    def _serve_as_much_as(self, scaling: UniformScaling) -> None:
        """Least squares alone may serve less than uniform scaling: then that much is asked for."""
        if self.best is None or self._box.objective is not Objective.LEAST_SQUARES:
            return
        served = self._box.served(self.best.controls)
        least = served_uniformly(self._flows, self._constraints, self._box, scaling, served)
        if least <= served:
            return
        self._box = replace(self._box, least_served=least)
        start, self.best = self.best, None
        for number in np.flatnonzero(scaling.points.converged).tolist():
            self._note(scaling.points[number])
        self._note(start)
        self._rounds(start)
        self._approach_the_last()

    def _rounds(self, point: Point) -> None:
        """Linearise, optimise and compute until a kept point cannot be improved."""
        for _ in range(self._settings.passes):
            model = self._model_at(point)
            if model is None:
                return
            step = least_curtailment(
                model, self._constraints, self._box, self._cuts, self._settings.aim
            )
            if step is None:
                return
            self.learned, self._cuts = Learned(point, model, step), step.cuts
            if self._is_settled(step):
                return
            reached, close = self._towards(step.controls)
            if reached is None:
                return
            moved = np.abs(reached.controls - point.controls).max(initial=0.0)
            if moved < _STANDSTILL or (close and self._was_foreseen(model, reached)):
                return
            point = reached

    def _model_at(self, point: Point) -> LinearModel | None:
        """Linear model of the rows that matter near a point."""
        rows = self._rows_near(point)
        slopes = self._flows.slopes(point, rows)
        if slopes is None or not np.isfinite(slopes).all():
            return None
        return LinearModel(rows, point.controls, point.phasors[rows], slopes)

    def whole_model(self) -> LinearModel | None:
        """The last linear model with all rows that lie beyond or near their bounds there."""
        if self.learned is None:
            return None
        point = self.learned.point
        excess = self._constraints.excess(point.phasors)
        rows = np.flatnonzero(excess > -_NEAR)
        rows = np.sort(rows[np.argsort(-excess[rows], kind="stable")][:_MOST_ROWS_IN_ALL])
        slopes = self._flows.slopes(point, rows)
        if slopes is None or not np.isfinite(slopes).all():
            return None
        return LinearModel(rows, point.controls, point.phasors[rows], slopes)

    def _rows_near(self, point: Point) -> NDArray[np.intp]:
        """Rows beyond or near their bounds, the worst first, one for both ends of a branch."""
        excess = self._constraints.excess(point.phasors)
        rows = np.flatnonzero(excess > -_NEAR)
        if len(rows) < _LEAST_ROWS:
            rows = np.argpartition(-excess, min(_LEAST_ROWS, len(excess) - 1))[:_LEAST_ROWS]
            rows = rows[np.isfinite(excess[rows])]
        rows = rows[np.argsort(-excess[rows], kind="stable")]
        group = self._flows.layout.group_of(rows)
        _, first = np.unique(group, return_index=True)
        rows = rows[np.sort(first)][:_MOST_ROWS]
        return np.union1d(rows, self._cuts.rows)

    def _was_foreseen(self, model: LinearModel, reached: Point) -> bool:
        """Whether the linear model told what was then computed."""
        weight = self._constraints.weight[model.rows]
        error = np.abs(model.at(reached.controls) - reached.phasors[model.rows]) * weight
        return bool(error.max(initial=0.0) <= self._settings.settled)

    def _is_settled(self, step: Curtailment) -> bool:
        """Whether the best point is as good as what the linear model promises."""
        if self.best is None or step.excess > 0:
            return False
        share = self._settings.settled
        moved = self._box.power @ np.abs(step.controls - self.best.controls)
        if moved > share * self._box.served(self.best.controls):
            return False
        if self._box.objective is not Objective.LEAST_SQUARES:
            return True
        promised, reached = self._box.cost(step.controls), self._box.cost(self.best.controls)
        return bool(promised >= reached * (1 - share))

    def _note(self, point: Point) -> bool:
        """Remember a computed point; whether it keeps the bounds."""
        self._last = point
        excess = float(self._constraints.worst(point.phasors))
        if excess < self._least_excess:
            self.nearest, self._least_excess = point, excess
        if excess > VERIFIED:
            return False
        if self.best is None or self._box.cost(point.controls) < self._box.cost(self.best.controls):
            self.best = point
        return True

    def _towards(self, target: NDArray[np.float64]) -> tuple[Point | None, bool]:
        """Compute the target, and points between it and a safer one in case it is not kept.

        Returns:
            The computed point nearest to the target, None if there is none; and whether one that is
            as good keeps the bounds.
        """
        safer = self._box.lowest if self.best is None else self.best.controls
        # who is granted everything, and reactive power, stay as they are aimed at
        free = target >= self._box.highest
        free[self._box.factors :] = True
        safer = np.where(free, target, safer)
        points = self._flows.at(target + _BACK[:, None] * (safer - target))
        converged = np.flatnonzero(points.converged).tolist()
        if not converged:
            return None, False
        close = False
        for number in converged:
            if self._note(points[number]):
                close = number < _CLOSE
                break
        reached = points[converged[0]]
        self._last = reached
        return reached, close

    def _approach_the_last(self) -> None:
        """From the best point towards the last one computed."""
        if self.best is not None and self._last is not None:
            self._approach(self.best, self._last)

    def _approach(self, kept: Point, wanted: Point) -> None:
        """Go from a kept point towards a better one that is not kept, as far as bounds allow."""
        for _ in range(2):
            saving = self._box.cost(kept.controls) - self._box.cost(wanted.controls)
            if saving <= self._settings.settled * abs(self._box.cost(kept.controls)):
                return
            way = wanted.controls - kept.controls
            points = self._flows.at(kept.controls + _ALONG[:, None] * way)
            good = points.converged & (self._constraints.worst(points.phasors) <= VERIFIED)
            reach = len(good) if good.all() else int(np.argmin(good))
            for number in range(reach):
                self._note(points[number])
            if reach == len(good):
                return
            wanted = points[reach]
            if reach:
                kept = points[reach - 1]
