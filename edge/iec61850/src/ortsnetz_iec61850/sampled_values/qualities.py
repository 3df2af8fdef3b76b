"""Quality of a sample: 32 bits, the first of IEC 61850-7-3 being the lowest (9-2LE, table 10)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.measurement.quality import Quality

TESTED = 1 << 11
LOCKED = 1 << 12
DERIVED = 1 << 13
"""9-2LE only: the value is a sum of others; no reason to doubt it."""
UNUSABLE = 1 << 31
"""Of several samples together: one of them was invalid or reserved."""
_ALL = (1 << 13) - 1


def together(qualities: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Of each channel, what any sample had; shape (samples, channels) in.

    Or-ing the validity would not do: invalid and reserved together read as questionable.
    """
    validity, said = qualities & 3, qualities & _ALL
    unusable = (validity == 1) | (validity == 2)
    marked = np.where(unusable, said & ~np.uint32(3) | np.uint32(UNUSABLE), said)
    found: NDArray[np.uint32] = np.bitwise_or.reduce(marked.astype(np.uint32), axis=0)
    return found


def bits_of(quality: int) -> int:
    """In the project's layout: validity `questionable` is 3 in both, `reserved` is no good."""
    bits = quality & _ALL
    good = not quality & UNUSABLE and bits & 3 != 2
    return bits if good else bits & ~3 | int(Quality.INVALID)
