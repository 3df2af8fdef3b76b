"""Harmonics and interharmonics of a window by the groups of IEC 61000-4-7.

The window is 10 cycles at 50 Hz (12 at 60 Hz) of the measured frequency; its lines are 5 Hz apart.
They are computed at the measured frequency by a chirp transform: the samples need not be in step
with the grid. Edge samples count in part (`rms.edge_weights`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import czt

from ortsnetz_grid.functions.power_quality.rms import edge_weights
from ortsnetz_grid.functions.power_quality.samples import Complex, Real

HIGHEST_ORDER = 50
TO_NYQUIST = 0.85
"""Share of half the sampling rate, at nominal frequency, up to which there are orders: then the
highest is below half the rate at 57.5 Hz, too, and every window has the same number of them."""


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """RMS lines of a window.

    Attributes:
        lines: complex RMS, shape (channels, lines); line k is k times the
            fundamental over `cycles`. The angle is that of a cosine at the start of the window.
            Line 0 is the mean value.
        cycles: of the window, 10 or 12.
        orders: highest order that is in the lines with its groups.
    """

    lines: Complex
    cycles: int
    orders: int

    @property
    def fundamental(self) -> Complex:
        """RMS phasors of the fundamental, shape (channels,)."""
        result: Complex = self.lines[:, self.cycles]
        return result


def highest_order(rate_hz: float, nominal_hz: float) -> int:
    """The highest order that a sampling rate carries, at most 50."""
    return min(HIGHEST_ORDER, int(TO_NYQUIST * rate_hz / 2.0 / nominal_hz))


def spectrum(
    values: Real, start: float, end: float, cycles: int, orders: int = HIGHEST_ORDER
) -> Spectrum:
    """Lines of the window between two places in samples.

    Args:
        values: shape (channels, samples).
        start: of the window, in samples.
        end: of it; between them lie `cycles` of the fundamental.
        cycles: 10 or 12.
        orders: highest order; see `highest_order`.
    """
    first, weights = edge_weights(start, end)
    part = values[:, first : first + len(weights)]
    length = end - start
    # the fundamental is taken out first: what a window between samples spreads is a share of what
    # is in it, and without the fundamental that is little (at 4,000 samples/s 0.2 % of it else)
    turning = np.exp(2j * np.pi * cycles * (np.arange(len(weights)) + first - start) / length)
    fundamental = np.sqrt(2.0) / length * ((part * weights) @ turning.conj())
    rest = (part - np.sqrt(2.0) * (fundamental[:, None] * turning).real) * weights
    count = cycles * orders + cycles // 2 + 1
    lines = czt(rest, m=count, w=np.exp(-2j * np.pi / length), axis=1)
    late = np.exp(2j * np.pi * np.arange(count) * (start - first) / length)
    scaled = np.sqrt(2.0) / length * lines * late
    scaled[:, 0] /= np.sqrt(2.0)
    scaled[:, cycles] += fundamental
    return Spectrum(np.asarray(scaled, dtype=np.complex128), cycles, orders)


def harmonic_subgroups(found: Spectrum) -> Real:
    """RMS of the harmonic subgroups of orders 0 to `orders`, shape (channels, orders + 1).

    IEC 61000-4-7, 3.2.4 (G_sg): the line of the order and one to each side. Order 0 is the mean.
    """
    squares = np.abs(found.lines) ** 2
    centre = found.cycles * np.arange(1, found.orders + 1)
    groups = squares[:, centre - 1] + squares[:, centre] + squares[:, centre + 1]
    result: Real = np.sqrt(np.concatenate((squares[:, :1], groups), axis=1))
    return result


def harmonic_groups(found: Spectrum) -> Real:
    """RMS of the harmonic groups of orders 1 to `orders` (IEC 61000-4-7, 3.2.3, G_g)."""
    squares = np.abs(found.lines) ** 2
    half = found.cycles // 2
    centre = found.cycles * np.arange(1, found.orders + 1)
    inner = sum(squares[:, centre + k] for k in range(-half + 1, half))
    edges = 0.5 * (squares[:, centre - half] + squares[:, centre + half])
    result: Real = np.sqrt(inner + edges)
    return result


def interharmonic_subgroups(found: Spectrum) -> Real:
    """RMS of the centred interharmonic subgroups 0 to `orders` - 1 (IEC 61000-4-7, 3.4.4, G_isg).

    Subgroup n lies between the orders n and n + 1; it leaves out the lines next to both.
    """
    squares = np.abs(found.lines) ** 2
    base = found.cycles * np.arange(found.orders)
    result: Real = np.sqrt(sum(squares[:, base + k] for k in range(2, found.cycles - 1)))
    return result


def distortion(subgroups: Real, highest: int = 40) -> Real:
    """THDS of each row: subgroups 2 to `highest` over the fundamental's (IEC 61000-4-7, 3.3.3).

    EN 50160 sums up to order 40. Where there is no fundamental there is no distortion: NaN.
    """
    rest = np.sqrt(np.sum(subgroups[:, 2 : highest + 1] ** 2, axis=1))
    fundamental = subgroups[:, 1]
    none = np.full(len(rest), np.nan)
    result: Real = np.divide(rest, fundamental, out=none, where=fundamental > 0.0)
    return result
