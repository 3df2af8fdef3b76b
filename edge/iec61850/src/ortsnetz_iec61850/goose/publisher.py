"""Publishes one GOOSE control block: at once on a change, then ever more rarely (for the bench)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ortsnetz_common.measurement.time import now_ns
from ortsnetz_common.scl.object_reference import ObjectReference
from ortsnetz_iec61850.goose.data import Datum, Kind, UtcTime
from ortsnetz_iec61850.goose.frames import Frame, encoded_frame, mac_text
from ortsnetz_iec61850.goose.message import Message
from ortsnetz_iec61850.goose.misbehaviour import Misbehaviour
from ortsnetz_iec61850.goose.publication import Publication, Value

_WRAP = 2**32
_JUMP = 11
Send = Callable[[bytes], None]


class Publisher:
    """Sends the messages of one control block.

    Attributes:
        misbehaviour: what it does wrong.
        sent: frames that left.
        failed: frames that did not leave.

    Args:
        publication: what it sends.
        send: sends a frame; raises OSError.
        source: the interface's own address.
        clock_ns: UTC, ns; times of states come from it.
    """

    def __init__(
        self,
        publication: Publication,
        send: Send,
        source: bytes,
        clock_ns: Callable[[], int] = now_ns,
    ) -> None:
        self.misbehaviour = Misbehaviour.NONE
        self.sent = self.failed = 0
        self._publication, self._send, self._source = publication, send, mac_text(source)
        self._clock_ns = clock_ns
        self._known = {each.at: each.basic_type for each in publication.stream.values}
        self._values: dict[ObjectReference, Value] = {}
        self._state, self._sequence = 1, 0
        self._time_ns = clock_ns()
        self._first: Message | None = None
        self._due = asyncio.Event()
        self._data = publication.data(self._values)

    def update(self, changes: Mapping[ObjectReference, Value], time_ns: int | None = None) -> bool:
        """Take values that this control block has; a change begins a new state, sent at once.

        Args:
            changes: by reference; others than the data set's are left alone. Times of the data set
                that belong to a value follow it by themselves.
            time_ns: when they changed; None for now.

        Returns:
            Whether anything changed.

        Raises:
            ValueError: a value that is not of its type.
        """
        new = {
            at: value
            for at, value in changes.items()
            if at in self._known and self._values.get(at) != value
        }
        if not new:
            return False
        stamp = self._clock_ns() if time_ns is None else time_ns
        values = self._values | new
        values |= {at: stamp for at, kind in self._known.items() if _dates(at, kind, new)}
        self._data, self._values = self._publication.data(values), values
        self._state = _following(self._state)
        self._sequence, self._time_ns = 0, stamp
        self.repeat()
        self._due.set()
        return True

    async def run(self) -> None:
        """Repeat for ever."""
        if self._sequence == 0:
            self.repeat()
        while True:
            wait_s = self._publication.curve.interval_s(self._sequence - 1)
            self._due.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._due.wait()
                    continue  # a new state has begun, and was sent
            self.repeat()

    def message(self) -> Message:
        """The next message, as it should be."""
        stream = self._publication.stream
        return Message(
            block=stream.block,
            time_allowed_to_live_ms=self._publication.curve.life_ms(self._sequence),
            data_set=stream.data_set,
            id=stream.id,
            time=UtcTime(self._time_ns),
            state=self._state,
            sequence=self._sequence,
            simulation=False,
            revision=stream.revision or 0,
            needs_commissioning=False,
            count=len(self._data),
            data=self._data,
        )

    def repeat(self) -> None:
        """Send the next message of the state now."""
        message = self.message()
        self._first = self._first or message
        jump = self.misbehaviour is Misbehaviour.SEQUENCE_JUMP
        self._sequence = _following(self._sequence, _JUMP if jump else 1)
        if self.misbehaviour is Misbehaviour.STOP:
            return
        stream = self._publication.stream
        frame = Frame(
            destination=str(stream.destination),
            source=self._source,
            app_id=int(stream.app_id or 0),
            message=_spoilt(message, self._first, self.misbehaviour),
            tag=self._publication.tag,
            simulated=self.misbehaviour is Misbehaviour.SIMULATION,
        )
        try:
            self._send(encoded_frame(frame))
        except OSError:
            self.failed += 1
        else:
            self.sent += 1


def _spoilt(message: Message, first: Message, how: Misbehaviour) -> Message:
    """A message as a publisher sends it that does something wrong."""
    if how is Misbehaviour.REPLAY:
        return first
    changes: dict[Misbehaviour, dict[str, Any]] = {
        Misbehaviour.WRONG_REVISION: {"revision": message.revision + 1},
        Misbehaviour.NEEDS_COMMISSIONING: {"needs_commissioning": True},
        Misbehaviour.SIMULATION: {"simulation": True},
        Misbehaviour.SHORT_LIFE: {"time_allowed_to_live_ms": 1},
        Misbehaviour.WRONG_TYPES: {"data": tuple(Datum(Kind.INTEGER, 0) for _ in message.data)},
    }
    return replace(message, **changes.get(how, {}))


def _following(number: int, by: int = 1) -> int:
    """The next stNum or sqNum: after 2^32 - 1 comes 1."""
    following = number + by
    return following if following < _WRAP else following - _WRAP + 1


def _dates(at: ObjectReference, basic_type: str, new: Mapping[ObjectReference, Value]) -> bool:
    """Whether this is the time of a value that changed."""
    if basic_type != "Timestamp" or at in new:
        return False
    above = at.path[:-1]
    return any(
        (each.device, each.node, each.constraint) == (at.device, at.node, at.constraint)
        and each.path[: len(above)] == above
        for each in new
    )
