"""Numbers of reports. Pure."""

from __future__ import annotations

_BUFFERED, _UNBUFFERED = 1 << 16, 1 << 8


def missed(before: int, now: int, *, buffered: bool) -> int:
    """How many reports of a control block did not arrive between two that did.

    Numbers count up by one and begin again at zero: after 65535 where reports are buffered, after
    255 where they are not (IEC 61850-7-2, 17.2.3.2.3: `SqNum` is INT16U or INT8U).
    """
    return (now - before - 1) % (_BUFFERED if buffered else _UNBUFFERED)
