"""Uniform scaling: one factor for everybody.

It is what is done without an optimiser, and so the least that limiting has to serve. It also gives
the search a point to start from that is about at the limits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.functions.congestion.constraints import VERIFIED, Constraints
from ortsnetz_grid.functions.congestion.curtailment import Box
from ortsnetz_grid.functions.congestion.operating_points import DeviceFlows, Point

_SCALES = np.linspace(0.875, 0.0, 8)
_ROUNDS = 2  # of narrowing down where the bounds are crossed


@dataclass(frozen=True, slots=True)
class UniformScaling:
    """The largest common factor that keeps all bounds; nobody goes below the own lowest factor.

    Attributes:
        nearest: computed point nearest to the bounds, on either side.
        kept: computed point with the largest factor that keeps all bounds; None if there is none.
        served: share of the requested power served at the bounds; 0 if no factor keeps them.
    """

    nearest: Point
    kept: Point | None
    served: float


def scale_uniformly(
    flows: DeviceFlows, constraints: Constraints, box: Box, start: Point, aim: float
) -> UniformScaling:
    """Scale all devices down from a computed point that does not keep the bounds.

    Args:
        flows: the network.
        constraints: bounds.
        box: ranges of the factors.
        start: the requests, or as near to them as there is a power flow.
        aim: weighted distance to keep from the bounds.
    """
    ladder = _Ladder(flows, constraints, box)
    ladder.add(_SCALES)
    crossing = ladder.crossing(aim)
    for _ in range(_ROUNDS):
        if crossing is None:
            break
        ladder.add(np.array([crossing, (crossing + ladder.not_kept) / 2]))
        crossing = ladder.crossing(aim)
    served = 0.0 if crossing is None else float(box.power @ _factors(box, crossing))
    start_excess = abs(float(constraints.worst(start.phasors)))
    nearest = min([(start_excess, start), *ladder.distances], key=lambda entry: entry[0])[1]
    return UniformScaling(nearest, ladder.kept_point, served)


def _factors(box: Box, scale: float) -> NDArray[np.float64]:
    return np.asarray(np.clip(scale, box.lowest, box.highest))


class _Ladder:
    """Scales that were computed, and the pair of neighbours between which bounds are crossed.

    Attributes:
        not_kept: smallest scale above `_kept` that is known not to keep the bounds.
        kept_point: computed point of the largest scale that keeps them.
        distances: distance from the bounds and point, of all scales.
    """

    def __init__(self, flows: DeviceFlows, constraints: Constraints, box: Box) -> None:
        self.not_kept = 1.0
        self.kept_point: Point | None = None
        self.distances: list[tuple[float, Point]] = []
        self._kept = -1.0
        self._kept_excess = -np.inf
        self._not_kept_excess = np.inf
        self._flows = flows
        self._constraints = constraints
        self._box = box

    def add(self, scales: NDArray[np.float64]) -> None:
        """Compute scales."""
        points = self._flows.at(np.array([_factors(self._box, scale) for scale in scales]))
        excess = np.where(points.converged, self._constraints.worst(points.phasors), np.inf)
        for number, scale in enumerate(scales.tolist()):
            if not points.converged[number]:
                continue
            point = Point(points.factors[number], points.phasors[number])
            self.distances.append((abs(float(excess[number])), point))
            if excess[number] <= VERIFIED and scale > self._kept:
                self._kept, self._kept_excess = scale, float(excess[number])
                self.kept_point = point
        above = [
            (scale, value)
            for scale, value in zip(scales.tolist(), excess.tolist(), strict=True)
            if self._kept < scale <= self.not_kept
        ]
        if above:
            self.not_kept, self._not_kept_excess = min(above)

    def crossing(self, aim: float) -> float | None:
        """Scale at which the bounds are crossed, by the secant; None if no scale keeps them."""
        if self._kept < 0:
            return None
        width = self.not_kept - self._kept
        rise = self._not_kept_excess - self._kept_excess
        if not np.isfinite(rise) or rise <= 0:
            return self._kept + width / 2
        share = (-2 * aim - self._kept_excess) / rise
        return self._kept + width * min(max(share, 0.0), 1.0)
