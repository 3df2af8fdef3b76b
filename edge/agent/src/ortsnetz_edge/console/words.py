"""Values, times and their quality in words, for terminals."""

from __future__ import annotations

import math

from ortsnetz_common.measurement.time import TimeQuality, rfc3339
from ortsnetz_edge.console.text_table import one_line

_LONGEST_EXACT = 2**53  # beyond it a float does not tell whole numbers apart
_LARGE = 1e6  # counters and times: their last digits matter
_TIME_WORDS = {
    TimeQuality.CLOCK_NOT_SYNCHRONISED: "clock not synchronised",
    TimeQuality.CLOCK_FAILURE: "clock failed",
    TimeQuality.SET_BY_RECEIVER: "arrival",
}


def number(value: float | str | None) -> str:
    """A value as people read it: whole numbers with all digits, others with seven or more."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return f"'{one_line(value)}'"
    if not math.isfinite(value) or abs(value) >= _LONGEST_EXACT:
        return f"{value:g}"
    if value == int(value):
        return str(int(value))
    return f"{value:.7g}" if abs(value) < _LARGE else f"{value:.3f}"


def instant(time_ns: int, time_quality: int) -> str:
    """A time with what is to be said of it: `2026-11-21T18:30:00.250Z (arrival)`."""
    said = [word for flag, word in _TIME_WORDS.items() if time_quality & flag]
    try:
        text = rfc3339(time_ns)
    except (OverflowError, ValueError, OSError):
        text = f"{time_ns} ns"
    return f"{text} ({', '.join(said)})" if said else text


def seconds(value_s: float) -> str:
    """A duration: `12 ms`, `3.2 s`, `4 h`, `12 days`."""
    size = abs(value_s)
    if size < 0.01:
        return f"{value_s * 1000:.1f} ms"
    if size < 1:
        return f"{value_s * 1000:.0f} ms"
    if size < 120:
        return f"{value_s:.1f} s"
    for limit, unit_s, unit in ((7200, 60, "min"), (172_800, 3600, "h")):
        if size < limit:
            return f"{value_s / unit_s:.0f} {unit}"
    return f"{value_s / 86_400:.0f} days"
