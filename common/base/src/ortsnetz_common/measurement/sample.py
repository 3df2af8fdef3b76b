"""Samples: a value never travels without quality, origin and time."""

from __future__ import annotations

from msgspec import Struct

from ortsnetz_common.measurement.origin import Origin
from ortsnetz_common.measurement.quality import is_usable


class Sample(Struct, frozen=True, array_like=True):
    """One value of one point.

    Attributes:
        value: in the point's unit, or None where there is none; None is never good.
        quality: bit string of `measurement.quality`.
        origin: where the value came from.
        time_ns: source time, UTC nanoseconds.
        time_quality: flags of `measurement.time.TimeQuality`.
    """

    value: float | None
    quality: int
    origin: Origin
    time_ns: int
    time_quality: int

    @property
    def usable(self) -> bool:
        """Whether the value is there and good enough to decide on."""
        return self.value is not None and is_usable(self.quality)
