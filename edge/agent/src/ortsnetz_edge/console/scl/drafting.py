"""Drafts a device profile from the nodes of an SCL file; what is not clear is left out and said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from ortsnetz_common.measurement.point import Unit
from ortsnetz_common.scl.devices import LogicalNode
from ortsnetz_common.scl.lookup import Lookup
from ortsnetz_common.scl.reading.measures import number_of
from ortsnetz_common.scl.types import FunctionalConstraint
from ortsnetz_edge.console.scl.measured import Measured, Range, as_value, reference
from ortsnetz_edge.console.scl.scopes import Scope
from ortsnetz_edge.drivers.contract import LimitUnit
from ortsnetz_edge.profiles.schema import (
    FORMAT,
    Direction,
    Further,
    IdentityPlaces,
    LimitValue,
    Profile,
    ProtocolFamily,
    Terminals,
    Value,
)

T = TypeVar("T")
Place = tuple[str, LogicalNode]
_SLOW = "slow"
_SLOW_S = 60.0
_COUNTER: Range = (0.0, 1e15)
"""Energy meters count for decades: a range that tells a counter from nonsense, Wh."""
_TEMPERATURE: Range = (-60.0, 250.0)
_POWERS = (("TotW", Unit.WATT, "W"), ("TotVAr", Unit.VAR, "VAr"), ("TotVA", Unit.VOLT_AMPERE, "VA"))
_ENERGIES = ("TotWh", "SupWh", "DmdWh")


@dataclass(frozen=True, slots=True)
class Ratings:
    """What the file rarely says and the technician knows; None where he does not say it either.

    Attributes:
        direction: which way of power counts as positive.
        voltage_v: nominal, phase to neutral.
        current_a: rated, per phase.
        frequency_hz: nominal.
    """

    direction: Direction
    voltage_v: float | None = None
    current_a: float | None = None
    frequency_hz: float = 50.0

    def voltage(self) -> Range | None:
        """Plausible voltages, V."""
        return None if self.voltage_v is None else (0.0, 2 * self.voltage_v)

    def current(self) -> Range | None:
        """Plausible currents, A."""
        return None if self.current_a is None else (0.0, 2 * self.current_a)

    def power(self, phases: int = 1) -> Range | None:
        """Plausible powers, W, var or VA."""
        if self.voltage_v is None or self.current_a is None:
            return None
        most = 4 * self.voltage_v * self.current_a * phases
        return (-most, most)

    def frequency(self) -> Range:
        """Plausible frequencies, Hz."""
        return (0.8 * self.frequency_hz, 1.2 * self.frequency_hz)


@dataclass(frozen=True, slots=True)
class Draft:
    """A profile, and what it could not say."""

    profile: Profile
    left_out: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing in it can be read."""
        given = self.profile
        quantities = (given.voltage, given.current, given.active_power, given.reactive_power)
        others = (given.limit, given.tap_position)
        return not given.further and all(each is None for each in (*quantities, *others))


class Drafting:
    """Drafts the profile of one device.

    Args:
        scope: its nodes.
        lookup: of the file.
        ratings: of the device.
        takes_si: see `Measured`.
    """

    def __init__(self, scope: Scope, lookup: Lookup, ratings: Ratings, *, takes_si: bool) -> None:
        self._scope, self._lookup, self._ratings = scope, lookup, ratings
        self._measured = Measured(lookup, takes_si=takes_si)
        self._left_out = list(scope.left_out)

    def draft(self) -> Draft:
        """The profile."""
        ratings = self._ratings
        further = tuple(self._further())
        profile = Profile(
            format=FORMAT,
            kind=self._scope.kind,
            version=1,
            describes=self._scope.describes,
            protocol=ProtocolFamily.IEC61850,
            direction=ratings.direction,
            voltage=self._quantity("PhV", "V", ratings.voltage()),
            current=self._quantity("A", "A", ratings.current()),
            active_power=self._quantity("W", "W", ratings.power()),
            reactive_power=self._quantity("VAr", "VAr", ratings.power()),
            limit=self._limit(),
            tap_position=self._tap_position(),
            identity=self._identity(),
            further=further,
            groups={_SLOW: _SLOW_S} if any(each.value.group for each in further) else {},
        )
        return Draft(profile, tuple(self._left_out))

    def _tried(self, make: Callable[[], T]) -> T | None:
        """What can be made; else None, and the reason is taken down."""
        try:
            return make()
        except ValueError as error:
            self._left_out.append(str(error))
            return None

    def _only(self, node_class: str, part: str) -> Place | None:
        """The one node of a class that has a data object; several are not clear."""
        found = [p for p in self._scope.of(node_class) if self._measured.has(p[1], (part,))]
        if len(found) > 1:
            names = ", ".join(node.name for _, node in found)
            self._left_out.append(f"{node_class}.{part}: several have it: {names}")
        return found[0] if len(found) == 1 else None

    def _quantity(self, stem: str, unit: str, otherwise: Range | None) -> Terminals | None:
        place = self._only("MMXU", stem)
        if place is None:
            return None
        return self._tried(lambda: self._measured.terminals(*place, stem, unit, otherwise))

    def _limit(self) -> LimitValue | None:
        """The limit in force; the set point itself takes what no SCL file says (`hints`)."""
        place = self._only("DWMX", "WLimSpt")
        if place is None:
            return None
        return self._tried(
            lambda: LimitValue(value=self._set_point(*place, "WLimSpt", "W"), unit=LimitUnit.WATT)
        )

    def _set_point(self, device: str, node: LogicalNode, name: str, unit: str) -> Value:
        """A set point as the device states it: `mxVal` of an APC, `setMag` of an ASG."""
        for attribute, constraint in (
            ("mxVal", FunctionalConstraint.MX),
            ("setMag", FunctionalConstraint.SP),
        ):
            path = (name, attribute, "f")
            if self._measured.has(node, path):
                power = self._measured.power(node, (name,), unit)
                return Value(at=reference(device, node, path, constraint), scale=10.0**power)
        raise ValueError(f"{node.name}.{name}: the type has no set point that can be read back")

    def _tap_position(self) -> Value | None:
        place = self._only("ATCC", "TapPos")
        if place is None:
            return None
        path = ("TapPos", "valWTr", "posVal")
        if not self._measured.has(place[1], path):
            self._left_out.append(f"{place[1].name}.TapPos: the type has no position (valWTr)")
            return None
        return Value(at=reference(*place, path, FunctionalConstraint.ST))

    def _identity(self) -> IdentityPlaces | None:
        """The name plate of the physical device (LPHD.PhyNam, a DPL of IEC 61850-7-3)."""
        place = self._only("LPHD", "PhyNam")
        if place is None:
            return None
        at: dict[str, str] = {}
        said: dict[str, str | None] = {}
        for name in ("vendor", "model", "serNum"):
            path = ("PhyNam", name)
            if self._measured.has(place[1], path):
                at[name] = reference(*place, path, FunctionalConstraint.DC)
                said[name] = self._lookup.preset(place[1], path) or None
        if "serNum" not in at and not any(said.values()):
            self._left_out.append("LPHD.PhyNam: nothing in it tells one device from another")
            return None
        return IdentityPlaces(
            maker_at=at.get("vendor"),
            model_at=at.get("model"),
            serial_at=at.get("serNum"),
            maker=said.get("vendor"),
            model=said.get("model"),
        )

    def _further(self) -> Iterator[Further]:
        seen: set[str] = set()
        for each in self._candidates():
            if each.name in seen:
                self._left_out.append(f"{each.name}: several nodes have it")
            else:
                seen.add(each.name)
                yield each

    def _candidates(self) -> Iterator[Further]:
        power, hertz = self._ratings.power(phases=3), self._ratings.frequency()
        for place in self._scope.of("MMXU"):
            for name, unit, written in _POWERS:
                yield from self._value(place, name, unit, written, power)
            yield from self._value(place, "Hz", Unit.HERTZ, "Hz", hertz)
        for place in self._scope.of("MMTR"):
            for name in _ENERGIES:
                yield from self._energy(place, name)
        for place in self._scope.of("STMP"):
            yield from self._value(place, "Tmp", Unit.CELSIUS, "°C", _TEMPERATURE)

    def _value(
        self, place: Place, name: str, unit: Unit, written: str, otherwise: Range | None
    ) -> Iterator[Further]:
        node = place[1]
        if not self._measured.has(node, (name,)):
            return

        def made() -> Further:
            found = self._measured.value(*place, (name,), written)
            limit = found.range or otherwise
            if limit is None:
                raise ValueError(f"{node.name}.{name}: no range is said (rangeC)")
            return Further(_named(node, name), as_value(found), unit, limit)

        further = self._tried(made)
        if further is not None:
            yield further

    def _energy(self, place: Place, name: str) -> Iterator[Further]:
        """A counter: value = actVal * pulsQty (IEC 61850-7-3, BCR)."""
        device, node = place
        if not self._measured.has(node, (name, "actVal")):
            return

        def made() -> Further:
            said = self._lookup.preset(node, (name, "pulsQty"))
            quantity = None if said is None else number_of(said)
            if not quantity:
                raise ValueError(f"{node.name}.{name}: the file does not say its pulsQty[CF]")
            power = self._measured.power(node, (name,), "Wh")
            at = reference(device, node, (name, "actVal"), FunctionalConstraint.ST)
            value = Value(at=at, scale=quantity * 10.0**power, group=_SLOW)
            return Further(_named(node, name), value, Unit.WATT_HOUR, _COUNTER)

        further = self._tried(made)
        if further is not None:
            yield further


def _named(node: LogicalNode, name: str) -> str:
    return f"{node.node_class}{node.instance}.{name}"
