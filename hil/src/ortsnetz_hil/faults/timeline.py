"""The log of what happened to a plant on purpose: `timeline.jsonl`, one JSON line an entry."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from msgspec import Struct

from ortsnetz_hil.faults.specs import Fault
from ortsnetz_hil.faults.words import target, words
from ortsnetz_hil.servers import rolling_lines
from ortsnetz_hil.servers.rolling_lines import RollingLines

STEM = "timeline"
FILE = f"{STEM}.jsonl"
KEPT_LINES = 50_000
BY_COMMAND = "by command"
"""Detail of an event that no scenario has: somebody has switched."""


class Entry(Struct, frozen=True, forbid_unknown_fields=True):
    """Something that happened.

    Attributes:
        kind: whether an event happened or a fault held.
        name: the fault's name; events have none and take their tag.
        what: for people: `meter-transformer does not answer`.
        target: device, link, element or process that it happened to.
        due_s, at_s: plant seconds when it should have happened and when it did.
        time_ns: wall instant when it did, UTC.
        state: `begin` and `end` of a fault, `done` of an event, `failed` of either.
        detail: what else there is to say.
    """

    kind: Literal["event", "fault"]
    name: str
    what: str
    target: str
    due_s: float
    at_s: float
    time_ns: int
    state: Literal["begin", "end", "done", "failed"]
    detail: str = ""


class Timeline:
    """Appends entries; the older half of an endless run's log is dropped and counted."""

    def __init__(self, plant_directory: Path) -> None:
        self._lines: RollingLines[Entry] = RollingLines(plant_directory, STEM, KEPT_LINES)

    @property
    def dropped(self) -> int:
        """Entries that were dropped."""
        return self._lines.dropped

    def append(self, entry: Entry) -> None:
        """Keep an entry until the next flush."""
        self._lines.append(entry)

    def flush(self) -> None:
        """Append what has come since the last flush."""
        self._lines.flush()


class FaultWatch:
    """Notes when faults began and ended, each once."""

    def __init__(self, faults: Iterable[Fault], timeline: Timeline) -> None:
        self._to_begin = list(faults)
        self._to_end: list[Fault] = []
        self._timeline = timeline
        self._started = False

    def tick(self, now_s: float, time_ns: int) -> None:
        """Note what has begun or ended until now.

        Args:
            now_s: plant seconds.
            time_ns: the same instant as a wall clock, UTC.
        """
        begun = [fault for fault in self._to_begin if fault.first_s <= now_s]
        for fault in begun:
            self._to_begin.remove(fault)
            if not self._started and fault.last_s <= now_s:
                self._note(fault, fault.first_s, now_s, time_ns, "failed")
                continue
            self._note(fault, fault.first_s, now_s, time_ns, "begin")
            self._to_end.append(fault)
        for fault in [fault for fault in self._to_end if fault.last_s <= now_s]:
            self._to_end.remove(fault)
            self._note(fault, fault.last_s, now_s, time_ns, "end")
        self._started = True

    def _note(
        self,
        fault: Fault,
        due_s: float,
        now_s: float,
        time_ns: int,
        state: Literal["begin", "end", "failed"],
    ) -> None:
        detail = "was over before the plant ran" if state == "failed" else ""
        self._timeline.append(
            Entry(
                kind="fault",
                name=fault.name,
                what=words(fault),
                target=target(fault),
                due_s=due_s,
                at_s=now_s,
                time_ns=time_ns,
                state=state,
                detail=detail,
            )
        )


def read(plant_directory: Path) -> list[Entry]:
    """All entries that the log still has, in order; an unfinished last line is left out.

    Raises:
        InputError: a line is damaged; names the file and the line.
    """
    return rolling_lines.read(plant_directory, STEM, Entry)
