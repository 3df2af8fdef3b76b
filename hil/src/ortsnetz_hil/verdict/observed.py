"""What the device under test said over the uplink, as the bench's observer kept it.

One JSON line each in `observed.jsonl`. Times are the wall clock as the node sees it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Struct, field

from ortsnetz_common.errors import InputError
from ortsnetz_hil.faults.timeline import Entry
from ortsnetz_hil.plant.configuration import PlantConfiguration
from ortsnetz_hil.plant.events import ClockStep

FILE = "observed.jsonl"


class SourceQuality(Struct, frozen=True, tag="quality", forbid_unknown_fields=True):
    """Quality of all values of a meter or device turned good or not good; the first for each."""

    time_ns: int
    source: str
    good: bool


class ModeSeen(Struct, frozen=True, tag="mode", forbid_unknown_fields=True):
    """The agent's mode changed: starting, safe, active, blind."""

    time_ns: int
    mode: str
    reason: str


class AlarmSeen(Struct, frozen=True, tag="alarm", forbid_unknown_fields=True):
    """An alarm became active or was cleared."""

    time_ns: int
    key: str
    active: bool
    priority: int
    cause: str


class LimitSeen(Struct, frozen=True, tag="limit", forbid_unknown_fields=True):
    """A setpoint that the node says it has written; `limit_w` is a magnitude."""

    time_ns: int
    device: str
    limit_w: float
    source: str
    reason: str


class ReadCount(Struct, frozen=True, forbid_unknown_fields=True):
    """Running numbers of a device's reads: how many different ones came, how many came again."""

    distinct: int
    doubled: int


class Totals(Struct, frozen=True, tag="totals", forbid_unknown_fields=True):
    """The last line: what is known only at the end.

    Attributes:
        records: records heard, each once.
        repeated: records sent again, which is allowed.
        missing: records never heard.
        epochs: incarnations of the node's journal or catalogue.
        reads: read numbers by device.
        malformed: messages and samples that were not understood: what they said is unknown.
        until_ns: the node's time of the newest thing heard of it, None if there was none.
        silences: from and to, the node's time, where its health was not heard for too long.
    """

    records: int
    repeated: int
    missing: int
    epochs: int
    reads: dict[str, ReadCount]
    malformed: int = 0
    until_ns: int | None = None
    silences: tuple[tuple[int, int], ...] = ()


Line = SourceQuality | ModeSeen | AlarmSeen | LimitSeen | Totals


class Observed(Struct, frozen=True):
    """All that was heard, each kind in the order in which it came."""

    qualities: tuple[SourceQuality, ...] = ()
    modes: tuple[ModeSeen, ...] = ()
    alarms: tuple[AlarmSeen, ...] = ()
    limits: tuple[LimitSeen, ...] = ()
    totals: Totals | None = field(default=None)


class Writer:
    """Appends lines; what was put is on disk after each line, a crash costs nothing."""

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO | None = path.open("wb")

    def put(self, line: Line) -> None:
        """Append one line; nothing after `close`."""
        if self._file is not None:
            self._file.write(msgspec.json.encode(line) + b"\n")
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def read(path: Path) -> Observed:
    """Read what an observer has written; an unfinished last line is left out.

    Raises:
        InputError: the file cannot be read or a line is damaged; names the line.
    """
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    decoder = msgspec.json.Decoder(Line)
    found: list[Line] = []
    for number, line in enumerate(lines, start=1):
        try:
            found.append(decoder.decode(line))
        except msgspec.MsgspecError as error:
            raise InputError(f"{path}:{number}: not an observation: {error}") from error
    return Observed(
        qualities=tuple(one for one in found if isinstance(one, SourceQuality)),
        modes=tuple(one for one in found if isinstance(one, ModeSeen)),
        alarms=tuple(one for one in found if isinstance(one, AlarmSeen)),
        limits=tuple(one for one in found if isinstance(one, LimitSeen)),
        totals=next((one for one in reversed(found) if isinstance(one, Totals)), None),
    )


def plant_s(
    time_ns: int,
    configuration: PlantConfiguration,
    timeline: Sequence[Entry],
    *,
    not_before: float = float("-inf"),
) -> float:
    """Plant seconds that belong to an instant of the node's clock; undoes its jumps.

    Args:
        time_ns: what the node's clock showed.
        configuration: the plant's, with its clock steps.
        timeline: when they happened.
        not_before: plant seconds of something that was heard earlier. After a jump back the clock
            shows the same instants twice; this tells which of them is meant.
    """
    shown_s = configuration.window.elapsed_s(time_ns)
    steps = _clock_steps(configuration, timeline)
    begins = [float("-inf"), *(at_s for at_s, _ in steps)]
    ends = [*(at_s for at_s, _ in steps), float("inf")]
    found: list[tuple[float, float]] = []
    offset_s = 0.0
    for number, (first_s, last_s) in enumerate(zip(begins, ends, strict=True)):
        candidate = shown_s - offset_s
        away_s = max(max(first_s, not_before) - candidate, candidate - last_s, 0.0)
        found.append((round(away_s, 6), candidate))
        offset_s += steps[number][1] if number < len(steps) else 0.0
    return min(found)[1]


def _clock_steps(
    configuration: PlantConfiguration, timeline: Sequence[Entry]
) -> list[tuple[float, float]]:
    """Instant and length of each jump that happened, in the order of time."""
    happened = {
        round(entry.due_s, 6): entry.at_s
        for entry in timeline
        if entry.kind == "event" and entry.state == "done" and entry.name == "clock_step"
    }
    return sorted(
        (happened[round(event.at_s, 6)], event.seconds)
        for event in configuration.events
        if isinstance(event, ClockStep) and round(event.at_s, 6) in happened
    )
