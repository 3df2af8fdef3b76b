"""One meter or device behind a DNP3 outstation; fulfils `contract.Driver`."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ortsnetz_common.drivers.tally import Tally
from ortsnetz_common.measurement.quality import is_usable, worst
from ortsnetz_common.measurement.time import TimeQuality
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
    Source,
    SourcePoint,
    Watchdog,
)
from ortsnetz_edge.drivers.dnp3.commands import command, require_accepted
from ortsnetz_edge.drivers.dnp3.flags import NEVER_SAID
from ortsnetz_edge.drivers.dnp3.identification import said_of, told_by_points
from ortsnetz_edge.drivers.dnp3.session import Dnp3Session, Polled
from ortsnetz_edge.drivers.dnp3.table import MAX_CLOCK_ERROR_NS, PointValue
from ortsnetz_edge.drivers.lapses import Lapses
from ortsnetz_edge.profiles.adjustment import AdjustmentMap, checked
from ortsnetz_edge.profiles.conversion import MAX_POWER_OF_TEN
from ortsnetz_edge.profiles.identity import IdentityMap
from ortsnetz_edge.profiles.point_map import PointMap
from ortsnetz_edge.profiles.references.dnp3 import PointReference
from ortsnetz_edge.profiles.setpoint import SetpointMap

_ARRIVAL = int(TimeQuality.SET_BY_RECEIVER)


@dataclass(frozen=True)
class SourceMaps:
    """A profile compiled for one source.

    Attributes:
        own_clock: whether the profile says where the device has a clock.
        reports: whether the profile wants to be told without asking.
    """

    points: PointMap[PointReference]
    setpoint: SetpointMap[PointReference] | None
    identity: IdentityMap[PointReference] | None
    own_clock: bool
    reports: bool
    adjustments: tuple[AdjustmentMap[PointReference], ...] = ()


class Dnp3Driver:
    """One source.

    Attributes:
        session: what it shares with the other sources behind the same outstation.
    """

    def __init__(self, source: Source, maps: SourceMaps, session: Dnp3Session) -> None:
        self._name = source.name
        self._maps, self.session = maps, session
        session.users.add(self)
        self._identified = 0  # the life in which it was done
        self._commissioned: tuple[int, int, int] | None = None  # the same, and the lapses before
        self._lapses = Lapses()
        self._newest_ns = 0
        self._told: tuple[PointValue, ...] = ()
        self._listener: Listener | None = None
        self._tally = Tally()

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
        """Ask the outstation for its events; see `contract.Driver.scan`."""
        try:
            polled = await self.session.polled()
            await self._require_identity(polled.life)
        except DriverError as error:
            raise self._tally.noted(error) from None
        self._tally.answered()
        self._told = self._known(polled)
        return self._scan(polled, self._told)

    def subscribe(self, listener: Listener) -> bool:
        """Hand over what the outstation reports by itself; see `contract.Driver.subscribe`."""
        if not self.session.reports or not self._maps.reports:
            return False
        if self._listener is None:
            self.session.listeners.append(self._heard)
        self._listener = listener
        return True

    async def write(self, limit: float, watchdog: Watchdog | None) -> None:
        """Write a limit; see `contract.Driver.write`."""
        setpoint = self._maps.setpoint
        if setpoint is None:
            raise DriverError(FailureKind.REFUSED, f"'{self._name}' takes no limit")
        try:
            life = await self.session.ready()
            await self._require_identity(life)
            lapsed = self.session.table.lapses(self._maps.points.references)
            now = (life, lapsed, self._lapses.count)
            if watchdog is not None and self._commissioned != now:
                await self._commission(setpoint, watchdog, life)
                self._commissioned = now
            counts = setpoint.counts(limit, self._power(setpoint.scale_at))
            await self._operate(setpoint, setpoint.at, counts, life)
            if setpoint.enable is not None:
                await self._operate(setpoint, *setpoint.enable, life)
        except DriverError as error:
            raise self._tally.noted(error) from None

    async def adjust(self, quantity: Quantity, value: float) -> None:
        """Write a set point other than the limit; see `contract.Driver.adjust`."""
        try:
            there = checked(self._maps.adjustments, quantity, value, self._name)
            life = await self.session.ready()
            await self._require_identity(life)
            counts = there.counts(value, self._power(there.scale_at))
            await self._operate(there, there.at, counts, life)
            for at, switch in there.enable:
                await self._operate(there, at, switch, life)
        except DriverError as error:
            raise self._tally.noted(error) from None

    async def identify(self) -> Identity:
        """Ask the outstation what it is."""
        try:
            await self.session.ready()
            return await said_of(self.session, self._maps.identity)
        except DriverError as error:
            raise self._tally.noted(error) from None

    def diagnose(self) -> Diagnosis:
        """How the driver is."""
        return self._tally.diagnosis(connected=self.session.connected)

    async def stop(self) -> None:
        """Leave the connection, and close it if nobody else needs it."""
        if self._heard in self.session.listeners:
            self.session.listeners.remove(self._heard)
        await self.session.leave(self)

    async def _require_identity(self, life: int) -> None:
        """Check that the outstation is the one that it should be.

        Attributes of the outstation are asked for once a life. Points that say it may change while
        the connection stands, where a bay's device is exchanged, and cost no request.
        """
        wanted = self._maps.identity
        if wanted is None:
            return
        told = told_by_points(self.session, wanted)
        if told is None and self._identified == life:
            return
        misfit = wanted.misfit(await said_of(self.session, wanted) if told is None else told)
        if misfit is not None:
            raise DriverError(FailureKind.WRONG_DEVICE, f"{self.session.where}: {misfit}")
        self._identified = life

    async def _commission(
        self, setpoint: SetpointMap[PointReference], watchdog: Watchdog, life: int
    ) -> None:
        """Tell the device what to do when nobody writes any more; before the first limit."""
        if setpoint.fallback_limit is not None:
            counts = setpoint.counts(watchdog.limit, self._power(setpoint.scale_at))
            await self._operate(setpoint, setpoint.fallback_limit, counts, life)
        if setpoint.fallback_time is not None:
            await self._operate(setpoint, setpoint.fallback_time, round(watchdog.after_s), life)
        if setpoint.fallback_enable is not None:
            await self._operate(setpoint, *setpoint.fallback_enable, life)

    async def _operate(
        self,
        setpoint: SetpointMap[PointReference] | AdjustmentMap[PointReference],
        at: PointReference,
        counts: int,
        life: int,
    ) -> None:
        """Operate an output, in the life in which the device has said who it is."""
        try:
            made = command(at, counts)
        except ValueError as error:
            raise DriverError(FailureKind.REFUSED, f"'{self._name}': {error}") from None
        status = await self.session.operate(made, select=setpoint.select, life=life)
        require_accepted(self.session.where, at, status)

    def _power(self, scale_at: PointReference | None) -> int:
        """Power of ten of one count; 0 where the device has none."""
        if scale_at is None:
            return 0
        said = self.session.table.value(scale_at, 0)
        power = said.value if is_usable(said.quality) else None
        if not isinstance(power, float) or power != round(power) or abs(power) > MAX_POWER_OF_TEN:
            raise DriverError(
                FailureKind.REFUSED,
                f"{self.session.where}: {scale_at} says no power of ten: nothing is "
                "written whose scale is not known",
            )
        return round(power)

    def _known(self, polled: Polled) -> tuple[PointValue, ...]:
        table = self.session.table
        return tuple(
            table.value(reference, polled.received_ns) for reference in self._maps.points.references
        )

    def _scan(self, polled: Polled, known: tuple[PointValue, ...]) -> Scan:
        raws: list[float | None] = []
        qualities: list[int] = []
        for point, absent in zip(known, self._maps.points.absent, strict=True):
            raw = point.value if isinstance(point.value, float) else None
            if raw is not None and absent is not None and raw == absent:
                raw = None
            raws.append(raw)
            qualities.append(point.quality if raw is not None else worst(point.quality, NEVER_SAID))
        scan = self._maps.points.scan(
            raws,
            polled.received_ns,
            qualities,
            [point.time_ns for point in known],
            [point.time_quality for point in known],
        )
        # an output that nobody has operated since the outstation's start is offline until somebody
        # does; a limit that could not be read back would never be written
        unset = [known[place].unset for place in self._maps.points.limit_places]
        if unset and all(unset):
            scan = replace(scan, limit_in_force=self._maps.points.limit(raws))
        self._lapses.saw(scan)
        return scan if self._maps.own_clock else self._timed(scan, known)

    def _timed(self, scan: Scan, known: tuple[PointValue, ...]) -> Scan:
        """The scan's time: that of the newest change, if this answer brought one; else its arrival.

        Points that do not change keep the times of their last changes; that says nothing against
        the outstation's clock.
        """
        newest = max(
            (point for point in known if not point.time_quality & _ARRIVAL),
            key=lambda point: point.time_ns,
            default=None,
        )
        if newest is not None and newest.time_ns > self._newest_ns:
            self._newest_ns = newest.time_ns
            if scan.received_ns - newest.time_ns <= MAX_CLOCK_ERROR_NS:
                return replace(scan, time_ns=newest.time_ns, time_quality=newest.time_quality)
        return replace(scan, time_ns=scan.received_ns, time_quality=_ARRIVAL)

    def _heard(self, polled: Polled) -> None:
        """The outstation has reported something by itself, perhaps of this source."""
        known = self._known(polled)
        if self._listener is None or known == self._told:
            return
        if self._maps.identity is not None:
            told = told_by_points(self.session, self._maps.identity)
            if self._identified != polled.life or (told and self._maps.identity.misfit(told)):
                return
        self._told = known
        self._listener(self._scan(polled, known))
