"""Log of the setpoints that devices were given: one JSON line a write, bounded."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from ortsnetz_hil.servers import rolling_lines
from ortsnetz_hil.servers.rolling_lines import RollingLines

STEM = "setpoints"
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
    """Appends writes; the older half of an endless run's log is dropped and counted."""

    def __init__(self, plant_directory: Path) -> None:
        self._lines: RollingLines[SetpointWrite] = RollingLines(plant_directory, STEM, KEPT_LINES)

    @property
    def dropped(self) -> int:
        """Writes that were dropped."""
        return self._lines.dropped

    def note(self, write: SetpointWrite) -> None:
        """Keep a write until the next flush."""
        self._lines.append(write)

    def flush(self) -> None:
        """Append what has come since the last flush."""
        self._lines.flush()


def read(plant_directory: Path) -> list[SetpointWrite]:
    """All writes that the log still has, in the order of time; an unfinished last line is left out.

    Raises:
        InputError: a line is damaged; names the file and the line.
    """
    return rolling_lines.read(plant_directory, STEM, SetpointWrite)
