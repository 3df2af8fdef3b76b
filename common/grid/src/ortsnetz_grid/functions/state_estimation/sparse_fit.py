"""Least squares without the compiled kernel: the same problem in measurement space, slowly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ortsnetz_grid.functions.state_estimation.fitted import Fitted
from ortsnetz_grid.functions.state_estimation.jacobian import Frame
from ortsnetz_grid.functions.state_estimation.linearisation import Linearisation, linearise
from ortsnetz_grid.functions.state_estimation.quantities import Quantities

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

SHORT_PU = 1e-6
MOST_STEPS = 60


@dataclass(frozen=True, slots=True)
class SparseCovariance:
    """Covariances from the factorised least-squares problem (`least_squares.Fit`)."""

    linearisation: Linearisation

    def magnitudes(self) -> Real:
        """See `fitted.Covariance`."""
        frame = self.linearisation.frame
        radial = sparse.eye_array(frame.size, 2 * frame.size, format="csr")
        found = np.zeros(frame.voltage.shape)
        found[frame.model.energised] = self.linearisation.fit.variances(radial).reshape(-1, 3)
        return found

    def flow_variances(self, branches: NDArray[np.intp], derivative: Real) -> Real:
        """See `fitted.Covariance`."""
        frame = self.linearisation.frame
        columns = frame.column[frame.model.ends[branches]]
        wide = np.concatenate([columns, columns + frame.size], axis=2)
        row = np.broadcast_to(np.arange(len(branches))[:, None, None], wide.shape)
        # a dead end has no column, and its derivative is 0
        entries = (derivative.ravel(), (row.ravel(), np.maximum(wide, 0).ravel()))
        shape = (len(branches), 2 * frame.size)
        return self.linearisation.fit.variances(sparse.coo_array(entries, shape=shape).tocsr())


def stepped(
    frame: Frame, quantities: Quantities, references: NDArray[np.intp], angle_sigma: float
) -> tuple[Linearisation, bool]:
    """Least squares step by step from a frame.

    Returns:
        The problem close to its solution, and whether the steps became short.
    """
    found = linearise(frame, quantities, references, angle_sigma)
    for _ in range(MOST_STEPS):
        longest = float(np.abs(found.fit.step).max(initial=0.0))
        if longest <= SHORT_PU:
            return found, True
        if not np.isfinite(longest):
            break
        frame = Frame.at(frame.model, found.frame.moved(found.fit.step), frame.matrix)
        found = linearise(frame, quantities, references, angle_sigma)
    return found, False


def fitted(found: Linearisation) -> Fitted:
    """The state at a solved problem."""
    frame = found.frame
    moved = Frame.at(frame.model, frame.moved(found.fit.step), frame.matrix)
    return Fitted(moved, found.residuals, SparseCovariance(found), found.fit.objective)
