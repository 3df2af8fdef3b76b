"""The small programmes on a linear model: least squares, most energy, largest smallest factor.

All are quadratic programmes for `daqp`. `energy` is a linear one; a little of the squares is left
in it, so that its solution is unique. `max-min` is a sequence of linear ones: the largest common
level, those fixed there that hold it down, the next level for the others, and so on.
"""

from __future__ import annotations

from typing import NamedTuple

import daqp
import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.functions.congestion.objective import Box
from ortsnetz_grid.functions.congestion.problem import Objective

_EXCESS_PRICE = 1e5
"""Price of the weighted excess, far above what any device's curtailment can save."""

_STEEP = 500.0
"""How many times the slope of value is that of the squares which make a solution unique."""

_HELD = 1e-6
"""Share of the price of a level from which on a device counts as one that holds it down."""

_NO_BOUND = 1e30  # what the solver takes for infinite
_SOLVED = 1

Real = NDArray[np.float64]


class Planes(NamedTuple):
    """`m` half-spaces: gradient x <= room (+ softness t where an excess t is allowed)."""

    gradient: Real
    room: Real
    softness: Real | None = None


class Solution(NamedTuple):
    """A solution.

    Attributes:
        controls: (c,)
        excess: weighted, 0 unless it was allowed.
        price: (m,) of each plane.
    """

    controls: Real
    excess: float
    price: Real


def solve(planes: Planes, box: Box) -> Solution | None:
    """Best controls between the planes; where an excess is allowed, the least one first.

    Returns:
        None if there is no solution or the solver gives up.
    """
    if planes.softness is not None or box.objective is Objective.LEAST_SQUARES:
        return _least_squares(planes, box)
    if box.objective is Objective.ENERGY:
        return _most_energy(planes, box)
    return _max_min(planes, box)


def _least_squares(planes: Planes, box: Box) -> Solution | None:
    """Least weighted squares; an excess, where it is allowed, has a price."""
    rows, lowest, highest = planes.gradient, box.lowest, box.highest
    squares, linear = 2 * box.weight, -2 * box.weight * box.wish
    if planes.softness is not None:
        rows = np.column_stack([rows, -planes.softness])
        squares, linear = np.append(squares, 1.0), np.append(linear, _EXCESS_PRICE)
        lowest, highest = np.append(lowest, 0.0), np.append(highest, _NO_BOUND)
    found = _daqp(squares, linear, rows, planes.room, lowest=lowest, highest=highest)
    if found is None:
        return None
    x, price = found
    excess = max(0.0, float(x[-1])) if planes.softness is not None else 0.0
    return Solution(np.clip(x[: len(box.wish)], box.lowest, box.highest), excess, price)


def _most_energy(planes: Planes, box: Box) -> Solution | None:
    value = _STEEP * box.factors * box.worth
    found = _daqp(
        box.weight,
        -box.weight * box.wish - value,
        planes.gradient,
        planes.room,
        lowest=box.lowest,
        highest=box.highest,
    )
    if found is None:
        return None
    return Solution(np.clip(found[0], box.lowest, box.highest), 0.0, found[1])


def _max_min(planes: Planes, box: Box) -> Solution | None:
    """Level by level: a linear programme for the level, then who holds it down stays there."""
    count, size = planes.gradient.shape
    lowest, highest = box.lowest.copy(), box.highest.copy()
    free = np.zeros(size, dtype=np.bool_)
    free[: box.factors] = lowest[: box.factors] < highest[: box.factors]
    price = np.zeros(count)
    solution: Real | None = None
    steep = _STEEP * max(box.factors, 1)
    for _ in range(box.factors + 1):
        members = np.flatnonzero(free)
        level = np.zeros((len(members), size + 1))
        level[np.arange(len(members)), members] = -1.0
        level[:, -1] = 1.0
        rows = np.vstack([np.hstack([planes.gradient, np.zeros((count, 1))]), level])
        found = _daqp(
            np.append(box.weight, 1.0),
            np.append(-box.weight * box.wish, -steep * bool(len(members))),
            rows,
            np.concatenate([planes.room, np.zeros(len(members))]),
            lowest=np.append(lowest, 0.0),
            highest=np.append(highest, 1.0),
        )
        if found is None:
            break
        solution, prices = found
        price = np.maximum(price, prices[:count])
        holding = members[prices[count:] > _HELD * steep]
        if not len(holding):
            break
        reached = float(np.clip(solution[-1], 0.0, 1.0))
        # not quite the level: rounding of the solver must not leave the next programme without one
        lowest[holding] = np.maximum(lowest[holding], reached - 1e-7)
        highest[holding] = np.maximum(np.minimum(highest[holding], reached), lowest[holding])
        free[holding] = False
        if not free.any():
            break
    if solution is None:
        return None
    return Solution(np.clip(solution[:size], box.lowest, box.highest), 0.0, price)


def _daqp(
    squares: Real, linear: Real, rows: Real, room: Real, *, lowest: Real, highest: Real
) -> tuple[Real, Real] | None:
    """Minimise x' diag(squares) x / 2 + linear' x in the box under rows x <= room: x and prices."""
    x, _, exit_flag, info = daqp.solve(
        np.diag(squares),
        linear,
        np.ascontiguousarray(rows),
        np.concatenate([highest, room]),
        np.concatenate([lowest, np.full(len(room), -_NO_BOUND)]),
        np.zeros(len(lowest) + len(room), dtype=np.int32),
    )
    found = np.asarray(x)
    if exit_flag != _SOLVED or not np.isfinite(found).all():
        return None
    return found, np.asarray(info["lam"])[len(lowest) :]
