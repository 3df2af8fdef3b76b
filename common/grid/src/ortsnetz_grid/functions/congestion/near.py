"""Which rows matter near a computed point: those beyond or near their bounds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.functions.congestion.constraints import Constraints
from ortsnetz_grid.functions.congestion.operating_points import Point
from ortsnetz_grid.kernels.limiting_planes import kernels

_NEAR = 0.1
"""Weighted distance from a bound up to which a row matters although it is not violated."""

MOST_ROWS = 24
"""Rows that are linearised; what they leave out shows at the next computed point."""

_LEAST_ROWS = 20
_MOST_IN_ALL = 1000


def rows_near(
    point: Point,
    constraints: Constraints,
    partner: NDArray[np.intp],
    always: NDArray[np.intp],
) -> NDArray[np.intp]:
    """The worst rows, rising: `MOST_ROWS` at the most, one for both ends of a branch.

    Args:
        point: computed.
        constraints: the bounds.
        partner: see `RowLayout.partner`.
        always: rows that are part of it in any case.
    """
    excess = constraints.excess(point.phasors)
    compiled = kernels()
    if compiled is not None:
        return compiled.near(excess, partner, always, most=MOST_ROWS, least=_LEAST_ROWS, near=_NEAR)
    own, other = excess[: len(partner)], excess[partner]
    hidden = (own < other) | ((own == other) & (partner < np.arange(len(partner))))
    own[hidden] = -np.inf
    rows = np.flatnonzero(excess > -_NEAR)
    if len(rows) > MOST_ROWS:
        rows = rows[np.argpartition(-excess[rows], MOST_ROWS)[:MOST_ROWS]]
    elif len(rows) < _LEAST_ROWS:
        rows = np.argpartition(-excess, min(_LEAST_ROWS, len(excess) - 1))[:_LEAST_ROWS]
        rows = rows[np.isfinite(excess[rows])]
    chosen = np.zeros(len(excess), dtype=np.bool_)
    chosen[rows] = True
    chosen[always] = True
    return np.flatnonzero(chosen)


def all_rows_near(point: Point, constraints: Constraints) -> NDArray[np.intp]:
    """All rows beyond or near their bounds, rising; of very many the worst thousand."""
    excess = constraints.excess(point.phasors)
    rows = np.flatnonzero(excess > -_NEAR)
    return np.sort(rows[np.argsort(-excess[rows], kind="stable")][:_MOST_IN_ALL])
