"""MMS values: from the library's to Python's, and back.

| MMS | Python |
|---|---|
| structure, array | tuple |
| boolean, integer, unsigned, float, texts, octets | bool, int, int, float, str, bytes |
| bit string | `Bits` |
| UTC time | `Stamp` |
| binary time | `EntryTime` |
| data access error | `AccessError` |
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from ortsnetz_common.measurement.time import NS_PER_S
from ortsnetz_iec61850.library.loading import function

Handle = ctypes.c_void_p
MOST_ELEMENTS = 10_000
DEEPEST = 24


class MmsType(IntEnum):
    """Types of values, as the library counts them."""

    ARRAY = 0
    STRUCTURE = 1
    BOOLEAN = 2
    BIT_STRING = 3
    INTEGER = 4
    UNSIGNED = 5
    FLOAT = 6
    OCTET_STRING = 7
    VISIBLE_STRING = 8
    GENERALIZED_TIME = 9
    BINARY_TIME = 10
    BCD = 11
    OBJECT_ID = 12
    STRING = 13
    UTC_TIME = 14
    DATA_ACCESS_ERROR = 15


@dataclass(frozen=True, slots=True)
class Bits:
    """A bit string.

    Attributes:
        value: the first bit is that of the value 1.
    """

    value: int
    size: int

    @property
    def first_is_highest(self) -> int:
        """The number that the bits spell from left to right: coded enumerations (`Dbpos`)."""
        return int(format(self.value, f"0{self.size}b")[::-1], 2) if self.size else 0


@dataclass(frozen=True, slots=True)
class Stamp:
    """A `UtcTime` of IEC 61850-8-1.

    Attributes:
        time_ns: UTC ns since 1970; 0 is what a device says that has not set its clock.
        flags: leap second known (128), clock failure (64), clock not synchronised (32), and five
            bits of accuracy.
    """

    time_ns: int
    flags: int


@dataclass(frozen=True, slots=True)
class EntryTime:
    """A binary time, UTC ms since 1970."""

    time_ms: int


@dataclass(frozen=True, slots=True)
class AccessError:
    """Why there is no value: `DataAccessError` of ISO 9506-2."""

    code: int


Value = bool | int | float | str | bytes | Bits | Stamp | EntryTime | AccessError | tuple[Any, ...]

_type = function("MmsValue_getType", ctypes.c_int, Handle)
_size = function("MmsValue_getArraySize", ctypes.c_uint32, Handle)
_element = function("MmsValue_getElement", Handle, Handle, ctypes.c_int)
_boolean = function("MmsValue_getBoolean", ctypes.c_bool, Handle)
_bits = function("MmsValue_getBitStringAsInteger", ctypes.c_uint32, Handle)
_bit_size = function("MmsValue_getBitStringSize", ctypes.c_int, Handle)
_int64 = function("MmsValue_toInt64", ctypes.c_int64, Handle)
_uint32 = function("MmsValue_toUint32", ctypes.c_uint32, Handle)
_double = function("MmsValue_toDouble", ctypes.c_double, Handle)
_text = function("MmsValue_toString", ctypes.c_char_p, Handle)
_octets = function("MmsValue_getOctetStringBuffer", Handle, Handle)
_octets_size = function("MmsValue_getOctetStringSize", ctypes.c_uint16, Handle)
_utc_buffer = function("MmsValue_getUtcTimeBuffer", Handle, Handle)
_binary_ms = function("MmsValue_getBinaryTimeAsUtcMs", ctypes.c_uint64, Handle)
_access = function("MmsValue_getDataAccessError", ctypes.c_int, Handle)
delete = function("MmsValue_delete", None, Handle)
_new_boolean = function("MmsValue_newBoolean", Handle, ctypes.c_bool)
_new_int32 = function("MmsValue_newIntegerFromInt32", Handle, ctypes.c_int32)
_new_int64 = function("MmsValue_newIntegerFromInt64", Handle, ctypes.c_int64)
_new_unsigned = function("MmsValue_newUnsignedFromUint32", Handle, ctypes.c_uint32)
_new_float = function("MmsValue_newFloat", Handle, ctypes.c_float)
_new_double = function("MmsValue_newDouble", Handle, ctypes.c_double)
_new_text = function("MmsValue_newVisibleString", Handle, ctypes.c_char_p)
_new_mms_text = function("MmsValue_newMmsString", Handle, ctypes.c_char_p)
_new_octets = function("MmsValue_newOctetString", Handle, ctypes.c_int, ctypes.c_int)
_set_octets = function("MmsValue_setOctetString", None, Handle, ctypes.c_char_p, ctypes.c_int)
_new_bits = function("MmsValue_newBitString", Handle, ctypes.c_int)
_set_bits = function("MmsValue_setBitStringFromInteger", None, Handle, ctypes.c_uint32)
_new_structure = function("MmsValue_createEmptyStructure", Handle, ctypes.c_int)
_set_element = function("MmsValue_setElement", None, Handle, ctypes.c_int, Handle)


def value_of(handle: int | None, depth: int = 0) -> Value:
    """A value of the library as Python's; the library keeps its own.

    Nothing at all is an access error (`no response`), never a zero.
    """
    if not handle or depth > DEEPEST:
        return AccessError(-2)
    kind = _type(handle)
    if kind in (MmsType.STRUCTURE, MmsType.ARRAY):
        count = min(_size(handle), MOST_ELEMENTS)
        return tuple([value_of(_element(handle, i), depth + 1) for i in range(count)])
    reader = _READERS.get(kind)
    return AccessError(6) if reader is None else reader(handle)


def _octet_value(handle: int) -> bytes:
    size = _octets_size(handle)
    return ctypes.string_at(_octets(handle), size) if size else b""


def _utc_value(handle: int) -> Stamp:
    return stamp_of(ctypes.string_at(_utc_buffer(handle), 8))


def stamp_of(octets: bytes) -> Stamp:
    """A `UtcTime` from its 8 octets: seconds, 24 bits of fraction, flags."""
    seconds = int.from_bytes(octets[:4], "big")
    fraction = int.from_bytes(octets[4:7], "big")
    return Stamp(seconds * NS_PER_S + (fraction * NS_PER_S >> 24), octets[7])


_READERS: dict[int, Any] = {
    MmsType.BOOLEAN: _boolean,
    MmsType.BIT_STRING: lambda handle: Bits(_bits(handle), abs(_bit_size(handle))),
    MmsType.INTEGER: _int64,
    MmsType.UNSIGNED: _uint32,
    MmsType.FLOAT: _double,
    MmsType.OCTET_STRING: _octet_value,
    MmsType.VISIBLE_STRING: lambda handle: (_text(handle) or b"").decode("utf-8", "replace"),
    MmsType.STRING: lambda handle: (_text(handle) or b"").decode("utf-8", "replace"),
    MmsType.BINARY_TIME: lambda handle: EntryTime(_binary_ms(handle)),
    MmsType.UTC_TIME: _utc_value,
    MmsType.DATA_ACCESS_ERROR: lambda handle: AccessError(_access(handle)),
}


@contextmanager
def made(kind: MmsType, value: Value, size: int = 0) -> Iterator[int]:
    """A value for the library to send; freed afterwards.

    Args:
        kind: type of the variable that takes it.
        value: of Python.
        size: of the type: bits of an integer or float, bits of a bit string.

    Raises:
        ValueError: the type takes no such value.
    """
    handle = new(kind, value, size)
    try:
        yield handle
    finally:
        delete(handle)


def new(kind: MmsType, value: Value, size: int = 0) -> int:
    """A value that the caller has to free. Raises ValueError."""
    handle = _new(kind, value, size)
    if not handle:
        raise ValueError(f"no value of type {kind.name} could be made")
    return int(handle)


def _new(kind: MmsType, value: Value, size: int) -> int | None:
    if isinstance(value, str | bytes | Bits):
        return _new_text_like(kind, value, size)
    if not isinstance(value, bool | int | float):
        raise TypeError(f"{type(value).__name__} cannot be written")
    if kind is MmsType.FLOAT:
        made: int | None = _new_double(value) if size == 64 else _new_float(value)
        return made
    whole = int(value)
    if whole != value:
        raise ValueError(f"takes whole numbers, not {value:g}")
    if kind is MmsType.BOOLEAN and whole in (0, 1):
        return _int(_new_boolean(bool(whole)))
    if kind is MmsType.INTEGER and -(2 ** ((size or 32) - 1)) <= whole < 2 ** ((size or 32) - 1):
        return _int(_new_int64(whole) if size == 64 else _new_int32(whole))
    if kind is MmsType.UNSIGNED and 0 <= whole < 2 ** (size or 32):
        return _int(_new_unsigned(whole))
    if kind is MmsType.BIT_STRING and 0 <= whole < 2 ** max(size, 1):
        # a number spells the bits from left to right, as coded enumerations count
        flipped = int(format(whole, f"0{size}b")[::-1], 2)
        return _new_text_like(kind, Bits(flipped, size), size)
    raise ValueError(f"a value of type {kind.name.lower()} of {size} bits cannot be {value}")


def _new_text_like(kind: MmsType, value: str | bytes | Bits, size: int) -> int | None:
    if isinstance(value, str) and kind is MmsType.VISIBLE_STRING:
        return _int(_new_text(value.encode("utf-8")))
    if isinstance(value, str) and kind is MmsType.STRING:
        return _int(_new_mms_text(value.encode("utf-8")))
    if isinstance(value, bytes) and kind is MmsType.OCTET_STRING:
        handle = _int(_new_octets(len(value), len(value)))
        _set_octets(handle, value, len(value))
        return handle
    if isinstance(value, Bits) and kind is MmsType.BIT_STRING:
        handle = _int(_new_bits(size or value.size))
        _set_bits(handle, value.value)
        return handle
    raise ValueError(f"a value of type {kind.name.lower()} cannot be {value!r}")


def _int(handle: Any) -> int:
    return int(handle or 0)


def structure(*elements: int) -> int:
    """A structure of values, which it owns from then on; to be freed by the caller."""
    handle = int(_new_structure(len(elements)))
    for index, element in enumerate(elements):
        _set_element(handle, index, element)
    return handle
