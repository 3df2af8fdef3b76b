"""Setpoints as devices have them: whole amperes, and nothing between off and the smallest current.

The continuous solution is rounded down; what the rounding freed is given back one step at a time,
as long as a power flow verifies it: first to devices that have that step now, then to the most
curtailed. Else steps would change places between devices in each cycle; who loses one loses it at
once, and who wins one has to wait.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.functions.congestion.constraints import VERIFIED, Constraints
from ortsnetz_grid.functions.congestion.controls import Asked
from ortsnetz_grid.functions.congestion.linear_model import LinearModel
from ortsnetz_grid.functions.congestion.operating_points import DeviceFlows, Point

_ROUNDING = 1e-9
_HAS_IT = 0.5
"""Of a step: amperes are converted with a voltage that has changed since."""
_MOST_ROWS = 64
"""Nearest to their bounds; what steps do to the others shows in the power flow."""

_BACKWARD = np.array([0, 1, 2, 4, 8, 16, 32, 64])
"""How many of the steps given back are tried to be taken again, all in one batch."""

Real = NDArray[np.float64]


def coarse(asked: Asked) -> NDArray[np.bool_]:
    """(d,) devices that do not take every value."""
    return np.asarray((asked.step > 0) | ((asked.smallest > 0) & (asked.lowest < 1)))


def rounded_down(factors: Real, asked: Asked) -> Real:
    """Factors (d,) that the devices can have, never below the lowest.

    The request itself is always allowed. What would be less than the smallest setpoint is off;
    where a floor forbids that, the lowest factor is at least the smallest setpoint already.
    """
    limited = factors < 1 - _ROUNDING
    size = np.where(asked.step > 0, asked.step, 1.0)
    down = np.floor(factors / size + _ROUNDING) * size
    lowest_step = np.minimum(np.ceil(asked.lowest / size - _ROUNDING) * size, 1.0) + 0.0  # no -0
    found = np.where(limited & (asked.step > 0), np.maximum(down, lowest_step), factors)
    too_small = limited & (found < asked.smallest * (1 - _ROUNDING))
    return np.where(too_small, asked.lowest, found)


def given_back(
    flows: DeviceFlows, constraints: Constraints, asked: Asked, point: Point, highest: Real
) -> Point:
    """Raise devices step by step; returns a point that keeps all bounds, at worst the given one.

    Args:
        flows: the network.
        constraints: bounds.
        asked: of the devices.
        point: rounded, keeps all bounds.
        highest: (c,) of the controls.
    """
    excess = constraints.excess(point.phasors)
    # however far: a compressor or several cars that start may reach any bound
    near = np.flatnonzero(np.isfinite(excess))
    if len(near) > _MOST_ROWS:
        near = np.sort(near[np.argpartition(-excess[near], _MOST_ROWS)[:_MOST_ROWS]])
    slopes = flows.slopes(point, near)
    if slopes is None:
        return point
    model = LinearModel(near, point.controls, point.phasors[near], slopes)
    ladder = _ladder(constraints.only(near), asked, model, highest)
    climbed = len(ladder) - 1
    tried = np.unique(np.maximum(climbed - _BACKWARD, 0))[::-1]
    tried = tried[tried > 0]
    if not len(tried):
        return point
    points = flows.at(np.array([ladder[number] for number in tried]))
    kept = points.worst(constraints) <= VERIFIED
    for number in np.flatnonzero(kept)[:1]:
        return points[int(number)]
    return point


def _ladder(
    constraints: Constraints, asked: Asked, model: LinearModel, highest: Real
) -> list[Real]:
    """Points one step apart that the linear model allows, the given point first."""
    count = len(asked.step)
    ladder = [model.point]
    phasors = model.phasors
    steps = np.where(asked.step > 0, asked.step, asked.smallest)
    jumps = coarse(asked)
    for _ in range(2 * count):
        factors = ladder[-1][:count]
        off = (factors <= 0) & (asked.smallest > 0)
        after = np.minimum(np.where(off, asked.smallest, factors + steps), highest[:count])
        # without steps only the jump from off is made here; the rest is the search's
        able = np.flatnonzero(jumps & (after > factors + _ROUNDING) & (off | (asked.step > 0)))
        change = model.slopes[:, able] * (after[able] - factors[able])
        fits = constraints.worst((phasors[:, None] + change).T) <= 0
        if not fits.any():
            break
        has_it = asked.held[able] >= after[able] - _HAS_IT * steps[able]
        has_it &= factors[able] <= ladder[0][able] + _ROUNDING  # one step: fair shares stay fair
        rank = factors[able] - has_it  # factors are 0 to 1: who has it comes first
        chosen = int(np.flatnonzero(fits)[np.argmin(rank[fits])])
        raised = ladder[-1].copy()
        raised[able[chosen]] = after[able[chosen]]
        phasors = phasors + change[:, chosen]
        ladder.append(raised)
    return ladder
