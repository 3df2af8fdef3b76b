"""A profile compiled for one source: what has to be read, and what becomes of it. Pure.

The map knows no protocol: a driver reads `references`, in whatever requests suit its protocol, and
hands the raw values over in their order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

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
from ortsnetz_edge.profiles.conversion import ClockPlaces, Conversion, combined
from ortsnetz_edge.profiles.references import Syntax
from ortsnetz_edge.profiles.schema import (
    Direction,
    LimitValue,
    Profile,
    SourceTime,
    Terminals,
    Value,
)

R = TypeVar("R")
MISSING = int(Quality.INVALID | Quality.FAILURE)
_SET_BY_RECEIVER = int(TimeQuality.SET_BY_RECEIVER)


@dataclass(frozen=True)
class PointMap(Generic[R]):
    """A profile compiled for one source.

    Attributes:
        points: in the order of every scan's values.
        references: what has to be read, no two alike.
        absent: raw value that stands for "not present", of each reference.
        periods_s: how often each reference is due; 0 with every scan.
    """

    points: tuple[SourcePoint, ...]
    references: tuple[R, ...]
    absent: tuple[int | None, ...]
    periods_s: tuple[float, ...]
    _conversions: tuple[Conversion, ...]
    _clock: ClockPlaces
    _count: Conversion | None
    _limit: Conversion | None

    @property
    def places(self) -> tuple[tuple[int, ...], ...]:
        """For each point the places, among the references, of the raw values it rests on."""
        return tuple(conversion.places for conversion in self._conversions)

    def scan(
        self,
        raws: Sequence[float | None],
        received_ns: int,
        qualities: Sequence[int] | None = None,
        times_ns: Sequence[int] | None = None,
        time_qualities: Sequence[int] | None = None,
    ) -> Scan:
        """The scan of an answer.

        Args:
            raws: one a reference, in their order; None where the device has none.
            received_ns: when the answer was complete, UTC ns.
            qualities: what the device says of each raw value; None for good.
            times_ns: source time of each raw value, where the protocol has one.
            time_qualities: belongs to `times_ns`.
        """
        values: list[float | None] = []
        judged: list[int] = []
        for conversion in self._conversions:
            value = conversion.value(raws)
            values.append(value)
            quality = 0 if qualities is None else _quality(conversion, qualities)
            judged.append(quality if value is not None else quality | MISSING)
        time_ns = self._clock.time_ns(raws)
        value_times = value_time_qualities = None
        if times_ns is not None and time_qualities is not None:
            places = [conversion.raw for conversion in self._conversions]
            value_times = tuple(times_ns[place] for place in places)
            value_time_qualities = tuple(time_qualities[place] for place in places)
            time_ns = time_ns or max(value_times, default=None)
        count = None if self._count is None else self._count.value(raws)
        return Scan(
            values=tuple(values),
            qualities=tuple(judged),
            time_ns=received_ns if time_ns is None else time_ns,
            time_quality=_SET_BY_RECEIVER if time_ns is None else 0,
            received_ns=received_ns,
            read_count=None if count is None else int(count),
            limit_in_force=None if self._limit is None else self._limit.value(raws),
            value_times_ns=value_times,
            value_time_qualities=value_time_qualities,
        )


def _quality(conversion: Conversion, qualities: Sequence[int]) -> int:
    if conversion.is_single:
        return qualities[conversion.raw]
    return combined([qualities[place] for place in conversion.places])


def compile_point_map(profile: Profile, source: Source, syntax: Syntax[R]) -> PointMap[R]:
    """Compile a profile for a source.

    Raises:
        InputError: profile and source do not fit; names the source.
    """
    if not 1 <= source.terminals <= 3:
        raise InputError(f"'{source.name}': {source.terminals} terminals; 1, 2 or 3 are possible")
    if profile.direction is Direction.TOWARDS_LOW_VOLTAGE and source.side is None:
        raise InputError(f"'{source.name}': a transformer meter needs the side it sits at")
    return _Compiler(profile, source, syntax).compiled()


def power_sign(direction: Direction, side: Side | None) -> float:
    """Factor from the device's direction to the project's sign.

    Devices and customers: consumption is positive. Branch meters: into the branch at their end. A
    transformer's `from` end is its medium-voltage end, so power towards the low-voltage network
    flows in there and out at `to`.
    """
    if direction is Direction.FEED_IN:
        return -1.0
    if direction is Direction.TOWARDS_LOW_VOLTAGE and side is Side.TO:
        return -1.0
    return 1.0


def reference_of(text: str, profile: Profile, source: Source, syntax: Syntax[R]) -> R:
    """The reference that a profile's text means for the bay of a source.

    Raises:
        InputError: names source, profile and reference.
    """
    try:
        return _in_bay(text, profile.bay_stride, source.connection.bay, syntax)
    except ValueError as error:
        raise InputError(f"'{source.name}': profile '{profile.kind}': {error}") from error


def _in_bay(text: str, stride: int, bay: str, syntax: Syntax[R]) -> R:
    if "{bay}" in text and not bay:
        raise ValueError(f"'{text}' needs the connection's 'bay'")
    reference = syntax.parse(text.replace("{bay}", bay))
    if not (stride and bay):
        return reference
    if not (bay.isascii() and bay.isdigit()):
        raise ValueError(f"bays are numbered from 0; '{bay}' is no number")
    return syntax.shifted(reference, stride * int(bay))


class _Compiler(Generic[R]):
    """Collects references and conversions."""

    def __init__(self, profile: Profile, source: Source, syntax: Syntax[R]) -> None:
        self._profile, self._source, self._syntax = profile, source, syntax
        self._places: dict[R, int] = {}
        self._absent: list[int | None] = []
        self._periods: list[float] = []
        self._table: list[tuple[SourcePoint, Conversion]] = []

    def compiled(self) -> PointMap[R]:
        profile = self._profile
        directed = power_sign(profile.direction, self._source.side)
        for role, stem, unit, quantity, sign in (
            (Role.VOLTAGE, PHASE_VOLTAGE, Unit.VOLT, profile.voltage, 1.0),
            (Role.CURRENT, PHASE_CURRENT, Unit.AMPERE, profile.current, 1.0),
            (Role.ACTIVE_POWER, ACTIVE_POWER, Unit.WATT, profile.active_power, directed),
            (Role.REACTIVE_POWER, REACTIVE_POWER, Unit.VAR, profile.reactive_power, directed),
        ):
            if quantity is not None:
                self._terminals(role, stem, unit, quantity, sign)
        limit = self._device_points()
        self._further()
        count = None
        if profile.read_count is not None:
            count = self._conversion(profile.read_count)
            self._add(Role.READ_COUNT, READ_COUNT, Unit.COUNT, count)
        clock = self._clock(profile.time)
        return PointMap(
            points=tuple(point for point, _ in self._table),
            references=tuple(self._places),
            absent=tuple(self._absent),
            periods_s=tuple(self._periods),
            _conversions=tuple(conversion for _, conversion in self._table),
            _clock=clock,
            _count=count,
            _limit=limit,
        )

    def _terminals(
        self, role: Role, stem: str, unit: Unit, quantity: Terminals, sign: float
    ) -> None:
        names = phase_points(stem)
        terminals = self._source.terminals
        low, high = sorted((quantity.range[0] * sign, quantity.range[1] * sign))
        for terminal in range(1, terminals + 1):
            conversion = self._terminal(quantity, terminal, sign)
            name = f"{self._source.name}/{names[terminal - 1]}"
            point = Point(name, unit, self._source.element)
            self._table.append((SourcePoint(point, role, terminal, low, high), conversion))

    def _terminal(self, quantity: Terminals, terminal: int, sign: float) -> Conversion:
        factor = quantity.scale * sign
        if quantity.at is not None:
            at = quantity.at[terminal - 1]
        else:
            at, factor = str(quantity.total), factor / self._source.terminals
        exponent = quantity.scale_at
        return Conversion(
            raw=self._place(at, quantity.absent, quantity.group),
            factor=factor,
            exponent=None if exponent is None else self._place(exponent, None, quantity.group),
        )

    def _conversion(self, value: Value, factor: float = 1.0) -> Conversion:
        exponent = value.scale_at
        return Conversion(
            raw=self._place(value.at, value.absent, value.group),
            factor=value.scale * factor,
            offset=value.offset * factor,
            exponent=None if exponent is None else self._place(exponent, None, value.group),
        )

    def _place(self, text: str, absent: int | None, group: str) -> int:
        """Place of a reference among all; the same one twice is read once, as often as needed."""
        reference = reference_of(text, self._profile, self._source, self._syntax)
        period_s = self._profile.groups[group] if group else 0.0
        place = self._places.setdefault(reference, len(self._places))
        if place == len(self._absent):
            self._absent.append(absent)
            self._periods.append(period_s)
        elif self._absent[place] != absent and absent is not None:
            self._absent[place] = absent
        self._periods[place] = min(self._periods[place], period_s)
        return place

    def _add(
        self,
        role: Role,
        data_object: str,
        unit: Unit,
        conversion: Conversion,
        ends: tuple[float, float] = (0.0, math.inf),
    ) -> None:
        """Add a point of the whole source."""
        name = f"{self._source.name}/{data_object}"
        point = Point(name, unit, self._source.element)
        self._table.append((SourcePoint(point, role, None, *ends), conversion))

    def _device_points(self) -> Conversion | None:
        """Points that only devices have; the limit in force in the device's own unit."""
        profile, in_force = self._profile, None
        if profile.limit is not None:
            in_force = self._conversion(profile.limit.value)
            watts = self._watts(profile.limit.value, profile.limit.unit)
            if profile.limit.enabled is not None:
                in_force, watts = self._switched(in_force, watts, profile.limit)
            self._add(Role.LIMIT, POWER_LIMIT, Unit.WATT, watts)
        if profile.available is not None:
            unit = LimitUnit.AMPERE if profile.available.unit == "A" else LimitUnit.WATT
            watts = self._watts(profile.available.value, unit)
            self._add(Role.AVAILABLE, AVAILABLE_POWER, Unit.WATT, watts)
        if profile.state is not None:
            state = self._conversion(profile.state)
            self._add(Role.STATE, CONNECTION_STATE, Unit.COUNT, state, (1.0, 6.0))
        return in_force

    def _switched(
        self, in_force: Conversion, watts: Conversion, limit: LimitValue
    ) -> tuple[Conversion, Conversion]:
        """The same limit where a switch says whether it counts: without it the rating holds."""
        rated = self._source.rated_w
        if limit.enabled is None or rated is None:
            raise InputError(
                f"'{self._source.name}': profile '{self._profile.kind}' needs a rated power"
            )
        switch = (self._place(limit.enabled.at, None, limit.value.group), limit.enabled.value)
        unlimited = rated if limit.unit is LimitUnit.WATT else 1.0
        return (
            replace(in_force, enabled=switch, otherwise=unlimited),
            replace(watts, enabled=switch, otherwise=rated),
        )

    def _watts(self, value: Value, unit: LimitUnit) -> Conversion:
        """Watts from amperes per phase (with the voltages of the same answer) or from a share."""
        if unit is LimitUnit.WATT:
            return self._conversion(value)
        if unit is LimitUnit.SHARE:
            rated = self._source.rated_w
            if rated is None:
                raise InputError(
                    f"'{self._source.name}': profile '{self._profile.kind}' needs a rated power"
                )
            return self._conversion(value, rated)
        voltage = self._profile.voltage
        if voltage is None:
            raise InputError(
                f"'{self._source.name}': profile '{self._profile.kind}' says amperes and no voltage"
            )
        conversion = self._conversion(value)
        return Conversion(
            raw=conversion.raw,
            factor=conversion.factor,
            offset=conversion.offset,
            exponent=conversion.exponent,
            voltages=tuple(
                self._terminal(voltage, terminal, 1.0)
                for terminal in range(1, self._source.terminals + 1)
            ),
        )

    def _further(self) -> None:
        for further in self._profile.further:
            conversion = self._conversion(further.value)
            self._add(Role.FURTHER, further.name, further.unit, conversion, further.range)

    def _clock(self, time: SourceTime) -> ClockPlaces:
        def place(text: str | None) -> int | None:
            return None if text is None else self._place(text, None, "")

        return ClockPlaces(place(time.milliseconds), place(time.seconds), place(time.fraction_ms))
