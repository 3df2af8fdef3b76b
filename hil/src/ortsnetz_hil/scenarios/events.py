"""Events as scenario files write them: `{at: 30 s, open: "Line 12"}`; the key says what happens.

Times are plant seconds since the beginning of the run.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from ortsnetz_hil.scenarios.durations import Seconds

Process = Literal["cockpit", "broker", "agent"]
Phase = Literal["a", "b", "c"]
End = Literal["from", "to"]
CoreOrder = Literal["acb", "bac", "bca", "cab", "cba"]
Voltage = Annotated[float, Meta(gt=0.0, le=1.5)]
Resistance = Annotated[float, Meta(gt=0.0, le=1e6)]


class _Event(
    Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    omit_defaults=True,
):
    """What all events have.

    Attributes:
        at: when it happens.
        name: how criteria call it; without one it is called by its key and object: `open Line 12`.
    """

    key: ClassVar[str] = ""
    at: Seconds
    name: str | None = None

    @property
    def called(self) -> str:
        """The name that criteria and reports use."""
        return self.name or f"{self.key.replace('_', ' ')} {getattr(self, self.key)}"


class SourceVoltage(_Event, frozen=True, kw_only=True, tag="source_voltage"):
    """The MV source's voltage goes to so many per unit, linearly within `ramp`."""

    key: ClassVar[str] = "source_voltage"
    source_voltage: Voltage
    ramp: Seconds = Seconds(0.0)


class Open(_Event, frozen=True, kw_only=True, tag="open"):
    """A line, tie or transformer is opened at both ends, or at `end`."""

    key: ClassVar[str] = "open"
    open: str
    end: End | None = None


class Close(_Event, frozen=True, kw_only=True, tag="close"):
    """A line, tie or transformer is closed at both ends, or at `end`."""

    key: ClassVar[str] = "close"
    close: str
    end: End | None = None


class FuseBlown(_Event, frozen=True, kw_only=True, tag="fuse_blown"):
    """A fuse of a line blows in one phase."""

    key: ClassVar[str] = "fuse_blown"
    fuse_blown: str
    phase: Phase


class OpenNeutral(_Event, frozen=True, kw_only=True, tag="open_neutral"):
    """The neutral of a line is interrupted; an earth resistance remains."""

    key: ClassVar[str] = "open_neutral"
    open_neutral: str
    earthing_ohm: Resistance = 100.0


class WrongPhase(_Event, frozen=True, kw_only=True, tag="wrong_phase"):
    """The cores of a line are swapped: behind it, local phase i is network phase `order[i]`."""

    key: ClassVar[str] = "wrong_phase"
    wrong_phase: str
    order: CoreOrder


class Repaired(_Event, frozen=True, kw_only=True, tag="repaired"):
    """Fuse, neutral and cores of a line are as they should be."""

    key: ClassVar[str] = "repaired"
    repaired: str


class ClockStep(_Event, frozen=True, kw_only=True, tag="clock_step"):
    """The clock of the device under test jumps by this duration; stepped time only."""

    key: ClassVar[str] = "clock_step"
    clock_step: Seconds

    @property
    def called(self) -> str:
        """The name that criteria and reports use."""
        return self.name or f"clock step {self.clock_step:g} s"


class Stop(_Event, frozen=True, kw_only=True, tag="stop"):
    """A process is asked to end (SIGTERM)."""

    key: ClassVar[str] = "stop"
    stop: Process


class Kill(_Event, frozen=True, kw_only=True, tag="kill"):
    """A process is killed (SIGKILL)."""

    key: ClassVar[str] = "kill"
    kill: Process


class Start(_Event, frozen=True, kw_only=True, tag="start"):
    """A process that was stopped or killed is started again."""

    key: ClassVar[str] = "start"
    start: Process


ProcessEvent = Stop | Kill | Start
LineEvent = FuseBlown | OpenNeutral | WrongPhase | Repaired
Event = SourceVoltage | Open | Close | LineEvent | ClockStep | ProcessEvent
KEYS = (
    *("source_voltage", "open", "close", "fuse_blown", "open_neutral", "wrong_phase", "repaired"),
    *("clock_step", "stop", "kill", "start"),
)
"""The keys that say what an event is; each event has exactly one."""


def element(event: Event) -> str | None:
    """Name of the network element that an event changes, None for those that change none."""
    if isinstance(event, SourceVoltage | ClockStep | Stop | Kill | Start):
        return None
    return str(getattr(event, event.key))
