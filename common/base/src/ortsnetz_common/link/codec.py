"""Encoding of link messages: msgpack, typed, strict. Parsers expect enemies: sizes are bounded."""

from __future__ import annotations

import msgspec

from ortsnetz_common.link.messages import (
    Alarm,
    Batch,
    Catalogue,
    Decision,
    Health,
    Intervention,
    Order,
    OrderState,
    Presence,
    Record,
    Samples,
    Watermark,
)

MAX_MESSAGE_BYTES = 4 * 1024 * 1024
"""Largest message either side accepts; a sender splits its batches below `MAX_BATCH_BYTES`."""
MAX_BATCH_BYTES = 1024 * 1024
MAX_BATCH_RECORDS = 512

Message = Batch | Watermark | Presence | Order

_encoder = msgspec.msgpack.Encoder()
_records: msgspec.msgpack.Decoder[Record] = msgspec.msgpack.Decoder(
    Catalogue | Samples | Decision | Intervention | Alarm | Health | OrderState,
)
_messages: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(
    Batch | Watermark | Presence | Order
)


class CodecError(ValueError):
    """A message that is not one of ours: too large, malformed or of an unknown kind."""


def encode_record(record: Record) -> bytes:
    """Encode one record for the journal and the wire."""
    return _encoder.encode(record)


def decode_record(payload: bytes) -> Record:
    """Decode one record.

    Raises:
        CodecError: not a record; the text says why.
    """
    try:
        return _records.decode(payload)
    except msgspec.MsgspecError as error:
        raise CodecError(f"not a record: {error}") from error


def encode(message: Message) -> bytes:
    """Encode a message for the wire."""
    return _encoder.encode(message)


def decode(payload: bytes) -> Message:
    """Decode a message.

    Raises:
        CodecError: too large or malformed; the text says why.
    """
    if len(payload) > MAX_MESSAGE_BYTES:
        raise CodecError(f"message of {len(payload)} bytes exceeds {MAX_MESSAGE_BYTES}")
    try:
        return _messages.decode(payload)
    except msgspec.MsgspecError as error:
        raise CodecError(f"not a message: {error}") from error
