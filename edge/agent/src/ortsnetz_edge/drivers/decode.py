"""From registers to values: a profile compiled for one source. Pure; knows no protocol stack."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.point import (
    ACTIVE_POWER,
    AVAILABLE_POWER,
    CONNECTION_STATE,
    PHASE_CURRENT,
    PHASE_VOLTAGE,
    POWER_LIMIT,
    REACTIVE_POWER,
    READ_COUNT,
    Point,
    Unit,
    phase_points,
)
from ortsnetz_common.measurement.quality import Quality
from ortsnetz_common.measurement.time import TimeQuality
from ortsnetz_common.parameters.station import Side
from ortsnetz_edge.drivers.contract import LimitUnit, Role, Scan, Source, SourcePoint
from ortsnetz_edge.drivers.profile import (
    AvailableValue,
    Direction,
    Number,
    Profile,
    RegisterType,
    SourceTime,
    WordOrder,
    terminal_number,
)

Reader = Callable[[Sequence[int]], float | None]
"""Takes the block's registers, gives the value, None where the device has none."""

_MISSING = int(Quality.INVALID | Quality.FAILURE)
_MAX_POWER_OF_TEN = 10  # SunSpec: sunssf is -10 to 10
_FLOAT = struct.Struct(">f")


def _raw_reader(number: Number, profile: Profile) -> Callable[[Sequence[int]], int]:
    """Reads the unsigned integer that a number's registers make in the profile's word order."""
    at = number.register - profile.block.address
    width = number.type.width
    if width == 1:
        return lambda registers: registers[at]
    order = range(at, at + width)
    places = tuple(order if profile.word_order is WordOrder.BIG else reversed(order))
    if width == 2:
        high, low = places
        return lambda registers: registers[high] << 16 | registers[low]

    def read(registers: Sequence[int]) -> int:
        raw = 0
        for place in places:
            raw = raw << 16 | registers[place]
        return raw

    return read


def number_reader(number: Number, profile: Profile, sign: float = 1.0) -> Reader:
    """Compile a number: type, word order, "not present", scale and sign."""
    raw_of = _raw_reader(number, profile)
    bits = 16 * number.type.width
    signed = number.type in {RegisterType.I16, RegisterType.I32}
    half, full = 1 << (bits - 1), 1 << bits
    absent, factor = number.absent, number.scale * sign
    is_float = number.type is RegisterType.F32
    scale_at = (
        None if number.scale_register is None else number.scale_register - profile.block.address
    )

    def read(registers: Sequence[int]) -> float | None:
        raw = raw_of(registers)
        if raw == absent:
            return None
        value: float
        if is_float:
            value = _FLOAT.unpack(raw.to_bytes(4, "big"))[0]
        else:
            value = raw - full if signed and raw >= half else raw
        if scale_at is None:
            return value * factor
        exponent = registers[scale_at]
        exponent -= (1 << 16) if exponent >= (1 << 15) else 0
        if abs(exponent) > _MAX_POWER_OF_TEN:  # also the "not implemented" 0x8000
            return None
        return value * factor * 10.0**exponent

    return read


def _time_reader(time: SourceTime, profile: Profile) -> Callable[[Sequence[int]], int]:
    """Compile the device's clock: UTC nanoseconds."""
    if time.milliseconds is not None:
        milliseconds = _raw_reader(time.milliseconds, profile)
        return lambda registers: milliseconds(registers) * 1_000_000
    if time.seconds is None or time.fraction_ms is None:
        raise InputError(
            f"profile {profile.kind}: time needs milliseconds, or seconds and fraction"
        )
    seconds = _raw_reader(time.seconds, profile)
    fraction = _raw_reader(time.fraction_ms, profile)
    return lambda registers: seconds(registers) * 1_000_000_000 + fraction(registers) * 1_000_000


def power_sign(profile: Profile, side: Side | None) -> float:
    """Factor from the register's direction to the project's sign.

    Devices and customers: consumption is positive. Branch meters: into the branch at their end. A
    transformer's `from` end is its medium-voltage end, so power towards the low-voltage network
    flows in there and out at `to`.
    """
    if profile.direction is Direction.FEED_IN:
        return -1.0
    if profile.direction is Direction.TOWARDS_LOW_VOLTAGE and side is Side.TO:
        return -1.0
    return 1.0


@dataclass(frozen=True)
class BlockDecoder:
    """A profile compiled for one source.

    Attributes:
        points: in the order of every scan's values.
    """

    points: tuple[SourcePoint, ...]
    _readers: tuple[Reader, ...]
    _time: Callable[[Sequence[int]], int]
    _count: Reader | None
    _limit: Reader | None

    def decode(self, registers: Sequence[int], received_ns: int) -> Scan:
        """Values of one answer.

        Args:
            registers: the whole block, as many as the profile asks for.
            received_ns: when the answer was complete, UTC ns.
        """
        values: list[float | None] = []
        qualities: list[int] = []
        for reader in self._readers:
            value = reader(registers)
            if value is None or not math.isfinite(value):
                values.append(None)
                qualities.append(_MISSING)
            else:
                values.append(value)
                qualities.append(0)
        time_ns = self._time(registers)
        count = self._count(registers) if self._count else None
        return Scan(
            values=tuple(values),
            qualities=tuple(qualities),
            time_ns=time_ns or received_ns,
            time_quality=0 if time_ns else int(TimeQuality.SET_BY_RECEIVER),
            received_ns=received_ns,
            read_count=None if count is None else int(count),
            limit_in_force=self._limit(registers) if self._limit else None,
        )


def compile_decoder(profile: Profile, source: Source) -> BlockDecoder:
    """Compile a profile for a source.

    Raises:
        InputError: profile and source do not fit; names the source.
    """
    if not 1 <= source.terminals <= 3:
        raise InputError(f"'{source.name}': {source.terminals} terminals; 1, 2 or 3 are possible")
    if profile.direction is Direction.TOWARDS_LOW_VOLTAGE and source.side is None:
        raise InputError(f"'{source.name}': a transformer meter needs the side it sits at")
    table: list[tuple[SourcePoint, Reader]] = []
    for role, stem, unit, quantity in (
        (Role.VOLTAGE, PHASE_VOLTAGE, Unit.VOLT, profile.voltage),
        (Role.CURRENT, PHASE_CURRENT, Unit.AMPERE, profile.current),
        (Role.ACTIVE_POWER, ACTIVE_POWER, Unit.WATT, profile.active_power),
        (Role.REACTIVE_POWER, REACTIVE_POWER, Unit.VAR, profile.reactive_power),
    ):
        directed = role in {Role.ACTIVE_POWER, Role.REACTIVE_POWER}
        sign = power_sign(profile, source.side) if directed else 1.0
        names = phase_points(stem)
        for terminal in range(1, source.terminals + 1):
            number = terminal_number(quantity, terminal)
            point = Point(f"{source.name}/{names[terminal - 1]}", unit, source.element)
            low, high = quantity.range
            table.append(
                (
                    SourcePoint(point, role, terminal, low, high),
                    number_reader(number, profile, sign),
                )
            )
    table += _device_points(profile, source)
    count = None
    if profile.read_count is not None:
        count = number_reader(profile.read_count, profile)
        table.append((_point(source, Role.READ_COUNT, READ_COUNT, Unit.COUNT), count))
    return BlockDecoder(
        points=tuple(point for point, _ in table),
        _readers=tuple(reader for _, reader in table),
        _time=_time_reader(profile.time, profile),
        _count=count,
        _limit=number_reader(profile.limit.value, profile) if profile.limit else None,
    )


def _point(source: Source, role: Role, data_object: str, unit: Unit) -> SourcePoint:
    """A point of the whole source; such values are never negative."""
    name = f"{source.name}/{data_object}"
    return SourcePoint(Point(name, unit, source.element), role, None, 0.0, math.inf)


def _device_points(profile: Profile, source: Source) -> list[tuple[SourcePoint, Reader]]:
    """Points that only devices have: limit in force, available power, state."""
    table: list[tuple[SourcePoint, Reader]] = []
    if profile.limit is not None:
        reader = _power_reader(profile.limit.value, profile.limit.unit, profile, source)
        table.append((_point(source, Role.LIMIT, POWER_LIMIT, Unit.WATT), reader))
    if profile.available is not None:
        reader = _available_reader(profile.available, profile, source)
        table.append((_point(source, Role.AVAILABLE, AVAILABLE_POWER, Unit.WATT), reader))
    if profile.state is not None:
        state = _point(source, Role.STATE, CONNECTION_STATE, Unit.COUNT)
        table.append((replace(state, low=1.0, high=6.0), number_reader(profile.state, profile)))
    return table


def _available_reader(available: AvailableValue, profile: Profile, source: Source) -> Reader:
    if available.unit == "A":
        return _power_reader(available.value, LimitUnit.AMPERE, profile, source)
    return number_reader(available.value, profile)


def _power_reader(number: Number, unit: LimitUnit, profile: Profile, source: Source) -> Reader:
    """Watts from amperes per phase (with the voltages of the same answer) or from a share."""
    reader = number_reader(number, profile)
    if unit is LimitUnit.SHARE:
        rated = source.rated_w
        if rated is None:
            raise InputError(f"'{source.name}': profile '{profile.kind}' needs a rated power")
        return lambda registers: None if (v := reader(registers)) is None else v * rated
    voltages = [
        number_reader(terminal_number(profile.voltage, terminal), profile)
        for terminal in range(1, source.terminals + 1)
    ]

    def read(registers: Sequence[int]) -> float | None:
        amperes = reader(registers)
        if amperes is None:
            return None
        total = 0.0
        for voltage in voltages:
            value = voltage(registers)
            if not value:  # without its voltage the power is unknown, not zero
                return None
            total += value
        return amperes * total

    return read
