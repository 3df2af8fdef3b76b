"""Values that a profile can read, found in the types of logical nodes: reference, scale, range."""

from __future__ import annotations

from dataclasses import dataclass

from ortsnetz_common.measurement.point import PHASES
from ortsnetz_common.scl.devices import LogicalNode
from ortsnetz_common.scl.lookup import Lookup
from ortsnetz_common.scl.reading.measures import number_of
from ortsnetz_common.scl.types import FunctionalConstraint, leaves_of
from ortsnetz_common.scl.units import Units, counts_of, units_of
from ortsnetz_edge.profiles.schema import Terminals, Value

Range = tuple[float, float]
_PLACES = (("cVal", "mag", "f"), ("mag", "f"), ("cVal", "mag", "i"), ("mag", "i"))
"""Where values of CMV and MV lie (IEC 61850-7-3, 7.4): floating point before whole numbers."""


@dataclass(frozen=True, slots=True)
class Found:
    """One value: where it is, what one count is in its SI unit, and its range in SI."""

    at: str
    scale: float
    offset: float
    range: Range | None


class Measured:
    """Looks values up, and says why one cannot be used.

    Args:
        lookup: of the file.
        takes_si: whether units that the file leaves to the device are taken as SI without
            multiplier: the technician has looked.
    """

    def __init__(self, lookup: Lookup, *, takes_si: bool) -> None:
        self.lookup, self._takes_si = lookup, takes_si

    def has(self, node: LogicalNode, path: tuple[str, ...]) -> bool:
        """Whether the node's type has something there."""
        return self.lookup.part(node, path) is not None

    def value(self, device: str, node: LogicalNode, path: tuple[str, ...], unit: str) -> Found:
        """A measured value (MV, CMV).

        Args:
            device: logical device.
            node: logical node in it.
            path: of the data object.
            unit: SI unit that it has to be in.

        Raises:
            ValueError: says what is missing or not clear.
        """
        leaf = next((each for each in _PLACES if self.has(node, (*path, *each))), None)
        if leaf is None:
            raise ValueError(f"{_name(node, path)}: the type has no value that can be read")
        factor, offset = (1.0, 0.0)
        if leaf[-1] == "i":
            factor, offset = counts_of(self.lookup, node, path)
        power = 10.0 ** self.power(node, path, unit)
        at = reference(device, node, (*path, *leaf), FunctionalConstraint.MX)
        return Found(at, factor * power, offset * power, self._range(node, path, power))

    def power(self, node: LogicalNode, path: tuple[str, ...], unit: str) -> int:
        """The power of ten of a data object's values, which have to be in `unit`.

        Raises:
            ValueError: another unit, or one that the file does not say.
        """
        try:
            said = units_of(self.lookup, node, path)
        except ValueError as error:
            if not self._takes_si:
                raise ValueError(f"{error}, then give --si if it is {unit}") from error
            said = Units(unit, 0)
        if said.unit not in (None, unit):
            raise ValueError(f"{_name(node, path)} is in {said.unit}, not in {unit}")
        return said.power

    def terminals(
        self, device: str, node: LogicalNode, stem: str, unit: str, otherwise: Range | None
    ) -> Terminals:
        """A quantity of three phases.

        Args:
            device: logical device.
            node: logical node in it.
            stem: data object, e.g. `PhV`.
            unit: SI unit.
            otherwise: range where the file has none.

        Raises:
            ValueError: says what is missing or not clear.
        """
        found = [self.value(device, node, (stem, phase), unit) for phase in PHASES]
        first = found[0]
        if any((each.scale, each.offset) != (first.scale, first.offset) for each in found):
            raise ValueError(f"{node.name}.{stem}: phases are counted differently")
        if first.offset:
            raise ValueError(f"{node.name}.{stem}: counted from {first.offset:g}, not from zero")
        limits = {each.range for each in found}
        limit = first.range if len(limits) == 1 and first.range is not None else otherwise
        if limit is None:
            raise ValueError(f"{node.name}.{stem}: no range is said (rangeC)")
        return Terminals(range=limit, at=(found[0].at, found[1].at, found[2].at), scale=first.scale)

    def _range(self, node: LogicalNode, path: tuple[str, ...], power: float) -> Range | None:
        """What the device itself takes for plausible: rangeC (IEC 61850-7-3, RangeConfig)."""
        ends = []
        for name in ("min", "max"):
            text = self.lookup.preset(node, (*path, "rangeC", name, "f"))
            number = None if text is None else number_of(text)
            if number is None:
                return None
            ends.append(number * power)
        return (ends[0], ends[1]) if ends[0] < ends[1] else None


def as_value(found: Found, group: str = "") -> Value:
    """A value of a profile."""
    return Value(at=found.at, scale=found.scale, offset=found.offset, group=group)


def reference(
    device: str, node: LogicalNode, path: tuple[str, ...], constraint: FunctionalConstraint
) -> str:
    """A reference's text."""
    return f"{device}/{node.name}.{'.'.join(path)}[{constraint}]"


def constraint_at(
    lookup: Lookup, node: LogicalNode, path: tuple[str, ...]
) -> FunctionalConstraint | None:
    """The functional constraint of a value; None where there is none at this path."""
    kind = lookup.type_of(node)
    for part in () if kind is None else kind.objects:
        if part.name == path[0]:
            return next((leaf.constraint for leaf in leaves_of(part) if leaf.path == path), None)
    return None


def _name(node: LogicalNode, path: tuple[str, ...]) -> str:
    return f"{node.name}.{'.'.join(path)}"
