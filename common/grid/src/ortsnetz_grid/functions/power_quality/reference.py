"""The angle of the reference: where cycles begin and end.

The reference is the positive sequence of the voltages, of a single voltage this voltage. It goes
through a triangular window two nominal cycles long, which is the P class filter of IEC/IEEE
60255-118-1 (annex D): it has zeros at every harmonic. A dip of one or two phases does not take the
reference away. Where nothing is left of it (below `LEAST_PU`), or samples are lost, the angle runs
on with the nominal frequency plus the last known deviation, and says that it is not valid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import oaconvolve

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.power_quality.declared import Declared
from ortsnetz_grid.functions.power_quality.samples import Complex, Flags, Kind, Real, Samples

LEAST_PU = 0.05
"""Below this the reference is no longer looked at: noise has an angle, too."""
TURN = np.exp(2j * np.pi / 3.0)
RATE_OVER_NOMINAL = 16.0
"""Fewer samples a cycle than this are too few for the filter."""


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """The reference at every sample of a block.

    Attributes:
        angle: rad, rises all the time; the voltage of phase a rises through zero at 2 pi k.
        valid: where the angle was measured, not carried on.
        first, last: samples between which the filter was full; outside nothing is known.
        zero_offset: by how much the zero of each channel's phase is late, rad, within a quarter.
    """

    angle: Real
    valid: Flags
    first: int
    last: int
    zero_offset: Real

    def position(self, angle: NDArray[np.floating[Any]]) -> Real:
        """Where, in samples, the reference has these angles."""
        places = np.arange(len(self.angle), dtype=np.float64)
        return np.asarray(np.interp(angle, self.angle, places), dtype=np.float64)

    def angle_at(self, position: float) -> float:
        """The angle at a place between samples, rad."""
        return float(np.interp(position, np.arange(len(self.angle)), self.angle))


def reach(samples: Samples, declared: Declared) -> int:
    """So many samples on either side the filter looks at."""
    per_cycle = samples.rate_hz / declared.nominal_hz
    if per_cycle < RATE_OVER_NOMINAL:
        raise InputError(
            f"power quality: {samples.rate_hz:g} samples/s are fewer than"
            f" {RATE_OVER_NOMINAL:g} a cycle of {declared.nominal_hz} Hz"
        )
    return int(np.ceil(per_cycle)) - 1


def phasors(samples: Samples, rows: tuple[int, ...], declared: Declared) -> Complex:
    """RMS phasors at every sample, shape (rows, samples).

    They turn with the deviation from the nominal frequency; angle zero is a cosine that peaks at
    the first sample. The first and the last `reach` samples are not full.
    """
    half = reach(samples, declared)
    per_cycle = samples.rate_hz / declared.nominal_hz
    weights = 1.0 - np.abs(np.arange(-half, half + 1)) / per_cycle
    turning = np.exp(-2j * np.pi * np.arange(samples.count) / per_cycle)
    values = np.where(samples.lost, 0.0, samples.values[list(rows)]) * turning
    found = oaconvolve(values, weights[None, :], mode="same", axes=1)
    return np.asarray(np.sqrt(2.0) / weights.sum() * found, dtype=np.complex128)


def positive_sequence(phases: Complex) -> Complex:
    """The positive sequence of three phases a, b, c, or the one phase there is."""
    if len(phases) < 3:
        single: Complex = phases[0]
        return single
    result: Complex = (phases[0] + TURN * phases[1] + TURN**2 * phases[2]) / 3.0
    return result


def reference_of(samples: Samples, declared: Declared) -> Reference:
    """The reference of a block.

    Raises:
        InputError: there is no voltage, or too few samples a cycle.
    """
    rows = samples.rows(Kind.VOLTAGE)
    if not rows:
        raise InputError("power quality: there is no voltage among the channels")
    half = reach(samples, declared)
    phasor = positive_sequence(phasors(samples, rows, declared))
    touched = np.convolve(samples.lost, np.ones(2 * half + 1), mode="same") > 0.5
    valid = (np.abs(phasor) >= LEAST_PU * declared.voltage_v) & ~touched
    valid[:half] = False
    valid[max(samples.count - half, 0) :] = False
    nominal = 2.0 * np.pi * declared.nominal_hz / samples.rate_hz
    angle = np.arange(samples.count) * nominal + np.pi / 2.0 + _deviation(phasor, valid)
    return Reference(
        np.maximum.accumulate(angle),
        valid,
        half,
        samples.count - half - 1,
        _zero_offsets(samples),
    )


def _deviation(phasor: Complex, valid: Flags) -> Real:
    """Angle of the phasor; where it is not valid carried on from what is."""
    known = np.flatnonzero(valid)
    if len(known) < 2:
        return np.zeros(len(phasor))
    angles = np.unwrap(np.angle(phasor[known]))
    everywhere = np.arange(len(phasor), dtype=np.float64)
    found: Real = np.interp(everywhere, known, angles)
    stretch = min(len(known) - 1, len(known) // 4 + 1)
    after, before = everywhere > known[-1], everywhere < known[0]
    slope = (angles[-1] - angles[-1 - stretch]) / (known[-1] - known[-1 - stretch])
    found[after] += slope * (everywhere[after] - known[-1])
    slope = (angles[stretch] - angles[0]) / (known[stretch] - known[0])
    found[before] += slope * (everywhere[before] - known[0])
    return found


def _zero_offsets(samples: Samples) -> Real:
    """Phase b is 120 degrees late: its nearest zero is a falling one, 60 degrees early."""
    of_phase = {"b": -np.pi / 3.0, "c": np.pi / 3.0}
    if len(samples.rows(Kind.VOLTAGE)) < 3:
        return np.zeros(len(samples.channels))
    return np.array([of_phase.get(channel.phase, 0.0) for channel in samples.channels])
