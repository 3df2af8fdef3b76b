"""The small programmes on a linear model: least squares, most energy, largest smallest factor.

All are quadratic programmes for `daqp`. `energy` is a linear one; a little of the squares is left
in it, so that its solution is unique. `max-min` is a sequence: the largest common level, those
fixed there that hold it down, the next level for the others, and so on.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import daqp
import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.functions.congestion.objective import Box
from ortsnetz_grid.functions.congestion.problem import Objective
from ortsnetz_grid.kernels.limiting_levels import Descent

_EXCESS_PRICE = 1e5
"""Price of the weighted excess, far above what any device's curtailment can save."""

_STEEP = 500.0
"""How many times the slope of value is that of the squares which make a solution unique."""

_MOST_LEVELS = 12
"""Of `max-min`; above them least squares share what is left."""

_MOST_STEPS_DOWN = 15
_NO_EXCESS = 2e-6
_BLOCKS = 0.03
"""Share of the largest price of a level from which on a device counts as holding it down."""

_YIELD = 0.005
"""Share of a level that it gives way to those above it."""

_ROUNDED = 1 - 1e-6
"""So that rounding of the solver does not leave the next programme without a solution."""

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
    x = found.x
    excess = max(0.0, float(x[-1])) if planes.softness is not None else 0.0
    return Solution(np.clip(x[: len(box.wish)], box.lowest, box.highest), excess, found.planes)


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
    return Solution(np.clip(found.x, box.lowest, box.highest), 0.0, found.planes)


def _max_min(planes: Planes, box: Box) -> Solution | None:
    """Level by level; in the end, least squares above all levels.

    Every device moves every current a little, through the voltage. Taken literally, whoever shares
    a transformer would stand at the level of the worst cable. So only devices with a good share of
    a level's price are fixed there, and a level gives way a little to those above it.
    """
    lowest = box.lowest.copy()
    free = lowest < box.highest
    free[box.factors :] = False
    price = np.zeros(len(planes.room))
    for _ in range(_MOST_LEVELS):
        if not free.any():
            break
        level = _highest_level(planes, box, lowest, free)
        if level is None:
            return None
        price = np.maximum(price, level.price)
        held = free & (level.by_device > _BLOCKS * level.by_device.max(initial=0.0))
        if level.height >= 1 or not held.any():
            lowest[free] = np.maximum(lowest[free], _ROUNDED * level.height)
            break
        lowest[held] = np.maximum(lowest[held], (1 - _YIELD) * level.height)
        free &= ~held
    found = _least_squares(planes, replace(box, lowest=np.minimum(lowest, box.highest)))
    return None if found is None else found._replace(price=np.maximum(found.price, price))


class _Height(NamedTuple):
    """A level, and who holds it down: (m,) price of each plane, (c,) of each device."""

    height: float
    price: Real
    by_device: Real


def _highest_level(
    planes: Planes, box: Box, lowest: Real, free: NDArray[np.bool_]
) -> _Height | None:
    """Largest smallest factor of the free devices.

    The least excess is a convex, piecewise linear function of the level: Newton's method comes down
    from above to where it is none. None if that is below the lowest factors.
    """
    soft = np.ones(len(planes.room)) if planes.softness is None else planes.softness
    descent = Descent(len(planes.room), len(box.wish))
    numbers = (planes.gradient, planes.room, soft, box.weight, box.wish, lowest, box.highest)
    fixed = tuple(map(np.ascontiguousarray, (*numbers, free.astype(np.float64))))
    found = descent.run(_MOST_STEPS_DOWN, fixed, _EXCESS_PRICE, _NO_EXCESS)
    last = _Height(descent.height, descent.price, descent.pressed)
    if found >= 0:
        return last if found else None
    return _down(planes, box, lowest, free, last, _MOST_STEPS_DOWN - descent.steps)


def _down(  # noqa: PLR0917 - what the level above has
    planes: Planes, box: Box, lowest: Real, free: NDArray[np.bool_], last: _Height, most: int
) -> _Height | None:
    """The same by the solver, from a height on."""
    height = last.height
    soft = np.ones(len(planes.room)) if planes.softness is None else planes.softness
    rows = np.column_stack([planes.gradient, -soft])
    squares = np.append(2 * box.weight, 1.0)
    linear = np.append(-2 * box.weight * box.wish, _EXCESS_PRICE)
    for _ in range(most):
        at_least = np.where(free, np.clip(height, lowest, box.highest), lowest)
        found = _daqp(
            squares,
            linear,
            rows,
            planes.room,
            lowest=np.append(at_least, 0.0),
            highest=np.append(box.highest, _NO_BOUND),
        )
        if found is None:
            return None
        excess = float(found.x[-1])
        if excess <= _NO_EXCESS:
            return last._replace(height=height)
        pressed = np.where(free & (at_least > lowest), np.maximum(-found.bounds[:-1], 0.0), 0.0)
        slope = float(pressed.sum()) / _EXCESS_PRICE
        if slope <= 0:
            return None
        last = _Height(height, np.maximum(found.planes, 0.0), pressed)
        height -= max(excess / slope, _NO_EXCESS)
    return last._replace(height=max(height, 0.0))


class _Found(NamedTuple):
    x: Real
    bounds: Real
    """(v,) price of the bounds: negative where the lower one holds."""
    planes: Real


def _daqp(
    squares: Real, linear: Real, rows: Real, room: Real, *, lowest: Real, highest: Real
) -> _Found | None:
    """Minimise x' diag(squares) x / 2 + linear' x in the box under rows x <= room."""
    count, bounds = len(lowest), len(lowest) + len(room)
    hessian = np.zeros((count, count))
    hessian.ravel()[:: count + 1] = squares
    above, below = np.empty(bounds), np.empty(bounds)
    above[:count], above[count:] = highest, room
    below[:count], below[count:] = lowest, -_NO_BOUND
    x, _, exit_flag, info = daqp.solve(
        hessian, linear, np.ascontiguousarray(rows), above, below, np.zeros(bounds, dtype=np.int32)
    )
    found = np.asarray(x)
    if exit_flag != _SOLVED or not np.isfinite(found).all():
        return None
    price = np.asarray(info["lam"])
    return _Found(found, price[:count], price[count:])
