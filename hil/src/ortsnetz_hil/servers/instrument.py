"""Instruments: what a meter shows of the truth, with the noise of its class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ortsnetz_hil.plant.configuration import MeterClass
from ortsnetz_hil.plant.core import PHASE_LETTERS
from ortsnetz_hil.plant.random_streams import stream

Terminals = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measured:
    """What an instrument shows at its terminals, shape (terminals,) each.

    Attributes:
        u: V, phase to neutral.
        p, q: W and var in the instrument's own direction.
        i: A, magnitude.
    """

    u: Terminals
    p: Terminals
    q: Terminals
    i: Terminals


class Instrument:
    """One meter's noise and wiring; each instrument has its own stream of the plant's seed."""

    def __init__(self, name: str, phases: str, accuracy: MeterClass, seed: int) -> None:
        self._rows = [PHASE_LETTERS.index(letter) for letter in phases]
        self._accuracy = accuracy
        self._noise = stream(seed, f"noise of {name}")

    @property
    def terminals(self) -> int:
        """Number of connected terminals."""
        return len(self._rows)

    def phases(self, values: NDArray[np.float64]) -> Terminals:
        """Network phases a, b, c seen at the terminals 1, 2, 3."""
        return values[self._rows]

    def show(self, u: Terminals, p: Terminals, q: Terminals) -> Measured:
        """One measurement of true values at the terminals."""
        draw = self._noise.standard_normal((3, u.size))
        shown_u = u * (1.0 + self._accuracy.u * draw[0])
        shown_p = p * (1.0 + self._accuracy.power * draw[1])
        shown_q = q * (1.0 + self._accuracy.power * draw[2])
        alive = np.where(u > 0.0, shown_u, np.inf)  # no voltage, no current
        return Measured(shown_u, shown_p, shown_q, np.hypot(shown_p, shown_q) / alive)
