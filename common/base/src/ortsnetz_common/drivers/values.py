"""What drivers speak of: sources, scans, limits, identities, and why a request came to nothing.

The same values on both sides of the socket to a driver in a process of its own, so they live here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from ortsnetz_common.measurement.point import Point
from ortsnetz_common.parameters.station import Connection, Device, Meter, Side, TapChanger


class FailureKind(StrEnum):
    """Why a request came to nothing; each kind has a counter."""

    UNREACHABLE = "unreachable"
    WAITING = "waiting"  # backing off: nothing was sent
    TIMEOUT = "timeout"
    DISCONNECTED = "disconnected"
    WRONG_ANSWER = "wrong-answer"
    REFUSED = "refused"  # the device answered with an exception
    BUSY = "busy"  # the device asks to be asked later
    WRONG_DEVICE = "wrong-device"  # somebody else answers at this address
    INSECURE = "insecure"  # certificates do not fit, or are not there
    GAP = "gap"  # what the device reported was lost: what happened meanwhile is not known


class DriverError(Exception):
    """A request came to nothing; the text says why, for people."""

    def __init__(self, kind: FailureKind, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Source:
    """A meter or device as its driver sees it.

    Attributes:
        terminals: how many of the terminals 1, 2, 3 are connected.
        side: end of the branch a branch meter sits at; None elsewhere.
        rated_w: rated power of a device, magnitude; None for a meter.
    """

    name: str
    profile: str
    connection: Connection
    element: int
    terminals: int
    side: Side | None = None
    rated_w: float | None = None

    @classmethod
    def of_meter(cls, meter: Meter) -> Source:
        """The source behind a meter."""
        return cls(
            meter.name,
            meter.profile,
            meter.connection,
            meter.element,
            len(meter.phases),
            side=meter.side,
        )

    @classmethod
    def of_device(cls, device: Device) -> Source:
        """The source behind a device."""
        return cls(
            device.name,
            device.profile,
            device.connection,
            device.element,
            device.phase_count,
            rated_w=device.rated_w,
        )

    @classmethod
    def of_tap_changer(cls, changer: TapChanger) -> Source:
        """The source behind a tap changer's regulator; it measures the busbar's three phases."""
        return cls(changer.name, changer.profile, changer.connection, changer.element, 3)


class Role(StrEnum):
    """What a point of a source is; control looks values up by role, not by name."""

    VOLTAGE = "voltage"
    CURRENT = "current"
    ACTIVE_POWER = "active_power"
    REACTIVE_POWER = "reactive_power"
    LIMIT = "limit"
    AVAILABLE = "available"
    STATE = "state"
    TAP_POSITION = "tap_position"
    READ_COUNT = "read_count"
    FURTHER = "further"  # recorded, and used by no decision


@dataclass(frozen=True, slots=True)
class SourcePoint:
    """A point that a source delivers.

    Attributes:
        terminal: 1, 2 or 3; None for values of the whole source.
        low, high: plausible range of the value, in the point's unit.
    """

    point: Point
    role: Role
    terminal: int | None
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Scan:
    """All points of a source as they stand after one answer, or one report.

    Attributes:
        values: one a point, in the driver's order of points, project's units and signs; None where
            the source has no value.
        qualities: what the source itself says of each value.
        time_ns: the source's own time, or `received_ns` where it has none.
        time_quality: flags of `measurement.time.TimeQuality`.
        received_ns: wall clock of the agent when the answer was complete.
        read_count: the source's own number of this answer; None where it does not count.
        limit_in_force: limit as the device states it, in the unit it takes (see `LimitUnit`).
        value_times_ns: source time of each value, where the device says one with each (DNP3 events,
            OPC UA); `time_ns` is then the newest of them.
        value_time_qualities: belongs to `value_times_ns`.
        adjusted: set points in force besides the limit, as the device states them, in the order of
            the driver's `adjustable`, project's units and signs; None where one is not in force.
        held_s: how long ago the device proved that these values hold, where nobody asked it just
            now; counted in its own reporting interval if that is longer than a second.
    """

    values: tuple[float | None, ...]
    qualities: tuple[int, ...]
    time_ns: int
    time_quality: int
    received_ns: int
    read_count: int | None = None
    limit_in_force: float | None = None
    value_times_ns: tuple[int, ...] | None = None
    value_time_qualities: tuple[int, ...] | None = None
    held_s: float = 0.0
    adjusted: tuple[float | None, ...] = ()


class LimitUnit(StrEnum):
    """Unit in which a device takes its limit."""

    AMPERE = "A"  # per phase
    SHARE = "share"  # of the rated power
    WATT = "W"  # in all


@dataclass(frozen=True, slots=True)
class LimitResolution:
    """How a device takes its limit, as its profile states.

    Attributes:
        step: limits are whole multiples of it.
        smallest: lowest limit above zero that it takes.
        acknowledged_s: so long it may take until the device says that it has taken a limit: minutes
            behind a smart-meter gateway's control box; 0 where the write itself is confirmed.
        reaction_s: longest time until the device follows, its ramp included.
        hold_s: so long after it was lowered a limit is not raised (minimum times of a compressor).
    """

    unit: LimitUnit
    step: float
    smallest: float = 0.0
    acknowledged_s: float = 0.0
    reaction_s: float = 0.0
    hold_s: float = 0.0


class Quantity(StrEnum):
    """What a device may be told besides its limit."""

    REACTIVE_POWER = "reactive_power"  # var in all, inductive consumption positive
    VOLTAGE = "voltage"  # set point of a voltage regulator, pu of nominal


@dataclass(frozen=True, slots=True)
class Adjustable:
    """A set point besides the limit, in the quantity's unit and the project's sign.

    Attributes:
        step: of one count; where the device states a power of ten, that of its count without it.
        low, high: what may be written; anything beyond is refused.
    """

    quantity: Quantity
    step: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Watchdog:
    """What a device shall do by itself when nobody writes to it any more.

    Attributes:
        after_s: seconds without a write until it acts.
        limit: limit it then takes, in its own unit.
    """

    after_s: float
    limit: float


@dataclass(frozen=True, slots=True)
class Identity:
    """What a device says it is; None for what it does not say."""

    maker: str | None = None
    model: str | None = None
    serial: str | None = None

    def __str__(self) -> str:
        said = [
            f"{what} '{text}'"
            for what, text in (
                ("maker", self.maker),
                ("model", self.model),
                ("serial number", self.serial),
            )
            if text is not None
        ]
        return ", ".join(said) or "nothing"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """How a driver is, for the technician.

    Attributes:
        connected: whether there is a connection at this moment.
        answers: requests answered well since the start.
        failures: requests that came to nothing, by kind.
        last_failure: the last reason in words; None if there was none.
        counters: what else this protocol counts, by name.
    """

    connected: bool
    answers: int
    failures: dict[FailureKind, int]
    last_failure: str | None
    counters: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """Something that a device holds, as browsing shows it.

    Attributes:
        reference: how profiles and the command line name it.
        what: kind and description, for people.
        value: as it was found; None where it has none or was not read.
        writable: whether the device takes writes to it; None where only a try would tell.
        folder: whether there is more below it.
    """

    reference: str
    what: str
    value: float | str | None = None
    writable: bool | None = None
    folder: bool = False


@dataclass(frozen=True, slots=True)
class Observation:
    """One value as a device says it, raw: no scale, no sign.

    Attributes:
        value: None where there is none; `why` then says why.
        quality: bits of `measurement.quality`.
        time_ns: source time, or the time of arrival, see `time_quality`.
    """

    reference: str
    value: float | str | None
    quality: int
    time_ns: int
    time_quality: int
    why: str = ""
