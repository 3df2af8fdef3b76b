"""What the bench's plant and its IED process say to each other, one message a frame.

The plant starts the process with one end of a socket pair, whose number stands in the environment
(`SOCKET_VARIABLE`), and says `Begin`; the process answers `Listening` or `Refused`. Then values go
one way, commands the other. Anything else, a frame larger than `MAX_MESSAGE_BYTES` or another
version ends the connection; the end of the connection ends the process. Neither side loads the
other's code: the process is of another licence.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec import Struct

from ortsnetz_common.link import frames

VERSION = 1
SOCKET_VARIABLE = "ORTSNETZ_IED_SOCKET"
MAX_MESSAGE_BYTES = 4 * 1024 * 1024
MAX_OUTSTANDING = 1024
"""Most commands that wait for the plant's answer; one more is refused."""
INVALID, OLD_DATA, TEST = 2, 128, 2048
"""Quality as the library counts its bits (IEC 61850-7-3, 6.2): validity in the lowest two."""
TAKEN = 0
"""Answer to a command that is carried out; others are additional causes of IEC 61850-7-2."""


class _Message(Struct, frozen=True, forbid_unknown_fields=True, tag=True):
    """A message, or part of one; its class's name goes with it."""


class Bay(_Message, frozen=True):
    """A device of the plant as a logical device of the IED.

    Attributes:
        kind: the template's logical device, `FD`, `CP`, `PV` or `TC`.
        instance: its name, e.g. `FD1`.
        model, serial: what its name plate says.
    """

    kind: str
    instance: str
    model: str
    serial: str


class Begin(_Message, frozen=True):
    """The plant's first word.

    Attributes:
        ied: the IED's name.
        host, port: where it listens; port 0 takes a free one.
        bays: logical devices, made of the template; none where `scl` says it all.
        points: references of what `Values` brings, `FD1/MMXU1.TotW.mag.f[MX]`. They are invalid
            until their first values.
        settings: references of attributes that clients may write.
        scl: path of an SCL file whose IED of this name is served instead of the template; "" for
            none.
        written: path for the SCL file that is served, for the client's engineers; "" for none.
    """

    version: int
    ied: str
    host: str
    port: int
    points: tuple[str, ...]
    bays: tuple[Bay, ...] = ()
    settings: tuple[str, ...] = ()
    scl: str = ""
    written: str = ""


class Values(_Message, frozen=True):
    """What the plant shows: answered by `Shown` when clients can see it.

    Attributes:
        number: comes back in the answer.
        places: numbers of points, in the order of `Begin.points`.
        values: as many.
        qualities: as many; see `INVALID`.
        times_ns: as many: the device's own clock, UTC.
    """

    number: int
    places: tuple[int, ...]
    values: tuple[float | str, ...]
    qualities: tuple[int, ...]
    times_ns: tuple[int, ...]


class Answer(_Message, frozen=True):
    """To a command: `TAKEN` or the additional cause of the refusal."""

    number: int
    cause: int


class Listening(_Message, frozen=True):
    """The process's first word."""

    version: int
    port: int


class Refused(_Message, frozen=True):
    """Instead of it: why it cannot serve, in words."""

    reason: str


class Counts(_Message, frozen=True):
    """What the IED has served since its start.

    Attributes:
        connections: open ones; `connected`: all that there were.
        reports: put into buffers; `overflows`: of buffers.
        selects, operates: that were asked for and came to the plant.
        taken, refused: what the plant has said to operates, and `refused` checks of them;
            `unanswered`: it did not say in time.
        settings: writes of settings that were taken.
        faults: exceptions in handlers, which are answered with a refusal.
    """

    connections: int = 0
    connected: int = 0
    reports: int = 0
    overflows: int = 0
    selects: int = 0
    operates: int = 0
    taken: int = 0
    refused: int = 0
    unanswered: int = 0
    settings: int = 0
    faults: int = 0


class Shown(_Message, frozen=True):
    """Values are in the model; `number` is that of the message."""

    number: int
    counts: Counts


class Command(_Message, frozen=True):
    """A client wants something: `Answer`.

    Attributes:
        step: `check`: would it be taken? `operate`: do it. `setting`: take it, or refuse it.
        reference: of the object that is operated, `CP1/DECP1.ALim`, or of the setting.
        value: None where a client only selects.
        test: the client says that nothing is to happen.
        origin: category of who operates (IEC 61850-7-3, orCat).
    """

    number: int
    step: str
    reference: str
    value: bool | int | float | str | None
    test: bool = False
    origin: int = 0


ToIed = Begin | Values | Answer
ToPlant = Listening | Refused | Shown | Command
_Content = TypeVar("_Content", ToIed, ToPlant)


def packed(message: ToIed | ToPlant) -> bytes:
    """A message as a frame.

    Raises:
        frames.FrameError: it is larger than a message may be.
    """
    payload = msgspec.msgpack.encode(message)
    if len(payload) > MAX_MESSAGE_BYTES:
        raise frames.FrameError(f"a message of {len(payload)} bytes exceeds {MAX_MESSAGE_BYTES}")
    return frames.pack(payload)


def length(header: bytes) -> int:
    """Length that a header announces. Raises FrameError."""
    size = frames.length(header)
    if size > MAX_MESSAGE_BYTES:
        raise frames.FrameError(f"a message of {size} bytes exceeds {MAX_MESSAGE_BYTES}")
    return size


def to_ied(payload: bytes) -> ToIed:
    """A message of the plant. Raises FrameError."""
    return _decoded(payload, _TO_IED)


def to_plant(payload: bytes) -> ToPlant:
    """A message of the IED. Raises FrameError."""
    return _decoded(payload, _TO_PLANT)


_TO_IED: msgspec.msgpack.Decoder[ToIed] = msgspec.msgpack.Decoder(ToIed)
_TO_PLANT: msgspec.msgpack.Decoder[ToPlant] = msgspec.msgpack.Decoder(ToPlant)


def _decoded(payload: bytes, decoder: msgspec.msgpack.Decoder[_Content]) -> _Content:
    try:
        return decoder.decode(payload)
    except msgspec.MsgspecError as error:
        raise frames.FrameError(f"a message that is none: {error}") from error
