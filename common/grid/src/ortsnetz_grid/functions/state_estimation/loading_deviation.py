"""Loadings of an estimated state and their standard deviations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.functions.state_estimation.fitted import Fitted
from ortsnetz_grid.functions.state_estimation.jacobian import Frame
from ortsnetz_grid.functions.state_estimation.places import Kind
from ortsnetz_grid.network.loading import RatedBranches

Real = NDArray[np.float64]

_NEUTRAL, _POWER = 3, 4
"""Quantities of `RatedBranches.terms`: phase currents below, apparent powers from `_POWER` on."""


def loadings(
    rated: RatedBranches, flows: Mapping[str, Mapping[str, NDArray[Any]]], fitted: Fitted
) -> tuple[Real, Real]:
    """Loadings (b,) and their standard deviations (b,).

    Args:
        rated: the branches that have a rating.
        flows: voltages and flows at the state, as `RatedBranches.ratios` takes them.
        fitted: the state.

    The deviation is that of the term that is the largest at the state: a phase's or the neutral's
    current at one end, or a phase's apparent power.
    """
    ratios = np.abs(rated.ratios(flows))
    loading = rated.largest(ratios)
    terms = rated.terms
    branch_of_term = np.array([term.branch for term in terms], dtype=np.intp)
    # last write wins: in rising order, the largest term of each branch remains
    winner = np.zeros(len(rated.ids), dtype=np.intp)
    order = np.argsort(ratios, kind="stable")
    winner[branch_of_term[order]] = order
    frame = fitted.frame
    place = {element: row for row, element in enumerate(frame.model.branch_ids.tolist())}
    rows = np.array([place[element] for element in rated.ids.tolist()], dtype=np.intp)
    quantity = np.array([terms[term].quantity for term in winner.tolist()], dtype=np.intp)
    at_to = np.array([terms[term].side == "to" for term in winner.tolist()], dtype=np.bool_)
    kinds = np.where(quantity >= _POWER, Kind.BRANCH_FROM, Kind.CURRENT_FROM) + at_to
    derivative = np.zeros((len(rows), 2, 6))
    for kind in np.unique(kinds).tolist():
        mine = np.flatnonzero(kinds == kind)
        derivative[mine] = _magnitude_derivative(
            frame, kind, rows[mine], quantity[mine], loading[mine]
        )
    return loading, np.sqrt(fitted.covariance.flow_variances(rows, derivative))


def _magnitude_derivative(
    frame: Frame, kind: int, places: NDArray[np.intp], quantity: NDArray[np.intp], loading: Real
) -> Real:
    """Derivative (k, 2, 6) of ratios |phasor| / rating, whose values are `loading`."""
    phase = np.arange(3)
    picks = (quantity == _NEUTRAL)[:, None] | (phase == (quantity % _POWER)[:, None])
    phasor = (frame.flows(kind, places) * picks).sum(axis=1)
    size = np.abs(phasor)
    flowing = size > 0
    scale = np.where(flowing, loading / np.where(flowing, size, 1.0) ** 2, 0.0) * np.conj(phasor)
    through = np.einsum("kp,kpec->kec", picks, frame.flow_derivative(kind, places))
    return np.asarray((scale[:, None, None] * through).real)
