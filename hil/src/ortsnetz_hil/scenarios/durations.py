"""Durations as people write them: `30 s`, `2 min`, `1 h`, or a plain number of seconds."""

from __future__ import annotations

import math
import re

_UNITS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}
NUMBER = r"-?\d+(?:\.\d+)?(?:e-?\d+)?"
DURATION = rf"{NUMBER} ?(?:ms|s|min|h)"
_FORM = re.compile(rf"({NUMBER}) ?(ms|s|min|h)")


class Seconds(float):
    """A duration or an instant in seconds, as read from a file."""


def seconds(text: object) -> Seconds:
    """Read a duration.

    Args:
        text: `30 s`, `2 min`, `1 h`, `200 ms`, or a number of seconds.

    Raises:
        ValueError: it is none; says what is accepted.
    """
    if isinstance(text, int | float) and not isinstance(text, bool):
        return _finite(float(text), text)
    match = _FORM.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"'{text}' is no duration; write 30 s, 2 min, 1 h or a number of seconds")
    return _finite(float(match[1]) * _UNITS[match[2]], text)


def _finite(value: float, text: object) -> Seconds:
    if not math.isfinite(value):
        raise ValueError(f"'{text}' is no finite duration")
    return Seconds(value)


def words(duration_s: float) -> str:
    """A duration for people: the shortest of seconds, minutes and hours without a rest."""
    for unit in ("h", "min"):
        count = duration_s / _UNITS[unit]
        if duration_s and count == int(count):
            return f"{count:.0f} {unit}"
    return f"{duration_s:g} s"
