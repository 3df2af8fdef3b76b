"""What a driver promises: read a source in one scan, write its limit, say how it is, stop."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from ortsnetz_common.measurement.point import Point
from ortsnetz_common.parameters.station import Connection, Device, Meter, Side


class FailureKind(StrEnum):
    """Why a request came to nothing; each kind has a counter."""

    UNREACHABLE = "unreachable"
    WAITING = "waiting"  # backing off: nothing was sent
    TIMEOUT = "timeout"
    DISCONNECTED = "disconnected"
    WRONG_ANSWER = "wrong-answer"
    REFUSED = "refused"  # the device answered with an exception


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


class Role(StrEnum):
    """What a point of a source is; control looks values up by role, not by name."""

    VOLTAGE = "voltage"
    CURRENT = "current"
    ACTIVE_POWER = "active_power"
    REACTIVE_POWER = "reactive_power"
    LIMIT = "limit"
    AVAILABLE = "available"
    STATE = "state"
    READ_COUNT = "read_count"


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
    """All points of a source, read with one request: one instant, one source time.

    Attributes:
        values: one a point, in the driver's order of points, project's units and signs; None where
            the source has no value.
        qualities: what the source itself says of each value.
        time_ns: the source's own time, or `received_ns` where it has none.
        time_quality: flags of `measurement.time.TimeQuality`.
        received_ns: wall clock of the agent when the answer was complete.
        read_count: the source's own number of this answer; None where it does not count.
        limit_in_force: limit as the device states it, in the unit it takes (see `LimitUnit`).
    """

    values: tuple[float | None, ...]
    qualities: tuple[int, ...]
    time_ns: int
    time_quality: int
    received_ns: int
    read_count: int | None = None
    limit_in_force: float | None = None


class LimitUnit(StrEnum):
    """Unit in which a device takes its limit."""

    AMPERE = "A"  # per phase
    SHARE = "share"  # of the rated power


@dataclass(frozen=True, slots=True)
class LimitResolution:
    """How a device takes its limit, as its profile states.

    Attributes:
        step: limits are whole multiples of it.
        smallest: lowest limit above zero that it takes.
    """

    unit: LimitUnit
    step: float
    smallest: float = 0.0


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
class Diagnosis:
    """How a driver is, for the technician.

    Attributes:
        connected: whether there is a connection at this moment.
        answers: requests answered well since the start.
        failures: requests that came to nothing, by kind.
        last_failure: the last reason in words; None if there was none.
    """

    connected: bool
    answers: int
    failures: dict[FailureKind, int]
    last_failure: str | None


class Driver(Protocol):
    """One source behind one protocol. Coroutines of one driver are never run concurrently twice."""

    @property
    def points(self) -> tuple[SourcePoint, ...]:
        """Points of the source; the order of every scan's values."""

    @property
    def resolution(self) -> LimitResolution | None:
        """How the device takes its limit; None for what takes none."""

    async def scan(self) -> Scan:
        """Read all points with one request.

        An answer that is late but whole is still returned: the device has served it. The caller
        decides how long it waits for it.

        Raises:
            DriverError: there is no answer that fits the request.
        """

    async def write(self, limit: float, watchdog: Watchdog | None) -> None:
        """Write a limit in the device's own unit; the next scan reads it back.

        Args:
            limit: in the unit of `resolution`.
            watchdog: set on each new connection before the first limit; None leaves it alone.

        Raises:
            DriverError: the device did not confirm the write.
        """

    def diagnose(self) -> Diagnosis:
        """How the driver is."""

    async def stop(self) -> None:
        """Close what is open."""


class DriverProtocol(Protocol):
    """What an entry point of `ortsnetz.drivers` makes: one field protocol.

    The entry point is called with the agent's `Clock`: answers are stamped with it, and waiting
    times are counted in it.
    """

    def open(self, source: Source) -> Driver:
        """A driver for a source; nothing is connected yet.

        Raises:
            InputError: the source's configuration does not work with this protocol.
        """
