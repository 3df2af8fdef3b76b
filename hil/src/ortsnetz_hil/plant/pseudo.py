"""What the agent assumes about those nobody measures: day shapes of its own.

Nothing here looks at the plant's profiles. The DSO knows the customer's class and annual energy
from billing and the installed power of generators from registration; the shapes are rough ones of
a summer working day, and the standard deviations are wide because one household is not a mean.
"""

from __future__ import annotations

import math

from ortsnetz_common.parameters.station import PseudoMeasurement
from ortsnetz_hil.plant.network_file import Document

HOURS = 24
WINDOW_FIRST_HOUR = 11
WINDOW_HOURS = 12
DEFAULT_HOURS_OF_USE = 1000.0

# Mean power of the hour over the mean power of the year, hour 0 first.
HOUSEHOLD = (
    0.55, 0.45, 0.40, 0.40, 0.40, 0.45, 0.70, 1.00, 1.10, 1.05, 1.05, 1.15,
    1.30, 1.15, 1.00, 0.95, 1.00, 1.20, 1.50, 1.70, 1.60, 1.35, 1.05, 0.75,
)  # fmt: skip
COMMERCE = (
    0.45, 0.40, 0.40, 0.40, 0.45, 0.55, 0.80, 1.25, 1.70, 1.80, 1.80, 1.75,
    1.65, 1.65, 1.65, 1.60, 1.45, 1.20, 0.95, 0.80, 0.70, 0.60, 0.55, 0.50,
)  # fmt: skip
# One customer's quarter of an hour scatters about the shape by more than half its size.
LOAD_SIGMA_SHARE = 0.6
LOAD_SIGMA_W = 100.0
STORAGE = "storage"
STORAGE_SIGMA_SHARE = 0.5
SUN_CENTRE_H = 12.75
SUN_HALF_WIDTH_H = 7.75
SUN_MEAN_SHARE = 0.45
SUN_SIGMA_SHARE = 0.15
ROOF_SIGMA_SHARE = 0.06  # a roof's direction moves its morning and its evening
DARK_SIGMA_W = 10.0


def of_load(load: Document) -> PseudoMeasurement:
    """Pseudo-measurement of a load from its class and annual energy."""
    if load.get("kind") == STORAGE:
        return _of_storage(load)
    shape = COMMERCE if str(load.get("profile", "")).startswith("G") else HOUSEHOLD
    mean_w = annual_kwh(load) * 1000.0 / 8760.0
    hourly = [mean_w * shape[window_hour(hour)] for hour in range(HOURS)]
    sigma = [LOAD_SIGMA_SHARE * abs(power) + LOAD_SIGMA_W for power in hourly]
    return PseudoMeasurement(int(load["id"]), _rounded(hourly), _rounded(sigma))


def _of_storage(storage: Document) -> PseudoMeasurement:
    """Nobody knows when a customer's battery charges: nothing on the mean, half its rating wide."""
    sigma_w = STORAGE_SIGMA_SHARE * abs(sum(storage["p_specified"])) + LOAD_SIGMA_W
    return PseudoMeasurement(
        int(storage["id"]), _rounded([0.0] * HOURS), _rounded([sigma_w] * HOURS)
    )


def of_generator(generator: Document) -> PseudoMeasurement:
    """Pseudo-measurement of a PV generator from its installed power; generation is negative."""
    peak_w = installed_w(generator)
    bell = [_bell(window_hour(hour) + 0.5) for hour in range(HOURS)]
    hourly = [-peak_w * SUN_MEAN_SHARE * share for share in bell]
    sigma = [_sun_sigma(peak_w, share) for share in bell]
    return PseudoMeasurement(int(generator["id"]), _rounded(hourly), _rounded(sigma))


def annual_kwh(load: Document) -> float:
    """Annual energy from billing; without it, a usual number of hours at the specified power."""
    known = load.get("annual_kwh")
    if known is not None:
        return float(known)
    return sum(load["p_specified"]) / 1000.0 * DEFAULT_HOURS_OF_USE


def installed_w(generator: Document) -> float:
    """Installed power of a generator."""
    known = generator.get("kwp")
    return float(known) * 1000.0 if known is not None else float(sum(generator["p_specified"]))


def window_hour(hour: int) -> int:
    """Hour of the day that the plant plays while the agent's calendar shows `hour`.

    The agent's calendar runs on where the plant repeats its window (23:00 is followed by 11:00), so
    the table repeats the window too.
    """
    return WINDOW_FIRST_HOUR + (hour - WINDOW_FIRST_HOUR) % WINDOW_HOURS


def _bell(hour: float) -> float:
    """Shape of the sun's day: a squared cosine about noon, 0 at night."""
    off = (hour - SUN_CENTRE_H) / SUN_HALF_WIDTH_H
    return math.cos(off * math.pi / 2.0) ** 2 if abs(off) < 1.0 else 0.0


def _sun_sigma(peak_w: float, share: float) -> float:
    by_day = peak_w * (SUN_SIGMA_SHARE * share + ROOF_SIGMA_SHARE) if share > 0 else 0.0
    return by_day + DARK_SIGMA_W


def _rounded(values: list[float]) -> tuple[float, ...]:
    return tuple(round(value, 1) for value in values)
