"""A wire between a client and an IED on which single reports are lost, or say something else.

What it knows of a report is read here, octet by octet (IEC 61850-8-1, 17.2: an informationReport
of ISO 9506-2), and by no code of the product.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

DATA_CHANGE, INTEGRITY, INTERROGATION = 0x40, 0x08, 0x04
"""Reasons for inclusion: the first octet of their bit string."""
_SEQUENCE, _TIME, _REASON, _DATA_SET, _REFERENCES, _OVERFLOW, _ENTRY, _REVISION = (
    *(0x4000, 0x2000, 0x1000, 0x0800, 0x0400, 0x0200, 0x0100, 0x0080),
)
_INFORMATION_REPORT = 0xA3


@dataclass(frozen=True)
class SentReport:
    """A report as it travels.

    Attributes:
        number: its sequence number.
        reasons: all reasons for inclusion that it states, one bit each.
        overflow_at: place in the frame of the octet that says that the buffer has overflowed; None
            where the report has none.
        revision_at: place of the last octet of its configuration revision; None as above.
    """

    block: str
    number: int
    reasons: int
    overflow_at: int | None
    revision_at: int | None


def changed(frame: bytes, place: int | None, octet: int) -> bytes:
    """The frame with another octet at a place."""
    assert place is not None, "the report does not say it"
    return frame[:place] + bytes([octet]) + frame[place + 1 :]


Treat = Callable[[SentReport, bytes], bytes | None]
"""What becomes of a report: the frame that travels on; None if none does."""


def as_it_is(_: SentReport, frame: bytes) -> bytes:
    """Nothing becomes of it."""
    return frame


@dataclass
class ReportWire:
    """Relays between a client and the IED at a port.

    Attributes:
        treat: what becomes of each report.
        seen: reports that the IED has sent, lost ones too.
    """

    server_port: int
    treat: Treat = as_it_is
    seen: list[SentReport] = field(default_factory=list)
    _server: asyncio.Server | None = None

    async def listen(self, port: int) -> None:
        """Listen at a port."""
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", port)

    def close(self) -> None:
        """Take no more connections."""
        if self._server is not None:
            self._server.close()

    async def _relay(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        device, forth = await asyncio.open_connection("127.0.0.1", self.server_port)
        tasks = [
            asyncio.create_task(self._forth(client, forth)),
            asyncio.create_task(self._back(device, back)),
        ]
        try:
            with suppress(asyncio.CancelledError):  # the test is over
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            for writer in (forth, back):
                writer.transport.abort()

    async def _forth(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                header = await reader.readexactly(4)  # TPKT, RFC 1006
                frame = header + await reader.readexactly(int.from_bytes(header[2:], "big") - 4)
                report = report_in(frame)
                kept: bytes | None = frame
                if report is not None:
                    self.seen.append(report)
                    kept = self.treat(report, frame)
                if kept is not None:
                    writer.write(kept)
                    await writer.drain()


def report_in(frame: bytes) -> SentReport | None:
    """The report that a frame is, if it is one."""
    cotp = 4 + 1 + frame[4]
    if frame[5] != 0xF0 or not frame[6] & 0x80 or frame[cotp : cotp + 4] != b"\1\0\1\0":
        return None  # no data, not whole, or not of an association that stands
    user, _ = _content(frame, cotp + 4)
    listed, _ = _content(frame, user)
    context = _next(frame, listed)
    mms, _ = _content(frame, context)
    if frame[mms] != _INFORMATION_REPORT:
        return None
    service, _ = _content(frame, mms)
    body, _ = _content(frame, service)
    values, end = _content(frame, _next(frame, body))
    items: list[tuple[int, int]] = []  # first and last octet of each value's content
    while values < end:
        items.append(_content(frame, values))
        values = _next(frame, values)
    return _understood(frame, items)


def _understood(frame: bytes, items: list[tuple[int, int]]) -> SentReport:
    options = int.from_bytes(frame[items[1][0] + 1 : items[1][1]], "big")
    place, at = 2, {}
    for option in (_SEQUENCE, _TIME, _DATA_SET, _OVERFLOW, _ENTRY, _REVISION):
        if options & option:
            at[option] = items[place]
            place += 1
    first, last = items[place]
    included = sum(octet.bit_count() for octet in frame[first + 1 : last])
    reasons = 0
    for start, _ in items[-included:] if options & _REASON else ():
        reasons |= frame[start + 1]
    return SentReport(
        block=frame[slice(*items[0])].decode(),
        number=int.from_bytes(frame[slice(*at[_SEQUENCE])], "big") if _SEQUENCE in at else -1,
        reasons=reasons,
        overflow_at=at[_OVERFLOW][0] if _OVERFLOW in at else None,
        revision_at=at[_REVISION][1] - 1 if _REVISION in at else None,
    )


def _content(frame: bytes, place: int) -> tuple[int, int]:
    """First octet of the content of what stands at a place, and the one behind it."""
    length, first = frame[place + 1], place + 2
    if length & 0x80:
        size = length & 0x7F
        length, first = int.from_bytes(frame[first : first + size], "big"), first + size
    return first, first + length


def _next(frame: bytes, place: int) -> int:
    return _content(frame, place)[1]
