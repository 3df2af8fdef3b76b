"""Sensors gathered into measured quantities, as power-grid-model gathers them.

Several sensors of one quantity count as their weighted mean. The injection of a node is known when
every appliance that is connected there is measured, or the node itself; a node without connected
appliances injects exactly nothing. What is left over inside a quantity (the difference of a sensor
from the mean) is independent of the state: that is how the residual of a single sensor follows from
the residual of its quantity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.functions.state_estimation.places import Kind, Places
from ortsnetz_grid.functions.state_estimation.sensors import FlowSensors, Sensors

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]


@dataclass(frozen=True, slots=True)
class Mean:
    """Weighted means of sensors, with their variances: infinite where there is no sensor."""

    value: Real
    variance: Real


@dataclass(frozen=True, slots=True)
class Quantities:
    """Measured quantities of a network with `n` nodes, and how sensors take part in them.

    Attributes:
        magnitude: (n, 3) voltage magnitudes.
        angle: (n, 3) voltage angles; known only where each voltage sensor of the node has one.
        injection: (n, 2, 3) real and imaginary power injected into the network; variance 0 where it
            is exactly nothing.
        appliances: (n, 2, 3) the part of `injection` that the appliances' sensors say.
        appliance: (a, 2, 3) each appliance.
        complete: (n,) whether every connected appliance is measured.
        idle: (n,) whether no appliance is connected.
        branch: (f, 2, 3) flows and currents at branch ends and shunts.
        branch_kinds: (f,) `Kind` of each.
        branch_places: (f,) index among the things of its kind.
        branch_of_sensor: (k,) which of them a flow sensor measures; -1 for appliances and nodes.
    """

    magnitude: Mean
    angle: Mean
    injection: Mean
    appliances: Mean
    appliance: Mean
    complete: NDArray[np.bool_]
    idle: NDArray[np.bool_]
    branch: Mean
    branch_kinds: NDArray[np.int64]
    branch_places: NDArray[np.intp]
    branch_of_sensor: NDArray[np.intp]


def gather(sensors: Sensors, places: Places) -> Quantities:
    """Gather the sensors of a network."""
    nodes = len(places.admittance.node_ids)
    voltage, flow = sensors.voltage, sensors.flow
    spread = np.where(voltage.measured, voltage.sigma[:, None] ** 2, np.inf)
    magnitude = _mean(voltage.magnitude, spread, voltage.nodes, nodes)
    appliance, appliances, complete, idle = _appliances(flow, places)
    direct = flow.kinds == Kind.NODE
    parts, variances = _parts(flow)
    of_node = _mean(parts[direct], variances[direct], flow.places[direct], nodes)
    injection = _combined(of_node, appliances, idle)
    kinds, at, of_sensor = _branches(flow)
    measured = of_sensor >= 0
    return Quantities(
        magnitude=magnitude,
        angle=_angles(sensors, nodes),
        injection=injection,
        appliances=appliances,
        appliance=appliance,
        complete=complete,
        idle=idle,
        branch=_mean(parts[measured], variances[measured], of_sensor[measured], len(kinds)),
        branch_kinds=kinds,
        branch_places=at,
        branch_of_sensor=of_sensor,
    )


def inner_objective(sensors: Sensors, quantities: Quantities) -> float:
    """Squared deviations of sensors from the means of their quantities, in standard deviations."""
    voltage, flow = sensors.voltage, sensors.flow
    away = voltage.magnitude - quantities.magnitude.value[voltage.nodes]
    total = float((((away / voltage.sigma[:, None]) ** 2) * voltage.measured).sum())
    with_angle = np.isfinite(quantities.angle.variance[voltage.nodes]).all(axis=1)
    turned = voltage.angle[with_angle] - quantities.angle.value[voltage.nodes[with_angle]]
    spread = (voltage.sigma[:, None] / voltage.magnitude)[with_angle]
    total += float(((np.angle(np.exp(1j * turned)) / spread) ** 2).sum())
    parts, variances = _parts(flow)
    mean = np.zeros_like(parts)
    at_branch = quantities.branch_of_sensor >= 0
    mean[at_branch] = quantities.branch.value[quantities.branch_of_sensor[at_branch]]
    at_node, at_appliance = flow.kinds == Kind.NODE, flow.kinds == Kind.APPLIANCE
    mean[at_node] = quantities.injection.value[flow.places[at_node]]
    mean[at_appliance] = quantities.appliance.value[flow.places[at_appliance]]
    total += float(((parts - mean) ** 2 / variances).sum())
    whole = quantities.complete
    apart = quantities.appliances.value[whole] - quantities.injection.value[whole]
    return total + float((apart**2 / quantities.appliances.variance[whole]).sum())


def _parts(flow: FlowSensors) -> tuple[Real, Real]:
    """Real and imaginary parts (k, 2, 3) and their variances."""
    return np.stack([flow.values.real, flow.values.imag], axis=1), flow.variances


def _mean(values: Real, variances: Real, index: NDArray[np.intp], size: int) -> Mean:
    """Means (size, ...) of values (k, ...), weighted with their variances."""
    weight = np.zeros((size, *values.shape[1:]))
    total = np.zeros_like(weight)
    np.add.at(weight, index, 1 / variances)
    np.add.at(total, index, values / variances)
    known = weight > 0
    safe = np.where(known, weight, 1.0)
    return Mean(np.where(known, total / safe, 0.0), np.where(known, 1 / safe, np.inf))


def _angles(sensors: Sensors, nodes: int) -> Mean:
    """Mean angles (n, 3), taken relative to one sensor of the node: a full turn does not matter."""
    voltage = sensors.voltage
    without = np.zeros(nodes, dtype=np.bool_)
    without[voltage.nodes[np.isnan(voltage.angle).any(axis=1)]] = True
    counts = ~without[voltage.nodes]
    index = voltage.nodes[counts]
    first = np.zeros((nodes, 3))
    first[index] = voltage.angle[counts]
    turned = np.angle(np.exp(1j * (voltage.angle[counts] - first[index])))
    # power-grid-model takes a phasor's deviation as the same in all directions
    variance = (voltage.sigma[counts, None] / voltage.magnitude[counts]) ** 2
    mean = _mean(turned, variance, index, nodes)
    return Mean(mean.value + first, mean.variance)


def _appliances(
    flow: FlowSensors, places: Places
) -> tuple[Mean, Mean, NDArray[np.bool_], NDArray[np.bool_]]:
    """Appliances (a, 2, 3), their sums (n, 2, 3), and which nodes are complete or idle."""
    nodes, count = len(places.admittance.node_ids), len(places.appliance_ids)
    parts, variances = _parts(flow)
    own = flow.kinds == Kind.APPLIANCE
    each = _mean(parts[own], variances[own], flow.places[own], count)
    known = np.isfinite(each.variance).all(axis=(1, 2))
    on = places.appliance_on
    connected, unmeasured = np.zeros(nodes, dtype=int), np.zeros(nodes, dtype=int)
    np.add.at(connected, places.appliance_nodes[on], 1)
    np.add.at(unmeasured, places.appliance_nodes[on & ~known], 1)
    total, spread = np.zeros((nodes, 2, 3)), np.zeros((nodes, 2, 3))
    measured = on & known
    np.add.at(total, places.appliance_nodes[measured], each.value[measured])
    np.add.at(spread, places.appliance_nodes[measured], each.variance[measured])
    idle = connected == 0
    complete = (unmeasured == 0) & ~idle
    spread = np.where(complete[:, None, None], spread, np.inf)
    return each, Mean(total, spread), complete, idle


def _combined(direct: Mean, appliances: Mean, idle: NDArray[np.bool_]) -> Mean:
    """Injection of the nodes from their own sensors and from their appliances'."""
    weight = 1 / direct.variance + 1 / appliances.variance
    known = weight > 0
    safe = np.where(known, weight, 1.0)
    own = np.where(np.isfinite(direct.variance), direct.value, 0) / direct.variance
    parts = np.where(np.isfinite(appliances.variance), appliances.value, 0) / appliances.variance
    value = np.where(known, (own + parts) / safe, 0.0)
    variance = np.where(known, 1 / safe, np.inf)
    nothing = idle[:, None, None]
    return Mean(np.where(nothing, 0.0, value), np.where(nothing, 0.0, variance))


def _branches(flow: FlowSensors) -> tuple[NDArray[np.int64], NDArray[np.intp], NDArray[np.intp]]:
    """Distinct (kind, place) of branch and shunt sensors, and each sensor's index among them."""
    measured = ~np.isin(flow.kinds, (Kind.NODE, Kind.APPLIANCE))
    keys = np.stack([flow.kinds[measured].astype(np.int64), flow.places[measured]], axis=1)
    distinct, inverse = np.unique(keys, axis=0, return_inverse=True)
    of_sensor = np.full(len(flow.ids), -1, dtype=np.intp)
    of_sensor[measured] = inverse.reshape(-1)
    return distinct[:, 0], distinct[:, 1].astype(np.intp), of_sensor
