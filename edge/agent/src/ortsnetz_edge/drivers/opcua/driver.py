"""One meter or device behind an OPC UA server."""

from __future__ import annotations

from dataclasses import replace

from ortsnetz_common.drivers.tally import Tally
from ortsnetz_edge.drivers.contract import (
    Adjustable,
    Diagnosis,
    DriverError,
    FailureKind,
    Identity,
    LimitResolution,
    Listener,
    Quantity,
    Scan,
    SourcePoint,
    Watchdog,
)
from ortsnetz_edge.drivers.opcua.channel import Channel
from ortsnetz_edge.drivers.opcua.identification import BUILD_INFO, said_of
from ortsnetz_edge.drivers.opcua.limiting import Limiting, adjust
from ortsnetz_edge.drivers.opcua.monitoring import Member
from ortsnetz_edge.drivers.opcua.reading import Reading
from ortsnetz_edge.drivers.opcua.session import Session
from ortsnetz_edge.drivers.opcua.source import SourceMaps
from ortsnetz_edge.drivers.opcua.subscription import Subscription
from ortsnetz_edge.drivers.opcua.values import UNKNOWN, sample
from ortsnetz_edge.profiles.adjustment import checked


class OpcUaDriver:
    """Fulfils `contract.Driver`.

    Attributes:
        session: shared with all sources behind the same server.
    """

    def __init__(
        self,
        maps: SourceMaps,
        session: Session,
        subscription: Subscription | None,
        member: Member | None,
    ) -> None:
        self.session = session
        self._maps = maps
        self._subscription, self._member = subscription, member
        self._listener: Listener | None = None
        self._samples = [UNKNOWN] * len(maps.points.references)
        self._due = [0.0] * len(self._samples)
        self._read_over = -1  # number of the connection over which the samples came
        self._known = -1  # number of the connection over which the device said what it is
        self._limiting = None if maps.setpoint is None else Limiting(maps.setpoint, session)
        self._tally = Tally()
        if member is not None:
            member.report = self._report

    @property
    def points(self) -> tuple[SourcePoint, ...]:
        """Points of the source; the order of every scan's values."""
        return self._maps.points.points

    @property
    def resolution(self) -> LimitResolution | None:
        """How the device takes its limit."""
        return None if self._maps.setpoint is None else self._maps.setpoint.resolution

    @property
    def adjustable(self) -> tuple[Adjustable, ...]:
        """What the device may be told besides its limit."""
        return tuple(one.adjustable for one in self._maps.adjustments)

    async def scan(self) -> Scan:
        """What is held if the server has proved that it holds, else a read of what is due."""
        try:
            await self._be_sure_of_it()
            if self._subscription is not None and self._member is not None:
                await self._subscription.ready()
                if not self._subscription.refused:
                    self._tally.answered()
                    return self._held(self._subscription, self._member)
            reading = await self._read()
        except DriverError as error:
            raise self._tally.noted(error) from None
        self._tally.answered()
        return self._seen(self._maps.scan(self._samples, reading.server_ns, reading.received_ns))

    def subscribe(self, listener: Listener) -> bool:
        """Hand over what the server reports; it does so where the profile asks for it."""
        if self._subscription is None:
            return False
        self._listener = listener
        return True

    async def write(self, limit: float, watchdog: Watchdog | None) -> None:
        """Write a limit and read it back; see `contract.Driver.write`."""
        if self._limiting is None:
            raise DriverError(FailureKind.REFUSED, f"'{self._maps.name}' takes no limit")
        try:
            await self._limiting.write(limit, watchdog, await self._known_channel())
        except DriverError as error:
            raise self._tally.noted(error) from None

    async def adjust(self, quantity: Quantity, value: float) -> None:
        """Write a set point other than the limit; see `contract.Driver.adjust`."""
        try:
            there = checked(self._maps.adjustments, quantity, value, self._maps.name)
            await adjust(there, value, await self._known_channel(), self.session)
        except DriverError as error:
            raise self._tally.noted(error) from None

    async def identify(self) -> Identity:
        """Ask the device what it is; without places in its profile, ask its server."""
        try:
            return await said_of(self.session, self._maps.identity or BUILD_INFO)
        except DriverError as error:
            raise self._tally.noted(error) from None

    def diagnose(self) -> Diagnosis:
        """How the driver is."""
        return self._tally.diagnosis(connected=self.session.connected)

    async def stop(self) -> None:
        """Leave the session; the last source behind a server closes it."""
        self._listener = None
        if await self.session.leave(self._maps.name) and self._subscription is not None:
            self._subscription.stop()

    async def _be_sure_of_it(self, *, again: bool = False) -> None:
        """Check on each new connection, or `again`, that the device is the one that it should be.

        A server that stands between keeps the connection while a device behind it is exchanged: so
        before each limit it is asked again.
        """
        identity = self._maps.identity
        await self.session.opened()
        generation = self.session.generation
        if identity is None or (self._known == generation and not again):
            return
        misfit = identity.misfit(await said_of(self.session, identity))
        if misfit is not None:
            self._known = -1
            raise DriverError(
                FailureKind.WRONG_DEVICE, f"{self.session.endpoint}: '{self._maps.name}': {misfit}"
            )
        self._known = generation

    async def _known_channel(self) -> Channel:
        """The connection over which the device has said who it is."""
        await self._be_sure_of_it(again=True)
        channel = await self.session.opened()
        if self._maps.identity is not None and self._known != self.session.generation:
            raise self._new_connection()
        return channel

    def _new_connection(self) -> DriverError:
        return DriverError(
            FailureKind.DISCONNECTED,
            f"{self.session.endpoint}: a new connection, and nobody knows yet who is there",
        )

    async def _read(self) -> Reading:
        """Read what is due.

        Raises:
            DriverError: no answer, or one over a connection made anew meanwhile: what is not due
                was said over the one before, and nobody has been asked who is there.
        """
        now, generation = self.session.clock.monotonic(), self.session.generation
        references, periods = self._maps.points.references, self._maps.points.periods_s
        fresh = self._read_over == generation
        due = [place for place in range(len(references)) if not fresh or self._due[place] <= now]
        reading = await self.session.read([references[place] for place in due])
        known = self._maps.identity is None or self._known == reading.generation
        if reading.generation != generation or not known:
            raise self._new_connection()
        for place, value in zip(due, reading.values, strict=True):
            self._samples[place] = UNKNOWN if value is None else sample(value)
            self._due[place] = now + periods[place]
        self._read_over = reading.generation  # there may be a newer one by now
        return reading

    def _held(self, subscription: Subscription, member: Member) -> Scan:
        scan = self._maps.scan(member.held, subscription.server_ns, subscription.received_ns)
        return self._seen(replace(scan, held_s=subscription.held_s))

    def _seen(self, scan: Scan) -> Scan:
        if self._limiting is not None:
            self._limiting.lapses.saw(scan)
        return scan

    def _report(self) -> None:
        if self._subscription is None or self._member is None:
            return
        if self._listener is None and self._limiting is None:
            return  # else a lapse has to be seen though nobody listens
        scan = self._held(self._subscription, self._member)
        known = self._maps.identity is None or self._known == self.session.generation
        if self._listener is not None and known:
            self._listener(scan)
