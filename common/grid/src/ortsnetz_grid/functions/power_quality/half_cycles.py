"""RMS voltages over one cycle, refreshed every half, each from the zero of its own phase."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.functions.power_quality.events import HalfCycles
from ortsnetz_grid.functions.power_quality.reference import Reference
from ortsnetz_grid.functions.power_quality.rms import rms_between, running_squares
from ortsnetz_grid.functions.power_quality.samples import Flags, Kind, Real, Samples


def half_cycles(samples: Samples, reference: Reference, ends: NDArray[np.intp]) -> HalfCycles:
    """Values of the cycles that end at these half turns of the reference (IEC 61000-4-30, 3.30)."""
    rows = samples.rows(Kind.VOLTAGE)
    offsets = reference.zero_offset[list(rows)]
    begins_at = reference.position((ends[:, None] - 2) * np.pi + offsets)
    ends_at = reference.position(ends[:, None] * np.pi + offsets)
    voltages = np.stack(
        [
            rms_between(running_squares(samples.values[row]), begins_at[:, k], ends_at[:, k])
            for k, row in enumerate(rows)
        ],
        axis=1,
    )
    voltages[_any_lost(samples, begins_at, ends_at)] = np.nan
    times = tuple(tuple(samples.instant_ns(float(p)) for p in row) for row in begins_at)
    phases = "".join(samples.channels[row].phase for row in rows)
    return HalfCycles(times, voltages, phases)


def _any_lost(samples: Samples, start: Real, end: Real) -> Flags:
    """Whether a sample between these places is lost."""
    edges = np.concatenate(([0], np.cumsum(samples.lost)))
    first = np.clip(np.floor(start + 0.5).astype(np.intp), 0, samples.count)
    last = np.clip(np.ceil(end - 0.5).astype(np.intp) + 1, 0, samples.count)
    result: Flags = edges[last] > edges[first]
    return result


def measured_before(reference: Reference, place: float, samples: Samples) -> bool:
    """Whether the reference was measured over about the cycle before this place."""
    cycle = _cycle_before(place, samples)
    first = max(cycle.start, reference.first)
    return bool(reference.valid[first : cycle.stop].all())


def synchronised_before(place: float, samples: Samples) -> bool:
    """Whether the source's clock was synchronised over about the cycle before this place."""
    return not bool(samples.unsynchronised[_cycle_before(place, samples)].any())


def _cycle_before(place: float, samples: Samples) -> slice:
    end = int(np.ceil(place)) + 1
    return slice(max(end - round(samples.rate_hz / 45.0), 0), end)
