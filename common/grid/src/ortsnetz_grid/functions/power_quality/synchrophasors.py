"""Synchrophasors, frequency and its rate of change by IEC/IEEE 60255-118-1, annex D.

Class P uses the two-cycle triangular filter with its correction of the magnitude, class M a
sinc filter under a Hamming window whose length depends on the reporting rate. Reports are at whole
multiples of the reporting period of the UTC second. A report that would rest on a lost sample is
not made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy.signal import oaconvolve

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.time import NS_PER_S
from ortsnetz_grid.functions.power_quality.declared import Declared
from ortsnetz_grid.functions.power_quality.reference import positive_sequence
from ortsnetz_grid.functions.power_quality.samples import Complex, Kind, Real, Samples


class PmuClass(StrEnum):
    """Protection (fast) or measurement (narrow)."""

    P = "P"
    M = "M"


M_FILTERS: Mapping[tuple[int, int], tuple[float, int]] = {
    # (nominal Hz, reports a second): reference frequency Hz, order at 16 samples a cycle
    (50, 10): (1.779, 806), (50, 25): (4.355, 338), (50, 50): (7.75, 142), (50, 100): (14.1, 66),
    (60, 10): (1.78, 968), (60, 15): (2.64, 662), (60, 20): (3.5, 502), (60, 30): (5.02, 306),
    (60, 60): (8.19, 164), (60, 120): (16.25, 70),
}  # fmt: skip
STEP_OF_CYCLE = 16
"""Angles are compared this part of a cycle apart, as at the reference sampling rate."""
P_CORRECTION = 1.625


@dataclass(frozen=True, slots=True, eq=False)
class Synchrophasor:
    """One report.

    Attributes:
        time_ns: its instant, UTC.
        phasors: RMS, one a channel; a cosine that peaks at the UTC second has angle 0.
        positive: positive sequence of the voltages.
        frequency_hz: of the positive sequence.
        rocof_hz_s: rate of change of it.
        synchronised: whether the source's clock was, over all of its filter.
    """

    time_ns: int
    phasors: Complex
    positive: complex
    frequency_hz: float
    rocof_hz_s: float
    synchronised: bool = True


@dataclass(frozen=True, slots=True)
class Reporting:
    """Class and reports a second."""

    pmu_class: PmuClass = PmuClass.P
    per_second: int = 50


def synchrophasors(
    samples: Samples, declared: Declared, reporting: Reporting
) -> tuple[Synchrophasor, ...]:
    """Reports of all instants whose filter lies whole in the block.

    Blocks that follow each other have to overlap by `overlap_s`.

    Raises:
        InputError: there is no voltage, or no filter of class M for this reporting rate.
    """
    rows = samples.rows(Kind.VOLTAGE)
    if not rows:
        raise InputError("synchrophasors: there is no voltage among the channels")
    nominal, rate = declared.nominal_hz, samples.rate_hz
    weights = _filter(rate, nominal, reporting)
    half = len(weights) // 2
    step = max(round(rate / nominal / STEP_OF_CYCLE), 1)
    margin = half + step
    places = _places(samples, reporting.per_second, margin)
    if not len(places):
        return ()
    # turned to the UTC second; the nominal frequency is whole, so every second begins alike
    seconds = samples.start_ns % NS_PER_S / NS_PER_S + np.arange(samples.count) / rate
    turned = np.where(samples.lost, 0.0, samples.values) * np.exp(-2j * np.pi * nominal * seconds)
    filtered = oaconvolve(turned, weights[None, :], mode="same", axes=1) * np.sqrt(2.0)
    positive = positive_sequence(filtered[list(rows)])
    lost = np.concatenate(([0], np.cumsum(samples.lost)))
    found = []
    for place in places:
        first, last = int(place) - margin, int(place) + margin + 2
        if lost[last] > lost[first]:
            continue
        around = np.array([_between(positive[None, :], place + k * step)[0] for k in (-1, 0, 1)])
        if not (np.abs(around) > 0.0).all():
            continue
        before, middle, after = np.unwrap(np.angle(around))
        spacing = step / rate
        deviation = (after - before) / (4.0 * np.pi * spacing)
        rocof = (after - 2.0 * middle + before) / (2.0 * np.pi * spacing**2)
        gain = _correction(deviation, nominal, reporting.pmu_class)
        found.append(
            Synchrophasor(
                samples.instant_ns(float(place)),
                gain * _between(filtered, place),
                complex(gain * around[1]),
                nominal + float(deviation),
                float(rocof),
                not bool(samples.unsynchronised[max(first, 0) : last].any()),
            )
        )
    return tuple(found)


def overlap_s(rate_hz: float, declared: Declared, reporting: Reporting) -> float:
    """So many seconds of the block before a block has to begin with."""
    half = len(_filter(rate_hz, declared.nominal_hz, reporting)) // 2
    return (2.0 * half + 4.0) / rate_hz + 2.0 / (STEP_OF_CYCLE * declared.nominal_hz)


def _filter(rate_hz: float, nominal: int, reporting: Reporting) -> Real:
    """Weights of the low pass, their sum one."""
    if reporting.pmu_class is PmuClass.P:
        cycle = rate_hz / nominal
        half = int(np.ceil(cycle)) - 1
        weights = 1.0 - np.abs(np.arange(-half, half + 1)) / cycle
    else:
        key = (nominal, reporting.per_second)
        if key not in M_FILTERS:
            raise InputError(
                f"synchrophasors: class M has no filter for {key[1]} reports/s at {nominal} Hz;"
                f" there are {sorted(rate for hz, rate in M_FILTERS if hz == nominal)}"
            )
        reference_hz, order = M_FILTERS[key]
        length_s = order / (STEP_OF_CYCLE * nominal)
        half = int(length_s / 2.0 * rate_hz)
        t = np.arange(-half, half + 1) / rate_hz
        hamming = 0.54 + 0.46 * np.cos(2.0 * np.pi * t / length_s)
        weights = np.sinc(4.0 * reference_hz * t) * hamming
    result: Real = weights / weights.sum()
    return result


def _places(samples: Samples, per_second: int, margin: int) -> Real:
    """Instants of reports, in samples."""
    first_ns, last_ns = samples.instant_ns(margin), samples.instant_ns(samples.count - margin - 2)
    first = -(-first_ns * per_second // NS_PER_S)
    last = last_ns * per_second // NS_PER_S
    offsets = [
        k * NS_PER_S // per_second - samples.start_ns for k in range(int(first), int(last) + 1)
    ]
    return np.array(offsets, dtype=np.float64) * samples.rate_hz / NS_PER_S


def _between(rows: Complex, place: float) -> Complex:
    """Values at a place between samples; they turn slowly, so a line will do."""
    first = int(np.floor(place))
    rest = place - first
    result: Complex = (1.0 - rest) * rows[:, first] + rest * rows[:, first + 1]
    return result


def _correction(deviation: float, nominal: int, pmu_class: PmuClass) -> float:
    """Of the magnitude, of class P (formula D.7)."""
    if pmu_class is PmuClass.M:
        return 1.0
    return float(1.0 / np.sin(np.pi * (nominal + P_CORRECTION * deviation) / (2.0 * nominal)))
