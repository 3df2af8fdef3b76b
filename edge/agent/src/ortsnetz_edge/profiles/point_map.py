"""Compiles a profile for one source: references to read, conversions, ranges. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
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
    SETPOINTS,
    TAP_POSITION,
    Point,
    Unit,
    phase_points,
)
from ortsnetz_common.parameters.station import Side
from ortsnetz_edge.drivers.contract import LimitUnit, Role, Source, SourcePoint
from ortsnetz_edge.profiles.adjustment import factor
from ortsnetz_edge.profiles.bays import reference_of
from ortsnetz_edge.profiles.conversion import ClockPlaces, Conversion
from ortsnetz_edge.profiles.points import PointMap
from ortsnetz_edge.profiles.references import Syntax
from ortsnetz_edge.profiles.schema import (
    Direction,
    LimitValue,
    Profile,
    SourceTime,
    Terminals,
    Value,
)

__all__ = ["PointMap", "compile_point_map", "power_sign", "reference_of"]

R = TypeVar("R")


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
        adjusted = tuple(self._adjusted())
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
            _adjusted=adjusted,
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
            ends = (-math.inf if profile.available.both_ways else 0.0, math.inf)
            self._add(Role.AVAILABLE, AVAILABLE_POWER, Unit.WATT, watts, ends)
        if profile.state is not None:
            state = self._conversion(profile.state)
            self._add(Role.STATE, CONNECTION_STATE, Unit.COUNT, state, (1.0, 6.0))
        if profile.tap_position is not None:
            position = self._conversion(profile.tap_position)
            self._add(Role.TAP_POSITION, TAP_POSITION, Unit.COUNT, position, (-100.0, 100.0))
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

    def _adjusted(self) -> Iterator[Conversion]:
        """Set points besides the limit, as the device states them; recorded, too."""
        for further in self._profile.further_setpoints:
            ours = factor(further, self._profile, self._source)
            conversion = self._conversion(further.read_back, ours)
            name, unit = SETPOINTS[further.quantity]
            low, high = sorted(end * ours for end in further.range)
            self._add(Role.FURTHER, name, unit, conversion, (low, high))
            if further.enabled is not None:
                switch = self._place(further.enabled.at, None, further.read_back.group)
                conversion = replace(
                    conversion, enabled=(switch, further.enabled.value), otherwise=None
                )
            yield conversion

    def _clock(self, time: SourceTime) -> ClockPlaces:
        def place(text: str | None) -> int | None:
            return None if text is None else self._place(text, None, "")

        return ClockPlaces(place(time.milliseconds), place(time.seconds), place(time.fraction_ms))
