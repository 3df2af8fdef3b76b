"""A file of profiles is taken as it is or refused with its line; nothing is filled in."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ortsnetz_common.errors import InputError
from ortsnetz_hil.plant import csv_profiles
from ortsnetz_hil.plant.csv_profiles import CsvProfiles
from ortsnetz_hil.plant.profiles import Curves, DayProfiles

BEGIN_NS = int(datetime(2021, 2, 3, 4, 5, 6, tzinfo=UTC).timestamp()) * 1_000_000_000


def read(tmp_path: Path, text: str, length_s: float = 60.0) -> CsvProfiles:
    path = tmp_path / "day.csv"
    path.write_text(text)
    return csv_profiles.read(path, BEGIN_NS, length_s)


def at(found: CsvProfiles, name: str, second: float) -> float:
    return float(Curves([DayProfiles(found.profiles).active(name, "test")]).at(second)[0])


def test_seconds_count_from_the_beginning_of_the_window(tmp_path: Path) -> None:
    found = read(tmp_path, "time,house\n-30,0.0\n0,1.0\n30,2.0\n60,4.0\n90,8.0\n")
    assert at(found, "csv:house", 0.0) == 1.0
    assert at(found, "csv:house", 45.0) == 3.0
    assert at(found, "csv:house", 60.0) == 4.0


def test_instants_may_be_stated_in_any_time_zone(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "time,house\n2021-02-03T05:05:00+01:00,1.0\n2021-02-03T04:06:00Z,2.0\n"
        "2021-02-03T04:07:00Z,2.0\n",
    )
    assert at(found, "csv:house", 0.0) == pytest.approx(1.1)
    assert at(found, "csv:house", 54.0) == pytest.approx(2.0)


def test_reactive_power_keeps_the_elements_power_factor(tmp_path: Path) -> None:
    profile = read(tmp_path, "time,house\n0,1.0\n60,2.0\n").profiles["csv:house"]
    assert profile.reactive == profile.active


def test_rows_far_from_the_window_are_left_out(tmp_path: Path) -> None:
    rows = "".join(f"{second},{second}\n" for second in range(-600, 700, 10))
    found = read(tmp_path, f"time,house\n{rows}")
    assert found.profiles["csv:house"].grid.points == 7
    assert at(found, "csv:house", 33.0) == pytest.approx(33.0)


@pytest.mark.parametrize(
    ("text", "where", "reason"),
    [
        ("", ":1:", "empty"),
        ("when,house\n0,1\n60,1\n", ":1:", "header"),
        ("time\n0\n60\n", ":1:", "header"),
        ("time,a,a\n0,1,1\n60,1,1\n", ":1:", "'a' is there 2 times"),
        ("time,a,\n0,1,1\n60,1,1\n", ":1:", "no name"),
        ("time,a\n0,1\n60\n", ":3:", "1 cells"),
        ("time,a\n0,1\n60,\n", ":3:", "'a' has a gap"),
        ("time,a\n0,1\n60,NaN\n", ":3:", "not a finite number"),
        ("time,a\n0,1\n60,inf\n", ":3:", "not a finite number"),
        ("time,a\n0,one\n60,1\n", ":2:", "'one' is not a number"),
        ("time,a\n0,1\n60,1\n60,1\n", ":4:", "not after"),
        ("time,a\n60,1\n0,1\n", ":3:", "not after"),
        ("time,a\n0,1\nnan,1\n", ":3:", "not a time"),
        ("time,a\nnoon,1\n60,1\n", ":2:", "neither"),
        ("time,a\n2021-02-03T04:05:00,1\n60,1\n", ":2:", "offset from UTC"),
        ("time,a\n0,1\n20,1\n60,1\n", ":4:", "a row is missing"),
        ("time,a\n0,1\n50,1\n", ":", "covers second 0 to 50"),
        ("time,a\n1,1\n61,1\n", ":", "covers second 1 to 61"),
        ("time,a\n0,1\n", ":", "two rows"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(
    tmp_path: Path, text: str, where: str, reason: str
) -> None:
    with pytest.raises(InputError) as refusal:
        read(tmp_path, text)
    assert f"day.csv{where}" in str(refusal.value)
    assert reason in str(refusal.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.csv"):
        csv_profiles.read(tmp_path / "nowhere.csv", BEGIN_NS, 60.0)


def test_an_element_takes_its_own_column_before_that_of_its_class_and_of_all(
    tmp_path: Path,
) -> None:
    found = read(tmp_path, "time,Load 1,H0-A,all\n0,1,2,3\n60,1,2,3\n")
    assert found.choose(("Load 1", "H0-A"), "Load 1") == "csv:Load 1"
    assert found.choose(("Load 2", "H0-A"), "Load 2") == "csv:H0-A"
    assert found.choose(("Load 3", "G0-A"), "Load 3") == "csv:all"


def test_an_element_without_a_column_is_named_with_the_columns_that_would_do(
    tmp_path: Path,
) -> None:
    found = read(tmp_path, "time,H0-A\n0,1\n60,1\n")
    with pytest.raises(InputError, match=r"Load 2.*'Load 2', 'H0-B', 'all'"):
        found.choose(("Load 2", "H0-B"), "'Load 2'")
