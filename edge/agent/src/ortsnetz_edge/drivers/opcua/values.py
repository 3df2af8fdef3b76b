"""Values of OPC UA: what a data value says as a number, and a number as the type of a node."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from asyncua import ua

from ortsnetz_common.measurement.quality import Quality
from ortsnetz_common.measurement.time import NS_PER_S
from ortsnetz_edge.drivers.opcua import status

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NO_NUMBER = int(Quality.INVALID | Quality.FAILURE)
_INTEGERS: dict[ua.VariantType, tuple[int, int]] = {
    ua.VariantType.SByte: (-(2**7), 2**7 - 1),
    ua.VariantType.Byte: (0, 2**8 - 1),
    ua.VariantType.Int16: (-(2**15), 2**15 - 1),
    ua.VariantType.UInt16: (0, 2**16 - 1),
    ua.VariantType.Int32: (-(2**31), 2**31 - 1),
    ua.VariantType.UInt32: (0, 2**32 - 1),
    ua.VariantType.Int64: (-(2**63), 2**63 - 1),
    ua.VariantType.UInt64: (0, 2**64 - 1),
}
_FLOATS = {ua.VariantType.Float, ua.VariantType.Double}


@dataclass(frozen=True, slots=True)
class Sample:
    """One value as a server says it.

    Attributes:
        raw: the number; a date counts in ms since 1970; None where there is none.
        quality: bits of `measurement.quality`.
        time_ns: source time, UTC ns; None where the server says none.
        text: of a value that is a text.
        why: what the server says of a value that is not good, in words.
    """

    raw: float | None
    quality: int
    time_ns: int | None
    text: str | None = None
    why: str = ""


UNKNOWN = Sample(None, int(Quality.INVALID | Quality.BAD_REFERENCE), None, why="no such namespace")


def sample(value: ua.DataValue) -> Sample:
    """What a data value says."""
    code = 0 if value.StatusCode is None else int(value.StatusCode.value)
    quality = status.quality(code) if code else 0
    stamp = value.SourceTimestamp
    time_ns = None if stamp is None else nanoseconds(stamp)
    why = status.words(code) if quality else ""
    if status.is_bad(code):
        return Sample(None, quality, time_ns, why=why)
    content = None if value.Value is None else value.Value.Value
    raw = number(content)
    if raw is not None:
        return Sample(raw, quality, time_ns, why=why)
    return Sample(None, missing(quality), time_ns, text(content), why or "is no number")


def missing(quality: int) -> int:
    """Quality of what is no number: invalid, whatever is doubtful about it besides."""
    return quality & ~int(Quality.QUESTIONABLE) | _NO_NUMBER


def number(content: Any) -> float | None:
    """A number; None for what is none, for infinity and for NaN."""
    if isinstance(content, (float, int)):  # booleans are numbers: 0 and 1
        try:
            raw = float(content)
        except OverflowError:
            return None
        return raw if math.isfinite(raw) else None
    if isinstance(content, datetime):
        time_ns = nanoseconds(content)
        return None if time_ns is None else time_ns / 1e6
    return None


def text(content: Any) -> str | None:
    """A text; None for what is none."""
    if isinstance(content, ua.LocalizedText):
        content = content.Text
    return content if isinstance(content, str) else None


def nanoseconds(stamp: datetime) -> int | None:
    """UTC ns since 1970; None for the date that stands for none (part 6, 5.2.2.5)."""
    aware = stamp if stamp.tzinfo is not None else stamp.replace(tzinfo=UTC)
    since = aware - EPOCH
    time_ns = (since.days * 86_400 + since.seconds) * NS_PER_S + since.microseconds * 1000
    return time_ns if time_ns > 0 else None


def variant(value: float, kind: ua.VariantType) -> ua.Variant:
    """A number as a node's own type.

    Raises:
        ValueError: the type takes no such number; says which it takes.
    """
    if kind in _FLOATS:
        return ua.Variant(float(value), kind)
    if kind is ua.VariantType.Boolean:
        if value not in {0, 1}:
            raise ValueError(f"takes 0 or 1, not {value:g}")
        return ua.Variant(bool(value), kind)
    if kind not in _INTEGERS:
        raise ValueError(f"is of type {kind.name}, which takes no number")
    low, high = _INTEGERS[kind]
    if value != round(value) or not low <= value <= high:
        raise ValueError(f"takes whole numbers from {low} to {high}, not {value:g}")
    return ua.Variant(int(value), kind)
