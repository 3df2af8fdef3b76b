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

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.parameter_set import ParameterSet
from ortsnetz_common.parameters.station import DeviceKind, MeterRole, Side, Station
from ortsnetz_edge.acquisition.image import ProcessImage
from ortsnetz_edge.control.adjustment import Adjustment, AdjustmentControl
from ortsnetz_edge.control.alarms import Condition
from ortsnetz_edge.control.arbitration import Claim
from ortsnetz_edge.control.modes import LimitingMode
from ortsnetz_edge.control.reactive import FeedInControl, ReactiveControl, voltages_pu
from ortsnetz_edge.control.taps import Grid, TapChangerControl, TapMemory
from ortsnetz_edge.drivers.contract import Adjustable, Driver, Quantity
from ortsnetz_edge.hosting.calls import EstimationResult
from ortsnetz_edge.network_index import NetworkIndex
from ortsnetz_grid.functions.voltage.tap_control import Tap

_NOTHING: Mapping[str, float] = MappingProxyType({})
MOST_PU, LEAST_PU = 1.3, 0.7
"""Voltages outside are a disturbance or a mistake: the tap changer does nothing about either."""


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
            estimate: of this cycle; None if there is none.
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
        grid = self._grid(readings, estimate, day)
        if self.node_active:
            due += [one.step(grid, now=now) for one in self.taps.values()]
        return tuple(one for one in due if one is not None)

    def written(self, adjustments: Iterable[Adjustment], *, now: float) -> tuple[Adjustment, ...]:
        """Take in what was confirmed; those that are other than before."""
        return tuple(one for one in adjustments if self._written[one.device].written(one, now=now))

    def conditions(self, *, now: float) -> Iterable[Condition]:
        """Set points that are ignored, and tap changers that may not move any more today."""
        for name, control in self._written.items():
            if control.ignored(now=now):
                quantity = control.adjustable.quantity.value
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
            found = [u for name in self.low_voltage for u in voltages_pu(readings.get(name))]
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


def voltage_controlling(
    parameters: ParameterSet,
    network: NetworkIndex,
    drivers: Mapping[str, Driver],
    memory: Iterable[TapMemory] = (),
    *,
    now: float,
) -> VoltageControlling:
    """Voltage control of a parameter set.

    Raises:
        InputError: a device or tap changer cannot do what the set says of it; names it.
    """
    station, voltage, timing = parameters.station, parameters.voltage, parameters.timing
    pv = [device for device in station.devices if device.kind is DeviceKind.PV]
    taps = _taps(parameters, network, drivers) if voltage.tap is not None else {}
    remembered = tuple(memory)
    for tap in taps.values():
        tap.recall(remembered)
    points = voltage.active
    return VoltageControlling(
        feed_in={} if points is None else {d.name: FeedInControl(d, points) for d in pv},
        reactive={
            device.name: ReactiveControl(
                device,
                AdjustmentControl(
                    device.name,
                    *_adjustable(device.name, drivers, Quantity.REACTIVE_POWER),
                    timing.refresh_s,
                    max(device.reaction_s, timing.cycle_s) + 2 * timing.cycle_s,
                ),
                voltage.reactive,
                timing.blind_fallback_s,
            )
            for device in station.devices
            if device.reactive_var > 0
        },
        taps=taps,
        low_voltage=_low_voltage(station),
        nominal_v=network.low_voltage,
        node_active=parameters.mode.limiting == "active",
        _previous=now,
    )


def _taps(
    parameters: ParameterSet, network: NetworkIndex, drivers: Mapping[str, Driver]
) -> dict[str, TapChangerControl]:
    """Tap changers of the station under the set's tap control."""
    control, timing = parameters.voltage.tap, parameters.timing
    found: dict[str, TapChangerControl] = {}
    if control is None:
        return found
    for changer in parameters.station.tap_changers:
        step_pu = network.tap_steps_pu.get(changer.element)
        if step_pu is None:
            raise InputError(
                f"tap changer '{changer.name}': the network states no taps (tap_size, tap_min, "
                f"tap_max) of transformer {changer.element}"
            )
        found[changer.name] = TapChangerControl(
            Tap(control, step_pu, parameters.limits.u_pu, changer.setpoint_pu),
            AdjustmentControl(
                changer.name,
                *_adjustable(changer.name, drivers, Quantity.VOLTAGE),
                timing.refresh_s if changer.watchdog_s is not None else None,
                3 * timing.cycle_s,
            ),
            drivers[changer.name].points,
        )
    return found


def _adjustable(
    name: str, drivers: Mapping[str, Driver], quantity: Quantity
) -> tuple[Adjustable, int]:
    """How a source takes a set point, and its place among all that it takes."""
    for place, one in enumerate(drivers[name].adjustable):
        if one.quantity is quantity:
            return one, place
    raise InputError(
        f"'{name}': the station says that it can be told {quantity.value}, and its profile has no "
        "'further_setpoints' for it"
    )


def _low_voltage(station: Station) -> frozenset[str]:
    """Sources whose voltages are those of the low-voltage network."""
    primary = {
        meter.name
        for meter in station.meters
        if meter.role is MeterRole.TRANSFORMER and meter.side is Side.FROM
    }
    sources = {meter.name for meter in station.meters} | {one.name for one in station.devices}
    return frozenset(sources - primary)
