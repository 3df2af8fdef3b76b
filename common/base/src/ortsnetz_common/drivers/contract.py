"""What a driver promises: read, report, write with read-back, identify, diagnose, stop.

One field protocol is one `DriverProtocol`. It opens a `Driver` for each source of the station, and
a `Probe` for a technician who stands before a device that nobody has configured yet. The contract
is the same for a driver within the agent and for one in a process of its own (`drivers.server`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Protocol

from ortsnetz_common.drivers.values import (
    Adjustable,
    Diagnosis,
    DriverError,
    FailureKind,
    Found,
    Identity,
    LimitResolution,
    Observation,
    Quantity,
    Scan,
    Source,
    SourcePoint,
    Watchdog,
)
from ortsnetz_common.parameters.station import Connection

Listener = Callable[[Scan], None]
"""Takes what a device reports by itself, as a scan that it did not have to be asked for."""


class Driver(Protocol):
    """One source behind one protocol. Coroutines of one driver are never run concurrently twice.

    A driver writes nothing by itself: neither at the start nor when a connection comes back.
    """

    @property
    def points(self) -> tuple[SourcePoint, ...]:
        """Points of the source; the order of every scan's values."""

    @property
    def resolution(self) -> LimitResolution | None:
        """How the device takes its limit; None for what takes none."""

    @property
    def adjustable(self) -> tuple[Adjustable, ...]:
        """What the device may be told besides its limit; the order of every scan's `adjusted`."""

    async def scan(self) -> Scan:
        """Read all points that are due; points of slower scan groups keep their own source time.

        An answer that is late but whole is still returned: the device has served it. The caller
        decides how long it waits for it.

        Raises:
            DriverError: there is no answer that fits the request, or another device answers.
        """

    def subscribe(self, listener: Listener) -> bool:
        """Hand over what the device reports by itself, from now on, from the running loop.

        Returns:
            Whether the device reports at all; if not, `listener` is never called.
        """

    async def write(self, limit: float, watchdog: Watchdog | None) -> None:
        """Write a limit in the device's own unit; the next scan reads it back.

        On each new connection the device's identity is checked first.

        Args:
            limit: in the unit of `resolution`.
            watchdog: set on each new connection before the first limit; None leaves it alone.

        Raises:
            DriverError: the device did not confirm the write, or is not the one it should be.
        """

    async def adjust(self, quantity: Quantity, value: float) -> None:
        """Write a set point other than the limit; the next scan reads it back.

        On each new connection the device's identity is checked first.

        Args:
            quantity: one of `adjustable`.
            value: in the quantity's unit, within its bounds.

        Raises:
            DriverError: the device takes no such set point, or none of this value, did not confirm
                it, or is not the one it should be.
        """

    async def identify(self) -> Identity:
        """Ask the device what it is.

        Raises:
            DriverError: there is no answer.
        """

    def diagnose(self) -> Diagnosis:
        """How the driver is; contains no secrets."""

    async def stop(self) -> None:
        """Close what is open."""


class LimitOnly:
    """What drivers inherit whose devices take no set point but the limit."""

    @property
    def adjustable(self) -> tuple[Adjustable, ...]:
        """Nothing."""
        return ()

    async def adjust(self, quantity: Quantity, value: float) -> None:
        """Refuse; see `Driver.adjust`."""
        words = f"the device takes no set point for {quantity.value}, so not {value:g} either"
        raise DriverError(FailureKind.REFUSED, words)


class Probe(Protocol):
    """A device without a profile, before a technician. Writes only what it is told to."""

    async def identify(self) -> Identity:
        """Ask the device what it is. Raises DriverError."""

    async def browse(self, start: str, most: int) -> tuple[Found, ...]:
        """What the device holds below a reference (empty: everything), at most so many.

        Raises:
            DriverError: there is no answer.
            InputError: `start` is no reference of this protocol.
        """

    async def read(self, references: Sequence[str]) -> tuple[Observation, ...]:
        """Read values; one that the device does not have is an observation without value.

        Raises:
            DriverError: there is no answer at all.
            InputError: a reference that this protocol does not know.
        """

    def watch(self, references: Sequence[str], period_s: float) -> AsyncIterator[Observation]:
        """Values as they come: by subscription where the protocol has one, else by polling."""

    async def write(self, reference: str, value: float) -> str:
        """Write one raw value and read it back; what the device now says, in words.

        Raises:
            DriverError: the device did not confirm it.
            InputError: a reference that cannot be written.
        """

    async def close(self) -> None:
        """Close what is open."""


class DriverProtocol(Protocol):
    """What an entry point of `ortsnetz.drivers` makes: one field protocol.

    The entry point is called with a `drivers.environment.Environment`: answers are stamped with its
    clock, waiting times are counted in it, profiles and certificates come from it.
    """

    def validate(self, source: Source) -> tuple[str, ...]:
        """What is wrong with a source's configuration, in words; nothing is connected."""

    def open(self, source: Source) -> Driver:
        """A driver for a source; nothing is connected yet.

        Raises:
            InputError: the source's configuration does not work with this protocol.
        """

    def probe(self, connection: Connection) -> Probe:
        """A probe for whatever is at an address; nothing is connected yet.

        Raises:
            InputError: the address does not work with this protocol.
        """
