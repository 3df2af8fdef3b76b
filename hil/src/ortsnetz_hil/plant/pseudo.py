"""What the agent assumes about those nobody measures: day shapes of its own.

Nothing here looks at the plant's profiles. The DSO knows the customer's class and annual energy
from billing, the installed power of generators and the rating of heat pumps and batteries from
registration, and the date; the shapes are rough ones of a working day, and the standard deviations
are wide because one household is not a mean.
"""

from __future__ import annotations

from ortsnetz_common.parameters.station import PseudoMeasurement
from ortsnetz_hil.plant.devices.specs import Battery, HeatPump
from ortsnetz_hil.plant.network_file import Document
from ortsnetz_hil.plant.season import HOURS, Season

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
SUN_MEAN_SHARE = 0.45
ROOF_SIGMA_SHARE = 0.06  # a roof's direction moves its morning and its evening
DARK_SIGMA_W = 10.0
HEATING_LIMIT_C = 15.0
DESIGN_C = -14.0
HEAT_PUMP_SIGMA_SHARE = 0.5
"""A machine that runs or not deviates at most by half its rating: sqrt(d (1 - d)) <= 1/2."""


def of_load(load: Document, season: Season) -> PseudoMeasurement:
    """Pseudo-measurement of a load from its class and annual energy."""
    if load.get("kind") == STORAGE:
        return _constant(int(load["id"]), 0.0, _storage_sigma(sum(load["p_specified"])))
    commerce = str(load.get("profile", "")).startswith("G")
    shape = COMMERCE if commerce else HOUSEHOLD
    mean_w = annual_kwh(load) * 1000.0 / 8760.0 * (1.0 if commerce else season.household)
    hourly = [mean_w * shape[season.played_hour(hour)] for hour in range(HOURS)]
    sigma = [LOAD_SIGMA_SHARE * abs(power) + LOAD_SIGMA_W for power in hourly]
    return PseudoMeasurement(int(load["id"]), _rounded(hourly), _rounded(sigma))


def of_battery(battery: Battery) -> PseudoMeasurement:
    """Nobody knows when a battery charges: nothing on the mean, half its rating wide."""
    return _constant(battery.element, 0.0, _storage_sigma(battery.rated_w))


def of_heat_pump(heat_pump: HeatPump, outdoor_c: float) -> PseudoMeasurement:
    """A heat pump runs the share of the time that the outdoor temperature asks for.

    Args:
        heat_pump: of which only the rating is known.
        outdoor_c: mean outdoor temperature of the day.
    """
    needed = (HEATING_LIMIT_C - outdoor_c) / (HEATING_LIMIT_C - DESIGN_C)
    mean_w = heat_pump.rated_w * min(max(needed, 0.0), 1.0)
    return _constant(heat_pump.element, mean_w, HEAT_PUMP_SIGMA_SHARE * heat_pump.rated_w)


def of_generator(generator: Document, season: Season) -> PseudoMeasurement:
    """Pseudo-measurement of a PV generator from its installed power; generation is negative."""
    peak_w = installed_w(generator)
    bell = [season.sun(season.played_hour(hour) + 0.5) for hour in range(HOURS)]
    hourly = [-peak_w * SUN_MEAN_SHARE * season.sun_height * share for share in bell]
    sigma = [_sun_sigma(peak_w, share, season) for share in bell]
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


def _storage_sigma(rated_w: float) -> float:
    return STORAGE_SIGMA_SHARE * abs(rated_w) + LOAD_SIGMA_W


def _sun_sigma(peak_w: float, share: float, season: Season) -> float:
    by_day = peak_w * (season.sun_sigma * share + ROOF_SIGMA_SHARE) if share > 0 else 0.0
    return by_day + DARK_SIGMA_W


def _constant(element: int, mean_w: float, sigma_w: float) -> PseudoMeasurement:
    return PseudoMeasurement(element, _rounded([mean_w] * HOURS), _rounded([sigma_w] * HOURS))


def _rounded(values: list[float]) -> tuple[float, ...]:
    return tuple(round(value, 1) for value in values)
