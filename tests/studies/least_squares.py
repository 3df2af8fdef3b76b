"""Exact weighted least squares, dense, for judging: nonlinear, all sensors, no shortcuts.

Gauss-Newton on real and imaginary parts of the voltages, each step by QR of the weighted Jacobian
(Abur and Exposito, Power System State Estimation, 2004, chapters 2 and 5). Only the network's
admittances are shared with the product.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from studies.reduction import Joined, Reduced, three

from ortsnetz_grid.network.admittance import BASE_PHASE_VA
from ortsnetz_grid.network.model import Network

Array = NDArray[Any]
NOTHING = 1e-7
"""Deviation of an injection that is exactly nothing, per unit: 0.03 VA."""
ANGLE_SIGMA = 0.01
"""How well the angles at the sources are known, rad; without it nothing ties the phases."""
STEPS = 12
CONVERGED = 1e-7
"""Largest change of a voltage, per unit, in the last step."""


@dataclass(frozen=True)
class Fit:
    """Result of the least squares.

    Attributes:
        voltage: (n, 3) complex, per unit; 0 where nothing feeds.
        normalised: largest normalised residual of each voltage sensor, by id.
        objective: sum of the squared weighted residuals.
    """

    voltage: Array
    normalised: Mapping[int, float]
    objective: float


@dataclass(frozen=True)
class _Magnitudes:
    """Measured |V|: numbers of the phases, values and deviations (m,), per unit."""

    at: Array
    u: Array
    sigma: Array

    def rows(self, v: Array) -> tuple[Array, Array]:
        size, here = np.abs(v[self.at]), np.arange(len(self.at))
        block = np.zeros((len(self.at), 2 * len(v)))
        block[here, self.at] = v[self.at].real / size / self.sigma
        block[here, len(v) + self.at] = v[self.at].imag / size / self.sigma
        return (self.u - size) / self.sigma, block


@dataclass(frozen=True)
class _Powers:
    """Measured S = v conj(Y v) at phases `at`; `sigma` is complex: of P and of Q."""

    at: Array
    admittance: Array
    columns: Array
    s: Array
    sigma: Array

    def rows(self, v: Array) -> tuple[Array, Array]:
        """dS = dv conj(i) + v conj(Y dv)."""
        current = self.admittance @ v[self.columns]
        missing = self.s - v[self.at] * np.conj(current)
        own = np.zeros((len(self.at), len(v)), complex)
        own[np.arange(len(self.at)), self.at] = np.conj(current)
        cross = np.zeros_like(own)
        cross[:, self.columns] = v[self.at][:, None] * np.conj(self.admittance)
        by_real, by_imag = own + cross, 1j * (own - cross)
        p, q = self.sigma.real[:, None], self.sigma.imag[:, None]
        residual = [missing.real / self.sigma.real, missing.imag / self.sigma.imag]
        block = [
            np.hstack([by_real.real, by_imag.real]) / p,
            np.hstack([by_real.imag, by_imag.imag]) / q,
        ]
        return np.concatenate(residual), np.vstack(block)


@dataclass(frozen=True)
class _Angles:
    """Angles at the sources: one fixes the frame, the others tie the phases to each other."""

    at: Array
    unloaded: Array

    def rows(self, v: Array) -> tuple[Array, Array]:
        here, at = np.arange(len(self.at)), self.at
        turned = np.angle(v[at] * np.conj(self.unloaded))
        square = np.abs(v[at]) ** 2
        block = np.zeros((len(at), 2 * len(v)))
        block[here, at] = -v[at].imag / square / ANGLE_SIGMA
        block[here, len(v) + at] = v[at].real / square / ANGLE_SIGMA
        return -turned / ANGLE_SIGMA, block


_Rows = _Magnitudes | _Powers | _Angles


def fit(network: Network) -> Fit:
    """Estimate a case whose sensors are `asym_voltage_sensor` and `asym_power_sensor`.

    Raises:
        RuntimeError: it does not converge.
    """
    reduced, measured = _problem(network)
    v, half = reduced.unloaded, len(reduced.unloaded)
    for _ in range(STEPS):
        residual, jacobian = _linearised(measured, v)
        q, r = linalg.qr(jacobian, mode="economic", check_finite=False)
        step = linalg.solve_triangular(r, q.T @ residual)
        v = v + step[:half] + 1j * step[half:]
        if np.abs(step).max() < CONVERGED:
            break
    else:
        raise RuntimeError(f"least squares of {STEPS} steps do not converge")
    residual, jacobian = _linearised(measured, v)
    q, _ = linalg.qr(jacobian, mode="economic", check_finite=False)
    sensors = network.data["asym_voltage_sensor"]
    count = 3 * len(sensors)
    free = 1 - np.square(q[:count]).sum(axis=1)  # variance of the weighted residual
    critical = free < 1e-6
    sizes = np.where(critical, 0, np.abs(residual[:count]) / np.sqrt(np.maximum(free, 1e-6)))
    largest = sizes.reshape(-1, 3).max(axis=1)
    return Fit(
        voltage=reduced.everywhere(v),
        normalised=dict(zip(sensors["id"].tolist(), largest.tolist(), strict=True)),
        objective=float(residual @ residual),
    )


def _linearised(measured: tuple[_Rows, ...], v: Array) -> tuple[Array, Array]:
    """Weighted residuals (m,) and weighted Jacobian (m, 6k); voltages come first."""
    parts = [each.rows(v) for each in measured]
    return np.concatenate([part[0] for part in parts]), np.vstack([part[1] for part in parts])


def _problem(network: Network) -> tuple[Reduced, tuple[_Rows, ...]]:
    joined = Joined.of(network)
    rows = {int(node): int(joined.merged[row]) for row, node in enumerate(joined.model.node_ids)}
    voltage, power = network.data["asym_voltage_sensor"], network.data["asym_power_sensor"]
    at_branch = np.isin(power["measured_object"], joined.model.branch_ids)
    injected = _injected(network, power[~at_branch], rows)
    ends = [joined.model.ends[_branch(joined, sensor)] for sensor in power[at_branch]]
    seen = {rows[int(node)] for node in voltage["measured_object"]}
    seen |= {int(end) for pair in ends for end in pair} | set(injected) | set(joined.sources)
    reduced = Reduced.of(joined, seen)
    position = {int(row): place for place, row in enumerate(reduced.kept)}
    at = [position[rows[int(node)]] for node in voltage["measured_object"]]
    volts = joined.model.node_volts[reduced.kept[at]][:, None]
    magnitudes = _Magnitudes(
        at=three(at),
        u=(voltage["u_measured"] / volts).ravel(),
        sigma=np.broadcast_to(voltage["u_sigma"][:, None] / volts, (len(at), 3)).ravel(),
    )
    sources = three([position[int(row)] for row in joined.sources])
    return reduced, (
        magnitudes,
        *(_flow(joined, sensor, position) for sensor in power[at_branch]),
        _injections(reduced, injected),
        _Angles(sources, reduced.unloaded[sources]),
    )


def _branch(joined: Joined, sensor: Array) -> int:
    return int(np.flatnonzero(joined.model.branch_ids == sensor["measured_object"])[0])


def _flow(joined: Joined, sensor: Array, position: Mapping[int, int]) -> _Powers:
    """Power into a branch at its end 0 or 1."""
    row, end = _branch(joined, sensor), int(sensor["measured_terminal_type"])
    ends = [position[int(node)] for node in joined.model.ends[row]]
    return _Powers(
        at=three([ends[end]]),
        admittance=np.hstack(list(joined.model.blocks[row, end])),
        columns=three(ends),
        s=(sensor["p_measured"] + 1j * sensor["q_measured"]) / BASE_PHASE_VA,
        sigma=(sensor["p_sigma"] + 1j * sensor["q_sigma"]) / BASE_PHASE_VA,
    )


def _injected(network: Network, power: Array, rows: Mapping[int, int]) -> dict[int, Array]:
    """By node: power into the network and its variances of P and Q as one complex, (2, 3)."""
    found: dict[int, Array] = {}
    for element, sensor in zip(power["measured_object"].tolist(), power, strict=True):
        component = network.components[element]
        node = rows[int(network.data[component]["node"][network.row(component, element)])]
        sign = -1 if component == "asym_load" else 1
        said = np.stack(
            [
                sign * (sensor["p_measured"] + 1j * sensor["q_measured"]),
                sensor["p_sigma"] ** 2 + 1j * sensor["q_sigma"] ** 2,
            ]
        )
        found[node] = found.get(node, 0) + said
    return found


def _injections(reduced: Reduced, injected: Mapping[int, Array]) -> _Powers:
    """At all kept nodes without source; nothing, exactly, where no appliance is."""
    places = [
        place for place, row in enumerate(reduced.kept) if row not in set(reduced.joined.sources)
    ]
    s, sigma = zip(*_each(reduced, injected, places), strict=True)
    columns = np.arange(3 * len(reduced.kept))
    at = three(places)
    return _Powers(at, reduced.matrix[at], columns, np.concatenate(s), np.concatenate(sigma))


def _each(
    reduced: Reduced, injected: Mapping[int, Array], places: list[int]
) -> Iterator[tuple[Array, Array]]:
    for place in places:
        said = injected.get(int(reduced.kept[place]))
        if said is None:
            yield np.zeros(3, complex), np.full(3, NOTHING * (1 + 1j))
        else:
            deviation = np.sqrt(said[1].real) + 1j * np.sqrt(said[1].imag)
            yield said[0] / BASE_PHASE_VA, deviation / BASE_PHASE_VA
