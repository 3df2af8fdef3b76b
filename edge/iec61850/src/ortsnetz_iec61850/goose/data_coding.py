"""Values to and from octets: `Data` of MMS (ISO 9506-2, IEC 61850-8-1 clause 8)."""

from __future__ import annotations

import struct
from collections.abc import Callable

from ortsnetz_common.measurement.time import NS_PER_S
from ortsnetz_iec61850.goose.ber import (
    DecodingError,
    Element,
    elements,
    encoded,
    integer,
    integer_octets,
)
from ortsnetz_iec61850.goose.data import Bits, Datum, Kind, Plain, UtcTime

DEEPEST = 8
"""Structures within structures; IEC 61850's own data go five deep."""
MOST = 1024
"""Values in a message; a full frame holds about 500 of the smallest."""
_ARRAY, _STRUCTURE = 0xA1, 0xA2
_NUMBER_OCTETS = 9  # of 64 bits, and a leading zero
_FORMS = {8: ">f", 11: ">d"}  # bits of the exponent: IEEE 754 single and double
_TIME_OCTETS = 8


def decoded_all(octets: bytes) -> tuple[Datum, ...]:
    """The values of a message, `allData`.

    Raises:
        DecodingError: they are none, or nested too deep.
    """
    left = [MOST]
    return tuple(_decoded(element, DEEPEST, left) for element in elements(octets))


def _decoded(element: Element, depth: int, left: list[int]) -> Datum:
    left[0] -= 1
    if left[0] < 0:
        raise DecodingError(f"more than {MOST} values")
    if element.tag in (_STRUCTURE, _ARRAY):
        if depth == 0:
            raise DecodingError(f"structures more than {DEEPEST} deep")
        parts = tuple(_decoded(part, depth - 1, left) for part in elements(element.content))
        return Datum(Kind.STRUCTURE, parts)
    known = _DECODERS.get(element.tag)
    if known is None:
        raise DecodingError(f"tag {element.tag:#04x} is no kind of value")
    kind, decode = known
    return Datum(kind, decode(element.content))


def encoded_datum(datum: Datum) -> bytes:
    """A value in octets.

    Raises:
        ValueError: its value is not of its kind.
    """
    if isinstance(datum.value, tuple):
        return encoded(_STRUCTURE, b"".join(encoded_datum(part) for part in datum.value))
    encode, kind = _ENCODERS.get(type(datum.value)), datum.kind
    if encode is None or kind not in encode:
        raise ValueError(f"{datum.value!r} is no {kind}")
    return encoded(_TAGS[kind], encode[kind](datum.value))


def decoded_flag(content: bytes) -> bool:
    """A boolean. Raises DecodingError."""
    if len(content) != 1:
        raise DecodingError(f"a boolean of {len(content)} octets")
    return content != b"\x00"


def decoded_time(content: bytes) -> UtcTime:
    """A time stamp. Raises DecodingError."""
    if len(content) != _TIME_OCTETS:
        raise DecodingError(f"a time stamp of {len(content)} octets; {_TIME_OCTETS} are needed")
    seconds, fraction = int.from_bytes(content[:4]), int.from_bytes(content[4:7])
    return UtcTime(seconds * NS_PER_S + (fraction * NS_PER_S + (1 << 23) >> 24), content[7])


def encoded_time(time: UtcTime) -> bytes:
    """The content of a time stamp."""
    seconds, rest = divmod(time.time_ns, NS_PER_S)
    fraction = min(((rest << 24) + NS_PER_S // 2) // NS_PER_S, (1 << 24) - 1)
    return seconds.to_bytes(4) + fraction.to_bytes(3) + bytes((time.quality,))


def _bits(content: bytes) -> Bits:
    if not content or content[0] > 7 or (len(content) == 1 and content[0]):
        raise DecodingError("a bit string without a count of unused bits")
    unused = content[0]
    return Bits(int.from_bytes(content[1:]) >> unused, (len(content) - 1) * 8 - unused)


def _bit_octets(bits: Bits) -> bytes:
    unused = -bits.count % 8
    octets = (bits.number << unused).to_bytes((bits.count + unused) // 8)
    return bytes((unused,)) + octets


def _float(content: bytes) -> float:
    form = _FORMS.get(content[0]) if content else None
    if form is None or len(content) != 1 + struct.calcsize(form):
        raise DecodingError("a float that is neither single nor double precision")
    value: float = struct.unpack(form, content[1:])[0]
    return value


def _integer(content: bytes) -> int:
    return integer(content, signed=True, longest=_NUMBER_OCTETS)


def _unsigned(content: bytes) -> int:
    return integer(content, signed=False, longest=_NUMBER_OCTETS)


_TAGS = {
    Kind.BOOLEAN: 0x83,
    Kind.BITS: 0x84,
    Kind.INTEGER: 0x85,
    Kind.UNSIGNED: 0x86,
    Kind.FLOAT: 0x87,
    Kind.OCTETS: 0x89,
    Kind.TEXT: 0x8A,
    Kind.BINARY_TIME: 0x8C,
    Kind.UNICODE: 0x90,
    Kind.TIME: 0x91,
}
_BY_KIND: dict[Kind, Callable[[bytes], Plain]] = {
    Kind.BOOLEAN: decoded_flag,
    Kind.BITS: _bits,
    Kind.INTEGER: _integer,
    Kind.UNSIGNED: _unsigned,
    Kind.FLOAT: _float,
    Kind.OCTETS: bytes,
    Kind.TEXT: lambda content: content.decode("latin-1"),
    Kind.BINARY_TIME: bytes,
    Kind.UNICODE: lambda content: content.decode("utf-8", "replace"),
    Kind.TIME: decoded_time,
}
_DECODERS = {_TAGS[kind]: (kind, decode) for kind, decode in _BY_KIND.items()}
_ENCODERS: dict[type, dict[Kind, Callable[..., bytes]]] = {
    bool: {Kind.BOOLEAN: lambda value: b"\x01" if value else b"\x00"},
    Bits: {Kind.BITS: _bit_octets},
    int: {
        Kind.INTEGER: lambda value: integer_octets(value, signed=True),
        Kind.UNSIGNED: lambda value: integer_octets(value, signed=False),
    },
    float: {Kind.FLOAT: lambda value: b"\x08" + struct.pack(">f", value)},
    bytes: {Kind.OCTETS: bytes, Kind.BINARY_TIME: bytes},
    str: {
        Kind.TEXT: lambda value: value.encode("latin-1"),
        Kind.UNICODE: lambda value: value.encode(),
    },
    UtcTime: {Kind.TIME: encoded_time},
}
"""By the value's type, then by its kind: a value that is not of its kind has no encoder."""
