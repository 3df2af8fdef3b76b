"""What unmetered customers draw by class and annual energy, and how sure that is.

Spread of one customer after Velander: a part that grows with the energy (what all customers of the
class share) and a part that grows with its square root (what is the customer's own). A customer of
four times the reference energy is like four independent ones, so its own deviation doubles.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.station import PseudoMeasurement
from ortsnetz_grid.functions.state_estimation.beliefs import Belief, Reactive, total_belief
from ortsnetz_grid.functions.state_estimation.pseudo.local_time import DAY_S, HOUR_S, Date
from ortsnetz_grid.functions.state_estimation.pseudo.standard_profiles import (
    StandardProfile,
    standard_profile,
)

Real = NDArray[np.float64]
_HOURS_A_YEAR = 8766.0
_NO_HOLIDAYS: frozenset[Date] = frozenset()


@dataclass(frozen=True, slots=True)
class Customer:
    """A load or generator of which only billing data are known.

    Attributes:
        element: id in the network file.
        kind: class, a name of `standard_profiles()`.
        annual_kwh: energy of a year, magnitude: consumption, or generation of a generator.
        share: (3,) how its power is shared between the phases a, b, c; None where nobody knows.
    """

    element: int
    kind: str
    annual_kwh: float
    share: tuple[float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class Expectation:
    """What one customer draws at an instant, W, total of three phases.

    Attributes:
        mean_w: consumption positive.
        own_sigma_w: deviation that is independent of everybody else's.
        common_sigma_w: deviation that goes along with all customers of the class.
    """

    mean_w: float
    own_sigma_w: float
    common_sigma_w: float


def expected(
    customer: Customer, utc_s: float, holidays: frozenset[Date] = _NO_HOLIDAYS
) -> Expectation:
    """Expectation of one customer at an instant (seconds since 1970, UTC).

    Raises:
        InputError: class or energy is unusable; names the element.
    """
    profile = standard_profile(customer.kind)
    return _expectation(customer, profile, profile.at(utc_s, holidays))


def _expectation(
    customer: Customer, profile: StandardProfile, now: tuple[float, float, float]
) -> Expectation:
    if not (math.isfinite(customer.annual_kwh) and customer.annual_kwh >= 0):
        raise InputError(
            f"element {customer.element}: annual energy {customer.annual_kwh} kWh; state a number "
            "of at least 0"
        )
    mean, own, common = now
    power_w = customer.annual_kwh * 1e3 / _HOURS_A_YEAR
    reference_w = profile.reference_kwh * 1e3 / _HOURS_A_YEAR
    return Expectation(
        mean_w=(-1.0 if profile.generates else 1.0) * power_w * mean,
        own_sigma_w=math.sqrt(power_w * reference_w) * own,
        common_sigma_w=power_w * common,
    )


def spreads(
    customers: Iterable[Customer], utc_s: float, holidays: frozenset[Date] = _NO_HOLIDAYS
) -> Mapping[int, tuple[float, float]]:
    """Mean and standard deviation of each customer's power by element, W.

    Sensors of an estimation are independent of each other, customers of a class are not: when the
    sun comes out, it does for all roofs. So that the *sum* of a class deviates as much as it really
    does, each customer's variance also has its covariance with all others: own variance plus own
    common deviation times the sum of all common deviations. The doubt about a single customer is
    overstated by that, never the certainty about a feeder.

    Args:
        customers: all of one network that nobody measures; each element once.
        utc_s: the instant, seconds since 1970, UTC.
        holidays: those of the place, beside the ones of the whole country.

    Raises:
        InputError: see `expected`; or an element is there twice.
    """
    every = tuple(customers)
    profiles = {kind: standard_profile(kind) for kind in {each.kind for each in every}}
    now = {kind: profile.at(utc_s, holidays) for kind, profile in profiles.items()}
    found: dict[int, Expectation] = {}
    kinds: dict[int, str] = {}
    together: dict[str, float] = defaultdict(float)
    for customer in every:
        kind = customer.kind
        if customer.element in found:
            raise InputError(f"element {customer.element}: two customers claim it")
        each = _expectation(customer, profiles[kind], now[kind])
        found[customer.element], kinds[customer.element] = each, kind
        together[kind] += each.common_sigma_w
    return {
        element: (
            each.mean_w,
            math.sqrt(each.own_sigma_w**2 + each.common_sigma_w * together[kinds[element]]),
        )
        for element, each in found.items()
    }


def beliefs_about(
    customers: Iterable[Customer], utc_s: float, holidays: frozenset[Date] = _NO_HOLIDAYS
) -> Mapping[int, Belief]:
    """Beliefs per phase by element, for `measurements_from`; reactive power as the class has it.

    Raises:
        InputError: see `spreads`.
    """
    every = tuple(customers)
    powers = spreads(every, utc_s, holidays)
    return {
        each.element: total_belief(
            *powers[each.element],
            None if each.share is None else np.array(each.share),
            _reactive(each),
        )
        for each in every
    }


def pseudo_measurements(
    customers: Iterable[Customer], utc_s: float, holidays: frozenset[Date] = _NO_HOLIDAYS
) -> tuple[PseudoMeasurement, ...]:
    """The hours of the UTC day that an instant lies in, as a station's parameters have them.

    Raises:
        InputError: see `spreads`.
    """
    every = tuple(customers)
    midnight = utc_s // DAY_S * DAY_S
    hours = [spreads(every, midnight + (hour + 0.5) * HOUR_S, holidays) for hour in range(24)]
    return tuple(
        PseudoMeasurement(
            element=each.element,
            hourly_w=tuple(round(hour[each.element][0], 1) for hour in hours),
            sigma_w=tuple(round(hour[each.element][1], 1) for hour in hours),
        )
        for each in every
    )


def _reactive(customer: Customer) -> Reactive:
    profile = standard_profile(customer.kind)
    return Reactive(profile.tan_phi, profile.tan_phi_sigma)
