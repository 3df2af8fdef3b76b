"""Power of each phase between two places in samples (IEEE 1459-2010, 3.1.2.3 and 3.1.2.6)."""

from __future__ import annotations

import numpy as np

from ortsnetz_grid.functions.power_quality.rms import edge_weights
from ortsnetz_grid.functions.power_quality.samples import Complex, Kind, Real, Samples


def active_power(samples: Samples, start: float, end: float) -> dict[str, float]:
    """Mean of voltage times current, W, by phase; positive where the current's direction says.

    Phases without both are left out, and all of them where a sample is lost.
    """
    first, weights = edge_weights(start, end)
    stretch = slice(first, first + len(weights))
    if first < 0 or stretch.stop > samples.count or samples.lost[stretch].any():
        return {}
    found = {}
    for phase, (voltage, current) in _pairs(samples).items():
        products: Real = samples.values[voltage, stretch] * samples.values[current, stretch]
        found[phase] = float(products @ weights / (end - start))
    return found


def fundamental_reactive_power(samples: Samples, phasors: Complex) -> dict[str, float]:
    """Reactive power of the fundamental, var, by phase; positive where the current lags.

    Args:
        samples: name the rows.
        phasors: RMS, one a row.
    """
    return {
        phase: float(np.imag(phasors[voltage] * np.conj(phasors[current])))
        for phase, (voltage, current) in _pairs(samples).items()
    }


def _pairs(samples: Samples) -> dict[str, tuple[int, int]]:
    """Rows of voltage and current of each phase that has both."""
    rows = {(c.kind, c.phase): k for k, c in enumerate(samples.channels)}
    return {
        phase: (rows[Kind.VOLTAGE, phase], rows[Kind.CURRENT, phase])
        for phase in "abc"
        if (Kind.VOLTAGE, phase) in rows and (Kind.CURRENT, phase) in rows
    }
