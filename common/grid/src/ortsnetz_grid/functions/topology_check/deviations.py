"""How far measured values are from a state: the objective of least squares and its gradient.

The estimator minimises the sum of squared deviations. Which of two topologies explains the same
measurements better is the difference of these sums; which change of a measured value could lower
it at all is its gradient. Current sensors take part in the estimate but are not counted here.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from power_grid_model import MeasuredTerminalType

from ortsnetz_grid.functions.state_estimation import Measurements
from ortsnetz_grid.functions.topology_check.sites import Sites
from ortsnetz_grid.network.admittance import BASE_PHASE_VA

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

_VOLTAGE = ("sym_voltage_sensor", "asym_voltage_sensor")
_POWER = ("sym_power_sensor", "asym_power_sensor")
_LIMIT = 1e100
"""Standard deviation from which a sensor says nothing."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """What one sensor says and how it stands to the state, per unit.

    The first axis is magnitude and angle of a voltage, or active and reactive power (in the
    sensor's own direction); the second is the phase. NaN is what is not measured.

    Attributes:
        value: (2, 3) measured.
        sigma: (2, 3) standard deviation.
        gradient: (2, 3) half the derivative of the sum of squares by the value.
    """

    value: Real
    sigma: Real
    gradient: Real


@dataclass(slots=True)
class Deviations:
    """Deviations of all sensors of an instant; filled by `deviations`.

    Attributes:
        sensors: by sensor id.
        objective: sum of the squared deviations.
        values: number of measured values in it.
    """

    sensors: dict[int, Deviation] = field(default_factory=dict)
    objective: float = 0.0
    values: int = 0

    def add(self, sensor: int, value: Real, sigma: Real, expected: Real) -> None:
        """A sensor that is compared with the state by itself."""
        scaled = (value - expected) / sigma
        self.sensors[sensor] = Deviation(value, sigma, scaled / sigma)
        self.objective += float(np.nansum(scaled**2))
        self.values += int(np.isfinite(scaled).sum())


@dataclass(frozen=True, slots=True)
class _Powers:
    """Powers of a state, per unit.

    Attributes:
        sites: the network.
        flows: (b, 2, 3) into the branches at their ends.
        shunts: (s, 3) consumed by shunts.
        injected: (n, 2, 3) active and reactive power that the appliances of each node inject.
    """

    sites: Sites
    flows: Complex
    shunts: Complex
    injected: Real

    @classmethod
    def of(cls, sites: Sites, voltage: Complex) -> _Powers:
        model = sites.model
        flows, shunts = model.branch_powers(voltage), model.shunt_powers(voltage)
        power = np.zeros(voltage.shape, dtype=np.complex128)
        for end in (0, 1):
            np.add.at(power, model.ends[:, end], flows[:, end])
        np.add.at(power, model.shunt_nodes, shunts)
        return cls(sites, flows, shunts, np.stack([power.real, power.imag], axis=1))

    def at(self, target: int, terminal: int) -> Real:
        """Active and reactive power (2, 3) at a branch end, a shunt or a node."""
        if target in self.sites.branch_rows:
            end = 0 if terminal == MeasuredTerminalType.branch_from else 1
            power = self.flows[self.sites.branch_rows[target], end]
        elif target in self.sites.shunt_rows:
            power = self.shunts[self.sites.shunt_rows[target]]
        else:
            return np.asarray(self.injected[self.sites.node_rows[target]])
        return np.stack([power.real, power.imag])


def deviations(sites: Sites, measurements: Measurements, voltage: Complex) -> Deviations:
    """Deviations of measurements from a state.

    Args:
        sites: the network in the switch state of the estimate.
        measurements: sensors; those where nothing is fed are compared with zero.
        voltage: (n, 3) per unit, 0 where no source feeds.
    """
    found = Deviations()
    for component in _VOLTAGE:
        array = measurements.sensors.get(component)
        if array is not None and len(array):
            _voltages(found, sites, array, component, voltage)
    at_appliances: dict[int, list[tuple[int, Real, Real]]] = defaultdict(list)
    powers = _Powers.of(sites, voltage)
    for component in _POWER:
        array = measurements.sensors.get(component)
        if array is None or not len(array):
            continue
        live = sites.live_rows(array)
        for row in range(len(array)):
            value, sigma = _power(array, row, component)
            if not np.isfinite(sigma).all() or (sigma >= _LIMIT).any():
                continue
            sensor, target = int(array["id"][row]), int(array["measured_object"][row])
            if not live[row]:
                found.add(sensor, value, sigma, np.zeros((2, 3)))
            elif target in sites.appliances:
                at_appliances[target].append((sensor, value, sigma))
            else:
                terminal = int(array["measured_terminal_type"][row])
                found.add(sensor, value, sigma, powers.at(target, terminal))
    _appliances(found, sites, at_appliances, powers.injected)
    return found


def _voltages(
    found: Deviations, sites: Sites, array: NDArray[Any], component: str, voltage: Complex
) -> None:
    symmetric = component.startswith("sym")
    for row in range(len(array)):
        at = sites.node_of(int(array["measured_object"][row]), None)
        sigma = float(array["u_sigma"][row])
        if at is None or not sigma < _LIMIT:
            continue
        base = sites.model.node_volts[at] * (np.sqrt(3) if symmetric else 1.0)
        magnitude = _phases(array["u_measured"][row]) / base
        angle = _phases(array["u_angle_measured"][row])
        if symmetric:
            angle = angle + np.array([0, -2, 2]) * np.pi / 3
        mine = np.angle(voltage[at])
        near = mine + np.angle(np.exp(1j * (np.where(np.isnan(angle), 0.0, angle) - mine)))
        near = np.where(np.isnan(angle) | (voltage[at] == 0), np.nan, near)
        found.add(
            int(array["id"][row]),
            np.stack([magnitude, near]),
            np.stack([np.full(3, sigma / base), sigma / base / np.maximum(magnitude, 1e-3)]),
            np.stack([np.abs(voltage[at]), mine]),
        )


def _appliances(
    found: Deviations,
    sites: Sites,
    measured: dict[int, list[tuple[int, Real, Real]]],
    injected: Real,
) -> None:
    """Loads and generators: only the sum at a node is compared, and only if all are measured."""
    at_node: dict[int, list[int]] = defaultdict(list)
    for element, appliance in sites.appliances.items():
        if appliance.on and sites.model.energised[appliance.node]:
            at_node[appliance.node].append(element)
    for node, elements in at_node.items():
        means = {each: _mean(measured[each]) for each in elements if each in measured}
        complete = len(means) == len(elements)
        pull = np.zeros((2, 3))
        if complete:
            signs = {each: sites.appliances[each].injection for each in elements}
            away = sum(signs[each] * means[each][0] for each in elements) - injected[node]
            spread = np.sum([means[each][1] for each in elements], axis=0)
            pull = away / spread
            found.objective += float((away * pull).sum())
        for each, (mean, variance) in means.items():
            for sensor, value, sigma in measured[each]:
                own = (value - mean) / sigma**2
                share = sites.appliances[each].injection * pull * variance / sigma**2
                found.sensors[sensor] = Deviation(value, sigma, share + own)
                found.objective += float((own * (value - mean)).sum())
                found.values += 6


def _mean(readings: list[tuple[int, Real, Real]]) -> tuple[Real, Real]:
    """Weighted mean of several sensors of one appliance, and its variance."""
    weights = np.stack([1 / sigma**2 for _, _, sigma in readings])
    values = np.stack([value for _, value, _ in readings])
    variance = 1 / weights.sum(axis=0)
    return (weights * values).sum(axis=0) * variance, variance


def _power(array: NDArray[Any], row: int, component: str) -> tuple[Real, Real]:
    """Measured power and its deviation (2, 3), per unit of a phase."""
    scale = (1 / 3 if component.startswith("sym") else 1.0) / BASE_PHASE_VA
    value = np.stack([_phases(array[f"{name}_measured"][row]) for name in "pq"]) * scale
    sigma = np.stack([_phases(array[f"{name}_sigma"][row]) for name in "pq"])
    if np.isnan(sigma).all():
        sigma = np.full((2, 3), float(array["power_sigma"][row]))
    return value, sigma * scale


def _phases(value: Any) -> Real:
    return np.array(np.broadcast_to(np.asarray(value, dtype=np.float64), 3))
