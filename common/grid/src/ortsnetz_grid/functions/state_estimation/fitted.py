"""The most probable state of a network, whichever way it was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.functions.state_estimation.jacobian import Frame
from ortsnetz_grid.functions.state_estimation.residuals import Residuals

Real = NDArray[np.float64]


class Covariance(Protocol):
    """How sure an estimated state is."""

    def magnitudes(self) -> Real:
        """Variances (n, 3) of the voltage magnitudes, per unit; 0 where not energised."""

    def flow_variances(self, branches: NDArray[np.intp], derivative: Real) -> Real:
        """Variances (k,) of quantities of branches.

        Args:
            branches: (k,) rows of the branches.
            derivative: (k, 2, 6) by the radial and tangential parts of the voltages at both ends.
        """


@dataclass(frozen=True, slots=True)
class Fitted:
    """A state that least squares settled at.

    Attributes:
        frame: at the most probable voltages.
        residuals: of the measured quantities there.
        covariance: of the state.
        objective: sum of the squared deviations of the quantities, in standard deviations.
    """

    frame: Frame
    residuals: Residuals
    covariance: Covariance
    objective: float
