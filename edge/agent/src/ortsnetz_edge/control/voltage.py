"""Voltage control of a node: P(U), reactive power and tap changers, in one place for the cycle.

Nothing is written before the first verified state, and only to devices whose mode is active. From
then on characteristics go on while the agent is blind: they rest on each device's own voltage. A
reactive power that a decision told is kept for `blind_fallback_s` without one. A tap changer keeps
its set point where voltages are missing. Nothing of this raises a limit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.station import NOMINAL_PHASE_V
from ortsnetz_edge.acquisition.image import ProcessImage
from ortsnetz_edge.control.adjustment import UNCONFIRMED_S, Adjustment, AdjustmentControl
from ortsnetz_edge.control.alarms import Condition
from ortsnetz_edge.control.arbitration import Claim
from ortsnetz_edge.control.modes import LimitingMode
from ortsnetz_edge.control.reactive import (
    LEAST_PU,
    MOST_PU,
    FeedInControl,
    ReactiveControl,
    voltages_pu,
)
from ortsnetz_edge.control.taps import Grid, TapChangerControl, TapMemory
from ortsnetz_edge.hosting.calls import EstimationResult

_NOTHING: Mapping[str, float] = MappingProxyType({})


@dataclass
class VoltageControlling:
    """All voltage control of one node.

    Attributes:
        feed_in, reactive, taps: by name of device or tap changer.
        low_voltage: sources whose voltages are those of the low-voltage network.
        nominal_v: nominal phase-to-neutral voltage of its nodes.
        node_active: whether the node's mode is active; tap changers belong to no group.
    """

    feed_in: dict[str, FeedInControl]
    reactive: dict[str, ReactiveControl]
    taps: dict[str, TapChangerControl]
    low_voltage: frozenset[str]
    nominal_v: Mapping[int, float]
    node_active: bool
    _previous: float
    _dt_s: float = 0.0
    _begun: bool = False
    _written: dict[str, AdjustmentControl] = field(init=False)

    def __post_init__(self) -> None:
        self._written = {name: one.control for name, one in self.reactive.items()}
        self._written |= {name: one.control for name, one in self.taps.items()}

    def claims(
        self, readings: Mapping[str, Reading], *, now: float
    ) -> dict[str, tuple[Claim, ...]]:
        """What P(U) asks for in this cycle, by device; called once a cycle, before `step`."""
        self._dt_s = max(0.0, now - self._previous)
        self._previous = now
        asked = {
            name: one.step(readings.get(name), self._dt_s) for name, one in self.feed_in.items()
        }
        return {name: (claim,) for name, claim in asked.items() if claim is not None}

    def step(
        self,
        image: ProcessImage,
        readings: Mapping[str, Reading],
        *,
        modes: Mapping[str, LimitingMode],
        estimate: EstimationResult | None,
        verified: bool,
        day: int,
        told: Mapping[str, float] = _NOTHING,
        now: float,
    ) -> tuple[Adjustment, ...]:
        """Set points besides limits that have to be written now.

        Args:
            image: the frozen process image.
            readings: from it.
            modes: of the devices; only active ones are written to.
            estimate: of this cycle; None if there is none. It counts only where it is verified.
            verified: whether the state is verified in this cycle.
            day: number of the calendar day (UTC).
            told: reactive power that the decision tells, var, by device; of verified ones only.
            now: monotonic time, s.
        """
        self._begun = self._begun or verified
        for name, control in self._written.items():
            source = image.sources[name]
            if name in self.taps:
                self.taps[name].observe(source, now=now)
            elif source.valid and source.scan is not None:
                said = source.scan.adjusted
                control.observe(said[control.place] if said else None, now=now)
        if not self._begun:
            return ()
        due = [
            one.step(readings.get(name), told.get(name), self._dt_s, now=now)
            for name, one in self.reactive.items()
            if modes[name] is LimitingMode.ACTIVE
        ]
        # assumptions move no tap: without a verified state only what is measured counts
        grid = self._grid(readings, estimate if verified else None, day)
        if self.node_active:
            due += [one.step(grid, now=now) for one in self.taps.values()]
        return tuple(one for one in due if one is not None)

    def written(self, adjustments: Iterable[Adjustment], *, now: float) -> tuple[Adjustment, ...]:
        """Take in what was confirmed; those that are other than before."""
        return tuple(one for one in adjustments if self._written[one.device].written(one, now=now))

    def unadjusted(self, *, now: float) -> tuple[str, ...]:
        """Devices on whose reactive power no decision may count: they do not take it."""
        return tuple(name for name, one in self.reactive.items() if one.control.fails(now=now))

    def conditions(self, *, now: float) -> Iterable[Condition]:
        """Set points that are ignored, and tap changers that may not move any more today."""
        for name, control in self._written.items():
            quantity = control.adjustable.quantity.value
            if control.unconfirmed(now=now):
                yield Condition(
                    key=f"adjustment-unconfirmed/{name}",
                    priority=2,
                    cause=f"{name} has not confirmed a set point for {quantity} for more than "
                    f"{UNCONFIRMED_S:.0f} s",
                    consequence="voltages are kept by the others, at last by limits",
                    action="look for why in the log; a device that cannot has none in the station",
                )
            if control.ignored(now=now):
                yield Condition(
                    key=f"adjustment-ignored/{name}",
                    priority=2,
                    cause=f"{name} was told {control.said:g} as {quantity}, and says "
                    f"{'nothing of it' if control.in_force is None else f'{control.in_force:g}'}",
                    consequence="voltages are kept by the others, at last by limits",
                    action="check the device's controller; it is written to again meanwhile",
                )
        for name, tap in self.taps.items():
            if tap.exhausted:
                made, most = tap.state.operations_today, tap.tap.control.operations_per_day
                yield Condition(
                    key=f"tap-operations-used-up/{name}",
                    priority=2,
                    cause=f"{name} has made {made} operations today, of {most}",
                    consequence="it is told no other set point until the next day (UTC)",
                    action="look for what makes voltages move; widen its dead band",
                )

    def remembered(self) -> tuple[TapMemory, ...]:
        """What has to survive a restart."""
        return tuple(tap.remembered() for tap in self.taps.values())

    def _voltages_pu(
        self, readings: Mapping[str, Reading], estimate: EstimationResult | None
    ) -> list[float]:
        """Voltages of the low-voltage network: all that are estimated, else those measured."""
        if estimate is None:
            nominal_v = nominal_of(self.nominal_v)
            found = [
                u for name in self.low_voltage for u in voltages_pu(readings.get(name), nominal_v)
            ]
        else:
            found = [
                volts / self.nominal_v[node.node]
                for node in estimate.nodes
                if node.node in self.nominal_v
                for volts in node.voltage_v
            ]
        return [u_pu for u_pu in found if LEAST_PU <= u_pu <= MOST_PU]  # NaN is in no range

    def _grid(
        self, readings: Mapping[str, Reading], estimate: EstimationResult | None, day: int
    ) -> Grid:
        voltages = self._voltages_pu(readings, estimate)
        known = {
            name: [var for var in readings[name].reactive_var if var is not None]
            for name in self.reactive
            if name in readings
        }
        devices = (self.reactive[name].device for name, values in known.items() if values)
        return Grid(
            lowest_pu=min(voltages, default=None),
            highest_pu=max(voltages, default=None),
            reactive_var=sum(sum(values) for values in known.values()),
            capability_var=sum(device.reactive_var for device in devices),
            day=day,
        )


def joined(
    some: Mapping[str, tuple[Claim, ...]], others: Mapping[str, tuple[Claim, ...]]
) -> dict[str, tuple[Claim, ...]]:
    """All claims of both, by device."""
    return {name: (*some.get(name, ()), *others.get(name, ())) for name in {*some, *others}}


def nominal_of(of_nodes: Mapping[int, float]) -> float:
    """Nominal voltage of the low-voltage network, phase to neutral, as limits count it."""
    return min(of_nodes.values(), default=NOMINAL_PHASE_V)
