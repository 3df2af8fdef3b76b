"""Setpoints in steps: charge points take whole amperes.

The continuous solution is rounded down; what the rounding freed is given back one step at a time,
the most curtailed device first, as long as a power flow verifies it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.functions.congestion.constraints import VERIFIED, Constraints
from ortsnetz_grid.functions.congestion.curtailment import Box
from ortsnetz_grid.functions.congestion.linear_model import LinearModel
from ortsnetz_grid.functions.congestion.operating_points import DeviceFlows, Point
from ortsnetz_grid.functions.congestion.problem import ControlledDevice

_ROUNDING = 1e-9
_NEAR = 0.2
"""Weighted distance from a bound beyond which a few steps do not reach it."""

_BACKWARD = np.array([0, 1, 2, 4, 8, 16, 32, 64])
"""How many of the steps given back are tried to be taken again, all in one batch."""


def step_factors(devices: tuple[ControlledDevice, ...]) -> NDArray[np.float64]:
    """(d,) factor that one step of the setpoint amounts to; 0 for devices without steps."""
    factors = np.zeros(len(devices))
    for place, device in enumerate(devices):
        asked = sum(abs(watts) for watts in device.request_w)
        if device.step_w is not None and asked > 0:
            factors[place] = device.step_w / asked
    return factors


def rounded_down(
    factors: NDArray[np.float64], steps: NDArray[np.float64], box: Box
) -> NDArray[np.float64]:
    """Factors on their steps, never below the lowest; the request itself is always allowed."""
    stepped = (steps > 0) & (factors < 1 - _ROUNDING)
    size = np.where(steps > 0, steps, 1.0)
    down = np.floor(factors / size + _ROUNDING) * size
    lowest_step = np.minimum(np.ceil(box.lowest / size - _ROUNDING) * size, 1.0)
    return np.where(stepped, np.maximum(down, lowest_step), factors)


def given_back(
    flows: DeviceFlows,
    constraints: Constraints,
    steps: NDArray[np.float64],
    model: LinearModel,
    point: Point,
) -> Point:
    """Raise devices step by step; returns a point that keeps all bounds, at worst the given one.

    Args:
        flows: the network.
        constraints: bounds.
        steps: (d,) see `step_factors`.
        model: slopes near the point.
        point: rounded, keeps all bounds.
    """
    ladder = _ladder(constraints, steps, LinearModel(point.factors, point.phasors, model.slopes))
    climbed = len(ladder) - 1
    tried = np.unique(np.maximum(climbed - _BACKWARD, 0))[::-1]
    tried = tried[tried > 0]
    if not len(tried):
        return point
    points = flows.at(np.array([ladder[number] for number in tried]))
    kept = points.converged & (constraints.worst(points.phasors) <= VERIFIED)
    for number in np.flatnonzero(kept)[:1]:
        return Point(points.factors[number], points.phasors[number])
    return point


def _ladder(
    constraints: Constraints, steps: NDArray[np.float64], model: LinearModel
) -> list[NDArray[np.float64]]:
    """Points one step apart that the linear model allows, the given point first."""
    ladder = [model.point]
    phasors = model.phasors
    near = np.flatnonzero(constraints.excess(phasors) > -_NEAR)
    near_constraints = constraints.only(near)
    phasors, slopes = phasors[near], model.slopes[near]
    for _ in range(2 * len(steps)):
        factors = ladder[-1]
        able = np.flatnonzero((steps > 0) & (factors < 1 - _ROUNDING))
        after = np.minimum(factors[able] + steps[able], 1.0)
        change = slopes[:, able] * (after - factors[able])
        fits = near_constraints.worst((phasors[:, None] + change).T) <= 0
        if not fits.any():
            break
        chosen = int(np.flatnonzero(fits)[np.argmin(factors[able][fits])])
        raised = factors.copy()
        raised[able[chosen]] = after[chosen]
        phasors = phasors + change[:, chosen]
        ladder.append(raised)
    return ladder
