"""Values that are recorded and used by no decision: sums, frequency, energy, temperature."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from ortsnetz_common.measurement.point import Unit
from ortsnetz_common.scl.devices import LogicalNode
from ortsnetz_common.scl.reading.measures import number_of
from ortsnetz_common.scl.types import FunctionalConstraint
from ortsnetz_edge.console.scl.measured import Measured, Range, as_value, reference
from ortsnetz_edge.console.scl.ratings import Ratings
from ortsnetz_edge.console.scl.scopes import Place, Scope
from ortsnetz_edge.profiles.schema import Further, Value

SLOW = "slow"
SLOW_S = 60.0
_COUNTER: Range = (0.0, 1e15)
"""Energy meters count for decades: a range that tells a counter from nonsense, Wh."""
_TEMPERATURE: Range = (-60.0, 250.0)
_POWERS = (("TotW", Unit.WATT, "W"), ("TotVAr", Unit.VAR, "VAr"), ("TotVA", Unit.VOLT_AMPERE, "VA"))
_ENERGIES = ("TotWh", "SupWh", "DmdWh")


class FurtherValues:
    """Looks for them in the nodes of one device.

    Args:
        scope: its nodes.
        measured: looks up values.
        ratings: of the device.
        left_out: takes what cannot be used, with the reason.
    """

    def __init__(
        self, scope: Scope, measured: Measured, ratings: Ratings, left_out: list[str]
    ) -> None:
        self._scope, self._measured, self._ratings = scope, measured, ratings
        self._left_out = left_out

    def found(self) -> Iterator[Further]:
        """Those that can be used; of several with one name none: which is meant is not clear."""
        candidates = tuple(self._candidates())
        counts = Counter(each.name for each in candidates)
        for name in (name for name, count in counts.items() if count > 1):
            self._left_out.append(f"{name}: {counts[name]} nodes have it")
        yield from (each for each in candidates if counts[each.name] == 1)

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

        yield from self._tried(made)

    def _energy(self, place: Place, name: str) -> Iterator[Further]:
        """A counter: value = actVal * pulsQty (IEC 61850-7-3, BCR)."""
        device, node = place
        if not self._measured.has(node, (name, "actVal")):
            return

        def made() -> Further:
            said = self._measured.lookup.preset(node, (name, "pulsQty"))
            quantity = None if said is None else number_of(said)
            if not quantity:
                raise ValueError(f"{node.name}.{name}: the file does not say its pulsQty[CF]")
            power = self._measured.power(node, (name,), "Wh")
            at = reference(device, node, (name, "actVal"), FunctionalConstraint.ST)
            value = Value(at=at, scale=quantity * 10.0**power, group=SLOW)
            return Further(_named(node, name), value, Unit.WATT_HOUR, _COUNTER)

        yield from self._tried(made)

    def _tried(self, make: Callable[[], Further]) -> Iterator[Further]:
        try:
            yield make()
        except ValueError as error:
            self._left_out.append(str(error))


def _named(node: LogicalNode, name: str) -> str:
    return f"{node.node_class}{node.instance}.{name}"
