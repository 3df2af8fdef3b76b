"""Which messages of the broker may enter: parsers expect enemies."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from ortsnetz_common.link import topics
from ortsnetz_common.link.codec import MAX_BATCH_RECORDS, CodecError, decode
from ortsnetz_common.link.messages import Batch, Order, Presence, Watermark

MAX_EPOCH_CHARACTERS = 128
_HIGHEST_SEQUENCE = 2**62


class Refusal(StrEnum):
    """Why a message was refused; the label of a counter, so a closed list."""

    TOPIC = "topic"
    MALFORMED = "malformed"
    NODE = "node"
    CONTENT = "content"


class RefusedError(ValueError):
    """A message that is not let in."""

    def __init__(self, refusal: Refusal, detail: str) -> None:
        super().__init__(detail)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Admitted:
    """A message that passed, with what is needed to acknowledge it to the broker.

    Attributes:
        received_ns: when it arrived.
        size: bytes of its payload.
        receipt: connection and packet to acknowledge.
    """

    message: Batch | Presence
    received_ns: int
    size: int
    receipt: tuple[int, int]


def admit(topic: str, payload: bytes, nodes: Collection[str]) -> Batch | Presence:
    """Check a message against its topic and the configured nodes.

    Raises:
        RefusedError: says why.
    """
    parts = topic.split("/")
    if len(parts) != 4:
        raise RefusedError(Refusal.TOPIC, f"unexpected topic {topic!r}")
    node = parts[2]
    if node not in nodes:
        raise RefusedError(Refusal.NODE, f"node {node!r} is not in the configuration")
    if topic not in {topics.uplink(node), topics.presence(node)}:
        raise RefusedError(Refusal.TOPIC, f"unexpected topic {topic!r}")
    try:
        message = decode(payload)
    except CodecError as error:
        raise RefusedError(Refusal.MALFORMED, f"{node}: {error}") from error
    if isinstance(message, Watermark | Order):
        raise RefusedError(
            Refusal.CONTENT, f"{node}: a node sends no {type(message).__name__.lower()}s"
        )
    if isinstance(message, Batch) != (topic == topics.uplink(node)):
        raise RefusedError(Refusal.TOPIC, f"{node}: {type(message).__name__} on {topic}")
    if message.node != node:
        raise RefusedError(Refusal.NODE, f"{node}: speaks for node {message.node!r}")
    if message.epoch is not None and not _is_epoch(message.epoch):
        raise RefusedError(Refusal.CONTENT, f"{node}: the epoch is no readable name")
    if isinstance(message, Batch):
        _check_batch(message)
    return message


def _is_epoch(epoch: str) -> bool:
    return 0 < len(epoch) <= MAX_EPOCH_CHARACTERS and epoch.isprintable()


def _check_batch(batch: Batch) -> None:
    if not 1 <= batch.first < _HIGHEST_SEQUENCE:
        raise RefusedError(Refusal.CONTENT, f"{batch.node}: sequence {batch.first} is out of range")
    if len(batch.records) > MAX_BATCH_RECORDS:
        raise RefusedError(
            Refusal.CONTENT,
            f"{batch.node}: {len(batch.records)} records in a batch, at most {MAX_BATCH_RECORDS}",
        )
