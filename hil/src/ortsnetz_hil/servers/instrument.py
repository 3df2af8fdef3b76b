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

    What an instrument does not measure is NaN.

    Attributes:
        u: V, phase to neutral.
        p, q: W and var in the instrument's own direction.
        i: A, magnitude.
    """

    u: Terminals
    p: Terminals
    q: Terminals
    i: Terminals


def current(u: Terminals, p: Terminals, q: Terminals) -> Terminals:
    """Magnitude of the current that belongs to voltage and power; no voltage, no current."""
    return np.hypot(p, q) / np.where(u > 0.0, u, np.inf)


class Instrument:
    """One meter's noise and wiring.

    The noise of a step follows from seed, name and instant of the step alone: neither a reader nor
    its absence changes what anybody reads later.
    """

    def __init__(self, name: str, phases: str, accuracy: MeterClass, seed: int) -> None:
        self._rows = [PHASE_LETTERS.index(letter) for letter in phases]
        self._accuracy = accuracy
        self._name = name
        self._seed = seed
        self._shown: tuple[float, Measured] | None = None

    @property
    def terminals(self) -> int:
        """Number of connected terminals."""
        return len(self._rows)

    def phases(self, values: NDArray[np.float64]) -> Terminals:
        """Network phases a, b, c seen at the terminals 1, 2, 3."""
        return values[self._rows]

    def show(self, now_s: float, u: Terminals, p: Terminals, q: Terminals) -> Measured:
        """The step's measurement: taken when first asked for, the same for every later reader.

        Args:
            now_s: instant of the step, plant seconds.
            u: true voltage at the terminals, V.
            p: true active power, W.
            q: true reactive power, var.
        """
        if self._shown is None or self._shown[0] != now_s:
            self._shown = (now_s, self._measure(now_s, u, p, q))
        return self._shown[1]

    def _measure(self, now_s: float, u: Terminals, p: Terminals, q: Terminals) -> Measured:
        noise = stream(self._seed, f"noise of {self._name} at {now_s:.3f} s")
        draw = noise.standard_normal((3, u.size))
        shown_u = u * (1.0 + self._accuracy.u * draw[0])
        shown_p = p * (1.0 + self._accuracy.power * draw[1])
        shown_q = q * (1.0 + self._accuracy.power * draw[2])
        return Measured(shown_u, shown_p, shown_q, current(shown_u, shown_p, shown_q))
