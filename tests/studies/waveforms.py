"""Waveforms with known answers, for tests of power quality: written from formulas, not measured."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.functions.power_quality.declared import Declared
from ortsnetz_grid.functions.power_quality.meter import Measured, MeterState, advance
from ortsnetz_grid.functions.power_quality.samples import Channel, Kind, Samples

Real = NDArray[np.float64]
MIDNIGHT_NS = 1_794_787_200 * 10**9
"""2026-11-16 00:00 UTC, a Monday."""
LATE = {"a": 0.0, "b": -2.0 * np.pi / 3.0, "c": 2.0 * np.pi / 3.0}
VOLTAGES = tuple(Channel(f"u_{p}", Kind.VOLTAGE, p) for p in "abc")
CASES = Path(__file__).resolve().parents[1] / "cases" / "power_quality"


def published(name: str) -> dict[str, Any]:
    """A table of a standard, with its source in it."""
    found: dict[str, Any] = json.loads((CASES / f"{name}.json").read_text(encoding="utf-8"))
    return found


def instants(rate_hz: float, duration_s: float) -> Real:
    """Seconds since the start."""
    return np.arange(round(rate_hz * duration_s)) / rate_hz


def three_phases(
    t: Real,
    frequency_hz: float = 50.0,
    voltage_v: tuple[float, float, float] = (230.0, 230.0, 230.0),
    parts: list[tuple[float, float, float]] | None = None,
    envelope: Callable[[Real], Real] | None = None,
) -> Real:
    """Voltages a, b, c: fundamentals by RMS, and parts (order, RMS in V, angle in rad) in each.

    A part is in step with the fundamental of its phase, as a rectifier's would be. The envelope
    multiplies everything; it gives one row for all phases or one a phase.
    """
    rows = []
    for phase, rms in zip("abc", voltage_v, strict=True):
        angle = 2.0 * np.pi * frequency_hz * t + LATE[phase]
        row = rms * np.sin(angle)
        for order, size, shift in parts or ():
            row = row + size * np.sin(order * angle + shift)
        rows.append(np.sqrt(2.0) * row)
    values: Real = np.stack(rows)
    return values if envelope is None else values * envelope(t)


def blocks(samples: Samples, length: int) -> Iterator[Samples]:
    """The samples as they come, piece by piece."""
    for first in range(0, samples.count, length):
        end = first + length
        yield Samples(
            samples.instant_ns(first),
            samples.rate_hz,
            samples.channels,
            samples.values[:, first:end],
            samples.lost[first:end],
            samples.unsynchronised[first:end],
        )


def measured(
    samples: Samples, declared: Declared | None = None, length: int = 2000
) -> tuple[MeterState, Measured]:
    """Everything the meter finds, block by block."""
    declared = declared or Declared()
    state, found = MeterState(), []
    for block in blocks(samples, length):
        state, one = advance(state, block, declared)
        found.append(one)
    return state, Measured(
        tuple(w for one in found for w in one.windows),
        None,
        tuple(f for one in found for f in one.frequencies),
        tuple(e for one in found for e in one.events),
    )


def of_voltages(values: Real, rate_hz: float, start_ns: int = MIDNIGHT_NS) -> Samples:
    """Samples of three voltages without loss."""
    return Samples.whole(start_ns, rate_hz, VOLTAGES, values)
