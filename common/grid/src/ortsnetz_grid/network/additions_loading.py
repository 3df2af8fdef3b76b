"""Loading of additional branches at given voltages, as `loading` defines it.

The largest phase or neutral current over its rating at either end of a line; for a transformer's
unit the largest winding current over its rated current, or its apparent power over its rated power,
whichever is larger. A neutral carries the sum of its phase currents: neutrals are eliminated, and
no current counts as earth current.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.network.additions import MatrixLine, SinglePhaseTransformer
from ortsnetz_grid.network.admittance import BASE_PHASE_VA, Admittance
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.two_ports import Complex, Real


@dataclass(frozen=True, slots=True)
class AdditionalLoading:
    """Loading of the `k` additional branches.

    Attributes:
        ids: (k,) matrix lines, then single-phase transformers.
        loading: (..., k); 1.0 is the rating; 0 where nothing is energised; NaN where a voltage that
            the branch depends on is not known.
    """

    ids: NDArray[np.int32]
    loading: Real


def additional_loading(
    network: Network, admittance: Admittance, voltage: Complex
) -> AdditionalLoading:
    """Loading of all additional branches.

    Args:
        network: the network.
        admittance: its model.
        voltage: (..., n, 3) complex, per unit; NaN in phases that do not exist or are not known.
    """
    found = [branch for _, branch in network.additions.branches]
    first = len(admittance.branch_ids) - len(found)
    rows = slice(first, None)
    ends, blocks = admittance.ends[rows], admittance.blocks[rows]
    # a phase that does not exist and a node without supply meet only zeros of the admittances
    there = admittance.present & admittance.energised[:, None]
    at = np.where(there, voltage, 0)[..., ends, :]
    volts = admittance.node_volts[ends]
    amperes = np.einsum("bijpq,...bjq->...bip", blocks, at) * (BASE_PHASE_VA / volts)[..., None]
    loading = np.zeros(amperes.shape[:-2])
    for row, branch in enumerate(found):
        current = amperes[..., row, :, :]
        if isinstance(branch, MatrixLine):
            loading[..., row] = _line(branch, current)
        else:
            power = (at[..., row, :, :] * np.conj(current)).sum(axis=-1) * volts[row]
            loading[..., row] = _unit(branch, current, power)
    return AdditionalLoading(admittance.branch_ids[rows], loading)


def _line(line: MatrixLine, current: Complex) -> Real:
    """Of currents (..., 2, 3), A."""
    neutral = line.i_n if line.i_n_neutral is None else line.i_n_neutral
    phases = np.abs(current).max(axis=(-2, -1)) / line.i_n
    neutrals = np.abs(current.sum(axis=-1)).max(axis=-1) / neutral
    return np.asarray(np.maximum(phases, neutrals))


def _unit(unit: SinglePhaseTransformer, current: Complex, power: Complex) -> Real:
    """Of currents (..., 2, 3), A, and powers (..., 2) into both windings, VA."""
    rated = unit.sn / np.array([unit.u1, unit.u2])
    currents = (np.abs(current).max(axis=-1) / rated).max(axis=-1)
    return np.asarray(np.maximum(currents, np.abs(power).max(axis=-1) / unit.sn))
