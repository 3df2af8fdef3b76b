"""How far measured values are from a state: the objective of least squares and its gradient.

The estimator minimises the sum of squared deviations. Which of two topologies explains the same
measurements better is the difference of these sums; which change of a measured value could lower
it at all is its gradient. Current sensors take part in the estimate but are not counted here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.functions.topology_check.readings import Readings
from ortsnetz_grid.functions.topology_check.sites import Sites, Spot

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]


@dataclass(frozen=True, slots=True)
class Deviations:
    """Deviations of an instant's sensors from a state.

    Attributes:
        readings: the `k` sensors.
        gradient: (k, 2, 3) half the derivative of the objective by the measured value; NaN where
            nothing is measured.
        objective: sum of the squared deviations, in standard deviations.
        values: number of measured values.
    """

    readings: Readings
    gradient: Real
    objective: float
    values: int


def deviations(sites: Sites, readings: Readings, voltage: Complex) -> Deviations:
    """Deviations of measurements from a state.

    Args:
        sites: the network in the switch state of the estimate.
        readings: sensors at these sites; those where nothing is fed are compared with zero.
        voltage: (n, 3) per unit, 0 where no source feeds.
    """
    injected = _injected(sites, voltage)
    expected = _expected(sites, readings, voltage, injected)
    away = readings.value - expected
    angles = readings.voltage & readings.live
    away[angles, 1] = np.angle(np.exp(1j * away[angles, 1]))
    gradient = away / readings.sigma**2
    share, inner = _appliances(sites, readings, injected, gradient)
    alone = ~((readings.kinds == Spot.APPLIANCE) & readings.live)
    objective = float(np.nansum((gradient * away)[alone])) + share + inner
    return Deviations(readings, gradient, objective, int(np.isfinite(readings.value).sum()))


def _expected(sites: Sites, readings: Readings, voltage: Complex, injected: Complex) -> Real:
    """What the sensors would read, (k, 2, 3); not for appliances, whose node counts as a whole."""
    found = np.zeros(readings.value.shape)
    flows, shunts = sites.model.branch_powers(voltage), sites.model.shunt_powers(voltage)
    for kind in Spot:
        mine = readings.live & (readings.kinds == kind)
        rows = readings.rows[mine]
        if kind <= Spot.BRANCH_TO:
            power = flows[rows, int(kind)]
        elif kind == Spot.SHUNT:
            power = shunts[rows]
        elif kind == Spot.NODE:
            power = injected[rows]
        else:
            continue
        found[mine] = np.stack([power.real, power.imag], axis=1)
    at = voltage[readings.nodes[readings.voltage]]
    found[readings.voltage] = np.stack([np.abs(at), np.angle(at)], axis=1)
    return found


def _injected(sites: Sites, voltage: Complex) -> Complex:
    """Power (n, 3) that the appliances of each node inject."""
    model = sites.model
    flows = model.branch_powers(voltage)
    power = np.zeros(voltage.shape, dtype=np.complex128)
    for end in (0, 1):
        np.add.at(power, model.ends[:, end], flows[:, end])
    np.add.at(power, model.shunt_nodes, model.shunt_powers(voltage))
    return power


def _appliances(
    sites: Sites, readings: Readings, injected: Complex, gradient: Real
) -> tuple[float, float]:
    """Loads and generators: only their sum at a node is compared, and only if all are measured.

    Writes their gradient.

    Returns:
        Objective of the sums, and that of several sensors of one appliance among each other.
    """
    mine = readings.live & (readings.kinds == Spot.APPLIANCE)
    rows, value = readings.rows[mine], readings.value[mine]
    weight = 1 / readings.sigma[mine] ** 2
    count = (len(sites.appliance_ids), 2, 3)
    weights, weighted = np.zeros(count), np.zeros(count)
    np.add.at(weights, rows, weight)
    np.add.at(weighted, rows, weight * value)
    measured = weights[:, 0, 0] > 0
    variance = np.divide(1.0, weights, out=np.zeros(count), where=weights > 0)
    mean = weighted * variance
    size = (len(injected), 2, 3)
    total, spread, missing = np.zeros(size), np.zeros(size), np.zeros(len(injected), dtype=np.intp)
    node, sign = sites.appliance_nodes, sites.appliance_signs[:, None, None]
    np.add.at(total, node, sign * mean)
    np.add.at(spread, node, variance)
    np.add.at(missing, node, sites.appliance_on & ~measured)
    complete = (missing == 0) & (spread[:, 0, 0] > 0)
    away = total - np.stack([injected.real, injected.imag], axis=1)
    pull = np.divide(away, spread, out=np.zeros(size), where=complete[:, None, None])
    own = (value - mean[rows]) * weight
    gradient[mine] = sign[rows] * pull[node[rows]] * variance[rows] * weight + own
    return float((away * pull).sum()), float((own * (value - mean[rows])).sum())
