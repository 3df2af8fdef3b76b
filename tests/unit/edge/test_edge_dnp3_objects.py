"""Objects that the library does not read are read here; what is cut off is refused."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from py1815.application import IIN, AppControl, FunctionCode, Response
from py1815.decode import decode_objects

from ortsnetz_edge.drivers.dnp3.objects import MalformedError, Reported, Reports, reports
from ortsnetz_edge.profiles.references.dnp3 import PointKind

ANALOG = bytes.fromhex("1e01000000 01d2040000")  # group 30 variation 1, index 0: 1234


def _read(body: bytes) -> Reports:
    decoded = decode_objects(body)
    response = Response(AppControl(), FunctionCode.RESPONSE, IIN(), body)
    return reports([response], decoded.objects, whole=decoded.complete)


def _points(body: bytes) -> list[tuple[PointKind, int, object]]:
    return [(each.kind, each.index, each.value) for each in _read(body).points]


def test_double_bits_carry_four_states_and_flags() -> None:
    body = bytes.fromhex("0302000304") + bytes([0x01 | 2 << 6, 0x05 | 1 << 6])
    first, second = _read(body + ANALOG).points[:2]
    assert (first.index, first.value, first.flags) == (3, 2.0, 0x01)
    assert (second.index, second.value, second.flags) == (4, 1.0, 0x05)
    assert _points(body + ANALOG)[2] == (PointKind.ANALOG_INPUT, 0, 1234.0)


def test_double_bits_may_be_packed() -> None:
    body = bytes.fromhex("0301000004") + bytes([0b11_10_01_00, 0b00_00_00_10])
    assert [value for _, _, value in _points(body)] == [0.0, 1.0, 2.0, 3.0, 2.0]


def test_double_bit_events_have_the_time_of_the_change() -> None:
    when = 1_795_000_000_123
    body = bytes.fromhex("04022801000700") + bytes([0x81]) + when.to_bytes(6, "little")
    (event,) = _read(body).points
    assert (event.kind, event.index, event.value) == (PointKind.DOUBLE_BIT_INPUT, 7, 2.0)
    assert (event.time_ms, event.event) == (when, True)


def test_octet_strings_are_texts_of_their_variation_s_length() -> None:
    body = bytes.fromhex("6e05000203") + b"rtu-7" + b"abc\0\0"
    assert _points(body + ANALOG)[:2] == [
        (PointKind.OCTET_STRING, 2, "rtu-7"),
        (PointKind.OCTET_STRING, 3, "abc"),
    ]
    (event,) = _read(bytes.fromhex("6f031701 09") + b"hey").points
    assert (event.index, event.value, event.event) == (9, "hey", True)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"\x01\x0eOrtsnetz bench", "Ortsnetz bench"),
        (b"\x02\x02\x10\x27", 10_000.0),
        (b"\x03\x01\xff", -1.0),
        (b"\x04\x04" + struct.pack("<f", 2.5), 2.5),
        (b"\x05\x02\xab\xcd", "abcd"),
    ],
)
def test_device_attributes_have_types(data: bytes, value: object) -> None:
    for header in ("00fa000000", "00fa170100"):
        body = bytes.fromhex(header) + data
        assert _points(body + ANALOG) == [
            (PointKind.ATTRIBUTE, 250, value),
            (PointKind.ANALOG_INPUT, 0, 1234.0),
        ]


def test_what_follows_an_unknown_object_is_lost_and_said() -> None:
    found = _read(ANALOG + bytes.fromhex("78010701") + ANALOG)
    assert len(found.points) == 1
    assert found.unknown == "group 120 variation 1"


@given(
    st.integers(0, 8), st.sampled_from(["0302000304aaaa", "6e0500020272747520 37", "1e01000000"])
)
def test_an_object_that_is_cut_off_is_refused(octets: int, header: str) -> None:
    whole = bytes.fromhex(header)
    if header == "1e01000000":
        whole += b"\x01\xd2\x04\0\0"
    cut = whole[: max(5, len(whole) - 1 - octets)]
    with pytest.raises(MalformedError):
        _read(ANALOG + cut)


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=300))
def test_no_octets_whatever_are_taken_for_points_without_a_name(octets: bytes) -> None:
    try:
        found = _read(octets)
    except MalformedError:
        return
    for point in found.points:
        assert isinstance(point, Reported)
        assert 0 <= point.index <= 65535


@settings(max_examples=500, deadline=None)
@given(
    st.sampled_from([0, 1, 2, 3, 4, 10, 12, 20, 30, 32, 40, 41, 50, 110, 111]),
    st.integers(0, 8),
    st.sampled_from([0x00, 0x01, 0x06, 0x07, 0x08, 0x17, 0x28, 0x5B]),
    st.binary(max_size=60),
)
def test_no_header_whatever_makes_the_reader_fail_otherwise(
    group: int, variation: int, qualifier: int, rest: bytes
) -> None:
    try:
        found = _read(bytes([group, variation, qualifier]) + rest)
    except MalformedError:
        return
    assert len(found.points) <= 8 * len(rest)  # a few octets do not become a crowd
