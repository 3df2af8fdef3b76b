"""Seasons and kinds of days of the German standard load profiles.

Seasons and kinds of days as VDEW defined them for H0, G0 and L0 (VDEW Materialien M-32/99):
winter from 1 November to 20 March, summer from 15 May to 14 September, between else; holidays count
as Sundays, 24 and 31 December as Saturdays unless they are Sundays. Holidays are those of all
German states; a state's own holidays may be given in addition.
"""

from __future__ import annotations

from enum import StrEnum

from ortsnetz_grid.functions.state_estimation.pseudo.local_time import SUNDAY, Date

SATURDAY = 5


class Season(StrEnum):
    """Of the standard load profiles."""

    WINTER = "winter"
    BETWEEN = "between"
    SUMMER = "summer"


class DayKind(StrEnum):
    """What people do on a day."""

    WORKDAY = "workday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


_FIXED = frozenset({(1, 1), (5, 1), (10, 3), (12, 25), (12, 26)})
_FROM_EASTER = frozenset({-2, 1, 39, 50})
"""Good Friday, Easter Monday, Ascension, Whit Monday, in days after Easter Sunday."""
_EVES = frozenset({(12, 24), (12, 31)})


def season(date: Date) -> Season:
    """The season of a day."""
    day = (date.month, date.day)
    if day >= (11, 1) or day <= (3, 20):
        return Season.WINTER
    return Season.SUMMER if (5, 15) <= day <= (9, 14) else Season.BETWEEN


def day_kind(date: Date, holidays: frozenset[Date] = frozenset()) -> DayKind:
    """The kind of a day.

    Args:
        date: the day.
        holidays: those of the place, beside the ones of the whole country.
    """
    after_easter = date.day_number() - easter(date.year).day_number()
    free = (date.month, date.day) in _FIXED or after_easter in _FROM_EASTER or date in holidays
    weekday = date.weekday()
    if free or weekday == SUNDAY:
        return DayKind.SUNDAY
    if weekday == SATURDAY or (date.month, date.day) in _EVES:
        return DayKind.SATURDAY
    return DayKind.WORKDAY


def easter(year: int) -> Date:
    """Easter Sunday (Gauss's rule with Lichtenberg's corrections, Gregorian calendar)."""
    century = year // 100
    shift = 15 + (3 * century + 3) // 4 - (8 * century + 13) // 25
    lunar = year % 19
    moon = (19 * lunar + shift) % 30
    moon_limit = 21 + moon - (moon // 29 + (moon // 28 - moon // 29) * (lunar // 11))
    sunday = 7 - (year + year // 4 + 2 - (3 * century + 3) // 4) % 7
    march = moon_limit + 7 - (moon_limit - sunday) % 7
    return Date(year, 3, march) if march <= 31 else Date(year, 4, march - 31)
