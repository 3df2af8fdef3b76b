"""A solved network, and what a perfect estimator would say about it."""

from __future__ import annotations

from typing import Any

import numpy as np
from power_grid_model import PowerGridModel

from ortsnetz_grid.functions.state_estimation.result import StateEstimate
from ortsnetz_grid.network.loading import RatedBranches
from ortsnetz_grid.network.model import Network


def solved(truth: Network, powers: dict[int, tuple[Any, Any]]) -> Any:
    """Power flow with these powers of elements, consumption positive."""
    data = {name: array.copy() for name, array in truth.data.items()}
    for element, (p_w, q_var) in powers.items():
        component = truth.components[element]
        sign = -1 if component == "asym_gen" else 1
        row = truth.row(component, element)
        data[component]["p_specified"][row] = sign * np.array(p_w)
        data[component]["q_specified"][row] = sign * np.array(q_var)
    return PowerGridModel(data).calculate_power_flow(symmetric=False)


def estimate(
    truth: Network, result: Any, *, u_sigma: float = 0.0, sigma: float = 0.0
) -> StateEstimate:
    """What a perfect estimator would say about a solved network."""
    branches = RatedBranches.of(truth)
    nodes = len(truth.data["node"])
    none = np.zeros((len(branches.ids), 3))
    return StateEstimate(
        node_ids=truth.data["node"]["id"],
        energised=np.ones(nodes, dtype=bool),
        u_pu=result["node"]["u_pu"],
        u_angle=result["node"]["u_angle"],
        u_sigma_pu=np.full((nodes, 3), u_sigma),
        p_w=-result["node"]["p"],
        q_var=-result["node"]["q"],
        branch_ids=branches.ids[::-1].copy(),
        loading=branches.loading(result)[::-1].copy(),
        loading_sigma=np.full(len(branches.ids), sigma),
        p_from_w=none,
        q_from_var=none,
        p_to_w=none,
        q_to_var=none,
        removed=(),
        problems=(),
    )
