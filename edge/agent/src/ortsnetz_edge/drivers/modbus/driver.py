"""One meter, device or bay behind a Modbus unit; fulfils `contract.Driver`."""

from __future__ import annotations

from ortsnetz_common.drivers.tally import Tally
from ortsnetz_edge.clock import Clock
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
from ortsnetz_edge.drivers.modbus.compiled import ModbusMap
from ortsnetz_edge.drivers.modbus.identification import basic_identity, identity_at
from ortsnetz_edge.drivers.modbus.located import located, models_of, uses_models
from ortsnetz_edge.drivers.modbus.reading import Reading
from ortsnetz_edge.drivers.modbus.unit import Epoch, Unit
from ortsnetz_edge.drivers.modbus.writing import Writing, adjust
from ortsnetz_edge.profiles.adjustment import checked


class ModbusDriver:
    """Asks a unit, checks who it is, writes limits; see `contract.Driver`."""

    def __init__(self, source: Source, compiled: ModbusMap, unit: Unit, clock: Clock) -> None:
        self._name = source.name
        self._compiled, self._unit, self._clock = compiled, unit, clock
        self._uses_models = uses_models(compiled)
        self._settle(compiled)
        self._located: Epoch | None = None  # when its SunSpec models were found
        self._known: Epoch | None = None  # when the device was asked what it is, and was the one
        self._read_count: int | None = None
        self._tally = Tally()

    @property
    def points(self) -> tuple[SourcePoint, ...]:
        """Points of the source; the order of every scan's values."""
        return self._map.points.points

    @property
    def resolution(self) -> LimitResolution | None:
        """How the device takes its limit."""
        return None if self._map.setpoint is None else self._map.setpoint.map.resolution

    @property
    def adjustable(self) -> tuple[Adjustable, ...]:
        """What the device may be told besides its limit."""
        return tuple(one.adjustable for one in self._compiled.adjustments)

    async def scan(self) -> Scan:
        """Read what is due; see `contract.Driver.scan`."""
        try:
            epoch = await self._opened()
            scan = await self._reading.scan(epoch)
        except DriverError as error:
            raise self._tally.noted(error) from None
        self._tally.answered()
        for refusal in self._reading.refusals:
            self._tally.noted(refusal)
        count = scan.read_count
        if count is not None and self._read_count is not None and count < self._read_count:
            self._unit.restarted()
        self._read_count = count
        return scan

    def subscribe(self, listener: Listener) -> bool:
        """Nothing: a Modbus device does not report."""
        del listener
        return False

    async def write(self, limit: float, watchdog: Watchdog | None) -> None:
        """Write a limit; see `contract.Driver.write`."""
        if self._compiled.setpoint is None:
            raise DriverError(FailureKind.REFUSED, f"'{self._name}' takes no limit")
        try:
            epoch = await self._opened()
            if self._writing is not None:
                await self._writing.limit(limit, watchdog, epoch)
        except DriverError as error:
            raise self._tally.noted(error) from None

    async def adjust(self, quantity: Quantity, value: float) -> None:
        """Write a set point other than the limit; see `contract.Driver.adjust`."""
        try:
            checked(self._compiled.adjustments, quantity, value, self._name)
            epoch = await self._opened()
            there = checked(self._map.adjustments, quantity, value, self._name)
            multiple = self._map.options.write_multiple
            await adjust(self._unit, there, value, epoch, multiple=multiple)
        except DriverError as error:
            raise self._tally.noted(error) from None

    async def identify(self) -> Identity:
        """Ask the device what it is; by function 43 where the profile does not say where it stands.

        Raises:
            DriverError: there is no answer.
        """
        try:
            epoch = await self._unit.opened()
            await self._locate(epoch)
            if self._map.identity is None:
                return await basic_identity(self._unit, epoch)
            return await identity_at(self._map.identity, self._unit, epoch)
        except DriverError as error:
            raise self._tally.noted(error) from None

    def diagnose(self) -> Diagnosis:
        """How the driver is."""
        return self._tally.diagnosis(connected=self._unit.connected)

    async def stop(self) -> None:
        """Close the link, which others may share."""
        await self._unit.close()

    async def _opened(self) -> Epoch:
        """Connect if need be, and know who is there."""
        epoch = await self._unit.opened()
        if epoch == self._known:
            return epoch
        await self._locate(epoch)
        identity = self._map.identity
        if identity is not None:
            said = await identity_at(identity, self._unit, epoch)
            misfit = identity.misfit(said)
            if misfit is not None:
                raise DriverError(FailureKind.WRONG_DEVICE, f"{self._unit.where}: {misfit}")
        self._known = epoch
        return epoch

    async def _locate(self, epoch: Epoch) -> None:
        """Find the device's SunSpec models, if the profile counts from them; once a connection."""
        if self._uses_models and epoch != self._located:
            self._settle(located(self._compiled, await models_of(self._unit, epoch)))
            self._located = epoch

    def _settle(self, known: ModbusMap) -> None:
        """Read and write by these addresses from now on."""
        self._map = known
        self._reading = Reading(known, self._unit, self._clock)
        self._writing = None if known.setpoint is None else Writing(known.setpoint, self._unit)
