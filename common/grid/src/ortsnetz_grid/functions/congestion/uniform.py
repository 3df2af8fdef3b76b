"""Uniform scaling: one factor for everybody.

It gives the search its points to start from: the requests, the floors, and one that is about at the
limits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.functions.congestion.constraints import VERIFIED, Constraints
from ortsnetz_grid.functions.congestion.objective import Box
from ortsnetz_grid.functions.congestion.operating_points import DeviceFlows, Point

_SCALES = np.array([1.0, 0.88, 0.74, 0.6, 0.45, 0.3, 0.15, 0.0])
"""Eight: the compiled power flow computes as many at once."""

_CLOSER = 5  # times
_FAR = 0.3
"""Weighted distance from the bounds at which a point is too far away to linearise there."""


class UniformScaling:
    """Computed points from the requests to the floors.

    Attributes:
        points: all of them.
        converged: (s,) whether there is a power flow.
        requests: the first of the points; None if it has none.
    """

    def __init__(self, flows: DeviceFlows, box: Box) -> None:
        """Compute them."""
        self._flows, self._box = flows, box
        self.points = flows.at(_controls(box, _SCALES))
        self.converged = self.points.converged
        self.requests = self.points[0] if self.converged[0] else None
        self._excess: tuple[Constraints, NDArray[np.float64]] | None = None

    def excess(self, constraints: Constraints) -> NDArray[np.float64]:
        """Largest excess (s,) of each point, infinite where there is no power flow."""
        if self._excess is None or self._excess[0] is not constraints:
            self._excess = constraints, self.points.worst(constraints)
        return self._excess[1]

    def near(self, constraints: Constraints) -> list[tuple[float, Point]]:
        """Computed points near the bounds, by bisection, with their excess; at least one.

        Where neighbours are far from the bounds on both sides (requests many times beyond what the
        network carries), the scales between them are computed.
        """
        scales, points, excess = _SCALES, self.points, self.excess(constraints)
        found: list[tuple[float, Point]] = []
        for _ in range(_CLOSER):
            low, high = -1, len(scales)  # places beyond the bounds, and inside
            while high - low > 1:
                middle = (low + high) // 2
                if points.converged[middle]:
                    found.append((float(excess[middle]), points[middle]))
                low, high = (low, middle) if excess[middle] <= VERIFIED else (middle, high)
            close = any(abs(excess) <= _FAR for excess, _ in found)
            if close or low < 0 or high == len(scales):
                break
            scales = np.linspace(scales[low], scales[high], len(_SCALES))
            points = self._flows.at(_controls(self._box, scales))
            excess = points.worst(constraints)
        if not found:
            least = self.least()
            found.append((float(constraints.worst(least.phasors)), least))
        return found

    def least(self) -> Point:
        """The point with the least power of those that have a power flow."""
        return self.points[int(np.flatnonzero(self.converged)[-1])]


def _controls(box: Box, scales: NDArray[np.float64]) -> NDArray[np.float64]:
    """Controls (s, c): factors between floor and request, reactive power as wished."""
    found = np.repeat(box.wish[None], len(scales), axis=0)
    factors = slice(0, box.factors)
    found[:, factors] = np.clip(scales[:, None], box.lowest[factors], box.highest[factors])
    return found
