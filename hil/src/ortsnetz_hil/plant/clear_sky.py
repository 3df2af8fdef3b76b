"""The sun on a roof under a clear sky, from date, time and the roof's direction.

Declination and equation of time after Spencer (1971); global horizontal irradiance after Haurwitz
(1945), GHI = 1098 cos z exp(-0.059 / cos z); its diffuse part after Erbs, Klein and Duffie (1982);
isotropic sky on the tilted roof after Liu and Jordan (1963). Good enough for a day that looks like
one: no horizon, no temperature, no snow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.measurement.time import NS_PER_S
from ortsnetz_hil.plant.profiles import Grid, Profile
from ortsnetz_hil.plant.random_streams import stream

LATITUDE_DEG = 51.0
LONGITUDE_DEG = 10.0
ALBEDO = 0.2
STANDARD_W_M2 = 1000.0
SOLAR_CONSTANT_W_M2 = 1361.0
PERFORMANCE = 0.9
"""Share of the module's power at standard conditions that reaches the terminals."""
STEP_S = 300.0
DAYS_A_YEAR = 366
TILT_DEG = (20.0, 45.0)
AZIMUTH_SIGMA_DEG = 45.0
SOUTH_DEG = 180.0

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Roof:
    """A roof: its tilt, and the direction it looks to, clockwise from north."""

    azimuth_deg: float
    tilt_deg: float


@dataclass(frozen=True, slots=True)
class Sun:
    """Where the sun is: sine of its elevation, and azimuth clockwise from north in radians."""

    sin_elevation: Values
    azimuth: Values


def roof(seed: int, name: str) -> Roof:
    """A roof from the seed: most look south, none to the north."""
    rng = stream(seed, f"roof of {name}")
    azimuth = SOUTH_DEG + float(np.clip(rng.normal(0.0, AZIMUTH_SIGMA_DEG), -90.0, 90.0))
    return Roof(azimuth, float(rng.uniform(*TILT_DEG)))


def sun(calendar_s: Values) -> Sun:
    """Position of the sun.

    Args:
        calendar_s: instants, UTC, seconds since the epoch.
    """
    day = _day_of_year(calendar_s)
    hour_angle = np.radians(_solar_hour(calendar_s, day) * 15.0 - 180.0)
    latitude, declination = math.radians(LATITUDE_DEG), declination_rad(day)
    sine = math.sin(latitude) * np.sin(declination) + math.cos(latitude) * np.cos(
        declination
    ) * np.cos(hour_angle)
    east_west = -np.cos(declination) * np.sin(hour_angle)
    north_south = math.cos(latitude) * np.sin(declination) - math.sin(latitude) * np.cos(
        declination
    ) * np.cos(hour_angle)
    return Sun(np.asarray(sine), np.asarray(np.arctan2(east_west, north_south)))


def declination_rad(day_of_year: Values) -> Values:
    """Declination of the sun (Spencer 1971)."""
    angle = _year_angle(day_of_year)
    return np.asarray(
        0.006918
        - 0.399912 * np.cos(angle)
        + 0.070257 * np.sin(angle)
        - 0.006758 * np.cos(2.0 * angle)
        + 0.000907 * np.sin(2.0 * angle)
        - 0.002697 * np.cos(3.0 * angle)
        + 0.001480 * np.sin(3.0 * angle)
    )


def global_w_m2(sin_elevation: Values) -> Values:
    """Global horizontal irradiance under a clear sky (Haurwitz 1945), zero at night."""
    height = np.maximum(sin_elevation, 1e-6)
    return np.where(sin_elevation > 0.0, 1098.0 * height * np.exp(-0.059 / height), 0.0)


def on_roof_w_m2(calendar_s: Values, on: Roof) -> Values:
    """Irradiance in the plane of a roof under a clear sky."""
    return _under(sun(calendar_s), on)


def _under(where: Sun, on: Roof) -> Values:
    """The same for positions of the sun that are known."""
    height = np.maximum(where.sin_elevation, 1e-6)
    ghi = global_w_m2(where.sin_elevation)
    diffuse = ghi * _diffuse_share(ghi / (SOLAR_CONSTANT_W_M2 * height))
    # a beam along the horizon would be divided by nothing
    beam = np.where(
        where.sin_elevation > math.sin(math.radians(1.0)), (ghi - diffuse) / height, 0.0
    )
    tilt = math.radians(on.tilt_deg)
    flat = np.sqrt(np.maximum(1.0 - where.sin_elevation**2, 0.0))
    incidence = where.sin_elevation * math.cos(tilt) + flat * math.sin(tilt) * np.cos(
        where.azimuth - math.radians(on.azimuth_deg)
    )
    seen = diffuse * (1.0 + math.cos(tilt)) / 2.0 + ghi * ALBEDO * (1.0 - math.cos(tilt)) / 2.0
    return np.asarray(beam * np.maximum(incidence, 0.0) + seen)


def profile(on: Roof, begin_ns: int, length_s: float) -> Profile:
    """Feed-in of a roof over its installed power for a window, with its highest value of the year.

    Args:
        on: the roof.
        begin_ns: beginning of the window, UTC, ns.
        length_s: length of the window in calendar seconds.
    """
    grid = Grid(0.0, STEP_S, max(math.ceil(length_s / STEP_S) + 1, 2))
    begin_s = begin_ns / NS_PER_S
    shares = PERFORMANCE * on_roof_w_m2(_steps(begin_s, grid.points), on)
    year = datetime.fromtimestamp(begin_ns // NS_PER_S, tz=UTC).year
    peak = PERFORMANCE * float(_under(_sun_of_year(year), on).max())
    return Profile(
        grid,
        tuple(float(value) for value in shares / STANDARD_W_M2),
        yearly_peak=peak / STANDARD_W_M2,
    )


@cache
def _sun_of_year(year: int) -> Sun:
    """Positions over a whole year, the same for all roofs."""
    january = datetime(year, 1, 1, tzinfo=UTC).timestamp()
    return sun(_steps(january, DAYS_A_YEAR * 24 * 3600 // int(STEP_S)))


def _steps(first_s: float, points: int) -> Values:
    return np.asarray(first_s + STEP_S * np.arange(points), np.float64)


def _diffuse_share(clearness: Values) -> Values:
    """Diffuse part of the global irradiance (Erbs, Klein and Duffie 1982, equation 1)."""
    k = clearness
    middle = 0.9511 - 0.1604 * k + 4.388 * k**2 - 16.638 * k**3 + 12.336 * k**4
    return np.asarray(np.where(k <= 0.22, 1.0 - 0.09 * k, np.where(k <= 0.80, middle, 0.165)))


def _day_of_year(calendar_s: Values) -> Values:
    days = calendar_s.astype("int64").astype("datetime64[s]").astype("datetime64[D]")
    return np.asarray((days - days.astype("datetime64[Y]")).astype(float) + 1.0)


def _year_angle(day_of_year: Values) -> Values:
    return np.asarray(2.0 * np.pi * (day_of_year - 1.0) / 365.0)


def _solar_hour(calendar_s: Values, day: Values) -> Values:
    """True solar time in hours: UTC, longitude and the equation of time (Spencer 1971)."""
    angle = _year_angle(day)
    equation_min = 229.18 * (
        0.000075
        + 0.001868 * np.cos(angle)
        - 0.032077 * np.sin(angle)
        - 0.014615 * np.cos(2.0 * angle)
        - 0.04089 * np.sin(2.0 * angle)
    )
    return np.asarray(calendar_s % 86_400.0 / 3600.0 + LONGITUDE_DEG / 15.0 + equation_min / 60.0)
