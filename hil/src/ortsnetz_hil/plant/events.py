"""What happens to the network and around it, on purpose and exactly timed.

Times are plant seconds since the beginning of the window. Elements are ids of the plant's network.
"""

from __future__ import annotations

from msgspec import Struct

from ortsnetz_common.parameters.station import Side


class SourceVoltage(Struct, frozen=True, tag="source_voltage", forbid_unknown_fields=True):
    """The MV source's voltage goes to `u_pu`, linearly within `ramp_s`."""

    at_s: float
    u_pu: float
    ramp_s: float = 0.0


class Switching(Struct, frozen=True, tag="switch", forbid_unknown_fields=True):
    """A line, link or transformer is opened or closed, at one end or (side None) at both."""

    at_s: float
    element: int
    closed: bool
    side: Side | None = None


class FuseBlown(Struct, frozen=True, tag="fuse_blown", forbid_unknown_fields=True):
    """A fuse blows in one phase (`a`, `b` or `c`) of a line: everything behind it loses it."""

    at_s: float
    line: int
    phase: str


class OpenNeutral(Struct, frozen=True, tag="open_neutral", forbid_unknown_fields=True):
    """The neutral of a line is interrupted; behind it only an earth resistance leads back."""

    at_s: float
    line: int
    earthing_ohm: float = 100.0


class WrongPhase(Struct, frozen=True, tag="wrong_phase", forbid_unknown_fields=True):
    """After work on a cable its cores are swapped.

    Behind `line`, local phase i is network phase `order[i]`, e.g. `bac`.
    """

    at_s: float
    line: int
    order: str


class Repaired(Struct, frozen=True, tag="repaired", forbid_unknown_fields=True):
    """Fuse, neutral and cores of a line are as they should be."""

    at_s: float
    line: int


class ClockStep(Struct, frozen=True, tag="clock_step", forbid_unknown_fields=True):
    """The clock of the device under test jumps by so many seconds (stepped time only)."""

    at_s: float
    seconds: float


class ProcessEvent(Struct, frozen=True, tag="process", forbid_unknown_fields=True):
    """A connected process (`cockpit`, `broker`, `agent`) is stopped, killed or started."""

    at_s: float
    process: str
    action: str


NetworkEvent = SourceVoltage | Switching | FuseBlown | OpenNeutral | WrongPhase | Repaired
Event = NetworkEvent | ClockStep | ProcessEvent
