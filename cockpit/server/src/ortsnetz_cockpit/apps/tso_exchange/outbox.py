"""What has been sent: remembered over restarts, so that no interval is left out."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
from msgspec import Struct, field

KEPT_INTERVALS = 60


class Sent(Struct, frozen=True):
    """The last message about an interval.

    Attributes:
        revision: counts from 1.
        is_final: later samples can hardly change it.
        content: the figures as they were sent, to see whether they changed.
    """

    revision: int
    is_final: bool
    content: str


class _State(Struct):
    # interface -> start of the interval in ns, as text -> what was sent
    sent: dict[str, dict[str, Sent]] = field(default_factory=dict)


class Outbox:
    """Sent intervals of all interfaces; a file, replaced at each change."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._state = _State()
        if path.exists():
            try:
                self._state = msgspec.json.decode(path.read_bytes(), type=_State)
            except msgspec.MsgspecError:
                # an unreadable file costs a repetition of the last interval, never a wrong figure
                path.replace(path.with_suffix(".unreadable"))

    def sent(self, interface: str, start_ns: int) -> Sent | None:
        """What was sent about an interval."""
        return self._state.sent.get(interface, {}).get(str(start_ns))

    def newest(self, interface: str) -> int | None:
        """Start of the newest interval that was sent."""
        return max((int(start) for start in self._state.sent.get(interface, {})), default=None)

    def note(self, interface: str, start_ns: int, sent: Sent) -> None:
        """Remember a message; the oldest intervals are forgotten."""
        intervals = self._state.sent.setdefault(interface, {})
        intervals[str(start_ns)] = sent
        for start in sorted(intervals, key=int)[:-KEPT_INTERVALS]:
            del intervals[start]

    def save(self) -> None:
        """Write the file."""
        fresh = self._path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(msgspec.json.encode(self._state))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
