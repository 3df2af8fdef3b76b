"""What the device servers have served: `plant/counters.json`."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct, field

from ortsnetz_common.errors import InputError
from ortsnetz_hil.faults.conditions import WireCounts

FILE = "counters.json"
FORMAT = "ortsnetz.counters/1"


class DeviceCounters(Struct, forbid_unknown_fields=True):
    """Counters of one device since the plant's start.

    Attributes:
        behind: the station server that the device is behind; None for one with a Modbus server of
            its own. A station server reports, and answers a poll with what it has to report: its
            reads are polls that were answered, and say nothing of how many values came of them.
        reads: answered reads of the measurement block.
        values: points these reads carried (`points_per_read` each).
        writes: accepted writes of the limit.
        refused: requests answered with an exception.
        unanswered: requests that a fault on purpose left without an answer.
        last_write_ns: wall instant of the last accepted write of the limit, None before.
    """

    profile: str
    port: int
    points_per_read: int
    reads: int = 0
    values: int = 0
    writes: int = 0
    refused: int = 0
    unanswered: int = 0
    last_write_ns: int | None = None
    behind: str | None = None


class Counters(Struct, forbid_unknown_fields=True):
    """Counters of the whole plant.

    Attributes:
        started_ns: wall instant of this process's start, UTC.
        updated_ns: wall instant of this file, UTC.
        steps: steps since the start; overruns: steps that began more than a period late.
        worst_step_s: longest computation of one step.
        worst_lateness_s: longest delay of a step's beginning.
        wires: what the proxies of bad connections have done, by device or station server, or
            `uplink`.
        setpoints_dropped, truth_parts_dropped: what was dropped to bound an endless run.
    """

    format: str
    started_ns: int
    devices: dict[str, DeviceCounters]
    updated_ns: int = 0
    steps: int = 0
    overruns: int = 0
    worst_step_s: float = 0.0
    worst_lateness_s: float = 0.0
    setpoints_dropped: int = 0
    truth_parts_dropped: int = 0
    finished: bool = field(default=False)
    wires: dict[str, WireCounts] = field(default_factory=dict)

    def write(self, plant_directory: Path) -> None:
        """Replace the file at once: a reader sees the old or the new one, never a half."""
        path = plant_directory / FILE
        unfinished = path.with_suffix(".unfinished")
        unfinished.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1))
        unfinished.replace(path)


def read(plant_directory: Path) -> Counters:
    """Read the counters of a plant.

    Raises:
        InputError: names the file and the reason.
    """
    path = plant_directory / FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Counters)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise InputError(f"{path}: not a file of counters: {error}") from error
