"""The best controls that keep the linear model inside its bounds.

A magnitude below a bound is a disc: |z| <= b is Re(conj(e) z) <= b for every unit phasor e. Only
directions that matter are used: those of the computed phasors, and those in which some trial point
left the disc (cutting planes). Cuts that held in one round are kept for the next. A magnitude above
a bound is no convex set; there the direction of the computed phasor is used, which is on the safe
side, and close, because voltages hardly turn.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.functions.congestion.constraints import Constraints
from ortsnetz_grid.functions.congestion.linear_model import LinearModel
from ortsnetz_grid.functions.congestion.objective import Box
from ortsnetz_grid.functions.congestion.programme import Planes, solve
from ortsnetz_grid.kernels.limiting_planes import kernels

_ROUNDS = 40
_CUTS_PER_ROUND = 60
_TOLERANCE = 1e-5
"""Distance (no weight) beyond a bound of the linear model that needs no further plane; within what
is aimed at, and the power flow has the last word."""

_NO_INFLUENCE = 1e-9
_NEAR = 0.25
"""Weighted distance from a bound up to which a row gets a plane from the start."""


@dataclass(slots=True)
class Cuts:
    """Planes: a row, the direction in which it is bounded, and whether from below."""

    rows: NDArray[np.intp] = field(default_factory=lambda: np.zeros(0, dtype=np.intp))
    directions: NDArray[np.complex128] = field(default_factory=lambda: np.zeros(0, dtype=complex))
    below: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))

    def with_planes(
        self, rows: NDArray[np.intp], phasors: NDArray[np.complex128], *, below: bool
    ) -> Cuts:
        """These, and those in the directions of some phasors (w,) of the rows."""
        if not len(rows):
            return self
        size = np.abs(phasors)
        if not size.all():
            phasors, size = np.where(size > 0, phasors, 1.0), np.where(size > 0, size, 1.0)
        directions = phasors / size
        if not len(self.rows):
            return Cuts(rows, directions, np.full(len(rows), below))
        return Cuts(
            np.concatenate([self.rows, rows]),
            np.concatenate([self.directions, directions]),
            np.concatenate([self.below, np.full(len(rows), below)]),
        )

    def only(self, places: NDArray[np.bool_]) -> Cuts:
        """Some of them."""
        return Cuts(self.rows[places], self.directions[places], self.below[places])


@dataclass(frozen=True, slots=True)
class Curtailment:
    """Solution on the linear model.

    Attributes:
        controls: (c,)
        excess: weighted excess that could not be avoided; 0 if the model keeps all bounds.
        rows: (p,) rows that hold devices back.
        pull: (p, c) how strongly each of them holds each control back; negative pushes it up.
        cuts: the planes behind it.
    """

    controls: NDArray[np.float64]
    excess: float
    rows: NDArray[np.intp]
    pull: NDArray[np.float64]
    cuts: Cuts


def least_curtailment(
    model: LinearModel, constraints: Constraints, box: Box, cuts: Cuts, aim: float
) -> Curtailment | None:
    """Solve on the linear model.

    Args:
        model: phasors near the last computed point.
        constraints: bounds.
        box: range and value of the controls.
        cuts: planes that held in earlier rounds.
        aim: weighted distance to keep from each bound.

    Returns:
        The best controls; where none keep all bounds, the least excess and among those the least
        squares. None if the solver gives up.
    """
    programme = _Programme(model, constraints, box, aim)
    planes = programme.from_the_start(cuts)
    elastic = False
    solution: Curtailment | None = None
    for _ in range(_ROUNDS):
        found = programme.solve(planes, elastic=elastic)
        if found is None and elastic:
            break
        if found is None:
            elastic = True
            continue
        solution = found
        reached, over, under = programme.left(solution)
        under = programme.without_plane_below(under)
        if not len(over) and not len(under):
            break
        planes = planes.with_planes(model.rows[over], reached[over], below=False)
        planes = planes.with_planes(model.rows[under], model.phasors[under], below=True)
    return solution


class _Programme:
    """The bounds of one linear model, and the programme over some planes of them."""

    def __init__(self, model: LinearModel, constraints: Constraints, box: Box, aim: float) -> None:
        rows, self._model, self._box = model.rows, model, box
        self._compiled = kernels()
        self._phasors = np.ascontiguousarray(model.phasors)
        self._slopes = np.ascontiguousarray(model.slopes)
        self._below = np.zeros(len(rows), dtype=np.bool_)
        if self._compiled is not None:
            of_model = self._phasors, self._slopes
            bounds = constraints.upper, constraints.lower, constraints.weight, constraints.high
            arrays = *of_model, *bounds, box.lowest, box.highest
            found = self._compiled.aimed(rows, arrays, aim, _NO_INFLUENCE)
            self._upper, self._lower, self._weight, self._above, self._beneath = found
            return
        self._weight = constraints.weight[rows]
        distance = aim / self._weight * np.minimum(1.0, np.abs(constraints.high[rows]))
        self._upper = constraints.upper[rows] - distance
        self._lower = constraints.lower[rows] + distance
        re, im = model.slopes.real, model.slopes.imag
        reach = (re * re + im * im) * (box.highest > box.lowest)
        fixed = reach.max(axis=1, initial=0.0) <= _NO_INFLUENCE**2
        if fixed.any():
            self._upper[fixed], self._lower[fixed] = np.inf, -np.inf
        size = np.abs(model.phasors)
        self._above = (size - self._upper) * self._weight
        self._beneath = (self._lower - size) * self._weight

    def from_the_start(self, cuts: Cuts) -> Cuts:
        """Planes of the rows near their bounds, and of earlier rounds where they are covered."""
        over = np.flatnonzero(self._above > -_NEAR)
        under = np.flatnonzero(self._beneath > -_NEAR)
        rows = self._model.rows
        if len(cuts.rows):
            place = np.minimum(np.searchsorted(rows, cuts.rows), len(rows) - 1)
            cuts = cuts.only((rows[place] == cuts.rows) & ~cuts.below)
        self._below[under] = True
        phasors = self._model.phasors
        found = cuts.with_planes(rows[over], phasors[over], below=False)
        return found.with_planes(rows[under], phasors[under], below=True)

    def without_plane_below(self, places: NDArray[np.intp]) -> NDArray[np.intp]:
        """Those that had no plane from below; a second one would be the same. They get it now."""
        found = places[~self._below[places]]
        self._below[found] = True
        return found

    def left(
        self, solution: Curtailment
    ) -> tuple[NDArray[np.complex128], NDArray[np.intp], NDArray[np.intp]]:
        """Phasors (w,) of the model there, and places of the rows most above and below bounds."""
        model, bounds = self._model, (self._upper, self._lower, self._weight)
        if self._compiled is not None:
            of_model = self._phasors, self._slopes, model.point
            reached, (above, below) = self._compiled.reached(
                solution.controls, of_model, bounds, solution.excess
            )
        else:
            reached = model.at(solution.controls)
            size, allowed = np.abs(reached), solution.excess / self._weight
            above, below = size - self._upper - allowed, self._lower - size - allowed
        return reached, _largest(above), _largest(below)

    def solve(self, cuts: Cuts, *, elastic: bool) -> Curtailment | None:
        """Best controls under these planes; elastic allows an excess at a high price."""
        model = self._model
        place = np.searchsorted(model.rows, cuts.rows)
        gradient, room = self._planes(cuts, place)
        useful = np.isfinite(room)
        if not useful.all():
            cuts, place = cuts.only(useful), place[useful]
            gradient, room = gradient[useful], room[useful]
        softness = 1 / self._weight[place] if elastic else None
        solved = solve(Planes(gradient, room, softness), self._box)
        if solved is None:
            return None
        active = solved.price > 0
        return Curtailment(
            solved.controls,
            solved.excess,
            cuts.rows[active],
            solved.price[active, None] * gradient[active],
            cuts.only(active),
        )

    def _planes(
        self, cuts: Cuts, place: NDArray[np.intp]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Gradient (p, c) and room (p,) of cuts whose rows are at some places in the model."""
        model = self._model
        if self._compiled is not None:
            arrays = self._phasors, self._slopes, model.point, self._upper, self._lower
            return self._compiled.planes(place, cuts.directions, cuts.below, arrays)
        conjugate = np.conj(cuts.directions) * np.where(cuts.below, -1.0, 1.0)
        bounds = np.where(cuts.below, -self._lower[place], self._upper[place])
        gradient = np.real(conjugate[:, None] * model.slopes[place])
        room = bounds - np.real(conjugate * model.phasors[place]) + gradient @ model.point
        return gradient, room


def _largest(excess: NDArray[np.float64]) -> NDArray[np.intp]:
    """Places of the largest values above the tolerance."""
    places = np.flatnonzero(excess > _TOLERANCE)
    if len(places) > _CUTS_PER_ROUND:
        places = places[np.argpartition(-excess[places], _CUTS_PER_ROUND)[:_CUTS_PER_ROUND]]
    return places
