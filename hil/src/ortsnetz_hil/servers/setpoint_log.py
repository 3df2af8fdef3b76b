"""Log of the setpoints that devices were given: one JSON line a write, bounded."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from ortsnetz_common.errors import InputError

FILE = "setpoints.jsonl"
OLDER_FILE = "setpoints.older.jsonl"
KEPT_LINES = 200_000


class SetpointWrite(Struct, frozen=True, forbid_unknown_fields=True):
    """One accepted write of a limit.

    Attributes:
        time_ns: wall instant, UTC.
        value, before: commanded limit and the limit in force before, in the device's own unit
            (whole amperes, 0.1 % of the rating).
    """

    time_ns: int
    device: str
    value: int
    before: int


class SetpointLog:
    """Appends writes; the older half of an endless run's log is dropped and counted.

    Attributes:
        dropped: lines that were dropped.
    """

    def __init__(self, plant_directory: Path) -> None:
        self._directory = plant_directory
        self._pending: list[SetpointWrite] = []
        self._lines = len(read(plant_directory))
        self._older = 0
        self.dropped = 0

    def note(self, write: SetpointWrite) -> None:
        """Keep a write until the next flush."""
        self._pending.append(write)

    def flush(self) -> None:
        """Append what has come since the last flush."""
        if not self._pending:
            return
        path = self._directory / FILE
        if self._lines >= KEPT_LINES:
            path.replace(self._directory / OLDER_FILE)
            self.dropped += self._older
            self._older, self._lines = self._lines, 0
        with path.open("ab") as file:
            file.write(b"".join(msgspec.json.encode(w) + b"\n" for w in self._pending))
        self._lines += len(self._pending)
        self._pending.clear()


def read(plant_directory: Path) -> list[SetpointWrite]:
    """All writes that the log still has, in the order of time; an unfinished last line is left out.

    Raises:
        InputError: a line is damaged; names the file.
    """
    found: list[SetpointWrite] = []
    for name in (OLDER_FILE, FILE):
        path = plant_directory / name
        if not path.exists():
            continue
        lines = path.read_bytes().split(b"\n")[:-1]
        try:
            found += [msgspec.json.decode(line, type=SetpointWrite) for line in lines]
        except msgspec.MsgspecError as error:
            raise InputError(f"{path}: not a log of setpoints: {error}") from error
    return found
