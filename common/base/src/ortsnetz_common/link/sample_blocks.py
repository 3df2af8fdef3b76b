"""What the receiver of Sampled Values and those who want samples say to each other.

One frame of `link.frames` a message over a Unix socket, msgpack. The receiver is the only process
that may listen on the network; it knows frames and nothing of volts. It hands on blocks of raw
counts; who takes them knows what a count is.
"""

from __future__ import annotations

from enum import IntFlag
from typing import TypeVar

import msgspec
from msgspec import Struct

from ortsnetz_common.link import frames

VERSION = 2
SOCKET_VARIABLE = "ORTSNETZ_SAMPLED_VALUES"
"""Environment: path of the receiver's socket."""
DEFAULT_SOCKET = "/run/ortsnetz-sampled-values/receiver.sock"
MAX_REQUEST_BYTES = 64 * 1024
MAX_STREAMS = 16
MAX_CHANNELS = 64

_Message = TypeVar("_Message")


class SampleFlag(IntFlag):
    """Flags of one sample of a block."""

    NONE = 0
    LOST = 1  # it never came, or too late
    UNSYNCHRONISED = 2  # smpSynch 0
    LOCAL_CLOCK = 4  # synchronised, to a clock that is not said to be global (smpSynch not 2)
    INVALID = 8  # a channel's quality says invalid, or operator blocked
    TEST = 16  # a channel's quality says test


class ChannelPlace(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a channel stands among an ASDU's values.

    Attributes:
        value_at: first of its four octets.
        quality_at: of its quality, four octets; None where there is none.
    """

    value_at: int
    quality_at: int | None = None


class Stream(Struct, frozen=True, forbid_unknown_fields=True):
    """A stream as its subscriber expects it; anything else is counted and not taken.

    Attributes:
        sv_id, conf_rev, app_id: as the messages say them.
        mac: destination, `01-0C-CD-04-00-01`.
        rate: samples a second, at which `smpCnt` begins again.
        asdus: in each frame.
        octets: of an ASDU's values.
        channels: those that are wanted, each a whole number of 32 bits or a float of 32 bits.
        simulated: whether messages with the simulation bit are taken instead of those without.
    """

    sv_id: str
    mac: str
    app_id: int
    conf_rev: int
    rate: int
    asdus: int
    octets: int
    channels: tuple[ChannelPlace, ...]
    simulated: bool = False


class Subscribe(Struct, frozen=True, tag="subscribe", forbid_unknown_fields=True):
    """What a subscriber says first, and only then: the streams that it wants."""

    version: int
    streams: tuple[Stream, ...]


class Accepted(Struct, frozen=True, tag="accepted", forbid_unknown_fields=True):
    """The receiver listens.

    Attributes:
        interface: on which.
    """

    version: int
    interface: str


class Refused(Struct, frozen=True, tag="refused", forbid_unknown_fields=True):
    """The receiver does not take the request; it closes the connection."""

    reason: str


class Counters(Struct, frozen=True, forbid_unknown_fields=True):
    """What a stream has been since it was subscribed.

    Attributes:
        frames: taken.
        samples: handed on.
        lost: samples that never came, or too late.
        late: samples that came when their block had been handed on; they are among `lost`.
        doubled: samples that came again.
        reordered: samples that came behind a later one, in time.
        conf_rev_mismatch: frames of another configuration revision: not taken.
        simulated: frames refused for their simulation bit, or for the lack of it.
        malformed: frames that are none, or of another form or rate than was subscribed.
        out_of_range: samples with a count that the rate does not have, or that contradicts those of
            the others that came with it.
        restarts: jumps of the count that no loss explains, and clocks that were set.
        blocks_dropped: the subscriber took them too slowly.
        kernel_drops: frames of all streams that the kernel had no room for.
        unexamined: odd frames of all streams beyond what is looked at one by one.
    """

    frames: int = 0
    samples: int = 0
    lost: int = 0
    late: int = 0
    doubled: int = 0
    reordered: int = 0
    conf_rev_mismatch: int = 0
    simulated: int = 0
    malformed: int = 0
    out_of_range: int = 0
    restarts: int = 0
    blocks_dropped: int = 0
    kernel_drops: int = 0
    unexamined: int = 0


class Block(Struct, frozen=True, tag="block", forbid_unknown_fields=True):
    """A tenth of a second of a stream.

    Attributes:
        stream: number of the stream in the request.
        first: number of the first sample; the next block goes on behind the last unless samples are
            missing between the two.
        start_ns: instant of the first sample, UTC ns: by its count and the second in which it came,
            or, of a source that is not synchronised, by its arrival.
        values: 32 bits a sample, little endian, channel after channel. Of lost samples they are 0
            and mean nothing.
        flags: an octet a sample, `SampleFlag`.
        qualities: of each channel, bits of `measurement.quality` that any sample of the block had.
        newest_ns: when the last of its samples arrived, UTC ns.
        rate_proven: whether a second of the stream has ended at the count that the rate says, since
            it was subscribed or silent for a second; before, the stream may be of another rate, and
            nothing of it is to be taken for good.
    """

    stream: int
    first: int
    start_ns: int
    values: bytes
    flags: bytes
    qualities: tuple[int, ...]
    newest_ns: int
    counters: Counters
    rate_proven: bool = False


class Silent(Struct, frozen=True, tag="silent", forbid_unknown_fields=True):
    """Nothing of a stream has come for a while; said again each second.

    Attributes:
        for_s: since its last frame, or since it was subscribed.
    """

    stream: int
    for_s: float
    counters: Counters


ToSubscriber = Accepted | Refused | Block | Silent

_from_receiver: msgspec.msgpack.Decoder[ToSubscriber] = msgspec.msgpack.Decoder(ToSubscriber)
_from_subscriber = msgspec.msgpack.Decoder(Subscribe)
_encoder = msgspec.msgpack.Encoder()


def pack(message: ToSubscriber | Subscribe) -> bytes:
    """A message with the header of its frame. Raises FrameError."""
    return frames.pack(_encoder.encode(message))


def from_receiver(payload: bytes) -> ToSubscriber:
    """A message of the receiver.

    Raises:
        FrameError: it is none.
    """
    return _decoded(_from_receiver, payload)


def from_subscriber(payload: bytes) -> Subscribe:
    """A message of a subscriber.

    Raises:
        FrameError: it is none.
    """
    return _decoded(_from_subscriber, payload)


def _decoded(decoder: msgspec.msgpack.Decoder[_Message], payload: bytes) -> _Message:
    try:
        return decoder.decode(payload)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise frames.FrameError(f"no message about samples: {error}") from error
