"""A profile compiled for one source of Modbus: what is read and written, who has to be there."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ortsnetz_common.errors import InputError
from ortsnetz_edge.drivers.contract import Source
from ortsnetz_edge.profiles.adjustment import AdjustmentMap, compile_adjustments
from ortsnetz_edge.profiles.identity import IdentityMap, compile_identity
from ortsnetz_edge.profiles.point_map import PointMap, compile_point_map
from ortsnetz_edge.profiles.references.modbus import (
    Block,
    Kind,
    ModbusSyntax,
    RegisterReference,
    Table,
    parse_block,
)
from ortsnetz_edge.profiles.schema import ModbusOptions, Profile, ProtocolFamily
from ortsnetz_edge.profiles.setpoint import SetpointMap, compile_setpoint


@dataclass(frozen=True)
class ModbusSetpoint:
    """How a limit is written.

    Attributes:
        multiple: single registers are written with function 16.
    """

    map: SetpointMap[RegisterReference]
    multiple: bool


@dataclass(frozen=True)
class ModbusMap:
    """What the driver of a source needs to know."""

    points: PointMap[RegisterReference]
    identity: IdentityMap[RegisterReference] | None
    setpoint: ModbusSetpoint | None
    options: ModbusOptions
    whole: tuple[Block, ...]
    adjustments: tuple[AdjustmentMap[RegisterReference], ...] = ()


class _FromBase(ModbusSyntax):
    """References of makers that count registers from one, or from zero."""

    def __init__(self, base: int) -> None:
        self._base = base

    def parse(self, text: str) -> RegisterReference:
        """The reference in protocol addresses. Raises ValueError."""
        reference = super().parse(text)
        counted_by_maker = reference.table is not Table.IDENTIFICATION and reference.model is None
        if not (self._base and counted_by_maker):
            return reference
        if reference.address < self._base:
            raise ValueError(f"'{text}': the profile counts from {self._base}")
        return replace(reference, address=reference.address - self._base)


def compile_modbus(profile: Profile, source: Source) -> ModbusMap:
    """Compile a profile for a source.

    Raises:
        InputError: profile and source do not fit; names the source.
    """
    if profile.protocol is not ProtocolFamily.MODBUS:
        raise InputError(
            f"'{source.name}': profile '{profile.kind}' is one of {profile.protocol}, the "
            f"connection's protocol is '{source.connection.protocol}'"
        )
    syntax = _FromBase(profile.modbus.base)
    setpoint = compile_setpoint(profile, source, syntax)
    adjustments = compile_adjustments(profile, source, syntax)
    for written in (*(() if setpoint is None else (setpoint,)), *adjustments):
        _check_writable(written, profile, source)
    points = compile_point_map(profile, source, syntax)
    for reference in points.references:
        if reference.kind is Kind.TEXT:
            raise InputError(
                f"'{source.name}': profile '{profile.kind}': {reference} is a text, no number"
            )
    return ModbusMap(
        points=points,
        identity=compile_identity(profile, source, syntax),
        setpoint=None
        if setpoint is None
        else ModbusSetpoint(setpoint, profile.modbus.write_multiple),
        options=profile.modbus,
        whole=_whole(profile, source),
        adjustments=adjustments,
    )


def _check_writable(
    setpoint: SetpointMap[RegisterReference] | AdjustmentMap[RegisterReference],
    profile: Profile,
    source: Source,
) -> None:
    for written in setpoint.written:
        if written.table is Table.COIL:
            continue
        if written.table is not Table.HOLDING or written.kind in {Kind.TEXT, Kind.BIT}:
            raise InputError(
                f"'{source.name}': profile '{profile.kind}': nothing can be written to {written}; "
                "numbers in holding registers and coils take writes"
            )


def _whole(profile: Profile, source: Source) -> tuple[Block, ...]:
    """Whole blocks of the bay, in protocol addresses."""
    bay = source.connection.bay
    by = profile.bay_stride * int(bay) if profile.bay_stride and bay.isdigit() else 0
    found = []
    for text in profile.modbus.whole:
        try:
            block = parse_block(text)
        except ValueError as error:
            raise InputError(f"'{source.name}': profile '{profile.kind}': {error}") from error
        found.append(replace(block, address=block.address + by - profile.modbus.base))
    return tuple(found)
