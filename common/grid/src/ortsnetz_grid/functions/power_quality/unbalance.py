"""Symmetrical components and unbalance (IEC 61000-4-30, 5.7)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ortsnetz_grid.functions.power_quality.samples import Complex

TURN = np.exp(2j * np.pi / 3.0)
FORTESCUE = np.array([[1, 1, 1], [1, TURN, TURN**2], [1, TURN**2, TURN]]) / 3.0


def symmetrical_components(phases: Complex) -> Complex:
    """Zero, positive and negative sequence of phases a, b, c along the first axis."""
    result: Complex = np.tensordot(FORTESCUE, phases, axes=1)
    return result


def phases_of(sequences: Complex) -> Complex:
    """Phases a, b, c of zero, positive and negative sequence: the way back."""
    result: Complex = np.tensordot(3.0 * FORTESCUE.conj(), sequences, axes=1)
    return result


@dataclass(frozen=True, slots=True)
class Unbalance:
    """Negative and zero sequence over the positive sequence, as shares of one."""

    u2: float
    u0: float


def unbalance_of(phases: Complex) -> Unbalance | None:
    """Unbalance of three fundamental voltages; None without a positive sequence."""
    zero, positive, negative = np.abs(symmetrical_components(phases))
    if not positive > 0.0:
        return None
    return Unbalance(float(negative / positive), float(zero / positive))
