"""Some rows as linear functions of the controls, near a computed point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class LinearModel:
    """Phasors near a point: phasors + slopes (controls - point).

    Complex phasors are nearly linear in the powers, their magnitudes are not: so the phasors are
    linearised and the magnitudes are kept as they are.

    Attributes:
        rows: (w,) numbers of the rows that it covers; the others are far from their bounds.
        point: (c,) controls at which the phasors were computed.
        phasors: (w,) there.
        slopes: (w, c) derivative by each control.
    """

    rows: NDArray[np.intp]
    point: NDArray[np.float64]
    phasors: NDArray[np.complex128]
    slopes: NDArray[np.complex128]

    def at(self, controls: NDArray[np.float64]) -> NDArray[np.complex128]:
        """Predicted phasors (w,) at controls (c,)."""
        return np.asarray(self.phasors + self.slopes @ (controls - self.point))
