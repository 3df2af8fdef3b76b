"""A compiled profile in the device that is there: its references into SunSpec models found."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ortsnetz_edge.drivers.contract import DriverError, FailureKind
from ortsnetz_edge.drivers.modbus.compiled import ModbusMap, ModbusSetpoint
from ortsnetz_edge.drivers.modbus.exceptions import NOT_THERE, RefusedError
from ortsnetz_edge.drivers.modbus.unit import Epoch, Unit
from ortsnetz_edge.profiles.adjustment import AdjustmentMap
from ortsnetz_edge.profiles.identity import IdentityMap
from ortsnetz_edge.profiles.references.modbus import RegisterReference, Table
from ortsnetz_edge.profiles.references.sunspec import HEADER, ChainWalk, Model, resolved

Models = Mapping[int, Model]
_NO_MARKER = {*NOT_THERE, 4}
"""Some devices answer 4 where they have no registers at all."""


async def models_of(unit: Unit, epoch: Epoch) -> Models:
    """The SunSpec models of a device, by number.

    Raises:
        DriverError: there is no answer, the device does not speak SunSpec, or its chain is broken.
    """
    walk = ChainWalk()
    while walk.wanted is not None:
        try:
            data = await unit.read(Table.HOLDING, walk.wanted, HEADER, epoch)
        except RefusedError as error:
            if error.code not in (NOT_THERE if walk.begun else _NO_MARKER):
                raise
            registers: Sequence[int] | None = None
        else:
            registers = struct.unpack(f">{HEADER}H", bytes(data))
        try:
            walk.take(registers)
        except ValueError as error:
            kind = FailureKind.WRONG_ANSWER if walk.begun else FailureKind.WRONG_DEVICE
            raise DriverError(kind, f"{unit.where}: {error}") from error
    return walk.models


def uses_models(compiled: ModbusMap) -> bool:
    """Whether anything in a profile is counted from a SunSpec model."""
    return any(reference.model is not None for reference in _references(compiled))


def located(compiled: ModbusMap, models: Models) -> ModbusMap:
    """The same profile by the addresses of one device.

    What the device does not have keeps its model (`RegisterReference.model`): it is not asked for,
    and nothing is written to it.
    """
    points = compiled.points
    return replace(
        compiled,
        points=replace(points, references=tuple(found(at, models) for at in points.references)),
        identity=None if compiled.identity is None else _identity(compiled.identity, models),
        setpoint=None if compiled.setpoint is None else _setpoint(compiled.setpoint, models),
        adjustments=tuple(_adjustment(one, models) for one in compiled.adjustments),
    )


def found(reference: RegisterReference, models: Models) -> RegisterReference:
    """The reference in the device; as it is where the device does not have it."""
    return resolved(reference, models) or reference


def _identity(
    identity: IdentityMap[RegisterReference], models: Models
) -> IdentityMap[RegisterReference]:
    return replace(
        identity,
        maker_at=_maybe(identity.maker_at, models),
        model_at=_maybe(identity.model_at, models),
        serial_at=_maybe(identity.serial_at, models),
    )


def _setpoint(setpoint: ModbusSetpoint, models: Models) -> ModbusSetpoint:
    known = setpoint.map
    return replace(
        setpoint,
        map=replace(
            known,
            at=found(known.at, models),
            scale_at=_maybe(known.scale_at, models),
            enable=_switch(known.enable, models),
            fallback_time=_maybe(known.fallback_time, models),
            fallback_limit=_maybe(known.fallback_limit, models),
            fallback_enable=_switch(known.fallback_enable, models),
        ),
    )


def _adjustment(
    known: AdjustmentMap[RegisterReference], models: Models
) -> AdjustmentMap[RegisterReference]:
    return replace(
        known,
        at=found(known.at, models),
        scale_at=_maybe(known.scale_at, models),
        enable=tuple((found(at, models), value) for at, value in known.enable),
    )


def _switch(
    enable: tuple[RegisterReference, int] | None, models: Models
) -> tuple[RegisterReference, int] | None:
    return None if enable is None else (found(enable[0], models), enable[1])


def _maybe(reference: RegisterReference | None, models: Models) -> RegisterReference | None:
    return None if reference is None else found(reference, models)


def _references(compiled: ModbusMap) -> Iterator[RegisterReference]:
    yield from compiled.points.references
    identity, setpoint = compiled.identity, compiled.setpoint
    if identity is not None:
        places = (identity.maker_at, identity.model_at, identity.serial_at)
        yield from (at for at in places if at is not None)
    if setpoint is not None:
        yield from setpoint.map.written
        if setpoint.map.scale_at is not None:
            yield setpoint.map.scale_at
    for adjustment in compiled.adjustments:
        yield from adjustment.written
        if adjustment.scale_at is not None:
            yield adjustment.scale_at
