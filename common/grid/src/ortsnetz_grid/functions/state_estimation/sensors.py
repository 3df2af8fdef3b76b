"""Sensors of a case as flat arrays in per unit, checked: no value is missing, every place exists.

power-grid-model computes with whatever it is given: a missing value or a current sensor without
angle gives a result of NaN and no error. Here a missing value is refused by name. A current sensor
that states neither an angle nor an angle's deviation measures the size of the current alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from power_grid_model import AngleMeasurementType

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.state_estimation.places import Kind, Places
from ortsnetz_grid.functions.state_estimation.result import Measurements
from ortsnetz_grid.network.admittance import BASE_PHASE_VA

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

_DISABLED = 1e100
"""A standard deviation from which a sensor says nothing, in any unit."""
_SMALLEST = 1e-100
"""A standard deviation below this is nothing: its square is."""
_NOISE = 6.0
"""Standard deviations up to which what a sensor says of something switched off is its noise."""


@dataclass(frozen=True, slots=True)
class VoltageSensors:
    """`k` voltage sensors that count.

    Attributes:
        ids: (k,).
        nodes: (k,) rows of their nodes.
        measured: (k, 3) whether the phase is measured.
        magnitude: (k, 3) per unit; 1 where it is not measured.
        angle: (k, 3) rad; NaN where only magnitudes are measured.
        sigma: (k,) per unit.
    """

    ids: NDArray[np.int64]
    nodes: NDArray[np.intp]
    measured: NDArray[np.bool_]
    magnitude: Real
    angle: Real
    sigma: Real


@dataclass(frozen=True, slots=True)
class FlowSensors:
    """`k` power or current sensors that count.

    Attributes:
        ids: (k,).
        kinds: (k,) `places.Kind`: what is measured.
        places: (k,) index among the things of this kind.
        values: (k, 3) complex, per unit; appliances and nodes: injected into the network.
        variances: (k, 2, 3) of real and imaginary part.
    """

    ids: NDArray[np.int64]
    kinds: NDArray[np.int8]
    places: NDArray[np.intp]
    values: Complex
    variances: Real


@dataclass(frozen=True, slots=True)
class Sensors:
    """All sensors that count; those that are switched off or disabled are left out."""

    voltage: VoltageSensors
    flow: FlowSensors


def read_sensors(measurements: Measurements, places: Places) -> Sensors:
    """Check and convert the sensors.

    Raises:
        InputError: names the sensor and what is wrong with it.
    """
    voltage = [
        _voltage(array, name, places)
        for name in ("sym_voltage_sensor", "asym_voltage_sensor")
        if len(array := measurements.sensors.get(name, np.zeros(0)))
    ]
    flow = [
        read(array, name, places)
        for name, read in (
            ("sym_power_sensor", _power),
            ("asym_power_sensor", _power),
            ("sym_current_sensor", _current),
            ("asym_current_sensor", _current),
        )
        if len(array := measurements.sensors.get(name, np.zeros(0)))
    ]
    return Sensors(_join_voltage(voltage), _join_flow(flow))


def _voltage(array: NDArray[Any], component: str, places: Places) -> VoltageSensors:
    values = _per_phase(array["u_measured"])
    measured = ~np.isnan(values)
    usable = measured.any(axis=1) & _every(~measured | ((values > 0) & np.isfinite(values)))
    _refuse(array, component, ~usable, "u_measured: must be a positive number")
    _require_positive(array, component, "u_sigma", infinite=True)
    nodes = places.nodes(array, component)
    rated = places.network.data["node"]["u_rated"][nodes]
    base = rated if component.startswith("sym") else rated / np.sqrt(3)
    angle = _per_phase(array["u_angle_measured"])
    if component.startswith("sym"):
        angle = angle + np.array([0, -2, 2]) * np.pi / 3
    partly = ~_every(np.isnan(angle)) & ~_every(~np.isnan(angle) & measured)
    _refuse(array, component, partly, "u_angle_measured: is given for some phases only")
    live = places.admittance.energised[nodes]
    loud = ~live & ~_every(~measured | (values <= _NOISE * array["u_sigma"][:, None]))
    _refuse(array, component, loud, "measures a voltage at a node that no source feeds")
    counts = live & (array["u_sigma"] < _DISABLED)
    return VoltageSensors(
        ids=array["id"][counts].astype(np.int64),
        nodes=nodes[counts],
        measured=measured[counts],
        magnitude=np.where(measured, values / base[:, None], 1.0)[counts],
        angle=angle[counts],
        sigma=(array["u_sigma"] / base)[counts],
    )


def _power(array: NDArray[Any], component: str, places: Places) -> FlowSensors:
    for name in ("p_measured", "q_measured"):
        _require_numbers(array, component, name)
    kinds, index, sign, live = places.terminals(array, component)
    # a symmetric sensor measures three phases together, each a third of value and deviation
    share = 1 / 3 if component.startswith("sym") else 1.0
    scale = share / BASE_PHASE_VA
    values = _per_phase(array["p_measured"]) + 1j * _per_phase(array["q_measured"])
    variances, enabled = _power_variances(array, component)
    quiet = _every(np.stack([values.real, values.imag], axis=1) ** 2 <= _NOISE**2 * variances)
    _refuse(
        array,
        component,
        ~live & ~quiet & enabled,
        "measures a flow where nothing is connected or fed",
    )
    counts = live & enabled
    return FlowSensors(
        ids=array["id"][counts].astype(np.int64),
        kinds=kinds[counts],
        places=index[counts],
        values=np.asarray(values * sign[:, None] * scale, dtype=np.complex128)[counts],
        variances=(variances * scale**2)[counts],
    )


def _power_variances(array: NDArray[Any], component: str) -> tuple[Real, NDArray[np.bool_]]:
    """Variances (k, 2, 3) in the sensors' units, and which sensors are not disabled (k,).

    `power_sigma` is the deviation of the complex power. How it is shared between P and Q is not
    known, so either may have all of it; power-grid-model weighs such a sensor the same way.
    """
    p_sigma, q_sigma = _per_phase(array["p_sigma"]), _per_phase(array["q_sigma"])
    given = np.stack([~np.isnan(p_sigma), ~np.isnan(q_sigma)], axis=1)
    own = ~_every(~given)
    _refuse(
        array,
        component,
        own & ~_every(given),
        "p_sigma and q_sigma: both are needed, for all phases, or neither",
    )
    single = np.broadcast_to(array["power_sigma"][:, None, None], given.shape)
    sigma = np.where(own[:, None, None], np.stack([p_sigma, q_sigma], axis=1), single)
    wrong = ~_every(sigma > _SMALLEST)
    _refuse(array, component, wrong & own, "p_sigma, q_sigma: must be positive numbers")
    _refuse(array, component, wrong, "power_sigma: must be a positive number")
    enabled = _every(sigma < _DISABLED)
    return np.where(enabled[:, None, None], sigma, 1.0) ** 2, enabled


def _current(array: NDArray[Any], component: str, places: Places) -> FlowSensors:
    _require_numbers(array, component, "i_measured")
    _require_positive(array, component, "i_sigma", infinite=True)
    alone = without_angle(array)
    if alone.any():
        sizes = _current_sizes(array[alone], component, places)
        rest = [_current(array[~alone], component, places)] if not alone.all() else []
        return _join_flow([sizes, *rest])
    _require_numbers(array, component, "i_angle_measured")
    _require_positive(array, component, "i_angle_sigma", infinite=True)
    kinds, index, _, live = places.terminals(array, component)
    wrong = kinds > Kind.BRANCH_TO
    _refuse(array, component, wrong, "measured_terminal_type: a current is measured at a branch")
    local = array["angle_measurement_type"] == AngleMeasurementType.local_angle
    node = places.admittance.ends[index, kinds]
    base = BASE_PHASE_VA / places.admittance.node_volts[node]
    magnitude, angle = _per_phase(array["i_measured"]), _per_phase(array["i_angle_measured"])
    if component.startswith("sym"):
        turn = np.array([0, -2, 2]) * np.pi / 3
        angle = angle + np.where(local[:, None], 0, turn)
    cosine, sine = np.cos(angle), np.sin(angle)
    along = (array["i_sigma"] ** 2)[:, None]
    across = magnitude**2 * (array["i_angle_sigma"] ** 2)[:, None]
    # a current below its deviation has no direction to speak of
    across = np.where(magnitude**2 < along, np.maximum(across, along), across)
    variances = np.stack(
        [along * cosine**2 + across * sine**2, along * sine**2 + across * cosine**2], axis=1
    )
    loud = ~live & ~_every(np.abs(magnitude) <= _NOISE * array["i_sigma"][:, None])
    _refuse(array, component, loud, "measures a flow where nothing is connected or fed")
    counts = live & (along[:, 0] < _DISABLED) & _every(across < _DISABLED)
    offset = np.where(local, Kind.LOCAL_CURRENT_FROM, Kind.CURRENT_FROM)
    return FlowSensors(
        ids=array["id"][counts].astype(np.int64),
        kinds=(kinds + offset)[counts].astype(np.int8),
        places=index[counts],
        values=(magnitude * np.exp(1j * angle) / base[:, None])[counts],
        variances=(variances / base[:, None, None] ** 2)[counts],
    )


def without_angle(array: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether current sensors (k,) state the size of the current alone."""
    return _every(np.isnan(_per_phase(array["i_angle_measured"]))) & _every(
        np.isnan(_per_phase(array["i_angle_sigma"]))
    )


def _current_sizes(array: NDArray[Any], component: str, places: Places) -> FlowSensors:
    kinds, index, _, live = places.terminals(array, component)
    wrong = kinds > Kind.BRANCH_TO
    _refuse(array, component, wrong, "measured_terminal_type: a current is measured at a branch")
    size = _per_phase(array["i_measured"])
    _refuse(array, component, ~_every(size >= 0), "i_measured: a size is not negative")
    loud = ~live & ~_every(size <= _NOISE * array["i_sigma"][:, None])
    _refuse(array, component, loud, "measures a flow where nothing is connected or fed")
    counts = live & (array["i_sigma"] ** 2 < _DISABLED)
    base = BASE_PHASE_VA / places.admittance.node_volts[places.admittance.ends[index, kinds]]
    variance = np.broadcast_to((array["i_sigma"] / base)[:, None, None] ** 2, (len(array), 2, 3))
    return FlowSensors(
        ids=array["id"][counts].astype(np.int64),
        kinds=(kinds + Kind.CURRENT_SIZE_FROM)[counts].astype(np.int8),
        places=index[counts],
        values=(size / base[:, None]).astype(np.complex128)[counts],
        # a size has no imaginary part
        variances=np.where(np.array([True, False])[:, None], variance, np.inf)[counts],
    )


def _per_phase(values: NDArray[Any]) -> Real:
    """Values of three phases (k, 3); a symmetric sensor has one value for all."""
    wide = values if values.ndim == 2 else np.repeat(values[:, None], 3, axis=1)
    return np.asarray(wide, dtype=np.float64)


def _every(condition: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether a condition holds for all components of a sensor, (k,)."""
    return np.asarray(condition.reshape(len(condition), -1).all(axis=1))


def _require_numbers(array: NDArray[Any], component: str, name: str) -> None:
    bad = ~_every(np.isfinite(_per_phase(array[name])))
    _refuse(array, component, bad, f"{name}: is missing or not a number")


def _require_positive(
    array: NDArray[Any], component: str, name: str, *, infinite: bool = False
) -> None:
    values = _per_phase(array[name])
    good = (values > _SMALLEST) & (infinite | np.isfinite(values))
    _refuse(array, component, ~_every(good), f"{name}: must be a positive number")


def _refuse(array: NDArray[Any], component: str, bad: NDArray[np.bool_], reason: str) -> None:
    found = np.flatnonzero(bad)
    if found.size:
        raise InputError(f"{component} {array['id'][found[0]]}: {reason}")


def _join_voltage(parts: list[VoltageSensors]) -> VoltageSensors:
    empty = VoltageSensors(
        np.zeros(0, dtype=np.int64),
        np.zeros(0, dtype=np.intp),
        np.zeros((0, 3), dtype=np.bool_),
        np.zeros((0, 3)),
        np.zeros((0, 3)),
        np.zeros(0),
    )
    parts = [empty, *parts]
    return VoltageSensors(
        np.concatenate([part.ids for part in parts]),
        np.concatenate([part.nodes for part in parts]),
        np.concatenate([part.measured for part in parts]),
        np.concatenate([part.magnitude for part in parts]),
        np.concatenate([part.angle for part in parts]),
        np.concatenate([part.sigma for part in parts]),
    )


def _join_flow(parts: list[FlowSensors]) -> FlowSensors:
    empty = FlowSensors(
        np.zeros(0, dtype=np.int64),
        np.zeros(0, dtype=np.int8),
        np.zeros(0, dtype=np.intp),
        np.zeros((0, 3), dtype=np.complex128),
        np.zeros((0, 2, 3)),
    )
    parts = [empty, *parts]
    return FlowSensors(
        np.concatenate([part.ids for part in parts]),
        np.concatenate([part.kinds for part in parts]),
        np.concatenate([part.places for part in parts]),
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.variances for part in parts]),
    )
