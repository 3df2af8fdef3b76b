"""Analytic three-phase waves, as whole counts: what the bench's merging unit measures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PHASES = 3


@dataclass(frozen=True, slots=True)
class Change:
    """A stretch of time in which the voltages of some phases are others.

    Attributes:
        begin_s, end_s: in the wave.
        factor: of the voltages.
        phases: numbers 0, 1, 2.
    """

    begin_s: float
    end_s: float
    factor: float
    phases: tuple[int, ...] = (0, 1, 2)


@dataclass(frozen=True, slots=True)
class Wave:
    """Voltages and currents of a feeder; neutral channels are the sums of the phases.

    Attributes:
        voltage_v, current_a: RMS of the fundamental, one a phase.
        lag_rad: angle by which each current lags its voltage.
        frequency_hz: of the fundamental.
        angle_rad: of phase a's voltage at the wave's begin; a cosine of angle 0 peaks there.
        harmonics: order, share of the fundamental and angle; of voltages.
        changes: dips, swells, interruptions.
    """

    voltage_v: tuple[float, float, float] = (230.0, 230.0, 230.0)
    current_a: tuple[float, float, float] = (50.0, 50.0, 50.0)
    lag_rad: tuple[float, float, float] = (0.0, 0.0, 0.0)
    frequency_hz: float = 50.0
    angle_rad: float = 0.0
    harmonics: tuple[tuple[int, float, float], ...] = ()
    changes: tuple[Change, ...] = ()

    def values(self, rate_hz: int, seconds: float) -> NDArray[np.float64]:
        """Samples, shape (8, samples): currents a, b, c, n in A, then voltages in V (9-2LE)."""
        t = np.arange(round(rate_hz * seconds)) / rate_hz
        turning = 2.0 * np.pi * self.frequency_hz * t + self.angle_rad
        voltages, currents = np.zeros((PHASES, len(t))), np.zeros((PHASES, len(t)))
        for phase in range(PHASES):
            angle = turning - 2.0 * np.pi * phase / PHASES
            unit = np.cos(angle)
            for order, share, shift in self.harmonics:
                unit = unit + share * np.cos(order * angle + shift)
            for change in self.changes:
                if phase in change.phases:
                    unit[(t >= change.begin_s) & (t < change.end_s)] *= change.factor
            voltages[phase] = np.sqrt(2.0) * self.voltage_v[phase] * unit
            lag = self.lag_rad[phase]
            currents[phase] = np.sqrt(2.0) * self.current_a[phase] * np.cos(angle - lag)
        rows = (*currents, currents.sum(axis=0), *voltages, voltages.sum(axis=0))
        return np.stack(rows)


def counts(values: NDArray[np.float64], per_ampere: float, per_volt: float) -> NDArray[np.int32]:
    """Whole counts, shape (samples, 8); 9-2LE has 1000 counts an ampere and 100 a volt."""
    scale = np.array([per_ampere] * 4 + [per_volt] * 4)
    found: NDArray[np.int32] = np.rint(values.T * scale).astype(np.int32)
    return found
