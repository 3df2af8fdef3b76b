"""A clear day's sun keeps to the astronomy that tables state, and to the published formula."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from numpy.typing import NDArray

from ortsnetz_hil.plant import clear_sky
from ortsnetz_hil.plant.clear_sky import Roof
from ortsnetz_hil.plant.profiles import Curves, DayProfiles

DAY_S = 86_400
MINUTES = 60.0 * np.arange(DAY_S // 60)


def day(year: int, month: int, number: int) -> NDArray[np.float64]:
    return datetime(year, month, number, tzinfo=UTC).timestamp() + MINUTES


@pytest.mark.parametrize(
    ("date", "elevation_deg"),
    [
        ((2016, 6, 20), 90 - 51 + 23.44),  # solstice: obliquity of the ecliptic above the equator
        ((2016, 9, 22), 90 - 51),
        ((2016, 12, 21), 90 - 51 - 23.44),
    ],
)
def test_the_noon_sun_is_as_high_as_latitude_and_season_say(
    date: tuple[int, int, int], elevation_deg: float
) -> None:
    highest = clear_sky.sun(day(*date)).sin_elevation.max()
    assert np.degrees(np.arcsin(highest)) == pytest.approx(elevation_deg, abs=0.5)


@pytest.mark.parametrize(
    ("date", "noon_utc_h"),
    [
        # 10 degrees east: 11:20 UTC, less the equation of time of the almanac in minutes
        ((2016, 2, 11), 12 - 10 / 15 + 14.2 / 60),
        ((2016, 4, 15), 12 - 10 / 15 + 0.0 / 60),
        ((2016, 11, 3), 12 - 10 / 15 - 16.4 / 60),
    ],
)
def test_noon_is_when_longitude_and_the_equation_of_time_say(
    date: tuple[int, int, int], noon_utc_h: float
) -> None:
    height = clear_sky.sun(day(*date)).sin_elevation
    up = MINUTES[height > np.quantile(height, 0.9)]
    assert (up[0] + up[-1]) / 7200.0 == pytest.approx(noon_utc_h, abs=0.03)


@pytest.mark.parametrize(
    ("date", "hours"), [((2016, 6, 20), 16.37), ((2016, 9, 22), 12.0), ((2016, 12, 21), 7.63)]
)
def test_the_day_is_as_long_as_spherical_trigonometry_says(
    date: tuple[int, int, int], hours: float
) -> None:
    up = clear_sky.sun(day(*date)).sin_elevation > 0
    assert up.sum() / 60.0 == pytest.approx(hours, abs=0.1)


def test_the_sun_rises_in_the_east_and_is_south_at_noon() -> None:
    where = clear_sky.sun(day(2016, 9, 22))
    up = np.flatnonzero(where.sin_elevation > 0)
    azimuth = np.degrees(where.azimuth) % 360
    assert azimuth[up[0]] == pytest.approx(90, abs=2)
    assert azimuth[np.argmax(where.sin_elevation)] == pytest.approx(180, abs=1)
    assert azimuth[up[-1]] == pytest.approx(270, abs=2)


@pytest.mark.parametrize(
    ("elevation_deg", "w_m2"), [(5, 48.63), (10, 135.74), (30, 487.89), (50, 778.77), (90, 1035.09)]
)
def test_irradiance_is_that_of_haurwitzs_formula(elevation_deg: float, w_m2: float) -> None:
    # values that pvlib's own tests state for its implementation
    sine = np.array([np.sin(np.radians(elevation_deg))])
    assert clear_sky.global_w_m2(sine)[0] == pytest.approx(w_m2, abs=0.01)


def test_a_flat_roof_sees_the_global_irradiance_and_the_night_is_dark() -> None:
    instants = day(2016, 7, 25)
    height = clear_sky.sun(instants).sin_elevation
    seen = clear_sky.on_roof_w_m2(instants, Roof(180.0, 0.0))
    high = height > np.sin(np.radians(1.0))
    assert seen[high] == pytest.approx(clear_sky.global_w_m2(height[high]), rel=1e-9)
    assert np.all(seen[height <= 0.0] == 0.0)


def test_a_south_roof_has_a_symmetric_day_and_an_east_roof_an_early_one() -> None:
    instants = day(2016, 7, 25)
    noon = int(np.argmax(clear_sky.sun(instants).sin_elevation))
    south = clear_sky.on_roof_w_m2(instants, Roof(180.0, 30.0))
    hours = np.arange(60, 420, 60)
    assert south[noon + hours] == pytest.approx(south[noon - hours], rel=0.02)
    east = clear_sky.on_roof_w_m2(instants, Roof(90.0, 30.0))
    west = clear_sky.on_roof_w_m2(instants, Roof(270.0, 30.0))
    assert east[noon - 240] > 2.0 * east[noon + 240]
    assert east[noon - 240] == pytest.approx(west[noon + 240], rel=0.02)


def test_in_winter_a_steep_south_roof_gets_more_than_a_flat_one() -> None:
    instants = day(2016, 12, 21)
    steep = clear_sky.on_roof_w_m2(instants, Roof(180.0, 60.0)).sum()
    assert steep > 1.8 * clear_sky.on_roof_w_m2(instants, Roof(180.0, 0.0)).sum()


def test_roofs_come_from_the_seed_and_look_away_from_north() -> None:
    roofs = [clear_sky.roof(3, f"pv-{i}") for i in range(200)]
    assert roofs[7] == clear_sky.roof(3, "pv-7")
    assert roofs[7] != clear_sky.roof(4, "pv-7")
    assert all(90.0 <= roof.azimuth_deg <= 270.0 for roof in roofs)
    assert abs(np.mean([roof.azimuth_deg for roof in roofs]) - 180.0) < 15.0


def test_a_roofs_year_peaks_at_its_rating_and_never_above() -> None:
    roof = Roof(180.0, 35.0)
    begin = int(datetime(2016, 1, 1, tzinfo=UTC).timestamp())
    peaks = []
    for number in range(0, 366, 3):
        profile = clear_sky.profile(roof, (begin + number * DAY_S) * 1_000_000_000, DAY_S)
        member = DayProfiles({"roof": profile}).sun("roof", "test")
        peaks.append(max(Curves([member]).at(s)[0] for s in range(9 * 3600, 15 * 3600, 600)))
    assert 0.97 < max(peaks) <= 1.0 + 1e-12
    assert min(peaks) < 0.75
