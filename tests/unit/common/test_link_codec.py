"""What travels over the link comes back as it was, and hostile bytes are refused."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ortsnetz_common.link import frames, topics
from ortsnetz_common.link.codec import (
    MAX_MESSAGE_BYTES,
    CodecError,
    decode,
    decode_record,
    encode,
    encode_record,
)
from ortsnetz_common.link.messages import (
    Alarm,
    AlarmState,
    Batch,
    Catalogue,
    Decision,
    Health,
    Presence,
    Record,
    Samples,
    Setpoint,
    SetpointSource,
    Watermark,
)
from ortsnetz_common.measurement.origin import Origin
from ortsnetz_common.measurement.point import Point, Unit

RECORDS: list[Record] = [
    Catalogue(first=0, points=(Point("m/MMXU1.A.phsA", Unit.AMPERE, 3),), parameters_hash="ab"),
    Samples(Origin.MEASURED, (0, 1), (1.5, None), (0, 65), (1, 2), (0, 4)),
    Decision(5, 1, "limited", (Setpoint("ev-1", 4830.0, SetpointSource.SAFETY, "because"),)),
    Alarm("device-lost/ev-1", 5, AlarmState.ACTIVE, 2, "cause", "consequence", "action"),
    Health(5, 1, "active", "", 12.5, 0.1, {"samples": 7}),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda r: type(r).__name__)
def test_a_record_comes_back_as_it_was(record: Record) -> None:
    assert decode_record(encode_record(record)) == record


def test_a_batch_carries_records_byte_for_byte() -> None:
    batch = Batch("ons-1", "epoch", 7, tuple(encode_record(r) for r in RECORDS))
    assert decode(encode(batch)) == batch
    for message in (Watermark("ons-1", "epoch", 11), Presence("ons-1", online=True)):
        assert decode(encode(message)) == message


def refusal(decoder: Callable[[bytes], object], payload: bytes) -> str | None:
    try:
        decoder(payload)
    except CodecError as error:
        return str(error)
    return None


@given(st.binary(max_size=300))
def test_hostile_bytes_are_refused_in_words(payload: bytes) -> None:
    for decoder in (decode, decode_record):
        assert refusal(decoder, payload) != ""


def test_what_is_too_large_or_has_unknown_fields_is_refused() -> None:
    with pytest.raises(CodecError, match="exceeds"):
        decode(b"x" * (MAX_MESSAGE_BYTES + 1))
    extra = msgspec.msgpack.encode(
        {"type": "watermark", "node": "a", "epoch": "e", "sequence": 1, "admin": True}
    )
    with pytest.raises(CodecError, match="admin"):
        decode(extra)


@given(st.text(max_size=40))
def test_a_node_name_never_becomes_a_wildcard_or_a_level(name: str) -> None:
    try:
        topic = topics.uplink(name)
    except ValueError:
        return
    assert topic.count("/") == 3
    assert not set("+#\0") & set(topic)


def test_a_node_keeps_its_partition() -> None:
    assert topics.uplink("ons-1") == topics.uplink("ons-1")
    assert topics.partition_of("ons-1") < topics.PARTITIONS


def test_a_frame_has_a_bound() -> None:
    assert frames.length(frames.pack(b"abc")[:4]) == 3
    with pytest.raises(frames.FrameError, match="announced"):
        frames.length(b"\xff\xff\xff\xff")
    with pytest.raises(frames.FrameError, match="header of 2 bytes"):
        frames.length(b"\x00\x00")
    with pytest.raises(frames.FrameError, match="exceeds"):
        frames.pack(bytes(frames.MAX_FRAME_BYTES + 1))
