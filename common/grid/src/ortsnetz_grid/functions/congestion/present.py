"""How far the present itself is beyond its limits, and what follows for a decision on it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ortsnetz_grid.functions.congestion.problem import LimitSet, Offsets
from ortsnetz_grid.functions.congestion.situation import by_branch
from ortsnetz_grid.functions.state_estimation.result import StateEstimate
from ortsnetz_grid.network.loading import RatedBranches
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.plausibility.levels import LOW_VOLTAGE
from ortsnetz_grid.network.two_ports import Real

AHEAD = 0.05
"""At most so much of a limit is kept free because the present is beyond it; of voltages a tenth."""


@dataclass(frozen=True, slots=True)
class Excess:
    """How far the estimated present is beyond its limits, margins aside.

    Attributes:
        u_pu: (n, 3) beyond the band; 0 where it is kept, and at nodes that have none.
        loading: (b,) in the order of the state's branches; 0 where it is kept.
    """

    u_pu: Real
    loading: Real

    @classmethod
    def of(cls, network: Network, state: StateEstimate, limits: LimitSet) -> Excess:
        """Compare a state with limits.

        Args:
            network: of the station.
            state: estimated present.
            limits: to keep.
        """
        allowed = [limits.loading_of.get(one, limits.loading) for one in state.branch_ids.tolist()]
        low, high = limits.u_pu
        counted = state.energised & (network.data["node"]["u_rated"] <= LOW_VOLTAGE)
        beyond = np.maximum(low - state.u_pu, state.u_pu - high)
        return cls(
            u_pu=np.where(counted[:, None], np.maximum(beyond, 0.0), 0.0),
            loading=np.maximum(state.loading - np.asarray(allowed), 0.0),
        )

    @property
    def is_any(self) -> bool:
        """Whether anything is beyond its limit."""
        return bool(self.loading.any() or self.u_pu.any())

    def ahead(self, margin: Offsets, branches: RatedBranches, state: StateEstimate) -> Offsets:
        """Margins with which a decision does not run after a present that goes on moving.

        A cloud that leaves moves a transformer by some percent a second, and what is decided on the
        present acts some seconds later. What is beyond its limit is aimed at as far below it.

        Args:
            margin: otherwise.
            branches: in whose order its loadings are.
            state: estimated present.
        """
        return Offsets(
            u_pu=margin.u_pu + np.minimum(self.u_pu, AHEAD / 10),
            loading=margin.loading + by_branch(branches, state, np.minimum(self.loading, AHEAD)),
        )
