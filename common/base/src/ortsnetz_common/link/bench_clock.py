"""The bench clock: in stepped time a node gets its time from the bench, cycle by cycle.

JSON lines over TCP. The node connects; the bench sends a `Tick` for each cycle; the node answers
`Done` when the cycle is over, and only then does plant time go on. For the bench only: a node uses
it where its bootstrap file says so, and nowhere else.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec import Struct

LONGEST_LINE = 4096


class BenchClockAddress(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the bench gives its time."""

    host: str
    port: int


class Tick(Struct, frozen=True, forbid_unknown_fields=True):
    """The time of a cycle.

    Attributes:
        cycle: counts up by one.
        time_ns: wall clock as the node shall see it, UTC ns; it may jump.
        monotonic_s: time that never jumps.
    """

    cycle: int
    time_ns: int
    monotonic_s: float


class Done(Struct, frozen=True, forbid_unknown_fields=True):
    """The node has finished a cycle: it has read, decided, and its setpoints are confirmed."""

    cycle: int


class BenchClockError(Exception):
    """The peer does not keep to the contract."""


Line = TypeVar("Line", Tick, Done)


def pack(message: Tick | Done) -> bytes:
    """A message as a line."""
    return msgspec.json.encode(message) + b"\n"


def unpack(line: bytes, kind: type[Line]) -> Line:
    """Read a line.

    Raises:
        BenchClockError: it is too long, not whole, or not such a message.
    """
    if len(line) > LONGEST_LINE or not line.endswith(b"\n"):
        raise BenchClockError("a line of the bench clock was not whole")
    try:
        return msgspec.json.decode(line, type=kind)
    except msgspec.MsgspecError as error:
        raise BenchClockError(f"not a {kind.__name__} of the bench clock: {error}") from error
