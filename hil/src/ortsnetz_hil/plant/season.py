"""What the records know of the day that is played: its hours, and how long and high the sun is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from ortsnetz_common.measurement.time import NS_PER_S
from ortsnetz_hil.plant.calendar import WINDOW_START_NS, Window
from ortsnetz_hil.plant.clear_sky import LATITUDE_DEG, LONGITUDE_DEG, declination_rad
from ortsnetz_hil.plant.programme import CLEAR_SKY
from ortsnetz_hil.plant.request import ProfileWish

HOURS = 24
HOUR_NS = 3600 * NS_PER_S
SUN_HALF_WIDTH_H = 7.75
"""Of 25 July; other days by the length of their day."""
SUMMER_CENTRE_H, WINTER_CENTRE_H = 12.75, 11.75
"""SimBench's clock changes to summer time, 27 March to 30 October 2016."""
SUMMER_DAYS = (87, 303)
NOON_UTC_H = 12.0 - LONGITUDE_DEG / 15.0
SUN_SIGMA_SHARE = 0.15
OWN_WEATHER_SIGMA_SHARE = 0.30
"""A sky of the bench's own may be anything between clear and overcast."""
TWILIGHT_H = 1.25
"""Added at both ends of any day but the demonstration's, whose ends were looked at: SimBench's
roofs see the sun up to an hour away from what the date says."""


@dataclass(frozen=True, slots=True)
class Season:
    """The day that is played, as an operator knows it.

    Attributes:
        first_hour, hours: hours of the day that the window covers.
        household: factor on a household's mean power of the year; 1 on 25 July.
        centre_h, half_width_h: when the sun is highest, and hours from there to darkness.
        sun_height: factor on the sun's mean at its best; 1 on 25 July.
        sun_sigma: standard deviation of the sun as a share of installed power.
    """

    first_hour: int
    hours: int
    household: float
    centre_h: float
    half_width_h: float
    sun_height: float
    sun_sigma: float

    def played_hour(self, hour: int) -> int:
        """Hour of the day that the plant plays while the agent's calendar shows `hour`.

        The agent's calendar runs on where the plant repeats its window (the demonstration's 23:00
        is followed by 11:00), so the table repeats the window too.
        """
        if self.hours >= HOURS:
            return hour
        return (self.first_hour + (hour - self.first_hour) % self.hours) % HOURS

    def sun(self, hour: float) -> float:
        """Shape of the sun's day: a squared cosine about noon, 0 at night."""
        off = (hour - self.centre_h) / self.half_width_h
        return math.cos(off * math.pi / 2.0) ** 2 if abs(off) < 1.0 else 0.0


def season(window: Window, wish: ProfileWish) -> Season:
    """Season of a window.

    Args:
        window: the calendar's window.
        wish: where the sun comes from: SimBench's clock is not that of a clear sky.
    """
    day, summer_day = _day(window.start_ns), _day(WINDOW_START_NS)
    first_hour = window.start_ns // HOUR_NS % HOURS
    end_ns = window.start_ns + round(window.length_s * NS_PER_S)
    hours = -(-end_ns // HOUR_NS) - window.start_ns // HOUR_NS
    own = wish.sun == CLEAR_SKY or wish.sky != "clear"
    looked_at = day == summer_day and not own
    summer = SUMMER_DAYS[0] <= day <= SUMMER_DAYS[1]
    centre = SUMMER_CENTRE_H if summer else WINTER_CENTRE_H
    return Season(
        first_hour=first_hour,
        hours=hours,
        household=_household(day) / _household(summer_day),
        centre_h=NOON_UTC_H if wish.sun == CLEAR_SKY else centre,
        half_width_h=SUN_HALF_WIDTH_H * (_day_length(day) / _day_length(summer_day))
        + (0.0 if looked_at else TWILIGHT_H),
        sun_height=_noon_height(day) / _noon_height(summer_day),
        sun_sigma=OWN_WEATHER_SIGMA_SHARE if own else SUN_SIGMA_SHARE,
    )


def _day(calendar_ns: int) -> int:
    return datetime.fromtimestamp(calendar_ns // NS_PER_S, tz=UTC).timetuple().tm_yday


def _household(day: int) -> float:
    """Dynamic factor of the German household load profile over the year (VDEW 1999, H0)."""
    return -3.92e-10 * day**4 + 3.2e-7 * day**3 - 7.02e-5 * day**2 + 2.1e-3 * day + 1.24


def _declination(day: int) -> float:
    return float(declination_rad(np.array(float(day))))


def _day_length(day: int) -> float:
    """Half the arc of the sun above the horizon, radians."""
    return math.acos(-math.tan(math.radians(LATITUDE_DEG)) * math.tan(_declination(day)))


def _noon_height(day: int) -> float:
    """Sine of the sun's elevation at noon."""
    return math.cos(math.radians(LATITUDE_DEG) - _declination(day))
