"""Looks at bytes as they arrive: what does not fit the request is refused before the library.

The library's client takes the answer to another function for its own, and waits out its whole
time-out after garbage; both are caught here. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MAX_ADU = 260  # MODBUS messaging on TCP/IP 1.0b, 3.1.3
HEADER = 8
_BYTE_COUNTED = {1, 2, 3, 4}


def tcp_misfit(data: bytes, transaction: bytes, function: int) -> str | None:
    """Why the frames that have arrived do not fit a request; None if they do so far.

    Args:
        data: everything since the request; the last frame may be incomplete.
        transaction: the request's number.
        function: the request's.
    """
    while len(data) >= HEADER:
        length = int.from_bytes(data[4:6], "big")
        reason = _misfit(data, length, transaction, function)
        if reason is not None:
            return reason
        data = data[6 + length :]
    return None


def _misfit(data: bytes, length: int, transaction: bytes, function: int) -> str | None:
    if data[2:4] != b"\0\0" or not 3 <= length <= MAX_ADU - 6:
        return "not a Modbus frame"
    if data[:2] != transaction:
        # the library skips the answer to another request, unless its number is 0
        return "answers without a number" if data[:2] == b"\0\0" else None
    if data[7] & 0x7F != function:
        return f"answers function {data[7]} to function {function}"
    if data[7] & 0x80:
        return None if length == 3 else "an exception of a wrong length"
    if data[7] in _BYTE_COUNTED and len(data) > HEADER and data[8] != length - 3:
        return "byte count and frame length disagree"
    return None


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
