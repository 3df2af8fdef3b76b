"""One window of 10 cycles (12 at 60 Hz): the basic measuring time of IEC 61000-4-30."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ortsnetz_grid.functions.power_quality.events import EventKind
from ortsnetz_grid.functions.power_quality.harmonics import (
    harmonic_subgroups,
    highest_order,
    interharmonic_subgroups,
    spectrum,
)
from ortsnetz_grid.functions.power_quality.rms import edge_weights
from ortsnetz_grid.functions.power_quality.samples import Complex, Kind, Real, Samples
from ortsnetz_grid.functions.power_quality.unbalance import Unbalance, unbalance_of


@dataclass(frozen=True, slots=True, eq=False)
class Quantities:
    """What a window or an interval has of each channel.

    Attributes:
        rms: V or A, shape (channels,).
        harmonics: subgroups of orders 0 to the highest, V or A, shape (channels, orders + 1).
        interharmonics: centred subgroups, V or A, shape (channels, orders).
        unbalance: of the voltages; None with fewer than three phases or no positive sequence.
    """

    rms: Real
    harmonics: Real
    interharmonics: Real
    unbalance: Unbalance | None


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A window.

    Attributes:
        start_ns, end_ns: of it.
        quantities: None where a sample of it was lost.
        phasors: of the fundamental, RMS, cosine at the start; None as above.
        frequency_hz: of the reference; None where it was not measured all the time.
        flags: events that touched it (IEC 61000-4-30, 4.7).
        synchronised: whether the source's clock was synchronised all the time.
    """

    start_ns: int
    end_ns: int
    quantities: Quantities | None
    phasors: Complex | None
    frequency_hz: float | None
    flags: EventKind
    synchronised: bool


def window_of(
    samples: Samples, start: float, end: float, cycles: int, *, valid: bool, flags: EventKind
) -> Window:
    """The window between two places in samples; `valid` says whether the reference is measured."""
    first, weights = edge_weights(start, end)
    stretch = slice(first, first + len(weights))
    frequency = cycles * samples.rate_hz / (end - start) if valid else None
    quantities, phasors = None, None
    if not samples.lost[stretch].any():
        orders = highest_order(samples.rate_hz, 5.0 * cycles)
        found = spectrum(samples.values, start, end, cycles, orders)
        phasors = found.fundamental
        squares = samples.values[:, stretch] ** 2 @ weights
        rows = samples.rows(Kind.VOLTAGE)
        quantities = Quantities(
            np.sqrt(squares / (end - start)),
            harmonic_subgroups(found),
            interharmonic_subgroups(found),
            unbalance_of(phasors[list(rows)]) if len(rows) == 3 else None,
        )
    return Window(
        samples.instant_ns(start),
        samples.instant_ns(end),
        quantities,
        phasors,
        frequency,
        flags,
        not bool(samples.unsynchronised[stretch].any()),
    )
