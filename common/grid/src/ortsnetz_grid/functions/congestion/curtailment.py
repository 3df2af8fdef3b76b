"""The least curtailment that keeps the linear model inside its bounds.

A magnitude below a bound is a disc: |z| <= b is Re(conj(e) z) <= b for every unit phasor e. Only
the directions that matter are used: those in which some trial point left the disc (cutting planes).
They stay valid when the model is renewed, so they are kept from one round to the next. A magnitude
above a bound is no convex set; there the direction of the computed phasor is used, which is on the
safe side, and close, because voltages hardly turn.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import daqp
import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.functions.congestion.constraints import Constraints
from ortsnetz_grid.functions.congestion.linear_model import LinearModel

_ROUNDS = 40
_CUTS_PER_ROUND = 60
_MOST_CUTS = 500
_TOLERANCE = 1e-6
_NO_INFLUENCE = 1e-9
_EXCESS_PRICE = 1e5
"""Price of the weighted excess, far above what any device's curtailment can save."""

_SHORTFALL_PRICE = 1e3
"""Price of the share of requested power that is served less than `Box.least_served`."""

_EASE = 2e-3
"""Weighted room beyond what a linear model can attain, for what it does not know."""

_WEAK = 0.05
"""A device with less than this share of the strongest influence on a row is not held back for what
no setting can mend."""

_NO_BOUND = 1e30  # what the solver takes for infinite
_SOLVED = 1


@dataclass(frozen=True, slots=True)
class Box:
    """Range and weight of each device's factor.

    Attributes:
        lowest: (d,) lower bounds.
        highest: (d,) upper bounds; curtailment counts from 1 all the same.
        weight: (d,) of the squared relative curtailment.
        power: (d,) share of each device in the requested power.
        least_served: share of the requested power that is to be served if the bounds allow it.
    """

    lowest: NDArray[np.float64]
    highest: NDArray[np.float64]
    weight: NDArray[np.float64]
    power: NDArray[np.float64]
    least_served: float = 0.0

    def cost(self, factors: NDArray[np.float64]) -> NDArray[np.float64]:
        """Weighted sum of squared relative curtailments of points (..., d)."""
        return np.asarray((self.weight * (1 - factors) ** 2).sum(axis=-1))


@dataclass(slots=True)
class Cuts:
    """Cutting planes: a row and the direction in which it left its disc."""

    rows: NDArray[np.intp] = field(default_factory=lambda: np.zeros(0, dtype=np.intp))
    directions: NDArray[np.complex128] = field(default_factory=lambda: np.zeros(0, dtype=complex))

    def add(self, rows: NDArray[np.intp], phasors: NDArray[np.complex128]) -> None:
        """Add the directions of these phasors of all rows."""
        size = np.abs(phasors[rows])
        directions = np.where(size > 0, phasors[rows] / np.where(size > 0, size, 1.0), 1.0)
        self.rows = np.concatenate([self.rows, rows])
        self.directions = np.concatenate([self.directions, directions])

    def keep_last(self, count: int) -> None:
        """Forget the oldest."""
        self.rows, self.directions = self.rows[-count:], self.directions[-count:]


@dataclass(frozen=True, slots=True)
class Curtailment:
    """Solution on the linear model.

    Attributes:
        factors: (d,)
        slack: weighted excess that could not be avoided; 0 if the model keeps all bounds.
        rows: (c,) rows that hold devices back.
        pull: (c, d) how strongly each of them holds each device back; negative pushes it up.
    """

    factors: NDArray[np.float64]
    slack: float
    rows: NDArray[np.intp]
    pull: NDArray[np.float64]


def least_curtailment(
    model: LinearModel, constraints: Constraints, box: Box, cuts: Cuts, aim: float
) -> Curtailment | None:
    """Solve on the linear model.

    Args:
        model: phasors near the last computed point.
        constraints: bounds.
        box: range and weights of the factors.
        cuts: cutting planes of earlier rounds; those that matter now are left in it.
        aim: weighted distance to keep from each bound.

    Returns:
        The least curtailment; where no factors keep all bounds, the least excess and among those
        the least curtailment. None if the solver gives up.
    """
    programme = _Programme(model, constraints, box, aim)
    cuts.add(programme.over(model.phasors, 0.0), model.phasors)
    low_rows = programme.under(model.phasors, 0.0)
    elastic = False
    solution: Curtailment | None = None
    for _ in range(_ROUNDS):
        found = programme.solve(cuts, low_rows, elastic=elastic)
        if found is None and elastic:
            break
        if found is None:
            elastic = True
            continue
        solution = found
        reached = model.at(solution.factors)
        new = programme.over(reached, solution.slack)
        new_low = np.setdiff1d(programme.under(reached, solution.slack), low_rows)
        if not len(new) and not len(new_low):
            break
        cuts.add(new, reached)
        low_rows = np.concatenate([low_rows, new_low])
    cuts.keep_last(_MOST_CUTS)
    return solution


def _attainable(
    model: LinearModel, box: Box, *, weak: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Smallest and largest magnitude (r,) that any factors give each row, on a linear model.

    Devices that move a row by less than the share `weak` of what its strongest device does stand at
    their request.
    """
    sizes = np.abs(model.phasors)
    directions = model.phasors / np.where(sizes > 0, sizes, 1.0)
    slopes = np.real(np.conj(directions)[:, None] * model.slopes)
    reach = np.abs(slopes) * (box.highest - box.lowest)
    strong = reach >= weak * reach.max(axis=1, initial=0.0, keepdims=True)
    up = slopes * (box.highest - model.point)
    down = np.where(strong, slopes * (box.lowest - model.point), up)
    least = sizes + np.minimum(down, up).sum(axis=1)
    most = sizes + np.maximum(down, up).sum(axis=1)
    return least, most


def hopeless(model: LinearModel, constraints: Constraints, box: Box) -> NDArray[np.bool_]:
    """Rows (r,) whose bounds no factors can keep, each taken alone, on a linear model."""
    least, most = _attainable(model, box, weak=0.0)
    too_low = (constraints.low > 0) & (most < constraints.lower)
    return np.asarray((least > constraints.upper) | too_low)


def eased(model: LinearModel, constraints: Constraints, box: Box) -> Constraints:
    """Bounds without reserve, moved out to what some factors can keep, each row taken alone."""
    least, most = _attainable(model, box, weak=_WEAK)
    give = _EASE / constraints.weight
    return replace(
        constraints,
        high=np.where(
            np.isfinite(constraints.high), np.maximum(constraints.high, least + give), np.inf
        ),
        low=np.where(constraints.low > 0, np.minimum(constraints.low, most - give), 0.0),
        reserve=np.zeros_like(constraints.reserve),
    )


class _Programme:
    """The bounds of one linear model, and the quadratic programme over some of them."""

    def __init__(self, model: LinearModel, constraints: Constraints, box: Box, aim: float) -> None:
        self._model = model
        self._box = box
        self._weight = constraints.weight
        distance = aim / constraints.weight * np.minimum(1.0, np.abs(constraints.high))
        movable = box.highest > box.lowest
        influenced = np.abs(model.slopes[:, movable]).max(axis=1, initial=0.0) > _NO_INFLUENCE
        self._upper = np.where(influenced, constraints.upper - distance, np.inf)
        bounded_below = influenced & (constraints.low > 0)
        self._lower = np.where(bounded_below, constraints.lower + distance, -np.inf)

    def over(self, phasors: NDArray[np.complex128], slack: float) -> NDArray[np.intp]:
        """Rows that lie most above their upper bound."""
        return _largest(np.abs(phasors) - self._upper - slack / self._weight)

    def under(self, phasors: NDArray[np.complex128], slack: float) -> NDArray[np.intp]:
        """Rows that lie most below their lower bound."""
        return _largest(self._lower - np.abs(phasors) - slack / self._weight)

    def solve(self, cuts: Cuts, low_rows: NDArray[np.intp], *, elastic: bool) -> Curtailment | None:
        """Least curtailment under these planes; elastic allows an excess at a high price."""
        phasors = self._model.phasors[low_rows]
        rows = np.concatenate([cuts.rows, low_rows])
        directions = np.concatenate([cuts.directions, -phasors / np.abs(phasors)])
        bounds = np.concatenate([self._upper[cuts.rows], -self._lower[low_rows]])
        gradient = np.real(np.conj(directions)[:, None] * self._model.slopes[rows])
        there = np.real(np.conj(directions) * self._model.phasors[rows])
        room = bounds - there + gradient @ self._model.point
        useful = np.isfinite(room)
        rows, gradient, room = rows[useful], gradient[useful], room[useful]
        solved = _solve(gradient, room, self._box, 1 / self._weight[rows] if elastic else None)
        if solved is None:
            return None
        factors, slack, price = solved
        active = price > 0
        pull = price[active, None] * gradient[active]
        return Curtailment(factors, slack, rows[active], pull)


def _largest(excess: NDArray[np.float64]) -> NDArray[np.intp]:
    """Places of the largest values above the tolerance."""
    places = np.flatnonzero(excess > _TOLERANCE)
    if len(places) > _CUTS_PER_ROUND:
        places = places[np.argpartition(-excess[places], _CUTS_PER_ROUND)[:_CUTS_PER_ROUND]]
    return places


def _solve(
    gradient: NDArray[np.float64],
    room: NDArray[np.float64],
    box: Box,
    softness: NDArray[np.float64] | None,
) -> tuple[NDArray[np.float64], float, NDArray[np.float64]] | None:
    """Minimise weight (1 - x)^2 subject to gradient x <= room (+ softness t) within the box.

    Serving less than the box asks for has a price, and so has the excess t.

    Returns:
        x, the excess t, and the price of each plane; None if there is no solution.
    """
    planes, devices = gradient.shape
    shortfall = -np.eye(planes + 1)[:, -1:]
    excess = np.zeros((planes + 1, 0 if softness is None else 1))
    if softness is not None:
        excess[:planes, 0] = -softness
    rows = np.column_stack([np.vstack([gradient, -box.power]), shortfall, excess])
    prices = [_SHORTFALL_PRICE, _EXCESS_PRICE][: rows.shape[1] - devices]
    slacks = np.ones(len(prices))
    x, _, exit_flag, info = daqp.solve(
        np.diag(np.concatenate([2 * box.weight, slacks])),
        np.concatenate([-2 * box.weight, prices]),
        np.ascontiguousarray(rows),
        np.concatenate([box.highest, _NO_BOUND * slacks, room, [-box.least_served]]),
        np.concatenate([box.lowest, 0 * slacks, np.full(planes + 1, -_NO_BOUND)]),
        np.zeros(rows.shape[1] + planes + 1, dtype=np.int32),
    )
    if exit_flag != _SOLVED:
        return None
    factors = np.clip(np.asarray(x)[:devices], box.lowest, box.highest)
    reached = max(0.0, float(x[-1])) if softness is not None else 0.0
    return factors, reached, np.asarray(info["lam"])[rows.shape[1] : -1]
