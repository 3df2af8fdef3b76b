"""What the agent and a driver process say to each other, one message a frame (`link.frames`).

The agent starts the process with one end of a socket pair, whose number stands in the environment
(`SOCKET_VARIABLE`), and says `Hello` once; the process answers `Welcome`, then each `Call` with a
`Reply` of the same number, in any order, and sends `Report` and `Watched` by itself. Anything else,
a frame larger than `MAX_MESSAGE_BYTES` or another version ends the connection; the end of the
connection ends the process. `ortsnetz_common.drivers.server` is the process's side.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec import Struct

from ortsnetz_common.drivers.values import (
    Adjustable,
    Diagnosis,
    FailureKind,
    Found,
    Identity,
    LimitResolution,
    Observation,
    Quantity,
    Scan,
    Source,
    SourcePoint,
    Watchdog,
)
from ortsnetz_common.link import frames
from ortsnetz_common.parameters.station import Connection

VERSION = 2
"""Counts up when a message changes; both sides have to be of the same."""
SOCKET_VARIABLE = "ORTSNETZ_DRIVER_SOCKET"
MAX_MESSAGE_BYTES = 4 * 1024 * 1024
MAX_OUTSTANDING = 4096
"""Most calls that a process has to take without having answered one."""


class _Message(Struct, frozen=True, forbid_unknown_fields=True, tag=True):
    """A message, or part of one; its class's name goes with it."""


class Hello(_Message, frozen=True):
    """The agent's first word.

    Attributes:
        stepped: whether the agent's time stands still while it works; each call then brings it.
        credentials_dir: absolute path, one folder of certificates for each name.
        profiles: texts of the parameter set's own device profiles, by kind.
    """

    version: int
    stepped: bool
    credentials_dir: str
    profiles: dict[str, str]


class Welcome(_Message, frozen=True):
    """The process's first word.

    Attributes:
        name: of the driver and its version, for people.
    """

    version: int
    name: str


class Refused(_Message, frozen=True):
    """Instead of a welcome: why the driver cannot work, in words."""

    reason: str


# What the agent asks. Sources go by name, probes and watches by numbers that the agent gives.


class Validate(_Message, frozen=True):
    """What is wrong with a source's configuration: `Validated`."""

    source: Source


class Open(_Message, frozen=True):
    """Open a source: `Opened`. One that is open already with the same configuration stays so.

    Attributes:
        subscribe: whether the device's own reports are wanted.
    """

    source: Source
    subscribe: bool


class Read(_Message, frozen=True):
    """Scan a source: `Scanned`."""

    source: str


class WriteLimit(_Message, frozen=True):
    """Write a limit, in the device's own unit: `Done`."""

    source: str
    limit: float
    watchdog: Watchdog | None


class Adjust(_Message, frozen=True):
    """Write a set point other than the limit: `Done`."""

    source: str
    quantity: Quantity
    value: float


class WhoIs(_Message, frozen=True):
    """Ask the device of a source what it is: `Identified`."""

    source: str


class Close(_Message, frozen=True):
    """Stop a source: `Done`."""

    source: str


class Beat(_Message, frozen=True):
    """Whether the process lives: `Beaten`."""


class OpenProbe(_Message, frozen=True):
    """A probe for an address: `Done`."""

    probe: int
    connection: Connection


class ProbeWho(_Message, frozen=True):
    """Ask the device what it is: `Identified`."""

    probe: int


class Browse(_Message, frozen=True):
    """What the device holds below a reference: `Browsed`."""

    probe: int
    start: str
    most: int


class ReadValues(_Message, frozen=True):
    """Read raw values: `Observed`."""

    probe: int
    references: tuple[str, ...]


class WriteValue(_Message, frozen=True):
    """Write one raw value and read it back: `Said`."""

    probe: int
    reference: str
    value: float


class Watch(_Message, frozen=True):
    """Send values as they come, as `Watched` with the number of this call; `Done` at the end."""

    probe: int
    references: tuple[str, ...]
    period_s: float


class CloseProbe(_Message, frozen=True):
    """Close a probe: `Done`."""

    probe: int


Ask = (
    Validate
    | Open
    | Read
    | WriteLimit
    | Adjust
    | WhoIs
    | Close
    | Beat
    | OpenProbe
    | ProbeWho
    | Browse
    | ReadValues
    | WriteValue
    | Watch
    | CloseProbe
)


class Call(_Message, frozen=True):
    """One question.

    Attributes:
        number: grows with each call.
        time_ns: the agent's wall clock.
        monotonic_s: the agent's clock that never jumps.
    """

    number: int
    time_ns: int
    monotonic_s: float
    ask: Ask


class GiveUp(_Message, frozen=True):
    """Nobody waits for the answer of this call any more."""

    number: int


# What the process answers.


class Validated(_Message, frozen=True):
    """What is wrong, in words; nothing if it is empty."""

    complaints: tuple[str, ...]


class Opened(_Message, frozen=True):
    """A source is open; nothing is connected yet.

    Attributes:
        reports: whether its device reports by itself.
        adjustable: what it may be told besides its limit.
    """

    points: tuple[SourcePoint, ...]
    resolution: LimitResolution | None
    reports: bool
    adjustable: tuple[Adjustable, ...] = ()


class Scanned(_Message, frozen=True):
    """A scan."""

    scan: Scan


class Identified(_Message, frozen=True):
    """What a device says it is."""

    identity: Identity


class Beaten(_Message, frozen=True):
    """The process lives.

    Attributes:
        diagnoses: of all open sources, by name.
        reports_dropped: since the start, because the agent did not take them.
    """

    diagnoses: dict[str, Diagnosis]
    reports_dropped: int


class Browsed(_Message, frozen=True):
    """What a device holds."""

    found: tuple[Found, ...]


class Observed(_Message, frozen=True):
    """Raw values."""

    observations: tuple[Observation, ...]


class Said(_Message, frozen=True):
    """What a device now says, in words."""

    words: str


class Done(_Message, frozen=True):
    """It is done, and there is no more to say."""


class Failed(_Message, frozen=True):
    """A `DriverError`."""

    kind: FailureKind
    reason: str


class Misconfigured(_Message, frozen=True):
    """An `InputError`."""

    reason: str


Answer = (
    Validated
    | Opened
    | Scanned
    | Identified
    | Beaten
    | Browsed
    | Observed
    | Said
    | Done
    | Failed
    | Misconfigured
)


class Reply(_Message, frozen=True):
    """The answer to the call with this number."""

    number: int
    answer: Answer


class Report(_Message, frozen=True):
    """What a device reported by itself."""

    source: str
    scan: Scan


class Watched(_Message, frozen=True):
    """A value that a watch brought.

    Attributes:
        number: of the call that began the watch.
    """

    number: int
    observation: Observation


ToProcess = Hello | Call | GiveUp
FromProcess = Welcome | Refused | Reply | Report | Watched

M = TypeVar("M")
_encoder = msgspec.msgpack.Encoder()
_to_process: msgspec.msgpack.Decoder[ToProcess] = msgspec.msgpack.Decoder(Hello | Call | GiveUp)
_from_process: msgspec.msgpack.Decoder[FromProcess] = msgspec.msgpack.Decoder(
    Welcome | Refused | Reply | Report | Watched
)


def pack(message: ToProcess | FromProcess) -> bytes:
    """A message as a frame.

    Raises:
        FrameError: it is larger than a message may be.
    """
    payload = _encoder.encode(message)
    if len(payload) > MAX_MESSAGE_BYTES:
        raise frames.FrameError(f"message of {len(payload)} bytes exceeds {MAX_MESSAGE_BYTES}")
    return frames.pack(payload)


def length(header: bytes) -> int:
    """Payload length that a frame's header announces.

    Raises:
        FrameError: the header is short or announces more than a message may have.
    """
    size = frames.length(header)
    if size > MAX_MESSAGE_BYTES:
        raise frames.FrameError(f"message of {size} bytes announced, at most {MAX_MESSAGE_BYTES}")
    return size


def to_process(payload: bytes) -> ToProcess:
    """What the agent says.

    Raises:
        FrameError: it is none of its messages.
    """
    return _decoded(_to_process, payload)


def from_process(payload: bytes) -> FromProcess:
    """What a driver process says.

    Raises:
        FrameError: it is none of its messages.
    """
    return _decoded(_from_process, payload)


def _decoded(decoder: msgspec.msgpack.Decoder[M], payload: bytes) -> M:
    try:
        return decoder.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise frames.FrameError(f"not a message: {error}") from error
