"""From the readings of one cycle to measurements: who measures what, and what is assumed.

* A transformer or feeder meter measures the flow at its end of the branch, and the voltage there.
* A customer's meter measures the load at its node that is no device, and the voltage there.
* A device measures its own load or generator, and the voltage at its node.
* Whatever is not measured is assumed, with its doubt: loads and generators by the station's
  pseudo-measurements, else as anything between nothing and the network file's power; silent devices
  as anything up to their limit; the MV voltage as the station says.

power-grid-model's voltage sensors measure three phases with one deviation, so the voltage of a
single-phase customer or device is not used: nothing is made up for the other two phases.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.station import (
    Device,
    Meter,
    MeterRole,
    PseudoMeasurement,
    Station,
)
from ortsnetz_grid.functions.state_estimation import beliefs
from ortsnetz_grid.functions.state_estimation.beliefs import Belief
from ortsnetz_grid.functions.state_estimation.result import Measurements
from ortsnetz_grid.functions.state_estimation.sensor_sheet import SensorSheet
from ortsnetz_grid.network.model import Network

Real = NDArray[np.float64]

_APPLIANCES = ("asym_load", "sym_load", "asym_gen", "sym_gen")
_LOADS = ("asym_load", "sym_load")
_SILENT = Reading()


def measurements_from(
    station: Station, network: Network, readings: Mapping[str, Reading], hour: float
) -> Measurements:
    """Sensors for the readings of one cycle.

    Args:
        station: meters, devices and what stands in for them.
        network: the agent's network.
        readings: by name of meter or device; what is missing or None is assumed.
        hour: hour of the calendar day, UTC, 0 to 24.

    Returns:
        One power sensor for each load and generator in service, one for each branch meter that says
        anything, voltage sensors, and the names of guarding meters that did not say everything.

    Raises:
        InputError: station and network do not fit; names meter, device or element.
    """
    sheet = SensorSheet.of(network)
    sheet.add_source(station.source)
    for meter in station.meters:
        reading = readings.get(meter.name, _SILENT)
        node = meter.element
        if meter.role is not MeterRole.CUSTOMER:
            node = sheet.add_flow(meter, reading)
        sheet.add_voltage(node, meter, reading.voltage_v)
    owners = _owners(station, network)
    assumptions = _Assumptions(network, {each.element: each for each in station.pseudo}, hour)
    for component, row in _in_service(network):
        element = int(network.data[component]["id"][row])
        owner = owners.get(element)
        reading = readings.get(owner.name, _SILENT) if owner else _SILENT
        belief = assumptions.about(component, row, owner, reading)
        if owner is not None:
            belief = beliefs.measured_belief(owner, reading.active_w, reading.reactive_var, belief)
        sheet.add_power(component, element, belief, owner)
        if isinstance(owner, Device):
            node = int(network.data[component]["node"][row])
            sheet.add_voltage(node, owner, reading.voltage_v)
    return sheet.measurements(_missing_guards(station, readings))


def _in_service(network: Network) -> Iterator[tuple[str, int]]:
    for component in _APPLIANCES:
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
        if network.components.get(device.element) not in _APPLIANCES:
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
            for component in _LOADS
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


@dataclass(frozen=True, slots=True)
class _Assumptions:
    """What is believed about elements that say nothing."""

    network: Network
    pseudo: Mapping[int, PseudoMeasurement]
    hour: float

    def about(
        self, component: str, row: int, owner: Meter | Device | None, said: Reading
    ) -> Belief:
        """Belief about one element.

        Raises:
            InputError: there is nothing to base a belief on; names the element.
        """
        if isinstance(owner, Device):
            return beliefs.silent_device_belief(owner, said.limit_w)
        array = self.network.data[component]
        element = int(array["id"][row])
        stated = np.broadcast_to(array["p_specified"][row], (3,)).astype(float)
        if stated.size and array["p_specified"].ndim == 1:
            stated = stated / 3
        share = self._share(owner, stated)
        if element in self.pseudo:
            return beliefs.pseudo_belief(self.pseudo[element], self.hour, share)
        total = float(stated.sum())
        if not np.isfinite(total):
            raise InputError(
                f"{self.network.label(element)} is neither measured nor assumed: it has no "
                "pseudo-measurement and no p_specified"
            )
        return beliefs.range_belief(0.0, total if component in _LOADS else -total, share)

    @staticmethod
    def _share(owner: Meter | None, stated: Real) -> Real | None:
        """A meter's phases are known; else those of the file, unless it spreads them evenly."""
        if owner is not None:
            share = np.zeros(3)
            at = beliefs.terminals(owner.phases, f"meter '{owner.name}'")
            share[at] = 1 / len(at)
            return share
        total = float(stated.sum())
        if not np.isfinite(total) or total == 0 or np.ptp(stated) <= 1e-6 * abs(total):
            return None
        return stated / total


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
