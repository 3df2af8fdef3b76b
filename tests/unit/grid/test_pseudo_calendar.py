"""The German clock and calendar without a clock: Python's own time zones and printed calendars."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ortsnetz_grid.functions.state_estimation.pseudo.kinds_of_days import (
    DayKind,
    Season,
    day_kind,
    easter,
    season,
)
from ortsnetz_grid.functions.state_estimation.pseudo.local_time import Date, LocalTime

BERLIN = ZoneInfo("Europe/Berlin")
Y1997_S, Y2090_S = 852_076_800, 3_786_912_000


def shown(utc_s: float) -> tuple[Date, float]:
    when = datetime.fromtimestamp(utc_s, BERLIN)
    hour = when.hour + when.minute / 60 + when.second / 3600
    return Date(when.year, when.month, when.day), hour


@given(st.integers(Y1997_S, Y2090_S))
def test_the_clock_shows_what_the_time_zone_says(utc_s: int) -> None:
    date_, hour = shown(utc_s)
    found = LocalTime.of(utc_s)
    assert found.date == date_
    assert found.hour == pytest.approx(hour)
    assert date_.weekday() == date(date_.year, date_.month, date_.day).weekday()


@pytest.mark.parametrize("year", range(2020, 2040))
def test_summer_time_begins_and_ends_to_the_second(year: int) -> None:
    found = set()
    for month in (3, 10):
        for day in range(25, 32):
            change = int(datetime(year, month, day, 1, tzinfo=ZoneInfo("UTC")).timestamp())
            for utc_s in (change - 1, change):
                assert LocalTime.of(utc_s).hour == pytest.approx(shown(utc_s)[1])
            jump = LocalTime.of(change).hour - LocalTime.of(change - 1).hour
            found.add(round(jump))
    assert found == {0, 1, -1}


@pytest.mark.parametrize(
    ("year", "month", "day"),
    # printed calendars; 1981 and 2049 are the exceptions of the rule, 2285 and 2038 its extremes
    [
        (1981, 4, 19), (1954, 4, 18), (2016, 3, 27), (2024, 3, 31), (2025, 4, 20), (2026, 4, 5),
        (2027, 3, 28), (2038, 4, 25), (2049, 4, 18), (2285, 3, 22),
    ],
)  # fmt: skip
def test_easter_is_when_it_was_and_will_be(year: int, month: int, day: int) -> None:
    assert easter(year) == Date(year, month, day)


@pytest.mark.parametrize(
    ("day", "kind"),
    [
        (Date(2016, 1, 1), DayKind.SUNDAY),
        (Date(2016, 1, 4), DayKind.WORKDAY),
        (Date(2016, 1, 9), DayKind.SATURDAY),
        (Date(2016, 1, 10), DayKind.SUNDAY),
        (Date(2016, 3, 25), DayKind.SUNDAY),  # Good Friday
        (Date(2016, 3, 28), DayKind.SUNDAY),  # Easter Monday
        (Date(2016, 5, 5), DayKind.SUNDAY),  # Ascension
        (Date(2016, 5, 16), DayKind.SUNDAY),  # Whit Monday
        (Date(2016, 5, 26), DayKind.WORKDAY),  # Corpus Christi: not in all states
        (Date(2016, 10, 3), DayKind.SUNDAY),
        (Date(2020, 12, 24), DayKind.SATURDAY),  # a Thursday
        (Date(2017, 12, 24), DayKind.SUNDAY),  # a Sunday
        (Date(2018, 12, 31), DayKind.SATURDAY),  # a Monday
    ],
)
def test_people_work_on_workdays(day: Date, kind: DayKind) -> None:
    assert day_kind(day) is kind


def test_a_state_s_own_holiday_is_a_sunday() -> None:
    corpus_christi = Date(2016, 5, 26)
    assert day_kind(corpus_christi, frozenset({corpus_christi})) is DayKind.SUNDAY


@pytest.mark.parametrize(
    ("month", "day", "expected"),
    [
        (1, 1, Season.WINTER), (3, 20, Season.WINTER), (3, 21, Season.BETWEEN),
        (5, 14, Season.BETWEEN), (5, 15, Season.SUMMER), (9, 14, Season.SUMMER),
        (9, 15, Season.BETWEEN), (10, 31, Season.BETWEEN), (11, 1, Season.WINTER),
    ],
)  # fmt: skip
def test_seasons_begin_as_the_standard_profiles_have_it(
    month: int, day: int, expected: Season
) -> None:
    assert season(Date(2026, month, day)) is expected
