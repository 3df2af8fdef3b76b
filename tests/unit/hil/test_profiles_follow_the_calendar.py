"""Customers follow the profiles of the date that the calendar shows, at any second of it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simbench

from ortsnetz_common.errors import InputError
from ortsnetz_hil.plant import profiles, simbench_year
from ortsnetz_hil.plant.calendar import WINDOW_START_NS, window
from ortsnetz_hil.plant.profiles import Curves, DayProfiles, Grid, Member, Profile

NS = 1_000_000_000


def instant(*stamp: int) -> int:
    return int(datetime(*stamp, tzinfo=UTC).timestamp()) * NS  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def year() -> Any:
    return simbench.get_all_simbench_profiles(0)


def published(year: Any, stamp: str, column: str = "H0-A_pload") -> float:
    """SimBench's own value at its own stamp."""
    table = year["load"]
    return float(table[column][table["time"] == stamp].iloc[0])


@pytest.mark.parametrize(
    ("begin", "length_s", "second", "stamp"),
    [
        (instant(2016, 7, 25, 11), 43_200.0, 0.0, "25.07.2016 11:00"),
        (instant(2016, 7, 25, 11), 43_200.0, 43_200.0, "25.07.2016 23:00"),
        (instant(2016, 1, 13, 6, 7, 30), 3_600.0, 450.0, "13.01.2016 06:15"),
        (instant(2016, 12, 31, 23), 7_200.0, 3_600.0, "01.01.2016 00:00"),
    ],
)
def test_a_window_plays_the_values_that_simbench_states_for_its_stamps(
    year: Any, begin: int, length_s: float, second: float, stamp: str
) -> None:
    found = simbench_year.profiles(["H0-A"], [], 0, begin, length_s)
    now = Curves([DayProfiles(found).active("H0-A", "test")]).at(second)
    assert now[0] == pytest.approx(published(year, stamp), rel=1e-12)


def test_between_two_quarters_a_profile_is_a_straight_line(year: Any) -> None:
    found = simbench_year.profiles(["H0-A"], [], 0, instant(2016, 1, 13, 6, 7, 30), 3_600.0)
    between = Curves([DayProfiles(found).active("H0-A", "test")]).at(0.0)[0]
    ends = [published(year, f"13.01.2016 06:{minute}") for minute in ("00", "15")]
    assert between == pytest.approx(sum(ends) / 2.0, rel=1e-12)


def test_the_hour_that_summer_time_skips_is_played_by_the_next_one(year: Any) -> None:
    stamps = list(year["load"]["time"])
    assert "27.03.2016 02:15" not in stamps
    row = simbench_year.first_row(stamps, instant(2016, 3, 27, 2, 15))
    assert stamps[row] == "27.03.2016 03:15"


def test_a_window_of_another_year_is_told_what_to_use_instead() -> None:
    with pytest.raises(InputError, match=r"2016.*CSV file or a clear sky"):
        simbench_year.profiles(["H0-A"], [], 0, instant(2026, 7, 25, 11), 3_600.0)


def test_a_roof_reaches_its_rating_at_the_best_instant_of_the_year(year: Any) -> None:
    best = int(np.argmax(year["renewables"]["PV3"].to_numpy()))
    stamp = datetime.strptime(year["renewables"]["time"][best], "%d.%m.%Y %H:%M")  # noqa: DTZ007
    begin = int(stamp.replace(tzinfo=UTC).timestamp()) * NS
    found = simbench_year.profiles([], ["PV3"], 0, begin, 900.0)
    assert Curves([DayProfiles(found).sun("PV3", "test")]).at(0.0)[0] == 1.0


def test_curves_on_different_grids_are_evaluated_together() -> None:
    quarters = Member(Grid(-450.0, 900.0, 3), (0.0, 1.0, 3.0))
    seconds = Member(Grid(0.0, 1.0, 3), (5.0, 7.0, 7.0))
    curves = Curves([quarters, seconds, quarters, profiles.ZERO])
    assert curves.at(0.0) == pytest.approx([0.5, 5.0, 0.5, 0.0])
    assert curves.at(0.5) == pytest.approx([0.5 + 0.5 / 900.0, 6.0, 0.5 + 0.5 / 900.0, 0.0])
    assert curves.at(900.0) == pytest.approx([2.0, 7.0, 2.0, 0.0])


def test_profiles_survive_their_file(tmp_path: Path) -> None:
    known = {"x": Profile(Grid(-450.0, 900.0, 2), (0.1, 1 / 3), (0.0, 0.2), yearly_peak=0.9)}
    profiles.write(DayProfiles(known, ("a source",)), tmp_path / "p.json")
    back = profiles.read(tmp_path / "p.json")
    assert back == DayProfiles(known, ("a source",))


@pytest.mark.parametrize(
    "broken",
    [
        Profile(Grid(0.0, 900.0, 3), (1.0, 2.0)),
        Profile(Grid(0.0, 0.0, 2), (1.0, 2.0)),
        Profile(Grid(0.0, 900.0, 2), (1.0, 2.0), (1.0,)),
    ],
)
def test_a_file_whose_curves_do_not_fit_their_grid_is_refused(
    tmp_path: Path, broken: Profile
) -> None:
    profiles.write(DayProfiles({"broken": broken}), tmp_path / "p.json")
    with pytest.raises(InputError, match="broken"):
        profiles.read(tmp_path / "p.json")


def test_a_missing_profile_names_the_element_that_wants_it() -> None:
    with pytest.raises(InputError, match="'Load 7': there is no profile 'H0-X'"):
        DayProfiles({}).active("H0-X", "'Load 7'")


def test_the_demonstrations_window_is_twelve_hours_in_the_seconds_of_the_run() -> None:
    demo = window(120.0, wall_start_ns=5 * NS)
    assert (demo.start_ns, demo.length_s, demo.factor) == (WINDOW_START_NS, 43_200.0, 360.0)
    assert demo.after(60.0).second == 21_600.0
    endless = window(None, 0)
    assert endless.repeats
    assert endless.after(121.0).day == 1


def test_any_window_lasts_plant_seconds_times_its_factor() -> None:
    begin = instant(2016, 2, 29, 12)
    night = window(600.0, 0, begin, 6.0)
    assert (night.length_s, night.repeats) == (3_600.0, False)
    assert night.after(100.0).calendar_ns == begin + 600 * NS
    assert night.after(-5.0).second == 0.0
    assert night.after(10_000.0).second < 3_600.0


@pytest.mark.parametrize(("seconds", "factor"), [(0.0, 1.0), (-1.0, None), (10.0, float("nan"))])
def test_a_run_without_length_is_refused(seconds: float, factor: float | None) -> None:
    with pytest.raises(InputError, match="not positive"):
        window(seconds, 0, factor=factor)
