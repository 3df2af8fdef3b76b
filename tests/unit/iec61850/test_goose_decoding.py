"""GOOSE frames from friends and enemies: what is one is read, anything else is refused in words."""

from __future__ import annotations

import time

import pytest
from goose_bench import GOOD, document
from hypothesis import given
from hypothesis import strategies as st

from ortsnetz_common.measurement.quality import Quality
from ortsnetz_common.scl.object_reference import parse_reference
from ortsnetz_iec61850.goose.ber import DecodingError
from ortsnetz_iec61850.goose.data import Bits, Datum, Kind, UtcTime
from ortsnetz_iec61850.goose.data_coding import decoded_all, encoded_datum
from ortsnetz_iec61850.goose.frames import Frame, decoded_frame, encoded_frame
from ortsnetz_iec61850.goose.from_scl import publication_of, streams_of
from ortsnetz_iec61850.goose.publisher import Publisher
from ortsnetz_iec61850.goose.stream import quality_bits, quality_of

WORKED = bytes.fromhex(
    # destination, source, tag of VLAN 10 with priority 4, ether type
    "010ccd010001 020000000001 8100 800a 88b8"
    # APPID, length, S bit set, reserved; IECGoosePdu, 80 octets; gocbRef, TAL 2000, datSet, goID
    "3001 005a 8000 0000 6150 8006 4c442f474f31 8102 07d0 8205 4c442f4453 8303 474f49"
    # t: 2024-02-29 12:00:00.5 UTC, leap seconds known, 10 bits; stNum 1, sqNum 2^31, no simulation
    "8408 65e071c0 800000 8a 8501 01 8605 0080000000 8701 00"
    # confRev 3, no ndsCom, 5 members; Dbpos on, quality invalid, BOOLEAN, INT32 -2, FLOAT32 230.5
    "8801 03 8901 00 8a01 05 ab16"
    "8402 0680 8403 034000 8301 01 8501 fe 8705 0843668000"
)
"""Put together by hand from IEC 61850-8-1, annexes A and C, and ISO/IEC 8825-1."""


def frames() -> list[bytes]:
    """One frame of each control block of the bay."""
    sent: list[bytes] = []
    for stream in streams_of(document()):
        publisher = Publisher(publication_of(stream), sent.append, b"\x02\x00\x00\x00\x00\x01")
        publisher.update({parse_reference(text): value for text, value in GOOD.items()})
    return sent


FRAMES = [WORKED, *frames()]


def test_a_frame_that_was_put_together_by_hand_is_read() -> None:
    frame = decoded_frame(WORKED)
    assert (frame.destination, frame.source) == ("01-0C-CD-01-00-01", "02-00-00-00-00-01")
    assert frame.tag is not None
    assert (frame.tag.vlan, frame.tag.priority) == (10, 4)
    assert frame.app_id == 0x3001
    assert frame.simulated
    said = frame.message
    assert (said.block, said.data_set, said.id) == ("LD/GO1", "LD/DS", "GOI")
    assert (said.time_allowed_to_live_ms, said.revision, said.count) == (2000, 3, 5)
    assert said.time == UtcTime(1_709_208_000_500_000_000, 0x8A)
    assert (said.state, said.sequence) == (1, 2**31)
    assert said.data == (
        Datum(Kind.BITS, Bits(2, 2)),
        Datum(Kind.BITS, Bits(0b0100000000000, 13)),
        Datum(Kind.BOOLEAN, True),
        Datum(Kind.INTEGER, -2),
        Datum(Kind.FLOAT, 230.5),
    )
    assert quality_of(said.data[1]) == Quality.INVALID
    assert encoded_frame(frame) == WORKED


def test_what_fills_a_short_frame_up_is_no_part_of_it() -> None:
    assert decoded_frame(WORKED + bytes(20)) == decoded_frame(WORKED)


@pytest.mark.parametrize("frame", FRAMES)
def test_a_frame_that_is_cut_off_anywhere_is_refused(frame: bytes) -> None:
    for end in range(len(frame)):
        with pytest.raises(DecodingError):
            decoded_frame(frame[:end])


def test_a_field_that_comes_twice_or_out_of_its_order_is_refused() -> None:
    state = bytes.fromhex("850101")
    place = WORKED.index(state)
    for spoilt in (
        WORKED[:place] + state + WORKED[place:],
        WORKED[:place] + bytes.fromhex("870100") + WORKED[place:],
    ):
        grown = bytearray(spoilt)
        grown[21] += 3  # the frame's length, and that of the message
        grown[27] += 3
        with pytest.raises(DecodingError, match="doubled or out of its order"):
            decoded_frame(bytes(grown))


@given(st.binary(max_size=1600))
def test_any_octets_end_in_a_frame_or_in_words(octets: bytes) -> None:
    _decode(octets)
    _decode(WORKED[:18] + octets)
    _decode(WORKED[:26] + octets)


@given(st.sampled_from(FRAMES), st.lists(st.tuples(st.integers(0, 250), st.integers(0, 255))))
def test_a_frame_with_octets_changed_ends_in_a_frame_or_in_words(
    frame: bytes, changes: list[tuple[int, int]]
) -> None:
    spoilt = bytearray(frame)
    for place, octet in changes:
        spoilt[place % len(spoilt)] = octet
    _decode(bytes(spoilt))


def _decode(octets: bytes) -> Frame | None:
    try:
        return decoded_frame(octets)
    except DecodingError as error:
        assert str(error)  # noqa: PT017 - either will do, without words none
        return None


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (b"\xa2\x80\x83\x01\x01\x00\x00", "a length of 0 octets"),
        (b"\xa2\x84\x00\x00\x00\x03\x83\x01\x01", "a length of 4 octets"),
        (b"\xbf\x20\x00", "tags of one octet only"),
        (b"\x83\x02\x00\x00", "a boolean of 2 octets"),
        (b"\x85\x00", "a number of 0 octets"),
        (b"\x85\x0a" + bytes(10), "a number of 10 octets"),
        (b"\x87\x05\x07\x00\x00\x00\x00", "neither single nor double"),
        (b"\x84\x01\x03", "count of unused bits"),
        (b"\x84\x02\x09\x00", "count of unused bits"),
        (b"\x91\x04\x00\x00\x00\x00", "a time stamp of 4 octets"),
        (b"\x55\x00", "no kind of value"),
        (b"\x8a\x05ab", "5 octets are announced, 2 are there"),
        (b"\xa2\x04\x83\x01", "4 octets are announced, 2 are there"),
        (b"\xa2\x00" * 1025, "more than 1024 values"),
    ],
)
def test_values_that_are_none_are_refused_in_words(octets: bytes, words: str) -> None:
    with pytest.raises(DecodingError, match=words):
        decoded_all(octets)


def test_structures_within_structures_are_bounded() -> None:
    octets = b""
    for _ in range(200):
        octets = b"\xa2\x82" + len(octets).to_bytes(2) + octets
    with pytest.raises(DecodingError, match="deep"):
        decoded_all(octets)


def test_the_fullest_frame_is_judged_in_a_moment() -> None:
    octets = b"\xa2\x00" * 740
    before = time.process_time()
    for _ in range(10):
        decoded_all(octets)
    assert time.process_time() - before < 5.0, "a frame must not keep the process busy"


VALUES = st.one_of(
    st.booleans().map(lambda value: Datum(Kind.BOOLEAN, value)),
    st.integers(-(2**63), 2**63 - 1).map(lambda value: Datum(Kind.INTEGER, value)),
    st.integers(0, 2**64 - 1).map(lambda value: Datum(Kind.UNSIGNED, value)),
    st.floats(width=32, allow_nan=False).map(lambda value: Datum(Kind.FLOAT, value)),
    st.binary(max_size=20).map(lambda value: Datum(Kind.OCTETS, value)),
    st.text(st.characters(max_codepoint=126, min_codepoint=32), max_size=20).map(
        lambda value: Datum(Kind.TEXT, value)
    ),
    st.integers(0, 2**13 - 1).map(lambda value: Datum(Kind.BITS, Bits(value, 13))),
)


@given(
    st.recursive(
        VALUES,
        lambda inner: st.lists(inner, max_size=4).map(
            lambda parts: Datum(Kind.STRUCTURE, tuple(parts))
        ),
        max_leaves=12,
    )
)
def test_what_is_encoded_is_decoded_as_it_was(datum: Datum) -> None:
    if _depth(datum) <= 8:
        assert decoded_all(encoded_datum(datum)) == (datum,)


def _depth(datum: Datum) -> int:
    if not isinstance(datum.value, tuple):
        return 0
    return 1 + max((_depth(part) for part in datum.value), default=0)


@pytest.mark.parametrize(
    ("bits", "quality"),
    [
        ("0000000000000", Quality.GOOD),
        ("0100000000000", Quality.INVALID),
        ("1100000000000", Quality.QUESTIONABLE),
        ("0010000000000", Quality.OVERFLOW),
        ("0101000000000", Quality.INVALID | Quality.OUT_OF_RANGE),
        ("0000000000100", Quality.SUBSTITUTED),
        ("0000000000010", Quality.TEST),
        ("1100000000001", Quality.QUESTIONABLE | Quality.OPERATOR_BLOCKED),
    ],
)
def test_a_quality_is_read_from_its_bits(bits: str, quality: Quality) -> None:
    """IEC 61850-8-1, 8.2 (table of the quality's encoding): b0 b1 = 01 is invalid."""
    wire = Bits(int(bits, 2), 13)
    assert quality_of(Datum(Kind.BITS, wire)) == quality
    assert quality_bits(quality) == wire
