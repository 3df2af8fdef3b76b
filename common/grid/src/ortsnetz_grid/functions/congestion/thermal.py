"""Temperatures of a transformer and the loading that they allow: IEC 60076-7, 8.2. Pure.

The equations are solved exactly for a loading and an ambient temperature that are constant over a
step, so the step's length does not matter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ortsnetz_common.parameters.ratings import ThermalRating

LEAST = 0.1
_HALVINGS = 20
_LOOKS = (0.25, 0.5, 0.75, 1.0)  # of the horizon
_AGEING_REFERENCE_C = 98.0
_AGEING_DOUBLES_K = 6.0


@dataclass(frozen=True, slots=True)
class Temperatures:
    """Thermal state of a transformer.

    Attributes:
        top_oil_c: top-oil temperature.
        fast_k, slow_k: the two parts of the hot spot's gradient over it.
    """

    top_oil_c: float
    fast_k: float
    slow_k: float

    @property
    def hot_spot_c(self) -> float:
        """Hot-spot temperature of the winding."""
        return self.top_oil_c + self.fast_k - self.slow_k


def steady(rating: ThermalRating, loading: float) -> Temperatures:
    """Temperatures after a long time at a constant loading."""
    oil_k, gradient_k = _final(rating, loading)
    return Temperatures(
        rating.ambient_c + oil_k, rating.k21 * gradient_k, (rating.k21 - 1) * gradient_k
    )


def after(before: Temperatures, rating: ThermalRating, loading: float, dt_s: float) -> Temperatures:
    """Temperatures after so many seconds at a constant loading.

    Args:
        before: at the beginning.
        rating: of the transformer.
        loading: current over rated current, magnitude.
        dt_s: duration.

    Raises:
        ValueError: the loading is no number: nothing is known of the temperatures then, and
            `steady` at the highest loading allowed is the safe assumption.
    """
    if not (math.isfinite(loading) and loading >= 0):
        raise ValueError(f"a loading of {loading:g} heats no transformer")
    oil_k, gradient_k = _final(rating, loading)

    def towards(now: float, final: float, time_s: float) -> float:
        return final + (now - final) * math.exp(-dt_s / time_s)

    return Temperatures(
        towards(before.top_oil_c, rating.ambient_c + oil_k, rating.k11 * rating.oil_time_s),
        towards(before.fast_k, rating.k21 * gradient_k, rating.k22 * rating.winding_time_s),
        towards(before.slow_k, (rating.k21 - 1) * gradient_k, rating.oil_time_s / rating.k22),
    )


def admissible(now: Temperatures, rating: ThermalRating) -> float:
    """Highest loading that keeps both temperatures for the rating's horizon.

    Where it is too hot already, `LEAST`: it cools at that, and a limit stays a number to aim at.
    """

    def bearable(loading: float) -> bool:
        # the hot spot may overshoot on its way: look at that, not only at its end
        seen = (after(now, rating, loading, share * rating.horizon_s) for share in _LOOKS)
        return all(
            each.top_oil_c <= rating.top_oil_c and each.hot_spot_c <= rating.hot_spot_c
            for each in seen
        )

    if bearable(rating.most):
        return rating.most
    low, high = LEAST, rating.most
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if bearable(middle) else (low, middle)
    return low


def ageing_rate(temperatures: Temperatures) -> float:
    """Relative ageing of non-upgraded paper; 1 at a hot spot of 98 degrees Celsius."""
    exponent = (temperatures.hot_spot_c - _AGEING_REFERENCE_C) / _AGEING_DOUBLES_K
    return float(2.0**exponent)


def _final(rating: ThermalRating, loading: float) -> tuple[float, float]:
    """Final rise of the top oil and final gradient of the hot spot, K."""
    losses = (1 + rating.loss_ratio * loading**2) / (1 + rating.loss_ratio)
    return (
        rating.top_oil_rise_k * losses**rating.oil_exponent,
        rating.hot_spot_gradient_k * loading**rating.winding_exponent,
    )
