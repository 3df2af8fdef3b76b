"""Quality of a sample: 32 bits, the first of IEC 61850-7-3 being the lowest (9-2LE, table 10)."""

from __future__ import annotations

from ortsnetz_common.measurement.quality import Quality

TESTED = 1 << 11
LOCKED = 1 << 12
DERIVED = 1 << 13
"""9-2LE only: the value is a sum of others; no reason to doubt it."""
_ALL = (1 << 13) - 1


def bits_of(quality: int) -> int:
    """In the project's layout: validity `questionable` is 3 in both, `reserved` is no good."""
    bits = quality & _ALL
    return bits if bits & 3 != 2 else bits & ~3 | int(Quality.INVALID)
