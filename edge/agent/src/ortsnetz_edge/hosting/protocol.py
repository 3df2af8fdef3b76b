"""What the agent and a function worker say to each other, one message a frame (`link.frames`).

The agent sends `Setup` once, then `Call`s, one at a time; the worker says `Ready`, then replies to
each call with `Answer` or `Refusal`. Anything else ends the worker.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from ortsnetz_common.parameters.parameter_set import ParameterSet


class Setup(Struct, frozen=True, tag="setup", forbid_unknown_fields=True):
    """What a function needs to know once.

    Attributes:
        network: text of the network file.
        parameters: parameter set in force.
    """

    network: str
    parameters: ParameterSet


class Call(Struct, frozen=True, tag="call", forbid_unknown_fields=True):
    """One computation; `body` is encoded by whoever knows the function."""

    number: int
    body: bytes


class Ready(Struct, frozen=True, tag="ready", forbid_unknown_fields=True):
    """The function can be called."""


class Answer(Struct, frozen=True, tag="answer", forbid_unknown_fields=True):
    """Result of the call with the same number."""

    number: int
    body: bytes


class Refusal(Struct, frozen=True, tag="refusal", forbid_unknown_fields=True):
    """The function says in words why it has no result; it can be called again.

    Attributes:
        number: of the call; 0 for the setup.
    """

    number: int
    reason: str


ToWorker = Setup | Call
FromWorker = Ready | Answer | Refusal

_encoder = msgspec.msgpack.Encoder()
_to_worker: msgspec.msgpack.Decoder[ToWorker] = msgspec.msgpack.Decoder(Setup | Call)
_from_worker: msgspec.msgpack.Decoder[FromWorker] = msgspec.msgpack.Decoder(
    Ready | Answer | Refusal
)


def encode(message: ToWorker | FromWorker) -> bytes:
    """Encode a message."""
    return _encoder.encode(message)


def decode_to_worker(payload: bytes) -> ToWorker:
    """Decode what the agent says.

    Raises:
        msgspec.MsgspecError: it is none of its messages.
    """
    return _to_worker.decode(payload)


def decode_from_worker(payload: bytes) -> FromWorker:
    """Decode what a worker says.

    Raises:
        msgspec.MsgspecError: it is none of its messages.
    """
    return _from_worker.decode(payload)
