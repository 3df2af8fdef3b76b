"""How what was measured last becomes what is merely expected, and how its doubt grows.

A power is a first-order process around its expectation: a deviation fades with a time constant,
and what is not remembered is as uncertain as the expectation. After three time constants the last
value is forgotten, nothing jumps, and no limit is needed.

Voltages and flows of branches have no expectation of their own. Their doubt grows with the root of
the age, and after `FORGOTTEN_S` they drop out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.station import Device, DeviceKind, Meter
from ortsnetz_grid.functions.state_estimation.beliefs import Belief

Real = NDArray[np.float64]

QUARTER_HOUR_S = 900.0
FORGOTTEN_S = QUARTER_HOUR_S
"""Age at which a voltage or a flow drops out: what the growth below was measured for."""
VOLTAGE_CHANGE_PU = 0.0025
"""Deviation of a low voltage after a quarter hour by what happens in its own network: SimBench's
networks change by 0.001 to 0.0025 (root mean square, three-phase power flow, two weeks)."""
COMMON_VOLTAGE_CHANGE_PU = 0.0065
"""And by the medium voltage, which moves all voltages together. Assumed: the tap changer above sets
it anew twenty times a day, within a standard deviation of 0.01."""
FLOW_CHANGE = 0.25
"""Deviation of a phase's flow after a quarter hour, over its apparent power: 0.15 to 0.24 at the
transformers of SimBench's low-voltage networks (root mean square over root mean square)."""
FLOW_CHANGE_VA = 2000.0
"""And at least that: a flow of nothing may be a balance of large ones. Same source, 1 to 4 kVA."""

CUSTOMER_S = 2460.0
"""Time constant of a household's deviation from its class (SimBench, quarter hours)."""
DEVICE_S = {
    DeviceKind.EV: 3030.0,
    DeviceKind.HEAT_PUMP: 4200.0,
    # clouds of the next minutes, not the season: SimBench's PV plants around the hour's mean have
    # eight hours, but here the alternative is "anything up to the limit"
    DeviceKind.PV: 3600.0,
    # no data: a battery follows sun and load of the house
    DeviceKind.STORAGE: 1800.0,
}
"""Time constants of devices; charge points and heat pumps from SimBench."""


@dataclass(frozen=True, slots=True)
class LastKnown:
    """What a meter or device said last.

    Attributes:
        reading: its last usable values.
        age_s: how long ago, s.
    """

    reading: Reading
    age_s: float

    def __post_init__(self) -> None:
        """Check the age.

        Raises:
            InputError: it is no age.
        """
        if not (math.isfinite(self.age_s) and self.age_s >= 0):
            raise InputError(f"a last reading is {self.age_s} s old; state a number of at least 0")


def time_constant_s(owner: Meter | Device) -> float:
    """How long the power of a customer or device stays what it was."""
    return DEVICE_S[owner.kind] if isinstance(owner, Device) else CUSTOMER_S


def aged(last: Real, last_sigma: Real, mean: Real, sigma: Real, age: float) -> tuple[Real, Real]:
    """Mean and deviation of a first-order process that was seen once.

    Args:
        last: what was seen.
        last_sigma: its standard deviation.
        mean: what is expected without it.
        sigma: its standard deviation.
        age: since then, in time constants.
    """
    kept = math.exp(-age)
    forgotten = 1 - kept**2
    return (
        mean + kept * (last - mean),
        np.asarray(np.sqrt((kept * last_sigma) ** 2 + forgotten * sigma**2)),
    )


def aged_belief(last: Belief, expected: Belief, age_s: float, constant_s: float) -> Belief:
    """What is believed about a power that was measured some time ago.

    Args:
        last: as if it were measured now.
        expected: what is believed without it.
        age_s: how long ago.
        constant_s: time constant of the process.
    """
    age = age_s / constant_s
    p, p_sigma = aged(last.p_w, last.p_sigma_w, expected.p_w, expected.p_sigma_w, age)
    q, q_sigma = aged(last.q_var, last.q_sigma_var, expected.q_var, expected.q_sigma_var, age)
    return Belief(p, q, p_sigma, q_sigma, assumed=True, age_s=age_s)


def within_limit(belief: Belief, limit_w: float) -> Belief:
    """The same, where a limit came into force meanwhile that the last value is beyond."""
    total = abs(float(belief.p_w.sum()))
    if total <= limit_w:
        return belief
    return replace(
        belief, p_w=belief.p_w * (limit_w / total), q_var=belief.q_var * (limit_w / total)
    )


def voltage_growth_v(age_s: float, nominal_v: float) -> tuple[float, float] | None:
    """Additional deviation of a voltage: its own, and the one that all voltages share.

    None if it is too old to count.
    """
    if age_s > FORGOTTEN_S:
        return None
    grown = nominal_v * _root(age_s)
    return VOLTAGE_CHANGE_PU * grown, COMMON_VOLTAGE_CHANGE_PU * grown


def flow_growth_va(age_s: float, power_va: Real) -> Real | None:
    """Additional deviation (3,) of a branch's flows (3,); None if they are too old to count."""
    if age_s > FORGOTTEN_S:
        return None
    return np.asarray(np.hypot(FLOW_CHANGE * power_va, FLOW_CHANGE_VA) * _root(age_s))


def _root(age_s: float) -> float:
    return math.sqrt(age_s / QUARTER_HOUR_S)
