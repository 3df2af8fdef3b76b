"""BER as GOOSE uses it (ISO/IEC 8825-1): one octet of tag, definite length. Expects enemies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

LONGEST = 0xFFFF
"""Of a content: no frame is longer."""
_MULTI_OCTET_TAG = 0x1F
_LONG_FORM = 0x80


class DecodingError(ValueError):
    """Octets that are no message; says what is wrong with them."""


@dataclass(frozen=True, slots=True)
class Element:
    """A tag and its content."""

    tag: int
    content: bytes


def elements(octets: bytes) -> Iterator[Element]:
    """The elements that octets consist of, to the last octet.

    Raises:
        DecodingError: a tag, a length or a content that does not fit.
    """
    place = 0
    while place < len(octets):
        element, place = element_at(octets, place)
        yield element


def element_at(octets: bytes, place: int) -> tuple[Element, int]:
    """The element at a place, and the place behind it.

    Raises:
        DecodingError: there is none.
    """
    if place + 2 > len(octets):
        raise DecodingError("an element ends before its length")
    tag, length = octets[place], octets[place + 1]
    if tag & _MULTI_OCTET_TAG == _MULTI_OCTET_TAG:
        raise DecodingError(f"tag {tag:#04x}: GOOSE has tags of one octet only")
    place += 2
    if length & _LONG_FORM:
        count = length & ~_LONG_FORM
        if not 1 <= count <= 2 or place + count > len(octets):
            raise DecodingError(f"a length of {count} octets: GOOSE has 1 or 2")
        length = int.from_bytes(octets[place : place + count])
        place += count
    if place + length > len(octets):
        raise DecodingError(f"{length} octets are announced, {len(octets) - place} are there")
    return Element(tag, octets[place : place + length]), place + length


def encoded(tag: int, content: bytes) -> bytes:
    """An element in octets, its length in the shortest form."""
    size = len(content)
    if size > LONGEST:
        raise ValueError(f"{size} octets are more than a frame can hold")
    if size < _LONG_FORM:
        return bytes((tag, size)) + content
    if size <= 0xFF:
        return bytes((tag, 0x81, size)) + content
    return bytes((tag, 0x82)) + size.to_bytes(2) + content


def integer(content: bytes, *, signed: bool, longest: int = 5) -> int:
    """A number; leading octets without meaning are taken (fixed-length encoding, 8-1 annex A).

    Raises:
        DecodingError: no octet, or too many.
    """
    if not 1 <= len(content) <= longest:
        raise DecodingError(f"a number of {len(content)} octets: 1 to {longest} are possible")
    return int.from_bytes(content, signed=signed)


def integer_octets(number: int, *, signed: bool) -> bytes:
    """The shortest content; a leading zero octet keeps what is unsigned from looking negative."""
    if not signed and number < 0:
        raise ValueError(f"{number} is below zero")
    magnitude = number if number >= 0 else ~number
    return number.to_bytes(magnitude.bit_length() // 8 + 1, signed=True)
