"""Quality of a value after IEC 61850-7-3, with the bit layout of IEC 61850-8-1."""

from __future__ import annotations

from enum import IntEnum, IntFlag


class Quality(IntFlag):
    """Quality bit string of IEC 61850-7-3 clause 6.2; bit 0 is the first bit of IEC 61850-8-1.

    Validity takes two bits: neither set is good, `INVALID` alone is invalid, both are questionable.
    """

    GOOD = 0
    INVALID = 1 << 0
    _RESERVED = 1 << 1
    QUESTIONABLE = (1 << 0) | (1 << 1)
    OVERFLOW = 1 << 2
    OUT_OF_RANGE = 1 << 3
    BAD_REFERENCE = 1 << 4
    OSCILLATORY = 1 << 5
    FAILURE = 1 << 6
    OLD_DATA = 1 << 7
    INCONSISTENT = 1 << 8
    INACCURATE = 1 << 9
    SUBSTITUTED = 1 << 10
    TEST = 1 << 11
    OPERATOR_BLOCKED = 1 << 12


class Validity(IntEnum):
    """Validity of a value, ordered from best to worst."""

    GOOD = 0
    QUESTIONABLE = 1
    INVALID = 2


_VALIDITY_BITS = int(Quality.QUESTIONABLE)
_BITS_OF = {
    Validity.GOOD: int(Quality.GOOD),
    Validity.QUESTIONABLE: int(Quality.QUESTIONABLE),
    Validity.INVALID: int(Quality.INVALID),
}


def validity(quality: int) -> Validity:
    """Validity part of a quality bit string; the reserved pattern counts as invalid."""
    bits = quality & _VALIDITY_BITS
    if bits == 0:
        return Validity.GOOD
    return Validity.QUESTIONABLE if bits == _VALIDITY_BITS else Validity.INVALID


def worst(*qualities: int) -> int:
    """All details together with the worst validity.

    Or-ing would not do: invalid and questionable together read as questionable.
    """
    details, found = 0, Validity.GOOD
    for quality in qualities:
        details |= quality & ~_VALIDITY_BITS
        found = max(found, validity(quality))
    return details | _BITS_OF[found]


def is_usable(quality: int) -> bool:
    """Whether a value may enter a decision: good, neither test nor blocked by an operator."""
    return (
        validity(quality) is Validity.GOOD
        and not quality & Quality.TEST
        and not quality & Quality.OPERATOR_BLOCKED
    )


def describe(quality: int) -> str:
    """Quality in words, for people: `invalid (failure, old data)`."""
    details = [
        flag.name.lower().replace("_", " ")
        for flag in Quality
        if flag.name and flag not in {Quality.INVALID, Quality(_VALIDITY_BITS)} and quality & flag
        if flag.value > _VALIDITY_BITS
    ]
    word = validity(quality).name.lower()
    return f"{word} ({', '.join(details)})" if details else word
