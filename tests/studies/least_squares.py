"""Exact weighted least squares for judging: nonlinear, all sensors, zero injections exact.

Gauss-Newton on real and imaginary parts of the voltages; each step solves Hachtel's augmented
matrix, in which a variance may be 0, and whose inverse contains the residuals' covariance (Abur and
Exposito, Power System State Estimation, 2004, chapters 3.6 and 5). Only the network's admittances
are shared with the product.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import linalg
from studies.joined import Joined, three

from ortsnetz_grid.network.admittance import BASE_PHASE_VA
from ortsnetz_grid.network.model import Network

Array = NDArray[Any]
ANGLE_SIGMA = 0.004
"""How well the angles at the sources are known, rad; without it nothing ties the phases."""
STEPS = 12
CONVERGED = 1e-7
"""Largest change of a voltage, per unit, in the last step."""
_SCALE = 1e-5
"""Of variances in the augmented matrix: its pivots then have a similar size."""


@dataclass(frozen=True)
class Fit:
    """Result of the least squares.

    Attributes:
        voltage: (n, 3) complex, per unit; 0 where nothing feeds.
        normalised: largest normalised residual of each voltage sensor, by id.
    """

    voltage: Array
    normalised: Mapping[int, float]


@dataclass(frozen=True)
class _Magnitudes:
    """Measured |V| (m,) at phases `at`, with variances; per unit."""

    at: Array
    value: Array
    variance: Array

    def rows(self, v: Array) -> tuple[Array, sparse.csr_array]:
        size = np.abs(v[self.at])
        unit = v[self.at] / size
        return self.value - size, _at(unit.real, unit.imag, self.at, len(v))


@dataclass(frozen=True)
class _Angles:
    """Angles at the sources: one fixes the frame, the others tie the phases to each other."""

    at: Array
    unloaded: Array
    variance: Array

    def rows(self, v: Array) -> tuple[Array, sparse.csr_array]:
        there = v[self.at]
        turn = 1j * there / np.abs(there) ** 2
        return -np.angle(there * np.conj(self.unloaded)), _at(turn.real, turn.imag, self.at, len(v))


@dataclass(frozen=True)
class _Powers:
    """Measured S = v conj(Y v) (m,) at phases `at`; variances of P, then of Q (2m,)."""

    at: Array
    admittance: sparse.csr_array
    value: Array
    variance: Array

    def rows(self, v: Array) -> tuple[Array, sparse.csr_array]:
        """dS = dv conj(i) + v conj(Y dv)."""
        current = self.admittance @ v
        missing = self.value - v[self.at] * np.conj(current)
        own = _at(np.conj(current), np.zeros(len(self.at)), self.at, len(v))[:, : len(v)]
        cross = sparse.diags_array(v[self.at]) @ self.admittance.conj()
        by_real, by_imag = own + cross, 1j * (own - cross)
        block = sparse.block_array([[by_real.real, by_imag.real], [by_real.imag, by_imag.imag]])
        return np.concatenate([missing.real, missing.imag]), block.tocsr()


_Rows = _Magnitudes | _Powers | _Angles


def fit(network: Network, angle_sigma: tuple[float, float, float] = 3 * (ANGLE_SIGMA,)) -> Fit:
    """Estimate a case whose sensors are `asym_voltage_sensor` and `asym_power_sensor`.

    Args:
        network: with its sensors.
        angle_sigma: deviation of each phase's angle at the sources, rad; 0 is exact.

    Raises:
        RuntimeError: it does not converge.
    """
    joined = Joined.of(network)
    v = joined.unloaded()
    measured = _measured(network, joined, v, angle_sigma)
    variance = np.concatenate([each.variance for each in measured])
    half = len(v)
    for _ in range(STEPS):
        residual, jacobian = _linearised(measured, v)
        solved = _augmented(jacobian, variance).solve(np.append(residual, np.zeros(2 * half)))
        step = solved[len(residual) :]
        v = v + step[:half] + 1j * step[half:]
        if np.abs(step).max() < CONVERGED:
            break
    else:
        raise RuntimeError(f"least squares of {STEPS} steps do not converge")
    residual, jacobian = _linearised(measured, v)
    sensors = network.data["asym_voltage_sensor"]
    count = 3 * len(sensors)
    unit = np.zeros((len(residual) + 2 * half, count))
    unit[np.arange(count), np.arange(count)] = 1
    inverse = np.diag(_augmented(jacobian, variance).solve(unit)[:count])
    free = inverse * variance[:count] / _SCALE  # share of the variance that the residual keeps
    critical = free < 1e-6
    deviation = np.sqrt(variance[:count] * np.where(critical, 1, free))
    sizes = np.where(critical, 0, np.abs(residual[:count]) / deviation)
    largest = sizes.reshape(-1, 3).max(axis=1)
    return Fit(
        voltage=joined.everywhere(v),
        normalised=dict(zip(sensors["id"].tolist(), largest.tolist(), strict=True)),
    )


def _augmented(jacobian: sparse.csr_array, variance: Array) -> linalg.SuperLU:
    """Factors of [R H; H' 0]."""
    return linalg.splu(
        sparse.block_array(
            [[sparse.diags_array(variance / _SCALE), jacobian], [jacobian.T, None]], format="csc"
        )
    )


def _linearised(measured: tuple[_Rows, ...], v: Array) -> tuple[Array, sparse.csr_array]:
    """Residuals (m,) and Jacobian (m, 6k); voltages come first."""
    parts = [each.rows(v) for each in measured]
    jacobian = sparse.vstack([part[1] for part in parts], format="csr")
    return np.concatenate([part[0] for part in parts]), jacobian


def _at(by_real: Array, by_imag: Array, at: Array, count: int) -> sparse.csr_array:
    """Rows that depend on one phase each: (m, 2 count)."""
    here = np.arange(len(at))
    rows, columns = np.concatenate([here, here]), np.concatenate([at, count + at])
    shape = (len(at), 2 * count)
    return sparse.csr_array((np.concatenate([by_real, by_imag]), (rows, columns)), shape=shape)


def _measured(
    network: Network, joined: Joined, unloaded: Array, angle_sigma: tuple[float, float, float]
) -> tuple[_Rows, ...]:
    """All sensors; at nodes with neither appliance nor source nothing is injected, exactly."""
    voltage, power = network.data["asym_voltage_sensor"], network.data["asym_power_sensor"]
    row = {int(node): place for place, node in enumerate(joined.model.node_ids)}
    nodes = np.array([row[int(node)] for node in voltage["measured_object"]])
    volts = joined.model.node_volts[nodes][:, None]
    sigma = np.broadcast_to(voltage["u_sigma"][:, None] / volts, (len(nodes), 3))
    at_branch = np.isin(power["measured_object"], joined.model.branch_ids)
    sources = three(joined.sources)
    return (
        _Magnitudes(
            at=three(joined.place[nodes]),
            value=(voltage["u_measured"] / volts).ravel(),
            variance=np.square(sigma).ravel(),
        ),
        _flows(joined, power[at_branch]),
        _injections(network, joined, power[~at_branch], row),
        _Angles(sources, unloaded[sources], np.tile(np.square(angle_sigma), len(joined.sources))),
    )


def _flows(joined: Joined, power: Array) -> _Powers:
    """Powers into branches at their end 0 or 1."""
    branch = {int(b): place for place, b in enumerate(joined.model.branch_ids)}
    rows = np.array([branch[int(element)] for element in power["measured_object"]])
    end = power["measured_terminal_type"].astype(int)  # 0 from, 1 to, as that library numbers them
    ends = joined.place[joined.model.ends[rows]]
    places = three(range(len(rows))).reshape(-1, 3)
    parts = []
    for side in (0, 1):
        blocks = joined.model.blocks[rows, end, side]
        columns = three(ends[:, side]).reshape(-1, 3)
        wide = np.broadcast_to(places[:, :, None], blocks.shape).ravel()
        deep = np.broadcast_to(columns[:, None, :], blocks.shape).ravel()
        shape = (3 * len(rows), joined.matrix.shape[1])
        parts.append(sparse.csr_array((blocks.ravel(), (wide, deep)), shape=shape))
    value = (power["p_measured"] + 1j * power["q_measured"]).ravel() / BASE_PHASE_VA
    sigma = np.concatenate([power["p_sigma"].ravel(), power["q_sigma"].ravel()]) / BASE_PHASE_VA
    at = three(ends[np.arange(len(rows)), end])
    return _Powers(at, (parts[0] + parts[1]).tocsr(), value, np.square(sigma))


def _injections(network: Network, joined: Joined, power: Array, row: Mapping[int, int]) -> _Powers:
    """Powers into the network at all nodes without source, of all appliances together."""
    count = len(joined.kept)
    value = np.zeros((count, 3), complex)
    variance = np.zeros((2, count, 3))
    for sensor in power:
        element = int(sensor["measured_object"])
        component = network.components[element]
        node = row[int(network.data[component]["node"][network.row(component, element)])]
        place, sign = joined.place[node], -1 if component == "asym_load" else 1
        value[place] += sign * (sensor["p_measured"] + 1j * sensor["q_measured"]) / BASE_PHASE_VA
        for part, name in enumerate(("p_sigma", "q_sigma")):
            variance[part, place] += np.square(sensor[name] / BASE_PHASE_VA)
    free = np.setdiff1d(np.arange(count), joined.sources)
    at = three(free)
    return _Powers(
        at, joined.matrix[at], value[free].ravel(), np.concatenate(list(variance[:, free])).ravel()
    )
