"""Flicker by IEC 61000-4-15: Pst of ten minutes, Plt of two hours; lamp of 230 V, 50 Hz.

The blocks are the standard's: adaptation to the slow mean of the voltage, demodulation by squaring,
filters of lamp and eye, squaring and smoothing (Pinst), and statistics over a classifier of
logarithmic classes, whose size does not grow with time. The scale is set so that a sinusoidal
modulation of 0.25 % at 8.8 Hz peaks at Pinst = 1 (table 1a), computed from the filters themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.signal import bilinear_zpk, butter, lfilter, sosfilt, sosfreqz, zpk2sos

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.power_quality.samples import Real

# IEC 61000-4-15, 5.5: filter of a lamp of 230 V, 60 W and the eye, at 50 Hz
GAIN = 1.74802
DAMPING = 2.0 * np.pi * 4.05981
OMEGA = tuple(2.0 * np.pi * f for f in (9.15494, 2.27979, 1.22535, 21.9))
HIGH_PASS_HZ, LOW_PASS_HZ = 0.05, 35.0
SMOOTHING_S = 0.3
ADAPTATION_S = 27.3
"""Of the mean to which the voltage is adapted: a step is 10 % to 90 % through in a minute (5.3)."""
SETTLING_S = 60.0
"""From nothing to the voltage filters need about so long; Pinst before is not counted."""
CLASSES = 1200
LOWEST, HIGHEST = 1e-5, 1e5
LEAST_RATE_HZ = 1600.0
"""The demodulated carrier is at 100 Hz and must not fold into what the eye sees."""


@dataclass(frozen=True, slots=True, eq=False)
class FlickerState:
    """Filters and classifier of a channel.

    Attributes:
        filters: memories of demodulation and weighting; None before the first block.
        mean_square: slow mean of the squared voltage, V2.
        smoothing: memory of the smoothing filter.
        seconds: of samples since the start or the last loss.
        counts: samples of each class.
    """

    filters: Real | None = None
    mean_square: float = 0.0
    smoothing: float = 0.0
    seconds: float = 0.0
    counts: Real | None = None


@lru_cache(maxsize=8)
def _weighting(rate_hz: float) -> tuple[Real, float]:
    """Sections of high pass, low pass and weighting, and the scale of Pinst."""
    w1, w2, w3, w4 = OMEGA
    poles = np.concatenate((np.roots([1.0, 2.0 * DAMPING, w1**2]), [-w3, -w4]))
    gain = GAIN * w1 / w2 * w3 * w4
    lamp = zpk2sos(*bilinear_zpk(np.array([0.0, -w2]), poles, gain, fs=rate_hz))
    sections = np.concatenate(
        (
            butter(1, HIGH_PASS_HZ, "highpass", fs=rate_hz, output="sos"),
            butter(6, LOW_PASS_HZ, "lowpass", fs=rate_hz, output="sos"),
            lamp,
        )
    )
    _, response = sosfreqz(sections, worN=[8.8], fs=rate_hz)
    # a fluctuation of 0.25 % from crest to crest is one of 0.25 % amplitude in the square
    amplitude = 0.0025 * abs(complex(response[0]))
    ripple = 1.0 / np.hypot(1.0, 2.0 * np.pi * 17.6 * SMOOTHING_S)
    return np.asarray(sections), float(2.0 / (amplitude**2 * (1.0 + ripple)))


def advance_flicker(
    state: FlickerState, voltage_v: Real, rate_hz: float
) -> tuple[FlickerState, Real]:
    """Go on with a block of a voltage without loss; give its Pinst.

    Where samples are lost, go on with a new `FlickerState` and the old counts (`after_loss`).

    Raises:
        InputError: the rate is too low.
    """
    if rate_hz < LEAST_RATE_HZ:
        raise InputError(f"flicker: {rate_hz:g} samples/s are fewer than {LEAST_RATE_HZ:g}")
    sections, scale = _weighting(rate_hz)
    squared = np.square(voltage_v)
    filters, mean = state.filters, state.mean_square
    if filters is None:
        cycle = round(rate_hz / 50.0)
        mean = float(np.mean(squared[:cycle])) or 1.0
        filters = np.zeros((len(sections), 2))
        filters[0] = _resting(sections[0])
    share = -np.expm1(-1.0 / (ADAPTATION_S * rate_hz))
    means, last = lfilter([share], [1.0, share - 1.0], squared, zi=[(1.0 - share) * mean])
    adapted = squared / np.maximum(means, 1e-12)
    seen, filters = sosfilt(sections, adapted, zi=filters)
    decay = -np.expm1(-1.0 / (SMOOTHING_S * rate_hz))
    smooth, rest = lfilter([decay], [1.0, decay - 1.0], np.square(seen), zi=[state.smoothing])
    sensation = np.asarray(scale * smooth, dtype=np.float64)
    new = FlickerState(
        filters,
        float(last[0] / (1.0 - share)),
        float(rest[0]),
        state.seconds + len(voltage_v) / rate_hz,
        _counted(state, sensation, rate_hz),
    )
    return new, sensation


def _resting(section: Real) -> Real:
    """Memory of a first-order high pass that has seen one for ever."""
    b0, b1, _, _, a1, _ = section
    gain = (b0 + b1) / (1.0 + a1)
    return np.array([gain - b0, 0.0])


def after_loss(state: FlickerState) -> FlickerState:
    """The state behind a gap: filters anew, what was counted stays."""
    return FlickerState(counts=state.counts)


def next_interval(state: FlickerState) -> FlickerState:
    """The state at the start of the next ten minutes: filters as they are, nothing counted."""
    return FlickerState(state.filters, state.mean_square, state.smoothing, state.seconds)


def _counted(state: FlickerState, sensation: Real, rate_hz: float) -> Real:
    """The classes with these values; what came while filters settle is left out."""
    counts = np.zeros(CLASSES) if state.counts is None else state.counts
    settled = sensation[max(0, round((SETTLING_S - state.seconds) * rate_hz)) :]
    place = np.log(np.maximum(settled, LOWEST) / LOWEST) * CLASSES / np.log(HIGHEST / LOWEST)
    index = np.minimum(place.astype(np.intp), CLASSES - 1)
    result: Real = counts + np.bincount(index, minlength=CLASSES)
    return result


def exceeded(counts: Real, percent: float) -> float:
    """Pinst that was exceeded for this share of the time, interpolated within its class."""
    above = np.concatenate((np.cumsum(counts[::-1])[::-1], [0.0])) / counts.sum() * 100.0
    place = np.interp(-percent, -above, np.arange(CLASSES + 1))
    return float(LOWEST * (HIGHEST / LOWEST) ** (place / CLASSES))


def short_term(state: FlickerState) -> float | None:
    """Pst of what was counted (5.7.2); None if nothing was."""
    counts = state.counts
    if counts is None or not counts.sum() > 0.0:
        return None

    def smoothed(*percents: float) -> float:
        return sum(exceeded(counts, p) for p in percents) / len(percents)

    total = (
        0.0314 * exceeded(counts, 0.1)
        + 0.0525 * smoothed(0.7, 1.0, 1.5)
        + 0.0657 * smoothed(2.2, 3.0, 4.0)
        + 0.28 * smoothed(6.0, 8.0, 10.0, 13.0, 17.0)
        + 0.08 * smoothed(30.0, 50.0, 80.0)
    )
    return float(np.sqrt(total))


def counted_s(state: FlickerState, rate_hz: float) -> float:
    """Seconds that were counted."""
    return 0.0 if state.counts is None else float(state.counts.sum() / rate_hz)


def long_term(short: list[float | None]) -> float | None:
    """Plt of twelve Pst (IEC 61000-4-30, 5.3.2); None if one of them is missing."""
    known = [p for p in short if p is not None]
    if len(short) != 12 or len(known) < len(short):
        return None
    return float(np.cbrt(sum(p**3 for p in known) / 12.0))
