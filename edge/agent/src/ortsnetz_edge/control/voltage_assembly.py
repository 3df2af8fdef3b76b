"""Puts the voltage control of a node together, and refuses what a parameter set cannot mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.parameter_set import ParameterSet
from ortsnetz_common.parameters.station import DeviceKind, MeterRole, Side, Station
from ortsnetz_edge.control.adjustment import AdjustmentControl
from ortsnetz_edge.control.reactive import FeedInControl, ReactiveControl
from ortsnetz_edge.control.taps import TapChangerControl, TapMemory
from ortsnetz_edge.control.voltage import VoltageControlling, nominal_of
from ortsnetz_edge.drivers.contract import Adjustable, Driver, Quantity
from ortsnetz_edge.network_index import NetworkIndex
from ortsnetz_grid.functions.voltage.tap_control import Tap


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
            nominal_of(network.low_voltage),
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
