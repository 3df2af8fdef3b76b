"""Powers and currents at the ends of branches, from power-grid-model's output."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ortsnetz_hil.plant.grid_state import BranchFlows, Phasors

NO_VOLTAGE_V = 1e-9

Ends = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Node rows of the two ends of branches, each of shape (branches,)."""


def ends_of(branches: NDArray[Any], rows: dict[int, int]) -> Ends:
    """Node rows of both ends."""
    return (
        np.array([rows[int(node)] for node in branches["from_node"]], np.int64),
        np.array([rows[int(node)] for node in branches["to_node"]], np.int64),
    )


def nodes_of(array: NDArray[Any] | None, rows: dict[int, int]) -> NDArray[np.int64]:
    """Node rows of elements with one terminal, shape (n,); none where there are none."""
    return np.array([] if array is None else [rows[int(n)] for n in array["node"]], np.int64)


def power_of(result: NDArray[Any] | None) -> Phasors:
    """Complex powers of elements with one terminal, shape (n, 3)."""
    if result is None:
        return np.zeros((0, 3), np.complex128)
    return np.asarray(result["p"] + 1j * result["q"])


def both_ends(branches: NDArray[Any]) -> tuple[Phasors, Phasors]:
    """Complex powers into branches at their ends, each of shape (branches, 3)."""
    return (
        branches["p_from"] + 1j * branches["q_from"],
        branches["p_to"] + 1j * branches["q_to"],
    )


def flows_of(powers: tuple[Phasors, Phasors], u_v: Phasors, ends: Ends) -> BranchFlows:
    """Flows with currents; a dead phase and a dead end carry none.

    Args:
        powers: into the branches at their ends, each of shape (branches, 3).
        u_v: voltages of all nodes, shape (nodes, 3).
        ends: of the branches.
    """
    (s_from, i_from), (s_to, i_to) = (
        _end(power, u_v[nodes]) for power, nodes in zip(powers, ends, strict=True)
    )
    return BranchFlows(s_from=s_from, s_to=s_to, i_from=i_from, i_to=i_to)


def _end(power: Phasors, voltage: Phasors) -> tuple[Phasors, Phasors]:
    live = np.abs(voltage) > NO_VOLTAGE_V
    flowing = np.where(live, power, 0.0)
    return flowing, np.conj(flowing / np.where(live, voltage, 1.0))
