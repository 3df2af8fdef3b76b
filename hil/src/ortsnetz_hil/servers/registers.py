"""Numbers as 16-bit registers, most significant word first.

A value beyond what its register can hold stands at the end of the range, as in real devices; NaN,
what is not measured, reads as not implemented: all ones unsigned, the lowest number signed.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stamp:
    """What every block ends with: number of this read and the device's own clock, UTC ns."""

    reads: int
    time_ns: int

    @property
    def milliseconds(self) -> int:
        """The clock in ms."""
        return self.time_ns // 1_000_000


def u16(values: Iterable[float], scale: float = 1.0) -> list[int]:
    """Unsigned values of one register each, times a scale and rounded."""
    return [_unsigned(value * scale, 16) for value in values]


def i16(values: Iterable[float], scale: float = 1.0) -> list[int]:
    """Signed values of one register each."""
    return _words("h", [_signed(value * scale, 16) for value in values])


def u32(values: Iterable[float], scale: float = 1.0) -> list[int]:
    """Unsigned values of two registers each."""
    return _words("I", [_unsigned(value * scale, 32) for value in values])


def i32(values: Iterable[float], scale: float = 1.0) -> list[int]:
    """Signed values of two registers each."""
    return _words("i", [_signed(value * scale, 32) for value in values])


def u64(value: int) -> list[int]:
    """An unsigned whole number of four registers."""
    return _words("Q", [value])


def f32(values: Iterable[float]) -> list[int]:
    """IEEE 754 single precision, two registers each."""
    return _words("f", [float(value) for value in values])


def swapped(words: list[int]) -> list[int]:
    """Pairs of registers with the least significant word first."""
    return [word for pair in zip(words[1::2], words[::2], strict=True) for word in pair]


def _unsigned(value: float, bits: int) -> int:
    absent = (1 << bits) - 1
    value = float(value)
    return absent if math.isnan(value) else round(min(max(value, 0.0), absent - 1.0))


def _signed(value: float, bits: int) -> int:
    absent = -(1 << (bits - 1))
    value = float(value)
    return absent if math.isnan(value) else round(min(max(value, absent + 1.0), -absent - 1.0))


def _words(form: str, values: list[int] | list[float]) -> list[int]:
    payload = struct.pack(f">{len(values)}{form}", *values)
    return list(struct.unpack(f">{len(payload) // 2}H", payload))
