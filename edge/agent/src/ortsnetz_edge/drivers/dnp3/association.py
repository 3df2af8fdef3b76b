"""The master's side of a conversation, strict: what does not fit is noticed, not skipped.

The library's association looks for the next frame behind garbage and drops what it did not ask for.
That suits a bench. In a substation a peer that sends either is not the outstation it should be, and
the next answer must not be taken from it: the first misfit is kept, and the connection is closed.
"""

from __future__ import annotations

from py1815 import link
from py1815.application import Response, ResponseError, parse_response
from py1815.master.association import MasterAssociation
from py1815.transport import Reassembler, TransportError

NEVER_S = 1e9
"""Deadlines are kept by the connection, by the agent's clock."""
LONGEST_FRAGMENT = 2048  # IEEE 1815-2012, 4.1.2: what a master takes at least


class _Frames(link.FrameReader):
    """Frames out of a stream; counts the octets that belonged to none."""

    def __init__(self) -> None:
        super().__init__()
        self.garbage = 0

    def feed(self, data: bytes) -> list[link.LinkFrame]:
        before = len(self._buffer) + len(data)
        frames = super().feed(data)
        used = sum(link.frame_size(len(frame.payload)) for frame in frames)
        self.garbage += before - used - len(self._buffer)
        return frames


class _Segments(Reassembler):
    """Fragments out of segments; keeps why one could not be made."""

    def __init__(self) -> None:
        super().__init__(max_fragment=LONGEST_FRAGMENT)
        self.misfit: str | None = None

    def add(self, tpdu: bytes) -> bytes | None:
        try:
            return super().add(tpdu)
        except TransportError as error:
            self.misfit = str(error)
            raise


class StrictAssociation(MasterAssociation):
    """One conversation over one connection.

    Attributes:
        unsolicited_count: responses that nobody asked for since `forget_unsolicited`.
        octets: of the answer that is coming in.
    """

    def __init__(self, outstation: int, own: int) -> None:
        super().__init__(
            outstation_address=outstation,
            master_address=own,
            response_timeout=NEVER_S,
            max_fragment=LONGEST_FRAGMENT,
        )
        self.unsolicited_count = 0
        self.octets = 0
        self._watched = _Frames()
        self._segments = _Segments()
        self._frames, self._reassembler = self._watched, self._segments
        self._misfit: str | None = None

    @property
    def misfit(self) -> str | None:
        """What has come first that does not belong here; None if everything fits."""
        if self._watched.garbage:
            return f"{self._watched.garbage} octets that are no DNP3 frame"
        return self._misfit or self._segments.misfit

    @property
    def fragments(self) -> int:
        """How many fragments of the answer have come."""
        return len(self._pending.fragments) if self._pending is not None else 0

    def forget_unsolicited(self) -> None:
        """Count from zero again."""
        self.unsolicited_count = self.octets = 0

    def _handle_frame(self, frame: link.LinkFrame) -> bytes:
        if frame.destination == self.master_address and (
            frame.source != self.outstation_address or frame.from_master
        ):
            self._note(
                f"address {frame.source} answers instead of outstation {self.outstation_address}"
            )
        return super()._handle_frame(frame)

    def _handle_fragment(self, fragment: bytes) -> bytes:
        self.octets += len(fragment)
        try:
            parse_response(fragment)
        except ResponseError as error:
            self._note(str(error))
            return b""
        return super()._handle_fragment(fragment)

    def _handle_unsolicited(self, response: Response, fragment: bytes) -> bytes:
        self.unsolicited_count += 1
        return super()._handle_unsolicited(response, fragment)

    def _handle_solicited(self, response: Response) -> bytes:
        pending = self._pending
        control = response.control
        if pending is None:
            self._note(f"an answer with number {control.sequence} to nothing")
        elif control.sequence != pending.expected:
            self._note(f"an answer with number {control.sequence} instead of {pending.expected}")
        elif control.fir is bool(pending.fragments):
            self._note("fragments of an answer in a wrong order")
        return super()._handle_solicited(response)

    def _note(self, misfit: str) -> None:
        if self._misfit is None:
            self._misfit = misfit
