"""Values in GOOSE messages: `Data` of MMS (ISO 9506-2) as IEC 61850-8-1 uses it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a value is."""

    BOOLEAN = "boolean"
    BITS = "bit string"
    INTEGER = "integer"
    UNSIGNED = "unsigned"
    FLOAT = "float"
    OCTETS = "octet string"
    TEXT = "visible string"
    UNICODE = "unicode string"
    TIME = "UTC time"
    BINARY_TIME = "binary time"
    STRUCTURE = "structure"


@dataclass(frozen=True, slots=True)
class Bits:
    """A bit string; bit 0 is the first one, the highest of `number`."""

    number: int
    count: int


@dataclass(frozen=True, slots=True)
class UtcTime:
    """A time stamp (IEC 61850-8-1, 8.1.3.7).

    Attributes:
        time_ns: UTC, ns since 1970; a count is 60 ns.
        quality: its last octet: 0x80 leap seconds known, 0x40 clock failure, 0x20 clock not
            synchronised, below that the count of bits that are right (31: not said).
    """

    time_ns: int
    quality: int = 0x0A


Plain = bool | int | float | str | bytes | Bits | UtcTime


@dataclass(frozen=True, slots=True)
class Datum:
    """A value with its kind; a structure's value are its parts."""

    kind: Kind
    value: Plain | tuple[Datum, ...]


def flat(data: tuple[Datum, ...]) -> list[Datum]:
    """Values without the structures around them, in the order in which they travel."""
    found: list[Datum] = []
    for each in data:
        if isinstance(each.value, tuple):
            found.extend(flat(each.value))
        else:
            found.append(each)
    return found
