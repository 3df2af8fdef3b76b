"""Loadings of an estimated state and their standard deviations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ortsnetz_grid.functions.state_estimation.jacobian import Frame
from ortsnetz_grid.functions.state_estimation.least_squares import Fit
from ortsnetz_grid.functions.state_estimation.places import Kind
from ortsnetz_grid.network.loading import RatedBranches

Real = NDArray[np.float64]

_NEUTRAL, _POWER = 3, 4
"""Quantities of `RatedBranches.terms`: phase currents below, apparent powers from `_POWER` on."""


def loadings(
    rated: RatedBranches, flows: Mapping[str, Mapping[str, NDArray[Any]]], frame: Frame, fit: Fit
) -> tuple[Real, Real]:
    """Loadings (b,) and their standard deviations (b,).

    Args:
        rated: the branches that have a rating.
        flows: voltages and flows at the state, as `RatedBranches.ratios` takes them.
        frame: the state.
        fit: the least-squares problem there.

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
    place = {element: row for row, element in enumerate(frame.model.branch_ids.tolist())}
    variance = np.zeros(len(rated.ids))
    groups: dict[Kind, list[int]] = {}
    for branch, term in enumerate(winner.tolist()):
        power = terms[term].quantity >= _POWER
        kind = Kind.BRANCH_FROM if power else Kind.CURRENT_FROM
        if terms[term].side == "to":
            kind = Kind(kind + 1)
        groups.setdefault(kind, []).append(branch)
    for kind, branches in groups.items():
        places = np.array([place[int(rated.ids[branch])] for branch in branches], dtype=np.intp)
        quantities = [terms[winner[branch]].quantity for branch in branches]
        rows = _magnitude_rows(frame, kind, places, quantities, loading[branches])
        variance[branches] = fit.variances(rows)
    return loading, np.sqrt(variance)


def _magnitude_rows(
    frame: Frame, kind: Kind, places: NDArray[np.intp], quantities: list[int], loading: Real
) -> sparse.csr_array:
    """Derivatives (k, s) of ratios |phasor| / rating, whose values are `loading`."""
    picks = np.zeros((len(places), 3))
    for row, quantity in enumerate(quantities):
        picks[row] = 1.0 if quantity == _NEUTRAL else np.arange(3) == quantity % _POWER
    phasor = (frame.flows(kind, places) * picks).sum(axis=1)
    chosen = sparse.coo_array(
        (picks.ravel(), (np.repeat(np.arange(len(places)), 3), np.arange(picks.size))),
        shape=(len(places), picks.size),
    ).tocsr()
    size = np.abs(phasor)
    flowing = size > 0
    scale = np.where(flowing, loading / np.where(flowing, size, 1.0) ** 2, 0.0) * np.conj(phasor)
    return (sparse.diags_array(scale) @ (chosen @ frame.flow_rows(kind, places))).real.tocsr()
