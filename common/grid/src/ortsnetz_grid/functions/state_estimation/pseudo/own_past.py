"""A customer's own past as what is expected of it: means and deviations of the hours of the day."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.station import PseudoMeasurement
from ortsnetz_grid.functions.state_estimation.pseudo.local_time import DAY_S, HOUR_S

Real = NDArray[np.float64]
FEWEST_DAYS = 5
"""Of each hour. The deviation of five days is itself known to about a third."""


def from_own_past(
    element: int, utc_s: Real, power_w: Real, scale: float = 1.0
) -> PseudoMeasurement:
    """Pseudo-measurement from what the customer drew before.

    The deviation is that of a new day's value: the scatter of the past values, and the doubt about
    their mean. Values of one hour of one day hang together, so days count, not values.

    Args:
        element: id of the load or generator.
        utc_s: (t,) when, seconds since 1970, UTC; choose days of the kind that is to come.
        power_w: (t,) total of three phases, consumption positive; NaN does not count.
        scale: what is to come over what was, e.g. this year's energy over last year's.

    Raises:
        InputError: too few days for an hour, or an unusable scale; names the element and the hours.
    """
    if not (np.isfinite(scale) and scale >= 0):
        raise InputError(f"element {element}: scale {scale}; state a number of at least 0")
    times, powers = np.asarray(utc_s, dtype=float), np.asarray(power_w, dtype=float)
    if times.shape != powers.shape or times.ndim != 1:
        raise InputError(f"element {element}: {times.shape} times, but {powers.shape} powers")
    known = np.isfinite(powers) & np.isfinite(times)
    times, powers = times[known], powers[known]
    hours = (times % DAY_S // HOUR_S).astype(int)
    days = times // DAY_S
    counts = [len(np.unique(days[hours == hour])) for hour in range(24)]
    scarce = [hour for hour, count in enumerate(counts) if count < FEWEST_DAYS]
    if scarce:
        raise InputError(
            f"element {element}: fewer than {FEWEST_DAYS} days are known of the hours {scarce} "
            "(UTC); take a standard profile"
        )
    of_hour = [powers[hours == hour] for hour in range(24)]
    sigmas = [
        float(each.std(ddof=1)) * (1 + 1 / count) ** 0.5
        for each, count in zip(of_hour, counts, strict=True)
    ]
    return PseudoMeasurement(
        element=element,
        hourly_w=tuple(round(scale * float(each.mean()), 1) for each in of_hour),
        sigma_w=tuple(round(scale * sigma, 1) for sigma in sigmas),
    )
