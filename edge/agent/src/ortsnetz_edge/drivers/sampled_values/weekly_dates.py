"""Weeks begin on Monday at 0:00 UTC; the names of their files end in that day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ortsnetz_grid.functions.power_quality.week import WEEK_NS

_MONDAY_NS = 4 * 24 * 3600 * 10**9  # 5 January 1970 was the first Monday; 1 January a Thursday
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def week_of(at_ns: int) -> int:
    """The Monday, 0:00 UTC, of the week that an instant lies in."""
    return at_ns - (at_ns - _MONDAY_NS) % WEEK_NS


def date_of(monday_ns: int) -> str:
    """As in the files' names."""
    return f"{_EPOCH + timedelta(seconds=monday_ns // 10**9):%Y-%m-%d}"


def monday_of(date: str) -> int | None:
    """The Monday that a file's name says; None if it says none."""
    try:
        at = datetime.strptime(date, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None
    at_ns = round((at - _EPOCH).total_seconds()) * 10**9
    return at_ns if week_of(at_ns) == at_ns else None
