"""Drafts a device profile from the nodes of an SCL file; what is not clear is left out and said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ortsnetz_common.scl.devices import LogicalNode
from ortsnetz_common.scl.lookup import Lookup
from ortsnetz_common.scl.types import FunctionalConstraint
from ortsnetz_edge.console.scl.further import SLOW, SLOW_S, FurtherValues
from ortsnetz_edge.console.scl.measured import Measured, Range, reference
from ortsnetz_edge.console.scl.ratings import Ratings
from ortsnetz_edge.console.scl.scopes import Place, Scope
from ortsnetz_edge.drivers.contract import LimitUnit
from ortsnetz_edge.profiles.schema import (
    FORMAT,
    IdentityPlaces,
    LimitValue,
    Profile,
    ProtocolFamily,
    Terminals,
    Value,
)

T = TypeVar("T")


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
        left_out = self._left_out
        further = tuple(FurtherValues(self._scope, self._measured, ratings, left_out).found())
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
            groups={SLOW: SLOW_S} if any(each.value.group for each in further) else {},
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
