"""German local time from UTC, by arithmetic: functions read no clock and no time zone files.

UTC + 1 h; UTC + 2 h from the last Sunday of March, 01:00 UTC, to the last Sunday of October, 01:00
UTC (Directive 2000/84/EC). Holds from 1996 on, as long as the directive does.
"""

from __future__ import annotations

from dataclasses import dataclass

DAY_S = 86_400
HOUR_S = 3_600
SUNDAY = 6
_CHANGE_S = HOUR_S
"""The clocks change at 01:00 UTC."""


@dataclass(frozen=True, slots=True, order=True)
class Date:
    """A day of the Gregorian calendar."""

    year: int
    month: int
    day: int

    @classmethod
    def of_day(cls, days: int) -> Date:
        """From days since 1970-01-01 (civil date of a day number, counted in eras of 400 years)."""
        # years begin in March, so that the leap day is the last of its year
        era, day = divmod(days + 719_468, 146_097)
        year = (day - day // 1460 + day // 36_524 - day // 146_096) // 365
        day -= 365 * year + year // 4 - year // 100
        month = (5 * day + 2) // 153
        day += 1 - (153 * month + 2) // 5
        year += 400 * era
        return cls(year + 1, month - 9, day) if month >= 10 else cls(year, month + 3, day)

    def day_number(self) -> int:
        """Days since 1970-01-01."""
        year = self.year - (self.month <= 2)
        month = (self.month + 9) % 12
        of_year = (153 * month + 2) // 5 + self.day - 1
        return 365 * year + year // 4 - year // 100 + year // 400 + of_year - 719_468

    def weekday(self) -> int:
        """0 is Monday, 6 is Sunday."""
        return (self.day_number() + 3) % 7  # 1970-01-01 was a Thursday


@dataclass(frozen=True, slots=True)
class LocalTime:
    """An instant on the German clock.

    Attributes:
        date: the day.
        hour: hours since midnight on the clock, 0 to 24; twice the same between 2 and 3 in the
            night when summer time ends.
    """

    date: Date
    hour: float

    @classmethod
    def of(cls, utc_s: float) -> LocalTime:
        """From seconds since 1970-01-01 00:00 UTC."""
        local = utc_s + (2 if _is_summer_time(utc_s) else 1) * HOUR_S
        days, seconds = divmod(local, DAY_S)
        return cls(Date.of_day(int(days)), seconds / HOUR_S)


def _is_summer_time(utc_s: float) -> bool:
    year = Date.of_day(int(utc_s // DAY_S)).year
    start, end = (_last_sunday(year, month) * DAY_S + _CHANGE_S for month in (3, 10))
    return start <= utc_s < end


def _last_sunday(year: int, month: int) -> int:
    """Its day number; March and October have 31 days."""
    last = Date(year, month, 31)
    return last.day_number() - (last.weekday() + 1) % 7
