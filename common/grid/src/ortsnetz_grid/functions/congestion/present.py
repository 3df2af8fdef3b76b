"""Whether the present itself is beyond a limit, margins aside. Pure."""

from __future__ import annotations

import numpy as np

from ortsnetz_grid.functions.congestion.problem import LimitSet
from ortsnetz_grid.functions.state_estimation.result import StateEstimate
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.plausibility.levels import LOW_VOLTAGE


def is_beyond(network: Network, state: StateEstimate, limits: LimitSet) -> bool:
    """Whether a loading or a low voltage of the estimated present is beyond its limit.

    What is not a number is beyond: nobody knows that it is not.

    Args:
        network: of the station.
        state: estimated present.
        limits: to keep.
    """
    allowed = np.full(len(state.branch_ids), limits.loading)
    for place, element in enumerate(state.branch_ids.tolist()):
        allowed[place] = limits.loading_of.get(element, limits.loading)
    low, high = limits.u_pu
    counted = state.energised & (network.data["node"]["u_rated"] <= LOW_VOLTAGE)
    u_pu = state.u_pu[counted]
    kept = (state.loading <= allowed).all() and ((u_pu >= low) & (u_pu <= high)).all()
    return not bool(kept)
