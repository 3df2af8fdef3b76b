"""An estimated state in power-grid-model's words: its output data set, sensors included."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from power_grid_model import AngleMeasurementType, initialize_array

from ortsnetz_grid.functions.state_estimation.jacobian import Frame
from ortsnetz_grid.functions.state_estimation.places import Kind, Places
from ortsnetz_grid.functions.state_estimation.quantities import Quantities, gather
from ortsnetz_grid.functions.state_estimation.result import SENSORS, Measurements
from ortsnetz_grid.functions.state_estimation.sensors import read_sensors
from ortsnetz_grid.network.admittance import BASE_PHASE_VA
from ortsnetz_grid.network.output import Output, asym_output

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

_TURN = np.array([0, -2, 2]) * np.pi / 3


def output_of(places: Places, frame: Frame, measurements: Measurements) -> Output:
    """Output of all components.

    A sensor's residual is what it says less what is estimated there, in its own unit and direction.

    Args:
        places: the network.
        frame: at the estimated voltages.
        measurements: those that the state rests on.
    """
    model, network = places.admittance, places.network
    quantities = gather(read_sensors(measurements, places), places)
    drawn = _appliances(places, frame, quantities) * BASE_PHASE_VA * places.appliance_signs[:, None]
    row = {element: place for place, element in enumerate(places.appliance_ids.tolist())}
    powers = {
        component: drawn[[row[element] for element in array["id"].tolist()]]
        for component, array in network.data.items()
        if len(array) and int(array["id"][0]) in row
    }
    voltage = np.where(model.energised[:, None], frame.voltage, 0)
    found = asym_output(network, model, voltage, powers)
    for component in SENSORS:
        array = measurements.sensors.get(component)
        if array is None or not len(array):
            continue
        if component.endswith("voltage_sensor"):
            found[component] = _voltage_residuals(array, component, places, voltage)
        else:
            found[component] = _flow_residuals(array, component, places, frame, drawn)
    return found


def _appliances(places: Places, frame: Frame, quantities: Quantities) -> Complex:
    """Power (a, 3) into the network of each appliance, per unit.

    What a node injects more than its appliances say is shared by their variances; where some are
    not measured, these share it in equal parts.
    """
    model = places.admittance
    node = places.appliance_nodes
    injected = np.zeros(frame.voltage.shape, dtype=np.complex128)
    injected[model.energised] = frame.injected().reshape(-1, 3)
    variance = quantities.appliance.variance
    known = np.isfinite(variance).all(axis=(1, 2)) & places.appliance_on
    said = np.where(known[:, None, None], quantities.appliance.value, 0.0)
    total, spread = np.zeros((2, len(injected), 2, 3))
    silent = np.zeros(len(injected))
    np.add.at(total, node[known], said[known])
    np.add.at(spread, node[known], variance[known])
    np.add.at(silent, node[places.appliance_on & ~known], 1)
    left = (np.stack([injected.real, injected.imag], axis=1) - total)[node]
    all_known = (silent[node] == 0)[:, None, None]
    share = np.where(known[:, None, None], variance, 0.0) / np.where(spread > 0, spread, 1.0)[node]
    equal = np.where(known, 0.0, 1 / np.maximum(silent[node], 1))[:, None, None]
    found = said + left * np.where(all_known, share, equal)
    found[~places.appliance_on] = 0.0
    return np.asarray(found[:, 0] + 1j * found[:, 1])


def _per_phase(values: NDArray[Any], share: float = 1.0) -> Real:
    wide = values if values.ndim == 2 else np.repeat(values[:, None], 3, axis=1) * share
    return np.asarray(wide, dtype=np.float64)


def _voltage_residuals(
    sensors: NDArray[Any], component: str, places: Places, voltage: Complex
) -> NDArray[Any]:
    """Phase to neutral, V; angles in rad, NaN where none is measured."""
    model = places.admittance
    nodes = places.nodes(sensors, component)
    found = initialize_array("asym_output", component, len(sensors))
    found["id"], found["energized"] = sensors["id"], model.energised[nodes]
    volts = np.abs(voltage[nodes]) * model.node_volts[nodes, None]
    found["u_residual"] = _per_phase(sensors["u_measured"], 1 / np.sqrt(3)) - volts
    angle = _per_phase(sensors["u_angle_measured"])
    if component.startswith("sym"):
        angle = angle + _TURN
    found["u_angle_residual"] = np.angle(np.exp(1j * angle) * np.conj(voltage[nodes]))
    found["u_angle_residual"][np.isnan(angle)] = np.nan
    return found


def _flow_residuals(
    sensors: NDArray[Any], component: str, places: Places, frame: Frame, drawn: Complex
) -> NDArray[Any]:
    """W and var, or A and rad, in the sensor's own direction."""
    kinds, index, _, live = places.terminals(sensors, component)
    found = initialize_array("asym_output", component, len(sensors))
    found["id"], found["energized"] = sensors["id"], live
    computed = _flows(kinds, index, frame, drawn)
    if component.endswith("power_sensor"):
        computed = np.where(live[:, None], computed, 0)
        for name, part in (("p", computed.real), ("q", computed.imag)):
            found[f"{name}_residual"] = _per_phase(sensors[f"{name}_measured"], 1 / 3) - part
        return found
    nodes = places.admittance.ends[index, kinds]
    volts = frame.voltage[nodes] * places.admittance.node_volts[nodes, None]
    current = np.where(live[:, None], np.conj(computed / volts), 0)
    local = sensors["angle_measurement_type"] == AngleMeasurementType.local_angle
    seen = np.where(local[:, None], np.conj(current * np.conj(frame.turn[nodes])), current)
    angle = _per_phase(sensors["i_angle_measured"])
    if component.startswith("sym"):
        angle = angle + np.where(local[:, None], 0, _TURN)
    found["i_residual"] = _per_phase(sensors["i_measured"]) - np.abs(current)
    found["i_angle_residual"] = np.angle(np.exp(1j * angle) * np.conj(seen))
    return found


def _flows(
    kinds: NDArray[np.int8], index: NDArray[np.intp], frame: Frame, drawn: Complex
) -> Complex:
    """Powers (k, 3) in VA where sensors sit."""
    model = frame.model
    flows = model.branch_powers(frame.voltage) * BASE_PHASE_VA
    shunts = model.shunt_powers(frame.voltage) * BASE_PHASE_VA
    injected = np.zeros(frame.voltage.shape, dtype=np.complex128)
    injected[model.energised] = frame.injected().reshape(-1, 3) * BASE_PHASE_VA
    found = np.zeros((len(kinds), 3), dtype=np.complex128)
    for kind, table in (
        (Kind.BRANCH_FROM, flows[:, 0]),
        (Kind.BRANCH_TO, flows[:, 1]),
        (Kind.SHUNT, shunts),
        (Kind.NODE, injected),
        (Kind.APPLIANCE, drawn),
    ):
        mine = kinds == kind
        found[mine] = table[index[mine]]
    return found
