"""Frames on a serial line among noise, echoes and the late answers of other units. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from pymodbus.framer import FramerRTU

from ortsnetz_edge.drivers.modbus.inspection import answer_size

_SHORTEST = 5  # unit, function, one byte, CRC


def answer_in(data: bytes, request: bytes) -> bytes:
    """The answer to a request among all that has arrived; empty while it is not there as a whole.

    The library takes the first bytes that look like a frame for the answer and drops everything
    where they are none; here noise before it and the answer of another unit cost nothing.

    Args:
        data: everything since the request, without its echo.
        request: the whole frame that was sent.
    """
    unit, function, size = request[0], request[1], answer_size(request[1:])
    for at in range(len(data) - _SHORTEST + 1):
        if data[at] != unit or data[at + 1] & 0x7F != function:
            continue
        if data[at + 1] & 0x80:
            frame = data[at : at + _SHORTEST]
        elif size is None:
            return data[at:]  # of an identification only its contents say how long it is
        else:
            frame = data[at : at + size + 3]
            if len(frame) < size + 3:
                continue
        if FramerRTU.check_CRC(frame[:-2], int.from_bytes(frame[-2:], "big")):
            return frame
    return b""


@dataclass
class Echo:
    """Removes what a two-wire line repeats of our own request.

    Some adapters hear what they send. A request to read is never its own answer, so the first one
    shows it; the answer to a write may well be, and is judged by what was learned.

    Attributes:
        hears: whether the line repeats; None until known.
    """

    hears: bool | None = None
    _sent: bytes = field(default=b"", repr=False)
    _tells: bool = False

    def sending(self, data: bytes, *, reads: bool) -> None:
        """Note a request; `reads` says that its answer cannot be the same bytes."""
        self._sent, self._tells = data, reads

    def stripped(self, data: bytes) -> bytes:
        """What has arrived since the request, without its echo."""
        if self.hears is None and self._tells and len(data) >= len(self._sent):
            self.hears = data.startswith(self._sent)
        if self.hears is None and self._tells and self._sent.startswith(data):
            return b""  # not enough of it to tell
        if not self.hears:
            return data
        if data.startswith(self._sent):
            return data[len(self._sent) :]
        return b"" if self._sent.startswith(data) else data
