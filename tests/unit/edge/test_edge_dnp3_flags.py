"""Flags of DNP3 objects become qualities of IEC 61850; the table is written out here a second time.

IEEE 1815-2012, 11.6, and IEC 61850-7-3, 6.2.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ortsnetz_common.measurement.quality import Quality, Validity, validity, worst
from ortsnetz_edge.drivers.dnp3.flags import quality
from ortsnetz_edge.profiles.references.dnp3 import PointKind

ANALOGS = (PointKind.ANALOG_INPUT, PointKind.ANALOG_OUTPUT)
BINARIES = (PointKind.BINARY_INPUT, PointKind.DOUBLE_BIT_INPUT)
COUNTERS = (PointKind.COUNTER, PointKind.FROZEN_COUNTER)


@pytest.mark.parametrize("kind", list(PointKind))
@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (0x01, (Validity.GOOD,)),
        (0x00, (Validity.INVALID, Quality.FAILURE)),
        (0x03, (Validity.INVALID, Quality.OLD_DATA)),
        (0x05, (Validity.INVALID, Quality.OLD_DATA)),
        (0x04, (Validity.INVALID, Quality.OLD_DATA, Quality.FAILURE)),
        (0x09, (Validity.GOOD, Quality.SUBSTITUTED)),
        (0x11, (Validity.GOOD, Quality.SUBSTITUTED)),
        (0x0D, (Validity.INVALID, Quality.OLD_DATA, Quality.SUBSTITUTED)),
    ],
)
def test_the_five_lowest_flags_mean_the_same_everywhere(
    kind: PointKind, flags: int, words: tuple[Validity | Quality, ...]
) -> None:
    _means(quality(kind, flags), words)


@pytest.mark.parametrize(
    ("kinds", "flags", "words"),
    [
        (ANALOGS, 0x21, (Validity.QUESTIONABLE, Quality.OVERFLOW)),
        (ANALOGS, 0x41, (Validity.QUESTIONABLE, Quality.BAD_REFERENCE, Quality.INACCURATE)),
        (ANALOGS, 0x20, (Validity.INVALID, Quality.OVERFLOW, Quality.FAILURE)),
        (ANALOGS, 0x25, (Validity.INVALID, Quality.OVERFLOW, Quality.OLD_DATA)),
        (BINARIES, 0x21, (Validity.QUESTIONABLE, Quality.OSCILLATORY)),
        (BINARIES, 0x41, (Validity.GOOD,)),
        (COUNTERS, 0x21, (Validity.GOOD,)),  # ROLLOVER is obsolete
        (COUNTERS, 0x41, (Validity.QUESTIONABLE, Quality.INCONSISTENT)),
        ((PointKind.BINARY_OUTPUT,), 0x61, (Validity.GOOD,)),
    ],
)
def test_the_other_flags_depend_on_the_kind_of_point(
    kinds: tuple[PointKind, ...], flags: int, words: tuple[Validity | Quality, ...]
) -> None:
    for kind in kinds:
        _means(quality(kind, flags), words)


@pytest.mark.parametrize("kind", list(PointKind))
def test_an_object_without_flags_says_nothing_against_its_value(kind: PointKind) -> None:
    assert quality(kind, None) == 0


@given(st.sampled_from(list(PointKind)), st.integers(0, 255))
def test_what_is_not_online_or_has_lost_its_source_is_never_usable(
    kind: PointKind, flags: int
) -> None:
    bad = not flags & 0x01 or flags & 0x06
    assert (validity(quality(kind, flags)) is Validity.INVALID) == bool(bad)


@given(st.lists(st.integers(0, 0x1FFF), max_size=4))
def test_the_worst_of_several_qualities_is_their_worst_validity(qualities: list[int]) -> None:
    def known(each: int) -> int:
        return each & ~3 if each & 3 == 2 else each  # the reserved pattern is nobody's

    qualities = [known(each) for each in qualities]
    expected = max((validity(each) for each in qualities), default=Validity.GOOD)
    assert validity(worst(*qualities)) is expected


def _means(found: int, words: tuple[Validity | Quality, ...]) -> None:
    details = 0
    for word in words[1:]:
        details |= int(word)
    assert (validity(found), found & ~3) == (words[0], details)
