"""Admittances of the additional elements, in per unit; see `admittance` for the bases."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ortsnetz_grid.network.additions import (
    PHASE_NAMES,
    Connection,
    MatrixLine,
    ShuntCompensator,
    SinglePhaseTransformer,
)
from ortsnetz_grid.network.two_ports import BASE_POWER_VA, Complex, Real

_BETWEEN_PHASES = np.array([[1.0, -1, 0], [0, 1, -1], [-1, 0, 1]])
"""Rows: voltages ab, bc, ca of the phase voltages a, b, c."""


def branch_block(
    branch: MatrixLine | SinglePhaseTransformer, rated: Mapping[int, float]
) -> Complex:
    """Two-port (2, 2, 3, 3) of one branch; zero for phases that it does not have.

    Args:
        branch: the element.
        rated: rated line-to-line voltage of each node, V.
    """
    if isinstance(branch, MatrixLine):
        return _line(branch, rated[branch.from_node])
    return _transformer(branch, rated[branch.from_node], rated[branch.to_node])


def _line(line: MatrixLine, volts: float) -> Complex:
    base = volts**2 / BASE_POWER_VA
    series = base * np.linalg.inv(np.array(line.r) + 1j * np.array(line.x))
    size = len(line.phases)
    half = base * 0.5j * np.array(np.zeros((size, size)) if line.b is None else line.b)
    small = np.zeros((2, 2, size, size), dtype=np.complex128)
    status = bool(line.from_status), bool(line.to_status)
    if all(status):
        small[0, 0] = small[1, 1] = series + half
        small[0, 1] = small[1, 0] = -series
    elif any(status):
        # the open end takes the voltage at which its half of the susceptance is fed by the series
        side = status.index(True)
        small[side, side] = series + half - series @ np.linalg.solve(series + half, series)
    rows = [PHASE_NAMES.index(phase) for phase in line.phases]
    block = np.zeros((2, 2, 3, 3), dtype=np.complex128)
    block[np.ix_((0, 1), (0, 1), rows, rows)] = small
    return block


def _transformer(unit: SinglePhaseTransformer, volts_from: float, volts_to: float) -> Complex:
    series = unit.sn / complex(unit.r_pu, unit.x_pu)
    magnetising = unit.sn * complex(unit.g_pu, unit.b_pu)
    own = np.zeros((2, 2), dtype=np.complex128)  # VA at one volt a turn
    status = bool(unit.from_status), bool(unit.to_status)
    if all(status):
        own[:] = [[series, -series], [-series, series + magnetising]]
    elif status[0]:
        own[0, 0] = series * magnetising / (series + magnetising)
    elif status[1]:
        own[1, 1] = magnetising
    turns = unit.u1 * unit.tap_ratio_from, unit.u2 * unit.tap_ratio_to
    ends = [
        _between(terminals) * volts / np.sqrt(3) / turn
        for terminals, volts, turn in zip(
            (unit.from_terminals, unit.to_terminals), (volts_from, volts_to), turns, strict=True
        )
    ]
    block = np.einsum("ij,ip,jq->ijpq", own, ends, ends) / (BASE_POWER_VA / 3)
    return np.asarray(block, dtype=np.complex128)


def _between(terminals: str) -> Real:
    """(3,) voltage across a winding for voltages of the phases; the neutral is earth."""
    row = np.zeros(3)
    for terminal, sign in zip(terminals, (1, -1), strict=True):
        if terminal in PHASE_NAMES:
            row[PHASE_NAMES.index(terminal)] = sign
    return row


def connected(connection: Connection, values: Complex) -> Complex:
    """Nodal matrix (3, 3) of three admittances to neutral, or between phases ab, bc, ca."""
    if connection == "wye":
        return np.diag(values)
    return np.asarray(_BETWEEN_PHASES.T @ np.diag(values) @ _BETWEEN_PHASES)


def shunt_block(shunt: ShuntCompensator, volts: float) -> Complex:
    """Admittance (3, 3) of one shunt at a node of the rated line-to-line voltage `volts`, V."""
    values = shunt.status * (np.array(shunt.g) + 1j * np.array(shunt.b))
    return connected(shunt.connection, values) * volts**2 / BASE_POWER_VA
