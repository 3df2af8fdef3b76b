"""What the fit leaves of the measured quantities, and how far that may lie from nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Residual:
    """Residuals after the fit of some quantities of `d` values; 0 where nothing checks a value.

    Attributes:
        value: (q, d), per unit or rad.
        covariance: (q, d, d).
    """

    value: Real
    covariance: Real


@dataclass(frozen=True, slots=True)
class Residuals:
    """Residuals of all quantities.

    Attributes:
        magnitude: of n nodes, 3 values each.
        angle: of n nodes, 3 values each.
        injection: of n nodes, real parts before imaginary ones: 6 values each.
        branch: of f branch ends and shunts, likewise.
    """

    magnitude: Residual
    angle: Residual
    injection: Residual
    branch: Residual


def nothing(count: int, values: int) -> Residual:
    """Residuals of quantities that nothing checks."""
    return Residual(np.zeros((count, values)), np.zeros((count, values, values)))
