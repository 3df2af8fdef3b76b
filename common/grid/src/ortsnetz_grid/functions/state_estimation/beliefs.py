"""What is believed about the power of a load or generator: measured, or assumed with its doubt.

All powers here are consumption (generation is negative), W and var per network phase.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.reading import PhaseValues
from ortsnetz_common.parameters.station import Device, DeviceKind, Meter, PseudoMeasurement

Real = NDArray[np.float64]

ABSENT_SIGMA_W = 5.0
"""Deviation on a phase that is not connected: nothing flows there, and a variance must not be 0."""
TAN_PHI = 0.2
"""Reactive over active power of those nobody measures (power factor 0.98)."""
TAN_PHI_SIGMA = 0.3
"""Its standard deviation: power factors down to 0.9 inductive and a little capacitive."""
_SMALLEST_SIGMA_W = 10.0


@dataclass(frozen=True, slots=True)
class Belief:
    """Mean and standard deviation of a power, per network phase a, b, c.

    Attributes:
        p_w: (3,) consumption positive.
        q_var: (3,) inductive consumption positive.
        p_sigma_w: (3,).
        q_sigma_var: (3,).
        assumed: whether anything in it is not measured now.
        age_s: how old the last values are that it remembers, s; None if it remembers none.
    """

    p_w: Real
    q_var: Real
    p_sigma_w: Real
    q_sigma_var: Real
    assumed: bool
    age_s: float | None = None


@dataclass(frozen=True, slots=True)
class Reactive:
    """Reactive over active power of consumers that nobody measures, inductive positive.

    Attributes:
        tan_phi: mean.
        sigma: standard deviation.
    """

    tan_phi: float
    sigma: float


ANY_CONSUMER = Reactive(TAN_PHI, TAN_PHI_SIGMA)


def terminals(phases: str, owner: str) -> list[int]:
    """Network phase (0, 1, 2) at each terminal of a meter or device.

    Raises:
        InputError: `phases` is not one to three different letters of abc; names the owner.
    """
    if not phases or len(set(phases)) != len(phases) or not set(phases) <= set("abc"):
        raise InputError(f"{owner}: phases '{phases}' are not letters of abc, each once")
    return ["abc".index(letter) for letter in phases]


def network_phases(values: PhaseValues, at: list[int]) -> Real:
    """Terminal values by network phase (3,); NaN where there is no terminal or no usable value."""
    found = np.full(3, np.nan)
    for value, phase in zip(values, at, strict=False):
        found[phase] = math.nan if value is None else value
    return found


def total_belief(
    mean_w: float, sigma_w: float, share: Real | None, reactive: Reactive = ANY_CONSUMER
) -> Belief:
    """Belief about a total of three phases.

    Args:
        mean_w: expectation of the total.
        sigma_w: its standard deviation.
        share: (3,) how it is shared between the phases, or None where nobody knows. Then it may be
            on any single phase: a third is expected on each, and the variance of a phase is that of
            "all or nothing".
        reactive: of what consumes; what generates has no reactive power on the mean.
    """
    if share is None:
        mean = np.full(3, mean_w / 3)
        sigma = np.full(3, math.sqrt((mean_w**2 + sigma_w**2) / 3 - mean_w**2 / 9))
    else:
        mean = mean_w * share
        # independent phases whose sum has the total's variance
        sigma = sigma_w * np.sqrt(np.abs(share))
    sigma = np.where(np.abs(mean) + sigma > 0, np.maximum(sigma, _SMALLEST_SIGMA_W), ABSENT_SIGMA_W)
    tan_phi = reactive.tan_phi if mean_w >= 0 else 0.0
    return Belief(
        p_w=mean,
        q_var=tan_phi * mean,
        p_sigma_w=sigma,
        q_sigma_var=_q_sigma(mean, sigma, reactive),
        assumed=True,
    )


def pseudo_belief(pseudo: PseudoMeasurement, hour: float, share: Real | None) -> Belief:
    """Belief from the mean powers of the hours, between the middles of two hours.

    Raises:
        InputError: the hour is not in a day, or a value is not a number; names the element.
    """
    if not 0 <= hour <= 24:
        raise InputError(f"hour {hour} is not in a day")
    middles = np.arange(-0.5, 25)
    mean, sigma = (
        float(np.interp(hour, middles, [values[-1], *values, values[0]]))
        for values in (pseudo.hourly_w, pseudo.sigma_w)
    )
    if not (math.isfinite(mean) and math.isfinite(sigma) and sigma >= 0):
        raise InputError(
            f"pseudo-measurement of element {pseudo.element}: hour {hour:g}: no number"
        )
    return total_belief(mean, sigma, share)


def range_belief(first_w: float, last_w: float, share: Real | None) -> Belief:
    """Belief in a power that may be anything between two values (uniform)."""
    return total_belief((first_w + last_w) / 2, abs(last_w - first_w) / math.sqrt(12), share)


def silent_device_belief(device: Device, limit_w: float | None) -> Belief:
    """Belief about a device that does not say what it draws: anything up to its limit."""
    limit = device.rated_w if limit_w is None else min(limit_w, device.rated_w)
    share = device_share(device)
    if device.kind is DeviceKind.STORAGE:
        return range_belief(-limit, limit, share)
    return range_belief(0.0, -limit if device.kind is DeviceKind.PV else limit, share)


def device_share(device: Device) -> Real | None:
    """How a device's power is shared between the phases; None where nobody knows."""
    if device.phases is None:
        return np.full(3, 1 / 3) if device.phase_count == 3 else None
    share = np.zeros(3)
    at = terminals(device.phases, f"device '{device.name}'")
    share[at] = 1 / len(at)
    return share


def measured_belief(
    owner: Meter | Device, active: PhaseValues, reactive: PhaseValues, otherwise: Belief
) -> Belief:
    """Belief from the terminals that say something; the other phases as believed otherwise.

    A reactive power that is missing beside a measured active one is assumed from it. A device whose
    phase nobody knows has its measured total on each phase with a third, all or nothing.
    """
    phases = owner.phases
    if phases is None:
        return _unknown_phase(owner.p_sigma, active, reactive, otherwise)
    at = terminals(phases, f"'{owner.name}'")
    p, q = network_phases(active, at), network_phases(reactive, at)
    absent = np.ones(3, dtype=bool)
    absent[at] = False
    p[absent], q[absent] = 0.0, 0.0
    sigma = np.where(absent, ABSENT_SIGMA_W, owner.p_sigma)
    has_p, has_q = ~np.isnan(p), ~np.isnan(q)
    assumed_q = np.where(has_p, TAN_PHI * np.maximum(p, 0.0), otherwise.q_var)
    assumed_sigma = np.where(has_p, _q_sigma(p, sigma), otherwise.q_sigma_var)
    return Belief(
        p_w=np.where(has_p, p, otherwise.p_w),
        q_var=np.where(has_q, q, assumed_q),
        p_sigma_w=np.where(has_p, sigma, otherwise.p_sigma_w),
        q_sigma_var=np.where(has_q, sigma, assumed_sigma),
        assumed=bool((~has_p | ~has_q).any()),
        age_s=None if has_p.all() else otherwise.age_s,
    )


def _unknown_phase(
    sigma_w: float, active: PhaseValues, reactive: PhaseValues, otherwise: Belief
) -> Belief:
    power = active[0]
    if power is None:
        return otherwise
    belief = total_belief(power, sigma_w, None)
    if reactive[0] is None:
        return belief
    q = reactive[0]
    return Belief(
        p_w=belief.p_w,
        q_var=np.full(3, q / 3),
        p_sigma_w=belief.p_sigma_w,
        q_sigma_var=np.full(3, max(math.sqrt((q**2 + sigma_w**2) / 3 - q**2 / 9), sigma_w)),
        assumed=True,
    )


def _q_sigma(p_w: Real, p_sigma_w: Real, reactive: Reactive = ANY_CONSUMER) -> Real:
    """Deviation of an assumed reactive power."""
    own, along = reactive.sigma * p_w, reactive.tan_phi * p_sigma_w
    return np.asarray(np.sqrt(own**2 + along**2 + _SMALLEST_SIGMA_W**2))
