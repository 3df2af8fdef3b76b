"""Uniform scaling: one factor for everybody.

It is what is done without an optimiser, and so the least that least squares have to serve. It
also gives the search points to start from: the requests, the floors, and one that is about at the
limits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.functions.congestion.constraints import VERIFIED, Constraints
from ortsnetz_grid.functions.congestion.objective import Box
from ortsnetz_grid.functions.congestion.operating_points import DeviceFlows, Point, Points

_SCALES = np.array([1.0, 0.88, 0.74, 0.6, 0.45, 0.3, 0.15, 0.0])
"""Eight: the compiled power flow computes as many at once."""

_CLOSER = 5  # times
_FAR = 0.3
"""Weighted distance from the bounds at which a point is too far away to linearise there."""

_NARROWED = 2  # times, each to a ninth
_SAFE = 0.25
"""Share of the bracket by which the secant may be wrong before it is worth narrowing down."""

_FEW = 1e-4
"""Share of served power that is not worth a search."""


@dataclass(frozen=True, slots=True)
class UniformScaling:
    """Computed points from the requests (first) to the floors (last)."""

    scales: NDArray[np.float64]
    points: Points

    @classmethod
    def of(cls, flows: DeviceFlows, box: Box) -> UniformScaling:
        """Compute them."""
        return cls(_SCALES, flows.at(_controls(box, _SCALES)))

    def excess(self, constraints: Constraints) -> NDArray[np.float64]:
        """(s,) weighted excess of each point; infinite where no power flow converges."""
        worst = constraints.worst(self.points.phasors)
        return np.where(self.points.converged, worst, np.inf)

    def bracket(self, constraints: Constraints) -> _Bracket | None:
        """Neighbouring scales between which the bounds are crossed; None if none keeps them."""
        excess = self.excess(constraints)
        kept = np.flatnonzero(excess <= VERIFIED)
        if not len(kept):
            return None
        first = int(kept[0])
        above = max(first - 1, 0)
        return _Bracket(
            float(self.scales[first]),
            float(self.scales[above]),
            float(excess[first]),
            float(excess[above]),
        )

    def start(self, flows: DeviceFlows, box: Box, constraints: Constraints) -> list[Point]:
        """Points to start from: the one nearest to the bounds, then the one with the least power.

        Where neighbours are far from the bounds on both sides (requests many times beyond what the
        network carries), the scales between them are computed.
        """
        least = self.points[int(np.flatnonzero(self.points.converged)[-1])]
        finer = self
        for _ in range(_CLOSER):
            excess = finer.excess(constraints)
            nearest = int(np.argmin(np.abs(excess)))
            crossing = np.flatnonzero((excess[:-1] > VERIFIED) & (excess[1:] <= VERIFIED))
            if not len(crossing) or abs(excess[nearest]) <= _FAR:
                break
            above = int(crossing[0])
            scales = np.linspace(finer.scales[above], finer.scales[above + 1], len(_SCALES))
            finer = UniformScaling(scales, flows.at(_controls(box, scales)))
        nearest = int(np.argmin(np.abs(finer.excess(constraints))))
        return [finer.points[nearest], least]


@dataclass(frozen=True, slots=True)
class _Bracket:
    kept: float
    not_kept: float
    kept_excess: float
    not_kept_excess: float

    def crossing(self) -> float:
        """Scale at which the bounds are crossed, by the secant."""
        rise = self.not_kept_excess - self.kept_excess
        if not np.isfinite(rise) or rise <= 0:
            return (self.kept + self.not_kept) / 2
        share = min(max(-self.kept_excess / rise, 0.0), 1.0)
        return self.kept + (self.not_kept - self.kept) * share


def served_uniformly(
    flows: DeviceFlows, constraints: Constraints, box: Box, scaling: UniformScaling, served: float
) -> float:
    """Share of the requested power that uniform scaling serves, if that is more than `served`.

    Returns:
        0 if it clearly serves less.
    """
    bracket = scaling.bracket(constraints)
    for _ in range(_NARROWED):
        if bracket is None:
            return 0.0
        width = bracket.not_kept - bracket.kept
        hopeful = min(bracket.crossing() + _SAFE * width, bracket.not_kept)
        if _served(box, hopeful) <= served:
            return 0.0
        scales = np.linspace(bracket.not_kept, bracket.kept, 10)[1:-1]
        finer = UniformScaling(scales, flows.at(_controls(box, scales)))
        bracket = _narrower(bracket, finer, constraints)
    if bracket is None:
        return 0.0
    found = _served(box, bracket.crossing())
    return found if found > served * (1 + _FEW) else 0.0


def _narrower(outer: _Bracket, finer: UniformScaling, constraints: Constraints) -> _Bracket:
    excess = np.where(finer.points.converged, constraints.worst(finer.points.phasors), np.inf)
    scales = np.array([outer.not_kept, *finer.scales, outer.kept])
    values = np.array([outer.not_kept_excess, *excess, outer.kept_excess])
    first = int(np.flatnonzero(values[1:] <= VERIFIED)[0]) + 1
    return _Bracket(
        float(scales[first]),
        float(scales[first - 1]),
        float(values[first]),
        float(values[first - 1]),
    )


def _controls(box: Box, scales: NDArray[np.float64]) -> NDArray[np.float64]:
    """Controls (s, c): factors between floor and request, reactive power as wished."""
    found = np.repeat(box.wish[None], len(scales), axis=0)
    factors = slice(0, box.factors)
    found[:, factors] = np.clip(scales[:, None], box.lowest[factors], box.highest[factors])
    return found


def _served(box: Box, scale: float) -> float:
    return box.served(_controls(box, np.array([scale]))[0])
