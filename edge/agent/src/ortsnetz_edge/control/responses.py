"""Prepared responses: released by a local trigger, whenever a value arrives. Pure.

A response that waited for the cockpit, or for the next cycle, would be late. So the trigger is
looked at with each value of its meter. A meter that says nothing releases nothing and ends nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ortsnetz_common.link.messages import SetpointSource
from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.parameter_set import ParameterSet
from ortsnetz_common.parameters.responses import Response, Trigger
from ortsnetz_common.parameters.station import NOMINAL_PHASE_V, Device
from ortsnetz_edge.control.alarms import Condition
from ortsnetz_edge.control.arbitration import Claim
from ortsnetz_edge.control.order_checks import Targets

BLIND_AFTER_S = 3.0
"""As long as it takes until a meter that says nothing at all is an alarm."""


@dataclass(slots=True, eq=False)
class _Prepared:
    """A response and what is known of its trigger; times are monotonic, s.

    Attributes:
        terminals: of its meter; "not met" has to be said by all of them.
        looked_at: when its meter last said what the trigger asks for.
        met_since: since when the trigger has been met without a break; None if it is not.
        met_at: when it was last met; None while the response is not released.
        why: measured reason, in words.
    """

    response: Response
    devices: tuple[Device, ...]
    terminals: int
    armed: bool
    looked_at: float
    met_since: float | None = None
    met_at: float | None = None
    why: str = ""


class PreparedResponses:
    """Looks at triggers, releases responses, and ends them."""

    def __init__(
        self, parameters: ParameterSet, released: Iterable[str] = (), *, now: float
    ) -> None:
        """Begin with what was released when the agent last ran.

        Args:
            parameters: the set in force.
            released: names; their time begins anew, for nobody knows what was while nobody looked.
            now: monotonic time, s.
        """
        self.counters: Counter[str] = Counter()
        self._stale_after_s = parameters.timing.stale_after_s
        targets = Targets(parameters)
        terminals = _terminals(parameters)
        self._all = {
            response.name: _Prepared(
                response,
                targets.named(response.targets),
                terminals[response.trigger.meter],
                response.armed,
                looked_at=now,
            )
            for response in parameters.responses
        }
        for name in released:
            if name in self._all:
                self._all[name].met_at = now
                self._all[name].why = "released before the agent started anew"
        self._by_meter: dict[str, list[_Prepared]] = {}
        for item in self._all.values():
            self._by_meter.setdefault(item.response.trigger.meter, []).append(item)

    @property
    def released(self) -> tuple[str, ...]:
        """Names of responses that stand."""
        return tuple(name for name, item in self._all.items() if item.met_at is not None)

    @property
    def watched(self) -> tuple[str, ...]:
        """Meters whose values may release a response, or hold one."""
        return tuple(
            name
            for name, items in self._by_meter.items()
            if any(item.armed or item.met_at is not None for item in items)
        )

    @property
    def claims(self) -> Mapping[str, tuple[Claim, ...]]:
        """What released responses ask of each device."""
        found: dict[str, list[Claim]] = {}
        for name, item in self._all.items():
            if item.met_at is None:
                continue
            for device in item.devices:
                limit_w = max(device.floor_w, item.response.share * device.rated_w)
                claim = Claim(
                    SetpointSource.RESPONSE, limit_w, f"prepared response '{name}': {item.why}"
                )
                found.setdefault(device.name, []).append(claim)
        return {name: tuple(claims) for name, claims in found.items()}

    def look(self, source: str, reading: Reading, *, now: float) -> tuple[str, ...]:
        """Look at a value that has just arrived; names of responses that it releases.

        Args:
            source: name of the meter or device.
            reading: what it says that is usable.
            now: monotonic time, s.
        """
        released: list[str] = []
        for item in self._by_meter.get(source, ()):
            said = _said(item.response.trigger, reading)
            met = _met(item.response.trigger, said)
            if met is None and len(said) < item.terminals:
                continue  # the terminal that meets it may be the one that says nothing
            gap = now - item.looked_at > self._stale_after_s
            item.looked_at = now
            if item.met_at is not None and gap:
                item.met_at = now  # nobody knows how long it was met meanwhile
            if met is None:
                item.met_since = None
                continue
            if item.met_since is None or gap:
                item.met_since = now
            if not item.armed or now - item.met_since < item.response.trigger.for_s:
                continue
            if item.met_at is None:
                item.why = met
                self.counters["responses_released"] += 1
                released.append(item.response.name)
            item.met_at = now
        return tuple(released)

    def step(self, armed: Mapping[str, bool], *, now: float) -> None:
        """Once a cycle: arm and disarm by order, end what has stood long enough.

        Args:
            armed: what orders say; the others are as in the parameter set.
            now: monotonic time, s.
        """
        for name, item in self._all.items():
            item.armed = armed.get(name, item.response.armed)
            if item.met_at is None:
                continue
            is_over = now - item.met_at >= item.response.hold_s and not self._silent(item, now)
            if is_over or armed.get(name) is False:
                item.met_at = None

    def conditions(self, *, now: float) -> Iterable[Condition]:
        """What an operator has to know about."""
        for name, item in self._all.items():
            trigger = item.response.trigger
            if item.met_at is not None:
                held = ""
                if self._silent(item, now):
                    held = f"; {trigger.meter} says nothing, so it stands until it does"
                yield Condition(
                    key=f"response-released/{name}",
                    priority=3,
                    cause=f"prepared response '{name}' was released: {item.why}",
                    consequence=f"{len(item.devices)} devices are limited to "
                    f"{item.response.share:.0%} of their ratings, not below their floors{held}",
                    action="see what made it necessary; an order that disarms it ends it",
                )
            if item.armed and self._silent(item, now):
                yield Condition(
                    key=f"response-blind/{name}",
                    priority=3,
                    cause=f"'{trigger.meter}' does not say what releases the armed response "
                    f"'{name}'",
                    consequence="it would not be released; one that stands is not ended",
                    action="check the meter, its supply and its network connection",
                    after_s=BLIND_AFTER_S,
                )

    def _silent(self, item: _Prepared, now: float) -> bool:
        return now - item.looked_at > self._stale_after_s


def _terminals(parameters: ParameterSet) -> dict[str, int]:
    """Number of terminals of each meter and device."""
    station = parameters.station
    return {meter.name: len(meter.phases) for meter in station.meters} | {
        device.name: device.phase_count for device in station.devices
    }


def _said(trigger: Trigger, reading: Reading) -> list[tuple[int, float]]:
    """Terminals that say the trigger's quantity, in its unit; only what is usable."""
    if trigger.quantity == "voltage_pu":
        return [
            (terminal, volts / NOMINAL_PHASE_V)
            for terminal, volts in enumerate(reading.voltage_v, start=1)
            if volts is not None
        ]
    return [
        (terminal, watts)
        for terminal, watts in enumerate(reading.active_w, start=1)
        if watts is not None
    ]


def _met(trigger: Trigger, said: Iterable[tuple[int, float]]) -> str | None:
    """The terminal that meets the trigger, in words; None if none does."""
    for terminal, value in said:
        shown = f"{value:.3f} pu" if trigger.quantity == "voltage_pu" else f"{value / 1000:.2f} kW"
        where = f"{trigger.meter} terminal {terminal} at {shown}"
        if trigger.above is not None and value > trigger.above:
            return f"{where}, above {trigger.above:g}"
        if trigger.below is not None and value < trigger.below:
            return f"{where}, below {trigger.below:g}"
    return None
