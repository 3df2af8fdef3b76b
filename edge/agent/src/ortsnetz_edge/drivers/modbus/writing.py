"""Writes limits: what the device does when nobody writes any more, the limit, and its enabling."""

from __future__ import annotations

from ortsnetz_edge.drivers.contract import DriverError, FailureKind, Watchdog
from ortsnetz_edge.drivers.modbus.compiled import ModbusSetpoint
from ortsnetz_edge.drivers.modbus.decode import number_decoder, registers_of
from ortsnetz_edge.drivers.modbus.unit import Epoch, Unit
from ortsnetz_edge.profiles.adjustment import AdjustmentMap
from ortsnetz_edge.profiles.conversion import MAX_POWER_OF_TEN
from ortsnetz_edge.profiles.references.modbus import RegisterReference, Table


class Writing:
    """The setpoint of one source.

    What a write means rests on the scale that the device states: it is asked for it before each
    write, because a device may change it at any time. The fall-back is set with each connection.
    """

    def __init__(self, setpoint: ModbusSetpoint, unit: Unit) -> None:
        self._map, self._multiple = setpoint.map, setpoint.multiple
        self._unit = unit
        self._commissioned: Epoch | None = None  # when the fall-back was set

    async def limit(self, limit: float, watchdog: Watchdog | None, epoch: Epoch) -> None:
        """Write a limit.

        Raises:
            DriverError: the device did not confirm it.
        """
        power = await power_of_ten(self._unit, self._map.scale_at, epoch)
        if watchdog is not None and self._commissioned != epoch:
            await self._commission(watchdog, power, epoch)
            self._commissioned = epoch
        await self._write(self._map.at, self._map.counts(limit, power), epoch)
        if self._map.enable is not None:
            at, value = self._map.enable
            await self._write(at, value, epoch)

    async def _commission(self, watchdog: Watchdog, power: int, epoch: Epoch) -> None:
        """Tell the device what to do when nobody writes any more; once a connection."""
        if self._map.fallback_limit is not None:
            counts = self._map.counts(watchdog.limit, power)
            await self._write(self._map.fallback_limit, counts, epoch)
        if self._map.fallback_time is not None:
            await self._write(self._map.fallback_time, round(watchdog.after_s), epoch)
        if self._map.fallback_enable is not None:
            at, value = self._map.fallback_enable
            await self._write(at, value, epoch)

    async def _write(self, at: RegisterReference, value: int, epoch: Epoch) -> None:
        await write_reference(self._unit, at, value, epoch, multiple=self._multiple)


async def adjust(
    unit: Unit,
    adjustment: AdjustmentMap[RegisterReference],
    value: float,
    epoch: Epoch,
    *,
    multiple: bool,
) -> None:
    """Write a set point besides the limit, and what makes it count.

    Raises:
        DriverError: the device did not confirm it.
    """
    power = await power_of_ten(unit, adjustment.scale_at, epoch)
    counts = adjustment.counts(value, power)
    await write_reference(unit, adjustment.at, counts, epoch, multiple=multiple)
    for at, switch in adjustment.enable:
        await write_reference(unit, at, switch, epoch, multiple=multiple)


async def power_of_ten(unit: Unit, at: RegisterReference | None, epoch: Epoch) -> int:
    """Power of ten of one count, as the device states it now; 0 where it has none.

    Raises:
        DriverError: it does not say one.
    """
    if at is None:
        return 0
    _check_there(unit, at)
    data = await unit.read(at.table, at.address, at.width, epoch)
    power = number_decoder(at, None, at.address)(data)
    if power is None or abs(power) > MAX_POWER_OF_TEN or power != round(power):
        raise DriverError(
            FailureKind.REFUSED,
            f"{unit.where}: {at} says {power} for a power of ten: nothing is written "
            "whose scale is not known",
        )
    return int(power)


async def write_reference(
    unit: Unit, at: RegisterReference, value: float, epoch: Epoch, *, multiple: bool
) -> None:
    """Write a number in holding registers, or a coil.

    Raises:
        DriverError: the device did not confirm it, or the value does not fit.
    """
    _check_there(unit, at)
    if at.table is Table.COIL:
        if value not in {0, 1}:
            raise DriverError(FailureKind.REFUSED, f"{unit.where}: {at} takes 0 or 1")
        await unit.write_coil(at.address, bool(value), epoch)
        return
    try:
        registers = registers_of(at, value)
    except ValueError as error:
        raise DriverError(FailureKind.REFUSED, f"{unit.where}: {error}") from error
    await unit.write_registers(at.address, registers, epoch, multiple=multiple)


def _check_there(unit: Unit, at: RegisterReference) -> None:
    """An address within a SunSpec model that the device lacks is none of the device's addresses."""
    if at.model is not None:
        raise DriverError(
            FailureKind.REFUSED, f"{unit.where}: {at}: the device has no such SunSpec model"
        )
