"""Blocks of objects that the library does not read: one header and what stands under it. Pure.

Device attributes (group 0), double-bit inputs (3, 4) and octet strings (110, 111), after the
layouts of IEEE 1815-2012, annex A.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from ortsnetz_edge.profiles.references.dnp3 import PointKind

_ATTRIBUTES, _STRINGS = 0, (110, 111)
_DOUBLE_BITS = {(3, 2): 1, (4, 1): 1, (4, 2): 7, (4, 3): 3}  # octets of one object
_PACKED_DOUBLE = (3, 1)
_START_STOP = {0x00: ("<BB", 2), 0x01: ("<HH", 4)}
_INDEXED = {0x17: 1, 0x28: 2}
_SIZED = {0x5B: 1}  # free format: a count, and the length of each object before it
_TIME = 6


class MalformedError(ValueError):
    """An answer that no outstation sends: an object is cut off, or a header is none."""


@dataclass(frozen=True, slots=True)
class Reported:
    """What an outstation says of one point.

    Attributes:
        index: of the point; the variation of an attribute.
        flags: without the state of a binary point; None where the object has none.
        time_ms: UTC ms since 1970; None where the object has no time.
        synchronised: what a common time of occurrence says of the clock; None where none does.
        event: whether it reports a change.
    """

    kind: PointKind
    index: int
    value: float | str | None
    flags: int | None = None
    time_ms: int | None = None
    synchronised: bool | None = None
    event: bool = False


def own_block(body: bytes) -> tuple[list[Reported], int] | None:
    """One header and its objects, with the octets they take; None for what is not known here."""
    group, variation, qualifier = body[:3]
    if group == _ATTRIBUTES:
        return _attributes(body, variation, qualifier)
    if group in _STRINGS:
        if not variation:  # seven octets would name 65,536 empty texts
            raise MalformedError(f"octet strings of no length (group {group} variation 0)")
        places = _places(body, qualifier, variation)
        return None if places is None else _strings(body, places, event=group == _STRINGS[1])
    if (group, variation) == _PACKED_DOUBLE:
        return _packed_double(body, qualifier)
    size = _DOUBLE_BITS.get((group, variation))
    if size is None:
        return None
    places = _places(body, qualifier, size)
    return None if places is None else _double_bits(body, places, (group, variation))


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the objects of a block are: index and first octet of each."""

    items: tuple[tuple[int, int], ...]
    size: int
    end: int


def _places(body: bytes, qualifier: int, size: int) -> _Places | None:
    if qualifier in _START_STOP:
        first, last, offset = _range(body, qualifier)
        items = tuple((first + n, offset + n * size) for n in range(last - first + 1))
        end = offset + len(items) * size
    elif qualifier in _INDEXED:
        width = _INDEXED[qualifier]
        _need(body, 3 + width)
        count, offset = int.from_bytes(body[3 : 3 + width], "little"), 3 + width
        end = offset + count * (width + size)
        _need(body, end)
        found = []
        for n in range(count):
            at = offset + n * (width + size)
            found.append((int.from_bytes(body[at : at + width], "little"), at + width))
        items = tuple(found)
    else:
        return None
    _need(body, end)
    return _Places(items, size, end)


def _range(body: bytes, qualifier: int) -> tuple[int, int, int]:
    form, octets = _START_STOP[qualifier]
    _need(body, 3 + octets)
    first, last = struct.unpack_from(form, body, 3)
    if last < first:
        raise MalformedError(f"the range {first} to {last} ends before it begins")
    return first, last, 3 + octets


def _need(body: bytes, octets: int) -> None:
    if len(body) < octets:
        raise MalformedError(f"the answer ends inside group {body[0]} variation {body[1]}")


def _strings(body: bytes, places: _Places, *, event: bool) -> tuple[list[Reported], int]:
    found = [
        Reported(PointKind.OCTET_STRING, index, _text(body[at : at + places.size]), event=event)
        for index, at in places.items
    ]
    return found, places.end


def _double_bits(body: bytes, places: _Places, form: tuple[int, int]) -> tuple[list[Reported], int]:
    """States are 0 intermediate, 1 off, 2 on, 3 indeterminate."""
    found = []
    for index, at in places.items:
        octet = body[at]
        # a relative time (4, 3) counts from a common time in another block: time of arrival then
        timed = form == (4, 2)
        time_ms = int.from_bytes(body[at + 1 : at + 1 + _TIME], "little") if timed else None
        found.append(
            Reported(
                PointKind.DOUBLE_BIT_INPUT,
                index,
                float(octet >> 6),
                octet & 0x3F,
                time_ms,
                event=form[0] == 4,
            )
        )
    return found, places.end


def _packed_double(body: bytes, qualifier: int) -> tuple[list[Reported], int] | None:
    if qualifier not in _START_STOP:
        return None
    first, last, offset = _range(body, qualifier)
    count = last - first + 1
    end = offset + (count + 3) // 4
    _need(body, end)
    found = [
        Reported(
            PointKind.DOUBLE_BIT_INPUT,
            first + n,
            float(body[offset + n // 4] >> 2 * (n % 4) & 3),
        )
        for n in range(count)
    ]
    return found, end


def _attributes(body: bytes, variation: int, qualifier: int) -> tuple[list[Reported], int] | None:
    """Device attributes: type, length, data (IEEE 1815-2012, A.1)."""
    if qualifier in _START_STOP:
        first, last, offset = _range(body, qualifier)
        count, prefix = last - first + 1, 0
    elif qualifier in _INDEXED:
        prefix = _INDEXED[qualifier]
        _need(body, 3 + prefix)
        count, offset = int.from_bytes(body[3 : 3 + prefix], "little"), 3 + prefix
    elif qualifier in _SIZED:
        _need(body, 4)
        count, offset, prefix = body[3], 4, 2
    else:
        return None
    found: list[Reported] = []
    for _ in range(count):
        offset += prefix
        _need(body, offset + 2)
        kind, length = body[offset], body[offset + 1]
        _need(body, offset + 2 + length)
        value = _attribute(kind, body[offset + 2 : offset + 2 + length])
        found.append(Reported(PointKind.ATTRIBUTE, variation, value))
        offset += 2 + length
    return found, offset


def _attribute(kind: int, data: bytes) -> float | str | None:
    if kind == 1:
        return _text(data)
    if kind in {2, 3}:
        return float(int.from_bytes(data, "little", signed=kind == 3))
    if kind == 4 and len(data) in {4, 8}:
        number: float = struct.unpack("<f" if len(data) == 4 else "<d", data)[0]
        return number
    return data.hex() if data else None


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace").rstrip("\0 ")
