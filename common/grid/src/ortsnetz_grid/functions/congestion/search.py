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
from ortsnetz_grid.functions.congestion.near import MOST_ROWS, all_rows_near, rows_near
from ortsnetz_grid.functions.congestion.objective import Box
from ortsnetz_grid.functions.congestion.operating_points import DeviceFlows, Point, Points
from ortsnetz_grid.functions.congestion.problem import Objective, Settings
from ortsnetz_grid.functions.congestion.uniform import UniformScaling

_STANDSTILL = 1e-6
_STEADY = 0.006
"""Change of a voltage (pu) up to which slopes are kept: they change in proportion. With 0.02 served
power was 2 % below the optimum in one of 57 cases: the least squares are flat in it."""

_FORESEEN = 0.3
"""Share of `Settings.settled` by which the weighted rows may differ from the linear model."""

_STILL = 0.01
"""Change of a reactive setpoint, as a share of the most, below which it stands still."""

_HOPELESS = 0.01
"""Weighted excess on the linear model, a hundredth of a limit, from which on reactive power alone
is given up at once: what the model gets wrong is far less."""

_TURN = 0.05
"""Change of a control, the same where voltages are not at hand."""

_FRUITLESS = 5
"""Rounds that better nothing, after which the next do not go as far. With two, five of 57 cases of
the study beside the optimum ended at 66 to 98 % of it."""

_BACK = np.array([0.0, 5e-5, 2e-4, 7e-4, 2.5e-3, 0.02, 0.1, 0.5])
"""Shares of the way back to a safer point that are computed with each new one."""

_CLOSE = 5
"""Up to this place in `_BACK` a kept point is as good as the one aimed at."""

_ALONG = np.array([0.005, 0.015, 0.045, 0.12, 0.25, 0.45, 0.7, 0.9])
"""Shares of the way from a kept point to a better one that is not kept."""


@dataclass(frozen=True, slots=True)
class Learned:
    """What a round knows: a computed point, a linear model there and the solution on it."""

    point: Point
    model: LinearModel
    step: Curtailment


def _is_near(taken_at: Point, point: Point) -> bool:
    """Whether slopes taken at a point hold at another: they change as the voltages do."""
    if taken_at.voltage is None or point.voltage is None:
        return bool(np.abs(taken_at.controls - point.controls).max(initial=0.0) <= _TURN)
    change = taken_at.voltage - point.voltage
    return bool(max(np.abs(change.real).max(), np.abs(change.imag).max()) <= _STEADY)


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
        self._best_cost = np.inf
        self._least_excess = np.inf
        self._last: Point | None = None
        self._flows = flows
        self._constraints = constraints
        self._box = box
        self._settings = settings
        self._cuts = Cuts()
        self._hopeless = np.inf

    def run(self, scaling: UniformScaling) -> Point | None:
        """Search from the points of uniform scaling.

        Returns:
            The best point that keeps all bounds, or None if none was found: neither by the rounds
            from the point nearest to the bounds, nor by those from the floors, which look for the
            least excess where the linear model has no solution.
        """
        if not (self._box.lowest < self._box.highest).any():
            self._look_at(scaling.points)
            return self.best
        if scaling.requests is not None and self._reactive_power_alone(scaling.requests):
            return self.best
        near = scaling.near(self._constraints)
        for excess, point in near:
            self._note(point, excess)
        self._rounds(min(near, key=lambda one: abs(one[0]))[1])
        if self.best is None:
            self._look_at(scaling.points)
            self._rounds(scaling.least())
        if self.best is not None and self._last is not None:
            self._approach(self.best, self._last)
        return self.best

    def run_from(self, point: Point) -> Point | None:
        """Search from one computed point."""
        self._note(point, float(self._constraints.worst(point.phasors)))
        if (self._box.lowest < self._box.highest).any():
            self._rounds(point)
        return self.best

    def compute(self, controls: NDArray[np.float64]) -> Point | None:
        """One operating point, None if its power flow does not converge."""
        points = self._flows.at(controls[None, :])
        return points[0] if points.converged[0] else None

    def whole_model(self) -> LinearModel | None:
        """The last linear model with all rows that lie beyond or near their bounds there."""
        if self.learned is None:
            return None
        point = self.learned.point
        rows = all_rows_near(point, self._constraints)
        return self._linearised(point, rows)

    def _reactive_power_alone(self, start: Point) -> bool:
        """First stage: all requests, with other reactive power. Whether that keeps the bounds."""
        factors = self._box.factors
        if not (self._box.lowest[factors:] < self._box.highest[factors:]).any():
            return False
        lowest = np.concatenate([self._box.highest[:factors], self._box.lowest[factors:]])
        whole = replace(self._box, lowest=lowest, objective=Objective.LEAST_SQUARES)
        stage = Search(self._flows, self._constraints, whole, self._settings)
        stage._hopeless = _HOPELESS
        stage.run_from(start)
        if stage.best is None:
            return False
        self.best, self.learned, self.nearest = stage.best, stage.learned, stage.nearest
        return True

    def _rounds(self, point: Point) -> None:
        """Linearise, optimise and compute until a kept point cannot be improved.

        A linear objective jumps from one corner of the linear model to the other. Where five rounds
        have not bettered the best point, the next go from it, and not as far: half of the last
        reach where that bettered nothing, else twice.
        """
        box, fruitless, reach = self._box, 0, np.inf
        for _ in range(self._settings.passes):
            before, model = self.best, self._model_at(point)
            if model is None:
                return
            step = least_curtailment(model, self._constraints, box, self._cuts, self._settings.aim)
            if step is None or step.excess > self._hopeless:
                return
            at = point if self.learned is None else self.learned.point
            if self.learned is None or not _is_near(at, point):
                at = point
            self.learned, self._cuts = Learned(at, model, step), step.cuts
            if self._is_settled(step):
                return
            reached, close = self._towards(step.controls, model)
            if reached is None or close:
                return
            if np.abs(reached.controls - point.controls).max(initial=0.0) < _STANDSTILL:
                return
            point = reached
            fruitless = fruitless + 1 if self.best is before else 0
            if self.best is None or (np.isinf(reach) and fruitless < _FRUITLESS):
                continue
            if np.isinf(reach):
                reach = float(np.abs(step.controls - self.best.controls).max())
            reach *= 0.5 if fruitless else 2.0
            point, box = self.best, self._box.around(self.best.controls, reach)

    def _model_at(self, point: Point) -> LinearModel | None:
        """Linear model of the rows near their bounds; slopes from nearby are good enough."""
        near = self.learned
        if near is None or not _is_near(near.point, point):
            return self._linearised(
                point,
                rows_near(point, self._constraints, self._flows.layout.partner, self._cuts.rows),
            )
        rows, slopes = near.model.rows, near.model.slopes
        excess = self._constraints.excess(point.phasors)
        excess[rows] = -np.inf
        missing = np.flatnonzero(excess > 0)
        if not len(missing):
            return LinearModel(rows, point.controls, point.phasors[rows], slopes)
        missing = missing[np.argsort(-excess[missing], kind="stable")][:MOST_ROWS]
        more = self._linearised(point, missing)
        if more is None:
            return None
        rows, slopes = np.concatenate([rows, missing]), np.concatenate([slopes, more.slopes])
        order = np.argsort(rows)
        rows = rows[order]
        return LinearModel(rows, point.controls, point.phasors[rows], slopes[order])

    def _linearised(self, point: Point, rows: NDArray[np.intp]) -> LinearModel | None:
        slopes = self._flows.slopes(point, rows)
        if slopes is None or not np.isfinite(slopes).all():
            return None
        return LinearModel(rows, point.controls, point.phasors[rows], slopes)

    def _was_foreseen(self, model: LinearModel, reached: Point) -> bool:
        """Whether the linear model told what was then computed."""
        weight = self._constraints.weight[model.rows]
        error = np.abs(model.at(reached.controls) - reached.phasors[model.rows]) * weight
        return bool(error.max(initial=0.0) <= _FORESEEN * self._settings.settled)

    def _is_settled(self, step: Curtailment) -> bool:
        """Whether the best point is as good as what the linear model promises."""
        if self.best is None or step.excess > 0:
            return False
        share = self._settings.settled
        away = np.abs(step.controls - self.best.controls)
        if away[self._box.factors :].max(initial=0.0) > _STILL:
            return False
        moved = self._box.power @ away
        if moved > share * self._box.served(self.best.controls):
            return False
        if self._box.objective is not Objective.LEAST_SQUARES:
            return True
        return bool(self._box.cost(step.controls) >= self._best_cost * (1 - share))

    def _look_at(self, points: Points) -> NDArray[np.float64]:
        """Remember computed points; their excess (s,), infinite where no power flow converges."""
        excess = points.worst(self._constraints)
        self._remember(points, excess)
        return excess

    def _remember(self, points: Points, excess: NDArray[np.float64]) -> None:
        """Remember the point with the least excess (s,) and the best of those that are kept."""
        self._note(points[int(np.argmin(excess))], float(excess.min()))
        kept = np.flatnonzero(excess <= VERIFIED)
        if len(kept):
            cheapest = int(kept[np.argmin(self._box.cost(points.controls[kept]))])
            self._note(points[cheapest], float(excess[cheapest]))

    def _note(self, point: Point, excess: float) -> None:
        """Remember a computed point."""
        self._last = point
        if excess < self._least_excess:
            self.nearest, self._least_excess = point, excess
        if excess <= VERIFIED:
            cost = float(self._box.cost(point.controls))
            if cost < self._best_cost:
                self.best, self._best_cost = point, cost

    def _towards(
        self, target: NDArray[np.float64], model: LinearModel
    ) -> tuple[Point | None, bool]:
        """Compute the target, and points between it and a safer one in case it is not kept.

        Returns:
            The computed point nearest to the target, None if there is none; and whether it was
            foreseen, and is kept or has a kept one close by: then no round can better it.
        """
        safer = self._box.lowest if self.best is None else self.best.controls
        # who is granted everything, and reactive power, stay as they are aimed at
        stays = target >= self._box.highest
        stays[self._box.factors :] = True
        safer = np.where(stays, target, safer)
        points = self._flows.at(target + _BACK[:, None] * (safer - target))
        excess = points.worst(self._constraints)
        if points.converged[0]:
            aimed_at = points[0]
            self._note(aimed_at, float(excess[0]))
            foreseen = self._was_foreseen(model, aimed_at)
            if excess[0] <= VERIFIED or not foreseen:
                return aimed_at, foreseen
        if not points.converged.any():
            return None, False
        self._remember(points, excess)
        self._last = points[int(np.argmax(points.converged))]
        return self._last, bool((excess[:_CLOSE] <= VERIFIED).any())

    def _approach(self, kept: Point, wanted: Point) -> None:
        """Go from a kept point towards a better one that is not kept, as far as bounds allow."""
        for _ in range(2):
            cost = float(self._box.cost(kept.controls))
            if cost - float(self._box.cost(wanted.controls)) <= self._settings.settled * abs(cost):
                return
            way = wanted.controls - kept.controls
            points = self._flows.at(kept.controls + _ALONG[:, None] * way)
            good = self._look_at(points) <= VERIFIED
            reach = len(good) if good.all() else int(np.argmin(good))
            if reach == len(good):
                return
            wanted = points[reach]
            if reach:
                kept = points[reach - 1]
