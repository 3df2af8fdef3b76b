"""Where a value came from."""

from __future__ import annotations

from enum import IntEnum


class Origin(IntEnum):
    """Origin of a value; it travels from the meter to the screen and to the TSO."""

    MEASURED = 0
    ESTIMATED = 1
    PSEUDO = 2
    FORECAST = 3
    MANUAL = 4
    SUBSTITUTED = 5
