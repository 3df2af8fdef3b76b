"""Devices of a station that can be limited in this cycle, with what they measure and ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.reading import PhaseValues, Reading
from ortsnetz_common.parameters.station import NOMINAL_PHASE_V, Device, DeviceKind, Station
from ortsnetz_grid.functions.congestion.problem import ControlledDevice, PhaseWatts
from ortsnetz_grid.functions.state_estimation.result import StateEstimate
from ortsnetz_grid.network.model import Network

_SIGNIFICANT = 0.1
"""Share of the rated power from which on the present tells how power is spread over the phases and
what the power factor is. Below, meters show noise and stand-by."""

_PHASES = "abc"


@dataclass(frozen=True, slots=True)
class Participant:
    """A device that said all that is needed to limit it. Consumption is positive.

    Attributes:
        node: id of its node.
        present_w: (3,) measured, by network phase.
        present_var: (3,) the same; 0 where the device does not say, then its reactive power stays
            part of the estimated rest of its node.
        request_var: (3,) reactive power at its request.
        is_idle: it wants nothing at present, and draws nothing to speak of.
    """

    device: Device
    controlled: ControlledDevice
    node: int
    present_w: NDArray[np.float64]
    present_var: NDArray[np.float64]
    request_var: NDArray[np.float64]
    is_idle: bool


def participants_of(
    network: Network, state: StateEstimate, station: Station, readings: Mapping[str, Reading]
) -> tuple[tuple[Participant, ...], tuple[str, ...]]:
    """Sort the station's devices.

    Returns:
        Those that can be limited, and the names of those that cannot because they said nothing
        usable: nothing is guessed about them.

    Raises:
        InputError: names a device whose element is not in the network.
    """
    found, silent = [], []
    for device in station.devices:
        reading = readings.get(device.name)
        participant = None if reading is None else _participant(network, state, device, reading)
        if participant is None:
            silent.append(device.name)
        else:
            found.append(participant)
    return tuple(found), tuple(silent)


def _participant(
    network: Network, state: StateEstimate, device: Device, reading: Reading
) -> Participant | None:
    node = _node(network, device)
    active = _terminals(reading.active_w, device)
    available = reading.available_w
    if active is None or available is None:
        return None
    direction = _direction(device, active, available)
    if direction is None:
        return None
    spread = _Spread.of(device, active)
    # What it draws now it may go on drawing, whatever it says that it wants. Above nominal voltage
    # that is more than its rating.
    drawn = direction * float(active.sum())
    wanted = max(min(available, device.rated_w), drawn, 0.0)
    request = direction * wanted * spread.shares
    volts = _voltage(network, state, device, node, reading)
    floor = device.floor_w if device.step_a is None else device.floor_w * volts / NOMINAL_PHASE_V
    reactive = _terminals(reading.reactive_var, device)
    present_w = spread.by_phase(active)
    present_var = np.zeros(3) if reactive is None else spread.by_phase(reactive)
    step_w = None if device.step_a is None else device.step_a * volts * device.phase_count
    return Participant(
        device=device,
        controlled=ControlledDevice(
            id=device.element,
            kind=device.kind,
            request_w=_watts(request),
            floor_w=_watts(direction * floor * spread.shares),
            step_w=step_w,
        ),
        node=node,
        present_w=present_w,
        present_var=present_var,
        request_var=request * _tangent(device, present_w, present_var),
        is_idle=available <= 0 and drawn < _SIGNIFICANT * device.rated_w,
    )


def _node(network: Network, device: Device) -> int:
    component = network.components.get(device.element, "")
    if component not in ("asym_load", "asym_gen"):
        raise InputError(
            f"device '{device.name}': element {device.element} is no asym_load or asym_gen of the "
            f"network"
        )
    row = network.row(component, device.element)
    return int(network.data[component]["node"][row])


def _terminals(values: PhaseValues, device: Device) -> NDArray[np.float64] | None:
    """Values at the device's terminals, None unless all of them are there."""
    used = [value for value in values[: device.phase_count] if value is not None]
    return np.array(used) if len(used) == device.phase_count else None


def _direction(device: Device, active: NDArray[np.float64], available: float) -> float | None:
    """1 for consumption, -1 for generation; None where a store does not show which it wants."""
    if device.kind is DeviceKind.PV:
        return -1.0
    if device.kind is not DeviceKind.STORAGE or available <= 0:
        return 1.0
    if abs(active.sum()) < _SIGNIFICANT * device.rated_w:
        return None
    return float(np.sign(active.sum()))


@dataclass(frozen=True, slots=True)
class _Spread:
    """How a device's terminals lie on the network's phases.

    Attributes:
        matrix: (3, t) network phase by terminal.
        shares: (3,) how its total power spreads over the network's phases.
    """

    matrix: NDArray[np.float64]
    shares: NDArray[np.float64]

    @classmethod
    def of(cls, device: Device, active: NDArray[np.float64]) -> _Spread:
        """Spread of a device; where nobody knows its phase, a third on each."""
        count = device.phase_count
        if device.phases is None:
            return cls(np.full((3, count), 1 / 3), np.full(3, 1 / 3))
        matrix = np.zeros((3, count))
        for terminal, phase in enumerate(device.phases[:count]):
            matrix[_PHASES.index(phase), terminal] = 1.0
        total = active.sum()
        shares = np.full(count, 1 / count)
        if abs(total) >= _SIGNIFICANT * device.rated_w and (active / total >= 0).all():
            shares = active / total  # a three-phase charge point may feed a single-phase car
        return cls(matrix, matrix @ shares)

    def by_phase(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """From terminals (t,) to network phases (3,)."""
        return np.asarray(self.matrix @ values)


def _voltage(
    network: Network, state: StateEstimate, device: Device, node: int, reading: Reading
) -> float:
    """Mean phase voltage, V: measured, else estimated at its node."""
    measured = _terminals(reading.voltage_v, device)
    if measured is not None:
        return float(measured.mean())
    row = int(np.flatnonzero(state.node_ids == node)[0])
    rated = float(network.data["node"]["u_rated"][row]) / np.sqrt(3)
    return float(state.u_pu[row].mean() * rated)


def _tangent(
    device: Device, present_w: NDArray[np.float64], present_var: NDArray[np.float64]
) -> float:
    """Reactive over active power at present; 0 where the present is too small to tell."""
    total = present_w.sum()
    if abs(total) < _SIGNIFICANT * device.rated_w:
        return 0.0
    return float(present_var.sum() / total)


def _watts(values: NDArray[np.float64]) -> PhaseWatts:
    a, b, c = values.tolist()
    return a, b, c
