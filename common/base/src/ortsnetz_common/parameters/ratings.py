"""Ratings of branches that depend on time, and those that follow a transformer's temperature."""

from __future__ import annotations

import math
from collections.abc import Iterable

from msgspec import Struct

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.plausible import HIGHEST_LOADING


class TimeLimitedRating(Struct, frozen=True, forbid_unknown_fields=True):
    """So much a branch may carry for so long, after which its continuous rating holds again.

    Attributes:
        element: id of a line or transformer.
        loading: highest loading meanwhile (1.0 is the continuous rating).
        for_s: longest time above the continuous rating.
        rest_s: time at or below it before it may be exceeded again.
    """

    element: int
    loading: float
    for_s: float
    rest_s: float


class ThermalRating(Struct, frozen=True, forbid_unknown_fields=True):
    """A transformer is limited by its temperatures (IEC 60076-7, exponential equations).

    Exponents, time constants and rises are those of an ONAN distribution transformer in that
    standard; limits are its Table 4 for normal cyclic loading.

    Attributes:
        element: id of the transformer.
        ambient_c: highest temperature of the air around it that has to be expected, enclosure
            included (a kiosk adds about 10 K).
        loss_ratio: load losses at rated current over no-load losses.
        top_oil_rise_k: of the top oil over ambient at rated losses.
        hot_spot_gradient_k: of the hot spot over the top oil at rated current.
        oil_exponent, winding_exponent: x and y.
        k11, k21, k22: constants of the transient.
        oil_time_s, winding_time_s: time constants.
        top_oil_c, hot_spot_c: limits.
        most: highest loading, however cold it is.
        horizon_s: so long a loading must be bearable to be allowed.
    """

    element: int
    ambient_c: float
    loss_ratio: float
    top_oil_rise_k: float = 60.0
    hot_spot_gradient_k: float = 27.6
    oil_exponent: float = 0.8
    winding_exponent: float = 1.6
    k11: float = 1.0
    k21: float = 1.0
    k22: float = 2.0
    oil_time_s: float = 10_800.0
    winding_time_s: float = 240.0
    top_oil_c: float = 105.0
    hot_spot_c: float = 120.0
    most: float = 1.5
    horizon_s: float = 900.0


def check_ratings(
    limited: Iterable[TimeLimitedRating], thermal: Iterable[ThermalRating], source: str
) -> None:
    """Refuse ratings without meaning.

    Raises:
        InputError: names the file, the element and the field.
    """
    seen: set[int] = set()
    for rating in limited:
        where = _place(rating.element, seen, source)
        _check_numbers(rating, {"rest_s"}, where)
        _check_no_percentage(rating.loading, f"{where}: loading")
        if rating.loading <= 1:
            raise InputError(
                f"{where}: loading is {rating.loading:g}, it must be above 1.0, the continuous "
                f"rating; a lower one is the rating in the network file"
            )
        if rating.rest_s < 0:
            raise InputError(f"{where}: rest_s must not be negative")
    for model in thermal:
        where = _place(model.element, seen, source)
        _check_numbers(model, {"ambient_c", "loss_ratio"}, where)
        _check_no_percentage(model.most, f"{where}: most")
        if not (model.k21 >= 1 and model.loss_ratio >= 0):
            raise InputError(f"{where}: k21 must be 1 at least, loss_ratio not negative")


def _check_no_percentage(loading: float, where: str) -> None:
    if loading > HIGHEST_LOADING:
        raise InputError(f"{where} is {loading:g}: 1.0 is the rating, it is not in %")


def _place(element: int, seen: set[int], source: str) -> str:
    where = f"{source}: limits: rating of element {element}"
    if element in seen:
        raise InputError(f"{where}: the element has two ratings")
    seen.add(element)
    return where


def _check_numbers(rating: Struct, any_sign: set[str], where: str) -> None:
    for name in rating.__struct_fields__:
        value = getattr(rating, name)
        if name != "element" and not (math.isfinite(value) and (value > 0 or name in any_sign)):
            raise InputError(f"{where}: {name} is {value:g}, it must be a positive number")
