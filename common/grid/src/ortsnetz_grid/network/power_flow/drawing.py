"""Currents that injections draw at given voltages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ortsnetz_grid.network.two_ports import Complex


def drawn(voltage: Complex, powers: Sequence[Complex | None]) -> Complex:
    """Currents (..., k, 3) out of the network at voltages (..., k, 3), all per unit.

    Args:
        voltage: phase to neutral.
        powers: (..., k, 3) consumed power of six kinds, as `injections.KINDS` lists them; None
            where there is nothing of a kind.
    """
    found = np.zeros(voltage.shape, dtype=np.complex128)
    with np.errstate(all="ignore"):  # a fixed point that fails runs through zero or infinity
        if any(each is not None for each in powers[:3]):
            found += voltage * _admittance(voltage, 1, powers[:3])
        if any(each is not None for each in powers[3:]):
            across = voltage - np.roll(voltage, -1, axis=-1)
            between = across * _admittance(across, 3, powers[3:])
            found += between - np.roll(between, 1, axis=-1)
    return found


def _admittance(voltage: Complex, nominal: float, powers: Sequence[Complex | None]) -> Complex:
    """Admittances that draw the powers; those of current and impedance hold at |U|^2 = nominal."""
    square = voltage.real**2 + voltage.imag**2
    divisors = (square, np.sqrt(square * nominal), nominal)
    found = np.zeros(voltage.shape, dtype=np.complex128)
    for power, divisor in zip(powers, divisors, strict=True):
        if power is not None:
            found += np.conj(power) / divisor
    return found
