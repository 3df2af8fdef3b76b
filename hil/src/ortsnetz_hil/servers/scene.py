"""What all device servers look at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ortsnetz_hil.plant.core import Step
from ortsnetz_hil.plant.power_flow import GridState


@dataclass(slots=True)
class Scene:
    """The last step and when it was.

    Attributes:
        step: None until the plant has made its first step.
        time_ns: wall instant of the step, UTC: the devices' own clock.
    """

    step: Step | None = None
    time_ns: int = 0

    def truth(self) -> Step:
        """The last step; servers start only after the first."""
        if self.step is None:
            raise RuntimeError("a device was read before the plant's first step")
        return self.step


def seen(state: GridState) -> NDArray[np.float64]:
    """Voltage magnitudes as equipment sees them at its phases a, b and c, V, shape (nodes, 3).

    Behind swapped cores they are others than the network's. A node without supply has 0 V.
    """
    return np.nan_to_num(np.abs(state.local_u_v), nan=0.0)
