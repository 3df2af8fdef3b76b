"""How a device sits in the network: its terminals on the phases, and its voltage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.floors import SMALLEST_A
from ortsnetz_common.parameters.station import NOMINAL_PHASE_V, Device
from ortsnetz_grid.functions.congestion.wishes import SIGNIFICANT, terminals
from ortsnetz_grid.functions.state_estimation.result import StateEstimate
from ortsnetz_grid.network.model import Network

_PHASES = "abc"
_CHARGING = 0.5
"""Of the smallest current: a car that draws so much in a phase charges through it."""
_ALIKE = 0.25
"""Of the strongest phase's power: a car's phases carry the same, all else is noise and stand-by."""
_SUPPLY = (0.5, 1.5)
"""Voltages of a supply, of nominal; amperes count at nominal voltage beyond them."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How a device's terminals lie on the network's phases.

    Attributes:
        matrix: (3, t) network phase by terminal.
        shares: (3,) how its total power spreads over the network's phases.
        used: share of its terminals that carry its power. A limit in amperes holds at each: a car
            with one phase draws a third of what its charge point's limit stands for.
    """

    matrix: NDArray[np.float64]
    shares: NDArray[np.float64]
    used: float = 1.0

    @classmethod
    def of(cls, device: Device, active: NDArray[np.float64]) -> Spread:
        """Spread of a device; where nobody knows its phase, a third on each."""
        count = device.phase_count
        if device.phases is None:
            return cls(np.full((3, count), 1 / 3), np.full(3, 1 / 3))
        matrix = np.zeros((3, count))
        for terminal, phase in enumerate(device.phases[:count]):
            matrix[_PHASES.index(phase), terminal] = 1.0
        carrying = _carrying(device, active)
        if carrying is not None:
            shares = np.where(carrying, active, 0.0) / active[carrying].sum()
            return cls(matrix, matrix @ shares, float(carrying.mean()))
        total = active.sum()
        shares = np.full(count, 1 / count)
        if abs(total) >= SIGNIFICANT * device.rated_w and (active / total >= 0).all():
            shares = active / total
        return cls(matrix, matrix @ shares)

    def by_phase(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """From terminals (t,) to network phases (3,)."""
        return np.asarray(self.matrix @ values)


def _carrying(device: Device, active: NDArray[np.float64]) -> NDArray[np.bool_] | None:
    """Terminals through which a device limited in amperes draws; None while it draws too little."""
    strongest = active.max()
    if device.step_a is None or strongest < _CHARGING * SMALLEST_A * NOMINAL_PHASE_V:
        return None
    return np.asarray(active >= _ALIKE * strongest)


def phase_voltage(
    network: Network, state: StateEstimate, device: Device, node: int, reading: Reading
) -> float:
    """Mean phase voltage, V: measured, else estimated at its node, else nominal.

    A fuse that has blown behind a device's electronics leaves it alive and at 0 V: what is no
    voltage to charge with is none to count steps by either.
    """
    measured = terminals(reading.voltage_v, device)
    if measured is not None and _is_supply(measured):
        return float(measured.mean())
    row = int(np.flatnonzero(state.node_ids == node)[0])
    rated = float(network.data["node"]["u_rated"][row]) / np.sqrt(3)
    estimated = state.u_pu[row] * rated
    return float(estimated.mean()) if _is_supply(estimated) else NOMINAL_PHASE_V


def _is_supply(volts: NDArray[np.float64]) -> bool:
    low, high = _SUPPLY
    return bool(((volts >= low * NOMINAL_PHASE_V) & (volts <= high * NOMINAL_PHASE_V)).all())
