"""Looks at bytes as they arrive: what does not fit the request is refused before the library.

The library's client takes the answer to another function for its own, and waits out its whole
time-out after garbage; both are caught here. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MAX_ADU = 260  # MODBUS messaging on TCP/IP 1.0b, 3.1.3
HEADER = 8
_BITS, _REGISTERS, _WRITES = {1, 2}, {3, 4}, {5, 6, 15, 16}
_IDENTIFICATION = 43
_ECHOED = 6  # unit, function, address, and value or count


def tcp_misfit(data: bytes, request: bytes) -> str | None:
    """Why the frames that have arrived do not fit a request; None if they do so far.

    Args:
        data: everything since the request; the last frame may be incomplete.
        request: the whole frame that was sent.
    """
    while len(data) >= HEADER:
        length = int.from_bytes(data[4:6], "big")
        reason = _misfit(data, length, request)
        if reason is not None:
            return reason
        data = data[6 + length :]
    return None


def _misfit(data: bytes, length: int, request: bytes) -> str | None:
    if data[2:4] != b"\0\0" or not 3 <= length <= MAX_ADU - 6:
        return "not a Modbus frame"
    if data[:2] != request[:2]:
        # the library skips the answer to another request, unless its number is 0
        return "answers without a number" if data[:2] == b"\0\0" else None
    if data[6] != request[6] and request[6]:
        return f"answers for unit {data[6]} to a request to unit {request[6]}"
    if data[7] & 0x7F != request[7]:
        return f"answers function {data[7]} to function {request[7]}"
    if data[7] & 0x80:
        return None if length == 3 else "an exception of a wrong length"
    return _wrong_size(data, length, request)


def _wrong_size(data: bytes, length: int, request: bytes) -> str | None:
    function = request[7]
    count = int.from_bytes(request[10:12], "big")
    if function in _WRITES:
        return None if length == _ECHOED else "a confirmation of a wrong length"
    if function in _BITS | _REGISTERS:
        size = 2 * count if function in _REGISTERS else (count + 7) // 8
        if length - 3 != size:
            return f"{length - 3} bytes of values instead of {size}"
        if len(data) > HEADER and data[8] != size:
            return "byte count and frame length disagree"
    if function == _IDENTIFICATION and len(data) >= 6 + length:
        return _wrong_objects(data[HEADER : 6 + length])
    return None


def _wrong_objects(body: bytes) -> str | None:
    """Why the objects of an identification do not fill their frame (1.1b3, 6.21); None if so."""
    if len(body) < 6 or body[0] != 14:
        return "no identification"
    at = 6
    for _ in range(body[5]):
        if at + 2 > len(body):
            return "fewer objects than promised"
        at += 2 + body[at + 1]
    return None if at == len(body) else "objects and frame length disagree"


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
