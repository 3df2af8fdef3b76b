"""Only messages of configured nodes on their own topics come in."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ortsnetz_cockpit.core.ingest.admission import Refusal, RefusedError, admit
from ortsnetz_common.link import topics
from ortsnetz_common.link.codec import MAX_BATCH_RECORDS, MAX_MESSAGE_BYTES, encode
from ortsnetz_common.link.messages import Batch, Presence, Watermark

NODES = frozenset({"ons-1", "ons-2"})
UP, STATE = topics.uplink("ons-1"), topics.presence("ons-1")


def refusal(topic: str, payload: bytes) -> Refusal | None:
    try:
        admit(topic, payload, NODES)
    except RefusedError as error:
        return error.refusal
    return None


def test_a_node_speaks_for_itself() -> None:
    batch = Batch("ons-1", "epoch", 1, (b"x",))
    assert admit(UP, encode(batch), NODES) == batch
    presence = Presence("ons-1", online=False)
    assert admit(STATE, encode(presence), NODES) == presence


@pytest.mark.parametrize(
    ("topic", "message", "expected"),
    [
        (topics.uplink("ons-3"), Batch("ons-3", "e", 1, ()), Refusal.NODE),
        (topics.uplink("ons-2"), Batch("ons-1", "e", 1, ()), Refusal.NODE),
        (topics.presence("ons-2"), Presence("ons-1", online=True), Refusal.NODE),
        ("ortsnetz/99/ons-1/up", Batch("ons-1", "e", 1, ()), Refusal.TOPIC),
        (STATE, Batch("ons-1", "e", 1, ()), Refusal.TOPIC),
        (UP, Presence("ons-1", online=True), Refusal.TOPIC),
        (topics.downlink("ons-1"), Watermark("ons-1", "e", 1), Refusal.TOPIC),
        (UP, Watermark("ons-1", "e", 1), Refusal.CONTENT),
        ("ortsnetz/tso/ons-1", Batch("ons-1", "e", 1, ()), Refusal.TOPIC),
        (UP, Batch("ons-1", "e", 0, (b"x",)), Refusal.CONTENT),
        (UP, Batch("ons-1", "e", -5, (b"x",)), Refusal.CONTENT),
        (UP, Batch("ons-1", "e", 2**63, (b"x",)), Refusal.CONTENT),
        (UP, Batch("ons-1", "", 1, (b"x",)), Refusal.CONTENT),
        (UP, Batch("ons-1", "e" * 129, 1, (b"x",)), Refusal.CONTENT),
        (UP, Batch("ons-1", "e\n", 1, (b"x",)), Refusal.CONTENT),
        (UP, Batch("ons-1", "e", 1, (b"",) * (MAX_BATCH_RECORDS + 1)), Refusal.CONTENT),
    ],
)
def test_everything_else_is_refused(
    topic: str, message: Batch | Presence | Watermark, expected: Refusal
) -> None:
    assert refusal(topic, encode(message)) is expected


def test_oversize_and_wrong_types_are_refused() -> None:
    assert refusal(UP, b"x" * (MAX_MESSAGE_BYTES + 1)) is Refusal.MALFORMED
    for wrong in (
        {"type": "batch", "node": "ons-1", "epoch": 5, "first": 1, "records": []},
        {"type": "batch", "node": "ons-1", "epoch": "e", "first": "1", "records": []},
        {"type": "batch", "node": "ons-1", "epoch": "e", "first": 1, "records": [1]},
        {"type": "batch", "node": "ons-1", "epoch": "e", "first": 1, "records": [], "more": 1},
        {"type": "order", "node": "ons-1"},
        [1, 2, 3],
    ):
        assert refusal(UP, msgspec.msgpack.encode(wrong)) is Refusal.MALFORMED


@given(st.binary(max_size=200), st.text(max_size=60))
def test_hostile_bytes_and_topics_are_refused_in_an_orderly_way(payload: bytes, text: str) -> None:
    assert refusal(UP, payload) is not None
    assert refusal(text, payload) is not None
    assert refusal(f"ortsnetz/00/{text}/up", payload) is not None
