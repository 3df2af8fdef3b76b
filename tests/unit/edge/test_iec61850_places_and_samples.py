"""Where a value stands in an answer or a report, and what its quality and time mean. Pure."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ortsnetz_common.measurement.quality import Quality, Validity, validity
from ortsnetz_common.measurement.time import NS_PER_S, TimeQuality
from ortsnetz_common.scl.object_reference import parse_reference
from ortsnetz_iec61850.library.connection import Member
from ortsnetz_iec61850.library.types import VariableType
from ortsnetz_iec61850.library.values import AccessError, Bits, MmsType, Stamp, Value, stamp_of
from ortsnetz_iec61850.mms.covering import Block, blocks_of, cells_of
from ortsnetz_iec61850.mms.places import Place, domain_of, place_of, variable_of
from ortsnetz_iec61850.mms.samples import number, quality_of, sample_of, time_of

FLOAT = VariableType("f", MmsType.FLOAT, 32)
QUALITY = VariableType("q", MmsType.BIT_STRING, 13)
TIME = VariableType("t", MmsType.UTC_TIME)


def structure(name: str, *parts: VariableType) -> VariableType:
    return VariableType(name, MmsType.STRUCTURE, len(parts), parts)


PHASE = structure("phsA", structure("cVal", structure("mag", FLOAT)), QUALITY, TIME)
VOLTAGES = structure("PhV", PHASE, VariableType("phsB", PHASE.kind, 3, PHASE.parts))
REFERENCE = parse_reference("LD0/MMXU1.PhV.phsB.cVal.mag.f[MX]")
GOOD, T = Bits(0, 13), Stamp(5 * NS_PER_S, 0)


def place(reference: str = str(REFERENCE), kind: VariableType = VOLTAGES) -> Place | None:
    parsed = parse_reference(reference)
    return place_of(parsed, variable_of(parsed, "B1LD0"), kind)


def test_a_value_has_the_quality_and_the_time_that_stand_beside_it() -> None:
    found = place()
    assert found is not None
    assert str(found.variable) == "B1LD0/MMXU1$MX$PhV"
    whole: Value = (
        (((1.0,),), Bits(0b10, 13), Stamp(1, 0)),
        (((230.5,),), Bits(1 << 7, 13), T),
    )
    sample = sample_of(found, whole)
    assert (sample.raw, sample.quality, sample.time_ns) == (230.5, Quality.OLD_DATA, T.time_ns)


@pytest.mark.parametrize(
    "reference",
    ["LD0/MMXU1.PhV.phsC.cVal.mag.f[MX]", "LD0/MMXU1.PhV.phsB.cVal.ang.f[MX]"],
)
def test_what_the_device_does_not_have_has_no_place(reference: str) -> None:
    assert place(reference) is None


def test_an_element_of_an_array_is_found_by_its_number() -> None:
    harmonics = structure(
        "HA",
        VariableType(
            "phsAHar", MmsType.ARRAY, 3, element=structure("", structure("mag", FLOAT), QUALITY)
        ),
    )
    found = place("LD0/MHAI1.HA.phsAHar(2).mag.f[MX]", harmonics)
    assert found is not None
    whole: Value = (tuple(((float(n),), Bits(n << 2, 13)) for n in range(3)),)
    assert sample_of(found, whole).raw == 2.0
    assert sample_of(found, whole).quality == 2 << 2
    assert place("LD0/MHAI1.HA.phsAHar(3).mag.f[MX]", harmonics) is None


def test_a_refused_value_is_missing_and_says_why() -> None:
    found = place()
    assert found is not None
    sample = sample_of(found, AccessError(3))
    assert sample.raw is None
    assert validity(sample.quality) is Validity.INVALID
    assert sample.why == "access denied"


@pytest.mark.parametrize(
    ("bits", "meant"),
    [
        # IEC 61850-8-1, table 32: the two bits from left to right; the left one counts 1 here
        (0b00, Validity.GOOD),
        (0b10, Validity.INVALID),  # '01'
        (0b01, Validity.INVALID),  # '10', reserved
        (0b11, Validity.QUESTIONABLE),  # '11'
    ],
)
def test_validity_means_what_the_standard_says(bits: int, meant: Validity) -> None:
    assert validity(quality_of(Bits(bits, 13))) is meant


@pytest.mark.parametrize(
    ("bit", "meant"),
    [
        (2, Quality.OVERFLOW),
        (3, Quality.OUT_OF_RANGE),
        (4, Quality.BAD_REFERENCE),
        (5, Quality.OSCILLATORY),
        (6, Quality.FAILURE),
        (7, Quality.OLD_DATA),
        (8, Quality.INCONSISTENT),
        (9, Quality.INACCURATE),
        (10, Quality.SUBSTITUTED),
        (11, Quality.TEST),
        (12, Quality.OPERATOR_BLOCKED),
    ],
)
def test_each_detail_of_the_quality_is_carried_through(bit: int, meant: Quality) -> None:
    assert quality_of(Bits(1 << bit, 13)) == meant


@pytest.mark.parametrize("content", [Bits(0, 12), 0, True, AccessError(10), (), "good"])
def test_what_is_no_quality_is_not_good(content: Value) -> None:
    assert validity(quality_of(content)) is Validity.INVALID


def test_a_time_is_read_to_the_nanosecond_with_its_flags() -> None:
    # half a second is the first bit of the fraction; 0x20 says not synchronised, 0x0A accuracy
    stamp = stamp_of(bytes.fromhex("00000005 800000 2A"))
    assert stamp == Stamp(5 * NS_PER_S + NS_PER_S // 2, 0x2A)
    assert time_of(stamp) == (stamp.time_ns, TimeQuality.CLOCK_NOT_SYNCHRONISED)
    assert time_of(Stamp(1, 0x40)) == (1, TimeQuality.CLOCK_FAILURE)
    assert time_of(Stamp(1, 0x80 | 10)) == (1, TimeQuality.SYNCHRONISED)
    assert time_of(Stamp(0, 0)) == (None, TimeQuality.SET_BY_RECEIVER)


@pytest.mark.parametrize("content", [math.nan, math.inf, "text", b"", AccessError(1), ()])
def test_what_is_no_number_is_none(content: Value) -> None:
    assert number(content) is None


@pytest.mark.parametrize(("first", "second", "position"), [(0, 1, 1), (1, 0, 2), (1, 1, 3)])
def test_a_double_point_is_off_at_01_and_on_at_10(first: int, second: int, position: int) -> None:
    assert number(Bits(first | second << 1, 2)) == position


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
        lambda inner: st.lists(inner, max_size=4).map(tuple),
    )
)
def test_whatever_a_device_answers_becomes_a_sample(answer: Value) -> None:
    found = place()
    assert found is not None
    sample = sample_of(found, answer)
    assert sample.raw is None or math.isfinite(sample.raw)
    assert sample.raw is not None or validity(sample.quality) is Validity.INVALID


def test_a_logical_device_is_found_by_its_instance_if_only_one_fits() -> None:
    assert domain_of(REFERENCE, ["B1LD0", "B1LD1"]) == "B1LD0"
    assert domain_of(REFERENCE, ["LD0", "B1LD0"]) == "LD0"
    assert domain_of(REFERENCE, ["B1LD0", "B2LD0"]) is None
    assert domain_of(REFERENCE, []) is None


def test_control_blocks_are_found_among_the_variables_buffered_ones_first() -> None:
    names = ["LLN0$RP$urcbA01$RptEna", "LLN0$RP$urcbA01", "LLN0$BR$brcbA01", "MMXU1$MX$PhV"]
    assert blocks_of("B1LD0", names) == (
        Block("B1LD0", "LLN0", "brcbA01", buffered=True),
        Block("B1LD0", "LLN0", "urcbA01", buffered=False),
    )


def covered(*items: str, domain: str = "B1LD0") -> bool:
    found = place()
    assert found is not None
    members = [Member(domain, item, whole=True) for item in items]
    return bool(cells_of({REFERENCE: found}, {REFERENCE: VOLTAGES}, members))


def test_a_data_set_brings_a_value_as_a_whole_or_in_parts_with_its_quality() -> None:
    phase = "MMXU1$MX$PhV$phsB"
    assert covered("MMXU1$MX$PhV")
    assert covered(phase)
    assert covered(f"{phase}$cVal", f"{phase}$q", f"{phase}$t")
    assert covered(f"{phase}$cVal$mag$f", f"{phase}$q")
    assert not covered(f"{phase}$cVal$mag$f"), "a value without its quality is polled"
    assert not covered("MMXU1$MX$PhV$phsA")
    assert not covered(phase, domain="B1LD1")
