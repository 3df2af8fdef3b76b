"""Measurements as flat arrays in per unit, with the place of each sensor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.functions.state_estimation import Measurements
from ortsnetz_grid.functions.topology_check.sites import Sites, Spot
from ortsnetz_grid.network.admittance import BASE_PHASE_VA

Real = NDArray[np.float64]

DEAD_PU = 0.2
"""Voltage below which a conductor is not fed: half of the rated one would trip any protection."""
_LIMIT = 1e100
"""Standard deviation from which a sensor says nothing."""
_NOISE = 6.0
"""Standard deviations up to which a flow is its sensor's noise."""
_VOLTAGE = ("sym_voltage_sensor", "asym_voltage_sensor")
_POWER = ("sym_power_sensor", "asym_power_sensor")


@dataclass(frozen=True, slots=True)
class Readings:
    """`k` voltage and power sensors of one instant. Current sensors are not among them.

    Second axis of values: magnitude and angle of a voltage, or active and reactive power in the
    sensor's own direction; third axis: phase. NaN is what is not measured.

    Attributes:
        ids: (k,).
        voltage: (k,) whether it is a voltage sensor.
        assumed: (k,) whether it stands for an assumption.
        per_phase: (k,) whether it has a value for each phase.
        elements: (k,) id of what is measured.
        kinds: (k,) `Spot`.
        rows: (k,) row among the places of that kind.
        nodes: (k,) row of the node at which it measures, -1 for nowhere.
        live: (k,) whether a source feeds the place.
        value: (k, 2, 3) per unit, angles in rad.
        sigma: (k, 2, 3) standard deviation.
    """

    ids: NDArray[np.int64]
    voltage: NDArray[np.bool_]
    assumed: NDArray[np.bool_]
    per_phase: NDArray[np.bool_]
    elements: NDArray[np.int64]
    kinds: NDArray[np.int8]
    rows: NDArray[np.intp]
    nodes: NDArray[np.intp]
    live: NDArray[np.bool_]
    value: Real
    sigma: Real

    @classmethod
    def of(cls, sites: Sites, measurements: Measurements) -> Readings:
        """Read all sensors that say something."""
        empty = np.zeros(0, np.int64)
        parts: list[tuple[NDArray[Any], ...]] = [
            (
                *(empty, empty > 0, empty > 0, empty, empty.astype(np.int8), empty, empty),
                *(empty > 0, np.zeros((0, 2, 3)), np.zeros((0, 2, 3))),
            )
        ]
        for component in (*_VOLTAGE, *_POWER):
            array = measurements.sensors.get(component)
            if array is None or not len(array):
                continue
            voltage = component in _VOLTAGE
            kinds, rows, nodes, live = sites.spots(array)
            read = _voltages if voltage else _powers
            value, sigma = read(sites, array, nodes)
            said = (sigma[:, 0] < _LIMIT).all(axis=1) & (kinds != Spot.NOWHERE)
            per_phase = np.full(len(array), component.startswith("asym"))
            whole = (
                array["id"],
                np.full(len(array), voltage),
                per_phase,
                array["measured_object"],
                kinds,
                rows,
                nodes,
                live,
                value,
                sigma,
            )
            parts.append(tuple(column[said] for column in whole))
        columns = [np.concatenate(each) for each in zip(*parts, strict=True)]
        ids, voltage_, per_phase_, *rest = columns
        assumed = np.isin(ids, list(measurements.pseudo))
        return cls(ids, voltage_, assumed, per_phase_, *rest)

    @property
    def loud(self) -> NDArray[np.bool_]:
        """Whether a sensor (k,) reads a voltage or a flow, so that its node is certainly fed."""
        first, sigma = self.value[:, 0], self.sigma[:, 0]
        fed = np.where(self.voltage[:, None], first > DEAD_PU, np.abs(first) > _NOISE * sigma)
        return np.asarray(fed.any(axis=1) & ~self.assumed)


def _voltages(sites: Sites, array: NDArray[Any], nodes: NDArray[np.intp]) -> tuple[Real, Real]:
    """Magnitudes and angles, and their deviations (k, 2, 3)."""
    symmetric = array["u_measured"].ndim == 1
    base = (sites.model.node_volts[nodes] * (np.sqrt(3) if symmetric else 1.0))[:, None]
    magnitude, angle = _phases(array["u_measured"]) / base, _phases(array["u_angle_measured"])
    if symmetric:
        angle = angle + np.array([0, -2, 2]) * np.pi / 3
    sigma = np.broadcast_to(array["u_sigma"][:, None] / base, magnitude.shape)
    across = sigma / np.maximum(magnitude, DEAD_PU)
    return np.stack([magnitude, angle], axis=1), np.stack([sigma, across], axis=1)


def _powers(sites: Sites, array: NDArray[Any], nodes: NDArray[np.intp]) -> tuple[Real, Real]:
    """Active and reactive power of a phase, and their deviations (k, 2, 3)."""
    del sites, nodes  # powers have one base everywhere
    scale = (1 / 3 if array["p_measured"].ndim == 1 else 1.0) / BASE_PHASE_VA
    value = np.stack([_phases(array[f"{name}_measured"]) for name in "pq"], axis=1)
    own = np.stack([_phases(array[f"{name}_sigma"]) for name in "pq"], axis=1)
    single = np.broadcast_to(array["power_sigma"][:, None, None], own.shape)
    return value * scale, np.where(np.isnan(own), single, own) * scale


def _phases(values: NDArray[Any]) -> Real:
    """Values of three phases (k, 3); a symmetric sensor has one for all."""
    wide = values if values.ndim == 2 else np.repeat(values[:, None], 3, axis=1)
    return np.asarray(wide, dtype=np.float64)
