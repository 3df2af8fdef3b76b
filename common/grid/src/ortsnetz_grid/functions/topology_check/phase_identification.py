"""On which phase a meter sits, from its history beside that of a meter with known phases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.topology_check.phase_likelihood import (
    Likelihood,
    by_power,
    by_voltage,
)

Real = NDArray[np.float64]

_PHASES = "abc"


@dataclass(frozen=True, slots=True)
class IdentificationSettings:
    """When a phase counts as identified.

    Attributes:
        confidence: probability that it needs.
        fewest: usable instants below which nothing is said.
        reference_noise: standard deviation of the reference voltages from instant to instant, in
            their unit (a constant offset does not count); None: unknown, which costs history.
    """

    confidence: float = 0.99
    fewest: int = 24
    reference_noise: float | None = None


@dataclass(frozen=True, slots=True)
class PhaseIdentification:
    """The phase of a meter, or the order of the phases of a three-phase meter.

    Attributes:
        phases: network phase at each terminal: `b`, or `bca`; None if undecided.
        probability: of each answer; equal ones where there is too little history.
        used: number of instants behind it.
        missing: number of instants at which a value was missing.
        words: for people.
    """

    phases: str | None
    probability: Mapping[str, float]
    used: int
    missing: int
    words: str


def identify_phase(
    voltage: Real,
    reference: Real,
    power: Real | None = None,
    reference_power: Real | None = None,
    settings: IdentificationSettings | None = None,
) -> PhaseIdentification:
    """Find the phase of a single-phase meter.

    Instants at which anything is missing (NaN) drop out. A constant offset between the meters does
    not matter. The values of an instant must belong to the same time: means of the same interval.

    Args:
        voltage: (t,) at the meter.
        reference: (t, 3) at the busbar or at a three-phase meter nearby, the same unit.
        power: (t,) consumption at the meter; makes the voltage drop on its own cable known.
        reference_power: (t, 3) power, in `power`'s unit, that supplies the meter among others.
        settings: when to decide.

    Raises:
        InputError: the histories differ in length or shape.
    """
    settings = settings or IdentificationSettings()
    _require_shape("voltage", voltage, (len(voltage),))
    _require_shape("reference", reference, (len(voltage), 3))
    own = _history("power", power, (len(voltage),))
    parts = [by_voltage(voltage, reference, own, settings.reference_noise)]
    if power is not None and reference_power is not None:
        _require_shape("reference_power", reference_power, (len(voltage), 3))
        parts.append(by_power(power, reference_power))
    log = np.sum([each.log for each in parts], axis=0)
    return _identified(dict(zip(_PHASES, log, strict=True)), parts, len(voltage), settings)


def identify_order(
    voltage: Real | None = None,
    reference: Real | None = None,
    power: Real | None = None,
    reference_power: Real | None = None,
    settings: IdentificationSettings | None = None,
) -> PhaseIdentification:
    """Find how the terminals of a three-phase meter are connected.

    Args:
        voltage: (t, 3) at the meter's terminals; with `reference`.
        reference: (t, 3) voltages by phase.
        power: (t, 3) consumption at the terminals.
        reference_power: (t, 3) power by phase that supplies the meter among others.
        settings: when to decide.

    Raises:
        InputError: neither voltages nor powers can be compared, or their shapes differ.
    """
    settings = settings or IdentificationSettings()
    by_volt = voltage is not None and reference is not None
    by_watt = power is not None and reference_power is not None
    histories = {
        "voltage": voltage,
        "reference": reference,
        "power": power,
        "reference_power": reference_power,
    }
    given = {name: each for name, each in histories.items() if each is not None}
    if not (by_volt or by_watt):
        raise InputError("the order of phases needs voltages, or powers, of meter and reference")
    length = len(next(iter(given.values())))
    for name, each in given.items():
        _require_shape(name, each, (length, 3))
    parts, log = [], np.zeros((3, 3))
    for terminal in range(3):
        mine = None if power is None else power[:, terminal]
        found = []
        if voltage is not None and reference is not None:
            found.append(
                by_voltage(voltage[:, terminal], reference, mine, settings.reference_noise)
            )
        if mine is not None and reference_power is not None:
            found.append(by_power(mine, reference_power))
        log[terminal] = np.sum([each.log for each in found], axis=0)
        parts += found
    orders = {
        "".join(_PHASES[phase] for phase in order): float(log[[0, 1, 2], list(order)].sum())
        for order in permutations(range(3))
    }
    return _identified(orders, parts, length, settings)


def _identified(
    log: Mapping[str, float],
    parts: list[Likelihood],
    length: int,
    settings: IdentificationSettings,
) -> PhaseIdentification:
    used = min(each.used for each in parts)
    outliers = max(each.outliers for each in parts)
    missing = length - used - outliers
    names, values = list(log), np.array(list(log.values()))
    if used < settings.fewest:
        equal = dict.fromkeys(names, 1 / len(names))
        words = f"too little history: {used} usable instants, {settings.fewest} are needed"
        return PhaseIdentification(None, equal, used, missing, words)
    weight = np.exp(values - values.max())
    probability = dict(zip(names, (weight / weight.sum()).tolist(), strict=True))
    ranked = sorted(names, key=lambda each: -probability[each])
    basis = f"{used} instants, {missing} with missing values"
    basis += f", {outliers} that nothing explains" if outliers else ""
    if probability[ranked[0]] >= settings.confidence:
        words = (
            f"phase {ranked[0]} ({basis})"
            if len(ranked[0]) == 1
            else (f"terminals 1, 2, 3 are on phases {', '.join(ranked[0])} ({basis})")
        )
        return PhaseIdentification(ranked[0], probability, used, missing, words)
    chances = ", ".join(f"{each} {probability[each]:.0%}" for each in ranked[:3])
    words = f"cannot be told: {chances} ({basis})"
    return PhaseIdentification(None, probability, used, missing, words)


def _history(name: str, history: Real | None, shape: tuple[int, ...]) -> Real | None:
    if history is not None:
        _require_shape(name, history, shape)
    return history


def _require_shape(name: str, history: Real, shape: tuple[int, ...]) -> None:
    if history.shape != shape:
        raise InputError(f"{name}: has the shape {history.shape}, {shape} is needed")
