"""The phasors of the network as linear functions of the devices' factors, near a computed point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.functions.congestion.operating_points import DeviceFlows

_STEP = 0.02
"""Change of a factor for a finite difference: far above the solver's tolerance (1e-8 pu), small
enough that curvature leaves an error of about one per cent of a per cent."""


@dataclass(frozen=True, slots=True)
class LinearModel:
    """Phasors near a point: phasors + slopes (factors - point).

    Complex phasors are nearly linear in the powers, their magnitudes are not: so the phasors are
    linearised and the magnitudes are kept as they are.

    Attributes:
        point: (d,) factors at which the phasors were computed.
        phasors: (r,) there.
        slopes: (r, d) derivative by each factor; zero for devices that cannot move.
    """

    point: NDArray[np.float64]
    phasors: NDArray[np.complex128]
    slopes: NDArray[np.complex128]

    def at(self, factors: NDArray[np.float64]) -> NDArray[np.complex128]:
        """Predicted phasors (r,) at factors (d,)."""
        return np.asarray(self.phasors + self.slopes @ (factors - self.point))


def slopes_at(
    flows: DeviceFlows, point: NDArray[np.float64], lowest: NDArray[np.float64]
) -> NDArray[np.complex128] | None:
    """Derivatives of all rows by the factors of the devices that can move.

    Args:
        flows: the network.
        point: (d,) factors; a power flow converges there.
        lowest: (d,) lowest factors; a device whose lowest factor is 1 cannot move.

    Returns:
        (r, d), or None if a power flow in the neighbourhood does not converge.
    """
    moving = np.flatnonzero(lowest < 1)
    # Towards smaller powers: near the nose point larger ones may have no solution.
    steps = np.where(point[moving] - _STEP >= 0, -_STEP, _STEP)
    factors = np.repeat(point[None, :], len(moving) + 1, axis=0)
    factors[np.arange(1, len(moving) + 1), moving] += steps
    points = flows.at(factors, fast=True)
    if not points.converged.all():
        points = flows.at(factors)
        if not points.converged.all():
            return None
    slopes = np.zeros((points.phasors.shape[1], len(point)), dtype=np.complex128)
    slopes[:, moving] = ((points.phasors[1:] - points.phasors[0]) / steps[:, None]).T
    return slopes
