"""What no measurement sees, by name."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ortsnetz_grid.functions.state_estimation.jacobian import Frame
from ortsnetz_grid.functions.state_estimation.least_squares import Fit
from ortsnetz_grid.functions.state_estimation.places import Places
from ortsnetz_grid.functions.state_estimation.quantities import Quantities

_NAMED = 5  # nodes that a sentence names


def unseen_nodes(frame: Frame, fit: Fit, most: float) -> NDArray[np.intp]:
    """Rows of the nodes whose voltage may move by more than `most`, per unit; the worst first."""
    moved = fit.variances(sparse.eye_array(2 * frame.size, format="csr"))
    worst = moved.reshape(2, -1, 3).max(axis=(0, 2))
    order = np.argsort(-worst, kind="stable")
    return np.asarray(np.flatnonzero(frame.model.energised)[order][worst[order] > most**2])


def unmeasured_nodes(places: Places, quantities: Quantities) -> NDArray[np.intp]:
    """Rows of the nodes whose injection is not measured, without those of sources."""
    known = np.asarray(np.isfinite(quantities.injection.variance).all(axis=(1, 2)))
    known[places.admittance.sources] = True
    return np.flatnonzero(places.admittance.energised & ~known)


def named(places: Places, rows: NDArray[np.intp]) -> str:
    """Nodes for a sentence."""
    ids = places.admittance.node_ids[rows].tolist()
    words = ", ".join(places.network.label(element) for element in ids[:_NAMED])
    return words if len(ids) <= _NAMED else f"{words} and {len(ids) - _NAMED} more"
