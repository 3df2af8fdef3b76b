"""Values of a device as samples: number or text, quality, time. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ortsnetz_common.measurement.quality import Quality, worst
from ortsnetz_common.measurement.time import TimeQuality
from ortsnetz_iec61850.library.errors import of_access, words
from ortsnetz_iec61850.library.values import AccessError, Bits, EntryTime, Stamp, Value
from ortsnetz_iec61850.mms.places import Place, at

_RECEIVED = int(TimeQuality.SET_BY_RECEIVER)
_NO_REFERENCE = int(Quality.INVALID | Quality.BAD_REFERENCE)
_NO_NUMBER = int(Quality.INVALID | Quality.FAILURE)
_VALIDITY = {0: 0, 2: int(Quality.INVALID), 1: 2, 3: int(Quality.QUESTIONABLE)}
"""Validity travels as two bits, `01` for invalid (IEC 61850-8-1, table 32): the second bit is set,
where `measurement.quality` has the first."""
LONGEST_BITS = 32
_DETAILS = 0b1_1111_1111_1100
_CLOCK_FAILURE, _NOT_SYNCHRONISED = 0x40, 0x20


@dataclass(frozen=True, slots=True)
class Sample:
    """One value as a device says it.

    Attributes:
        raw: the number; None where there is none.
        quality: bits of `measurement.quality`.
        time_ns: source time, UTC ns; None where the device says none.
        time_quality: bits of `measurement.time.TimeQuality`.
        text: of a value that is a text.
        why: why there is no value, in words.
    """

    raw: float | None
    quality: int
    time_ns: int | None = None
    time_quality: int = _RECEIVED
    text: str | None = None
    why: str = ""


def missing(why: str) -> Sample:
    """The sample of what the device does not have."""
    return Sample(None, _NO_REFERENCE, why=why)


UNKNOWN = missing("never said")


def sample_of(place: Place, whole: Value) -> Sample:
    """The sample at a place of a variable's value."""
    content = at(whole, place.value)
    if isinstance(content, AccessError):
        return missing(words(of_access(content.code)))
    quality, time_ns, flags = 0, None, _RECEIVED
    if place.quality is not None:
        quality = quality_of(at(whole, place.quality))
    if place.time is not None:
        time_ns, flags = time_of(at(whole, place.time))
    raw, text = number(content), words_of(content)
    if raw is None and text is None:
        return Sample(None, worst(quality, _NO_NUMBER), time_ns, flags, why="is no number")
    return Sample(raw, quality, time_ns, flags, text)


def quality_of(content: Value) -> int:
    """Quality in the layout of `measurement.quality`; what is no quality is invalid."""
    if not isinstance(content, Bits) or content.size != 13:
        return _NO_NUMBER
    return _VALIDITY[content.value & 3] | content.value & _DETAILS


def time_of(content: Value) -> tuple[int | None, int]:
    """Source time and its quality; a clock that was never set says no time."""
    if not isinstance(content, Stamp) or not content.time_ns:
        return None, _RECEIVED
    flags = TimeQuality.SYNCHRONISED
    if content.flags & _CLOCK_FAILURE:
        flags |= TimeQuality.CLOCK_FAILURE
    if content.flags & _NOT_SYNCHRONISED:
        flags |= TimeQuality.CLOCK_NOT_SYNCHRONISED
    return content.time_ns, int(flags)


def number(content: Value) -> float | None:
    """A number; None for what is none, for infinity and for NaN."""
    if isinstance(content, bool | int):
        return float(content)
    if isinstance(content, float):
        return content if math.isfinite(content) else None
    if isinstance(content, Bits) and content.size > LONGEST_BITS:
        return None  # the library's numbers end there
    if isinstance(content, Bits):  # coded enumerations: a double point's 1 is off, 2 is on
        return float(content.first_is_highest)
    if isinstance(content, Stamp):
        return content.time_ns / 1e6 if content.time_ns else None
    return float(content.time_ms) if isinstance(content, EntryTime) else None


def words_of(content: Value) -> str | None:
    """A text; None for what is none."""
    if isinstance(content, str):
        return content
    return content.hex() if isinstance(content, bytes) else None
