"""From the readings of one cycle to measurements: who measures what, and what is assumed.

* A transformer or feeder meter measures the flow at its end of the branch, and the voltage there.
* A customer's meter measures the load at its node that is no device, and the voltage there.
* A device measures its own load or generator, and the voltage at its node.
* Whatever is not measured is assumed, with its doubt: loads and generators by the station's
  pseudo-measurements, else as anything between nothing and the network file's power; silent devices
  as anything up to their limit; the MV voltage as the station says.

What a meter or device does not say now may be taken from what it said last, with the doubt of its
age (`pseudo.ageing`). It stays missing for whoever asks which guarding meters say everything.

The voltage of a single-phase customer or device counts in its phase; the other two are NaN in its
sensor. Where nobody knows the phase, the voltage is not used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping

import numpy as np

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.station import (
    Device,
    Meter,
    MeterRole,
    Station,
)
from ortsnetz_grid.functions.state_estimation import beliefs
from ortsnetz_grid.functions.state_estimation.assumptions import (
    APPLIANCES,
    LOADS,
    Assumptions,
    remembered,
)
from ortsnetz_grid.functions.state_estimation.beliefs import Belief
from ortsnetz_grid.functions.state_estimation.pseudo.ageing import LastKnown
from ortsnetz_grid.functions.state_estimation.result import Measurements
from ortsnetz_grid.functions.state_estimation.sensor_sheet import SensorSheet
from ortsnetz_grid.network.model import Network

_SILENT = Reading()


def measurements_from(
    station: Station,
    network: Network,
    readings: Mapping[str, Reading],
    hour: float,
    *,
    last: Mapping[str, LastKnown] | None = None,
    believed: Mapping[int, Belief] | None = None,
    standing: MutableMapping[int, Belief] | None = None,
) -> Measurements:
    """Sensors for the readings of one cycle.

    Args:
        station: meters, devices and what stands in for them.
        network: the agent's network.
        readings: by name of meter or device; what is missing or None is assumed.
        hour: hour of the calendar day, UTC, 0 to 24.
        last: by name of meter or device, what it said before; without it, what is missing now is
            not known at all.
        believed: by element, what is believed instead of the station's pseudo-measurement, e.g.
            `pseudo.customers.beliefs_about`.
        standing: by element, beliefs from an earlier call with the same station, network, `hour`
            and `believed`; what is formed here is added. To form them takes most of the time.

    Returns:
        One power sensor for each load and generator in service, one for each branch meter that says
        anything, voltage sensors, and the names of guarding meters that did not say everything.

    Raises:
        InputError: station and network do not fit; names meter, device or element.
    """
    sheet = SensorSheet.of(network)
    sheet.add_source(station.source)
    last = last or {}
    for meter in station.meters:
        reading = readings.get(meter.name, _SILENT)
        node = meter.element
        if meter.role is not MeterRole.CUSTOMER:
            node = sheet.add_flow(meter, reading, last.get(meter.name))
        sheet.add_voltage(node, meter, reading.voltage_v, last.get(meter.name))
    owners = _owners(station, network)
    pseudo = {each.element: each for each in station.pseudo}
    assumptions = Assumptions(
        network, pseudo, believed or {}, hour, {} if standing is None else standing
    )
    for component, row in _in_service(network):
        element = int(network.data[component]["id"][row])
        owner = owners.get(element)
        reading = readings.get(owner.name, _SILENT) if owner else _SILENT
        belief = assumptions.about(component, row, owner, reading)
        if owner is not None:
            belief = remembered(owner, reading, last.get(owner.name), belief)
            belief = beliefs.measured_belief(owner, reading.active_w, reading.reactive_var, belief)
        sheet.add_power(component, element, belief, owner)
        if isinstance(owner, Device):
            node = int(network.data[component]["node"][row])
            sheet.add_voltage(node, owner, reading.voltage_v, last.get(owner.name))
    return sheet.measurements(_missing_guards(station, readings))


def _in_service(network: Network) -> Iterator[tuple[str, int]]:
    for component in APPLIANCES:
        array = network.data.get(component)
        if array is not None:
            for row in np.flatnonzero(array["status"] == 1).tolist():
                yield component, row


def _owners(station: Station, network: Network) -> dict[int, Meter | Device]:
    """Who measures an element.

    Raises:
        InputError: a device's element does not exist, or a customer meter's load is not unique.
    """
    owners: dict[int, Meter | Device] = {}
    for device in station.devices:
        if network.components.get(device.element) not in APPLIANCES:
            raise InputError(
                f"device '{device.name}': element {device.element} is no load or generator of the "
                "network"
            )
        owners[device.element] = device
    for meter in station.meters:
        if meter.role is not MeterRole.CUSTOMER:
            continue
        loads = [
            int(element)
            for component in LOADS
            if (array := network.data.get(component)) is not None
            for element in array["id"][array["node"] == meter.element]
            if int(element) not in owners
        ]
        if len(loads) != 1:
            raise InputError(
                f"meter '{meter.name}': node {meter.element} has {len(loads)} loads that are no "
                "devices; a customer's meter needs one"
            )
        owners[loads[0]] = meter
    return owners


def _missing_guards(station: Station, readings: Mapping[str, Reading]) -> tuple[str, ...]:
    """Guarding meters with anything missing."""
    missing = []
    for meter in station.meters:
        reading = readings.get(meter.name, _SILENT)
        count = len(meter.phases)
        values = (reading.voltage_v, reading.active_w, reading.reactive_var)
        if meter.guards and any(value is None for each in values for value in each[:count]):
            missing.append(meter.name)
    return tuple(missing)
