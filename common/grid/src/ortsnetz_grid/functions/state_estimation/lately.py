"""What a meter says by network phase: now, and where it is silent, what it said lately."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.measurement.reading import PhaseValues, Reading
from ortsnetz_common.parameters.station import Device, Meter
from ortsnetz_grid.functions.state_estimation.beliefs import network_phases, terminals
from ortsnetz_grid.functions.state_estimation.pseudo.ageing import (
    LastKnown,
    flow_growth_va,
    voltage_growth_v,
)

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]


@dataclass(frozen=True, slots=True)
class PhaseVoltages:
    """What a meter says about a voltage.

    Attributes:
        volts: (3,) phase to neutral, V; NaN where nobody knows.
        sigma: standard deviation of a phase, V: a sensor has one, that of its oldest phase.
        common_sigma: the part that all old voltages share, beside `sigma`, V; 0 for what is said
            now.
        age_s: of the oldest phase; None where all is said now.
    """

    volts: Real
    sigma: float
    common_sigma: float = 0.0
    age_s: float | None = None


def voltage(
    owner: Meter | Device, phases: str, nominal: float, said: PhaseValues, last: LastKnown | None
) -> PhaseVoltages:
    """Voltage now, and of phases that are silent, lately.

    Args:
        owner: whose it is.
        phases: network phases at its terminals.
        nominal: phase to neutral, V.
        said: now, by terminal.
        last: before; too old is the same as nothing.
    """
    at = terminals(phases, f"'{owner.name}'")
    now = PhaseVoltages(_usable_volts(network_phases(said, at)), owner.u_sigma * nominal)
    growth = voltage_growth_v(last.age_s, nominal) if last is not None else None
    if last is None or growth is None:
        return now
    before = _usable_volts(network_phases(last.reading.voltage_v, at))
    silent = np.isnan(now.volts)
    if not (silent & ~np.isnan(before)).any():
        return now
    own, common = growth
    sigma = float(np.hypot(now.sigma, own))
    return PhaseVoltages(np.where(silent, before, now.volts), sigma, common, last.age_s)


def flow(
    meter: Meter, said: Reading, last: LastKnown | None
) -> tuple[Complex, Real, float | None] | None:
    """Flow (3,), its deviation (3,) and the age of the oldest part; None where a phase is unknown.

    A phase without active or without reactive power is taken as it was before, both of them.
    """
    at = terminals(meter.phases, f"meter '{meter.name}'")
    power = _complex_power(said, at)
    sigma = np.full(3, meter.p_sigma)
    missing = np.isnan(power)
    age_s = None
    if missing.any() and last is not None:
        before = _complex_power(last.reading, at)
        growth = flow_growth_va(last.age_s, np.abs(before))
        if growth is not None:
            power = np.where(missing, before, power)
            sigma = np.where(missing, np.hypot(sigma, growth), sigma)
            age_s = last.age_s
    return None if np.isnan(power).any() else (power, sigma, age_s)


def _complex_power(said: Reading, at: list[int]) -> Complex:
    """(3,) by network phase; NaN where anything is missing."""
    return network_phases(said.active_w, at) + 1j * network_phases(said.reactive_var, at)


def _usable_volts(volts: Real) -> Real:
    """A voltage of nothing is no voltage of a network that is estimated."""
    return np.where(np.isfinite(volts) & (volts > 0), volts, np.nan)


def aged_words(words: str, age_s: float | None) -> str:
    """What a sensor is, and how old, for people."""
    return words if age_s is None else f"{words}, {age_s:.0f} s old"
