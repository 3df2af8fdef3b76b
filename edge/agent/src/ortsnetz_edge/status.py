"""What the agent tells a technician: a file, replaced as a whole each cycle."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from ortsnetz_common.errors import InputError
from ortsnetz_edge.control.memory import write_atomically

FILE = "status.json"


class SourceStatus(Struct, frozen=True, forbid_unknown_fields=True):
    """One meter or device.

    Attributes:
        quality: of its values, in words.
        age_s: seconds since its last answer; None if there never was one.
        failure: why the last request came to nothing; None if it was answered.
        connected: whether its connection stands.
        answers: requests answered well since the agent's start.
        failures: requests that came to nothing, by kind.
        limit_w, reason: limit meant to be in force and why; None for meters and while unknown.
        asked_by: who asks for it: safety, operator, ...; None where nobody does.
        until_ns: it ends by itself then, UTC.
        set_points: in force besides the limit, as it says itself: `reactive_power` in var,
            inductive consumption positive; `voltage` in pu.
        counters: what else its protocol counts, by name; zeros are left out.
    """

    name: str
    profile: str
    address: str
    quality: str
    age_s: float | None
    failure: str | None
    active_w: float | None
    connected: bool
    answers: int
    failures: dict[str, int]
    limit_w: float | None = None
    reason: str | None = None
    asked_by: str | None = None
    until_ns: int | None = None
    set_points: dict[str, float] = {}
    counters: dict[str, int] = {}


class Status(Struct, frozen=True, forbid_unknown_fields=True):
    """The agent at the end of a cycle; see the messages of the link for modes and counters."""

    node: str
    pid: int
    time_ns: int
    cycle: int
    mode: str
    reason: str
    cycle_ms: float
    scan_ms: float
    state_age_s: float | None
    worst_loading: float | None
    uplink_online: bool
    epoch: str
    journal_backlog: int
    journal_bytes: int
    alarms: tuple[str, ...]
    sources: tuple[SourceStatus, ...]
    counters: dict[str, int]


def write_status(directory: Path, status: Status) -> None:
    """Replace the status file.

    Raises:
        OSError: it cannot be written.
    """
    write_atomically(directory / FILE, msgspec.json.encode(status), durable=False)


def read_status(directory: Path) -> Status:
    """Read the status file.

    Raises:
        InputError: there is none, or it is of another version.
    """
    path = directory / FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Status)
    except OSError as error:
        raise InputError(f"{path}: no status: has the agent been running? ({error})") from error
    except msgspec.MsgspecError as error:
        raise InputError(f"{path}: not the status of this version of the agent: {error}") from error
