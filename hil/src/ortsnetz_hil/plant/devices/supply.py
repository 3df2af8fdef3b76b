"""What devices see of the grid at their terminals, and contactors that live from it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.parameters.station import NOMINAL_PHASE_V

DROP_OUT_PU = 0.5
"""Contactors let go between 75 % and 20 % of their voltage (IEC 60947-4-1, 8.2.1.2); assumed: 50 %.
"""
PICK_UP_PU = 0.85
"""Contactors close from 85 % of their voltage on (IEC 60947-4-1, 8.2.1.2)."""


def at_terminals(voltage_v: NDArray[np.float64]) -> NDArray[np.float64]:
    """Voltage as a device feels it, V: a terminal without a solution (NaN) has no voltage."""
    volts = np.asarray(voltage_v, np.float64)
    return np.where(np.isnan(volts), 0.0, volts)  # nan_to_num takes ten times as long


def per_unit(voltage_v: NDArray[np.float64]) -> NDArray[np.float64]:
    """Phase-to-neutral voltage at the terminals in per unit; NaN counts as dead."""
    return at_terminals(voltage_v) / NOMINAL_PHASE_V


def on_terminals(total: float, terminals: int) -> NDArray[np.float64]:
    """A total power spread evenly over the connected terminals, shape (3,), unused ones zero."""
    spread = np.zeros(3)
    spread[:terminals] = total / terminals + 0.0  # never -0.0
    return spread


class Contactor:
    """A contactor that is held by the voltage it switches.

    Attributes:
        closed: whether it can hold; closed at the beginning, when the grid had been healthy.
    """

    def __init__(self) -> None:
        self.closed = True

    def watch(self, u_pu: float) -> bool:
        """Look at the coil's voltage, per unit; returns whether the contactor can be closed."""
        self.closed = u_pu >= (DROP_OUT_PU if self.closed else PICK_UP_PU)
        return self.closed
