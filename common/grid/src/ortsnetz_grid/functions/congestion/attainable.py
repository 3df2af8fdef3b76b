"""Bounds that no setting of the devices can keep, each taken alone, on a linear model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.functions.congestion.constraints import Constraints
from ortsnetz_grid.functions.congestion.linear_model import LinearModel
from ortsnetz_grid.functions.congestion.objective import Box

_EASE = 2e-3
"""Weighted room beyond what a linear model can attain, for what it does not know."""

_WEAK = 0.05
"""A device with less than this share of the strongest influence on a row is not held back for what
no setting can mend, by more than the estimate may be wrong."""


def _attainable(
    model: LinearModel, box: Box, *, weak: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Smallest and largest magnitude (w,) that any controls give each row, on a linear model.

    Devices that move a row by less than the share `weak` of what its strongest device does stand at
    their request.
    """
    sizes = np.abs(model.phasors)
    directions = model.phasors / np.where(sizes > 0, sizes, 1.0)
    slopes = np.real(np.conj(directions)[:, None] * model.slopes)
    reach = np.abs(slopes) * (box.highest - box.lowest)
    strong = reach >= weak * reach.max(axis=1, initial=0.0, keepdims=True)
    up = slopes * (box.highest - model.point)
    low = slopes * (box.lowest - model.point)
    wish = slopes * (box.wish - model.point)
    least = sizes + np.where(strong, np.minimum(low, up), wish).sum(axis=1)
    most = sizes + np.where(strong, np.maximum(low, up), wish).sum(axis=1)
    return least, most


def hopeless(model: LinearModel, constraints: Constraints, box: Box) -> NDArray[np.bool_]:
    """Rows (r,) whose bounds no controls can keep, each taken alone, on a linear model."""
    least, most = _attainable(model, box, weak=0.0)
    here = constraints.only(model.rows)
    found = np.zeros(len(constraints.low), dtype=np.bool_)
    found[model.rows] = (least > here.upper) | (most < here.lower)
    return found


def eased(model: LinearModel, constraints: Constraints, box: Box) -> Constraints:
    """Bounds without reserve, moved out to what some controls can keep, each row taken alone.

    Whether a limit can be kept is known no better than the reserve says: where all devices together
    come that close to it, the weak ones are held back, too.
    """
    here = constraints.only(model.rows)
    least, most = _attainable(model, box, weak=_WEAK)
    lowest, highest = _attainable(model, box, weak=0.0)
    least = np.where(lowest <= here.high + here.reserve, lowest, least)
    most = np.where(highest >= here.low - here.reserve, highest, most)
    give = _EASE / here.weight
    low, high = constraints.low.copy(), constraints.high.copy()
    bounded = np.isfinite(here.high)
    high[model.rows] = np.where(bounded, np.maximum(here.high, least + give), np.inf)
    low[model.rows] = np.where(here.low > 0, np.minimum(here.low, most - give), 0.0)
    return constraints.with_limits(low, high)
