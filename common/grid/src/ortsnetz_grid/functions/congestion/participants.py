"""Devices of a station that can be limited in this cycle, with what they measure and ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.floors import SMALLEST_A
from ortsnetz_common.parameters.station import NOMINAL_PHASE_V, Device, Station
from ortsnetz_grid.functions.congestion.places import Spread, phase_voltage
from ortsnetz_grid.functions.congestion.problem import ControlledDevice, PhaseWatts
from ortsnetz_grid.functions.congestion.wishes import SIGNIFICANT, Wish, terminals
from ortsnetz_grid.functions.state_estimation.result import StateEstimate
from ortsnetz_grid.network.model import Network

_WITHIN = 1.1
"""So much of its limit counts as kept: meters, rounding and the voltage account for the rest."""
_NOBODY: Mapping[str, float] = MappingProxyType({})


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
        drawn_w: what it draws or feeds in now, in the direction of its request, in all.
        used: share of its terminals that carry its power, see `Spread`.
    """

    device: Device
    controlled: ControlledDevice
    node: int
    present_w: NDArray[np.float64]
    present_var: NDArray[np.float64]
    request_var: NDArray[np.float64]
    is_idle: bool
    drawn_w: float
    used: float


def participants_of(
    network: Network,
    state: StateEstimate,
    station: Station,
    readings: Mapping[str, Reading],
    *,
    may_draw: Mapping[str, float] = _NOBODY,
    unspoken: frozenset[str] = frozenset(),
) -> tuple[tuple[Participant, ...], tuple[str, ...]]:
    """Sort the station's devices.

    Args:
        network: of the station.
        state: estimated present.
        station: its devices.
        readings: usable values of this cycle, by name of meter or device.
        may_draw: slow devices that have been told less and may not have followed yet, with what
            they can still be at on our account, W, magnitude: neither less nor at our disposal.
        unspoken: names of devices whose profile has no word for what they want.

    Returns:
        Those that can be limited, and the names of those that cannot because they said nothing
        usable: nothing is guessed about them.

    Raises:
        InputError: names a device whose element is not in the network.
    """
    found, silent = [], []
    for device in station.devices:
        reading = readings.get(device.name)
        participant = None
        if reading is not None:
            wish = Wish.of(device, reading, unspoken=device.name in unspoken)
            if wish is not None:
                held_w = may_draw.get(device.name)
                participant = _participant(network, state, device, reading, wish, held_w)
        if participant is None:
            silent.append(device.name)
        else:
            found.append(participant)
    # where room is left for one of several that are on or off, the first one gets it: one that runs
    # goes on, and does not change places with one that waits
    found.sort(key=lambda one: one.device.step_w is None or not _runs(one))
    return tuple(found), tuple(silent)


def _participant(  # noqa: PLR0917 - all of them are what is known of one device
    network: Network,
    state: StateEstimate,
    device: Device,
    reading: Reading,
    wish: Wish,
    held_w: float | None,
) -> Participant:
    node = _node(network, device)
    active = wish.active_w
    spread = Spread.of(device, active)
    wish = wish.through(spread.used, device.rated_w)
    asked_w = wish.asked_w if held_w is None else wish.still_w(spread.used * held_w)
    request = wish.direction * asked_w * spread.shares
    volts = phase_voltage(network, state, device, node, reading)
    stops = _stops_at_its_floor(device, reading, wish)
    floor = 0.0 if stops else device.floor_w
    if device.step_a is not None:
        floor *= spread.used * volts / NOMINAL_PHASE_V
    least = wish.direction * floor * spread.shares if held_w is None else request
    reactive = terminals(reading.reactive_var, device)
    present_w = spread.by_phase(active)
    present_var = np.zeros(3) if reactive is None else spread.by_phase(reactive)
    per_ampere = volts * device.phase_count * spread.used
    return Participant(
        device=device,
        controlled=ControlledDevice(
            id=device.element,
            kind=device.kind,
            request_w=_watts(request),
            floor_w=_watts(least),
            step_w=_step_w(device, per_ampere, stops=stops),
            smallest_w=0.0 if device.step_a is None else SMALLEST_A * per_ampere,
            weight=device.weight,
            price=device.price,
            reactive_var=device.reactive_var,
            apparent_va=device.apparent_va,
            held_w=max(reading.limit_w or 0.0, 0.0) * spread.used,
        ),
        node=node,
        present_w=present_w,
        present_var=present_var,
        request_var=request * _tangent(device, present_w, present_var),
        is_idle=wish.is_idle,
        drawn_w=wish.drawn_w,
        used=spread.used,
    )


def _runs(one: Participant) -> bool:
    return one.drawn_w >= SIGNIFICANT * one.device.rated_w


def _stops_at_its_floor(device: Device, reading: Reading, wish: Wish) -> bool:
    """Whether all that its floor leaves to a device is too little for it to run.

    A compressor of 9 kW that runs at full power or not at all is told no less than its floor of
    4.2 kW, and stands still. Nobody makes room for 4.2 kW then; but for one that does run there.
    """
    if device.step_w is None or device.floor_w >= device.step_w:
        return False
    if reading.limit_w is None or reading.limit_w >= device.step_w:
        return True
    return not SIGNIFICANT * device.rated_w <= wish.drawn_w <= _WITHIN * reading.limit_w


def _step_w(device: Device, per_ampere: float, *, stops: bool) -> float | None:
    if device.step_a is not None:
        return device.step_a * per_ampere
    return device.step_w if stops else None


def _node(network: Network, device: Device) -> int:
    component = network.components.get(device.element, "")
    if component not in ("asym_load", "asym_gen"):
        raise InputError(
            f"device '{device.name}': element {device.element} is no asym_load or asym_gen of the "
            f"network"
        )
    row = network.row(component, device.element)
    return int(network.data[component]["node"][row])


def _tangent(
    device: Device, present_w: NDArray[np.float64], present_var: NDArray[np.float64]
) -> float:
    """Reactive over active power at present; 0 where the present is too small to tell."""
    total = present_w.sum()
    if abs(total) < SIGNIFICANT * device.rated_w:
        return 0.0
    return float(present_var.sum() / total)


def _watts(values: NDArray[np.float64]) -> PhaseWatts:
    a, b, c = values.tolist()
    return a, b, c
