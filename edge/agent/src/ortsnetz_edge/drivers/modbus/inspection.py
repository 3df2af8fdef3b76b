"""Looks at bytes as they arrive: what does not fit the request is refused before the library.

The library's client takes the answer to another function for its own, and waits out its whole
time-out after garbage; both are caught here. Pure.
"""

from __future__ import annotations

MAX_ADU = 260  # MODBUS messaging on TCP/IP 1.0b, 3.1.3
HEADER = 8
_BITS, _REGISTERS, _WRITES = {1, 2}, {3, 4}, {5, 6, 15, 16}
_IDENTIFICATION = 43
_MOST_VALUES = 250  # bytes of registers an answer
_ECHOED = 5  # function, address, and value or count


def usual_answer(request: bytes) -> tuple[bytes, int] | None:
    """How the answer begins that fits a request to read registers, and how long it is.

    Nearly all answers are such: they need no other look. None for other requests.
    """
    function = request[7]
    if function not in _REGISTERS:
        return None
    size = 2 * int.from_bytes(request[10:12], "big")
    if size > _MOST_VALUES:
        return None
    begin = request[:4] + (size + 3).to_bytes(2, "big") + request[6:8] + bytes((size,))
    return begin, HEADER + 1 + size


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


def answer_size(pdu: bytes) -> int | None:
    """Bytes of the answer to a request, function included; None where its contents say it."""
    function, count = pdu[0], int.from_bytes(pdu[3:5], "big")
    if function in _WRITES:
        return _ECHOED
    if function in _REGISTERS:
        return 2 + 2 * count
    return 2 + (count + 7) // 8 if function in _BITS else None


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
    function, wanted = request[7], answer_size(request[7:])
    if wanted is not None and length - 1 != wanted:
        return f"{length - 1} bytes after the header instead of {wanted}"
    if function in _BITS | _REGISTERS and len(data) > HEADER and data[8] != length - 3:
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
