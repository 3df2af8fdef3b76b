"""The power balance of a solved state, from branch flows and the plant's own idea of its loads.

What power-grid-model says that loads draw is not used: their powers follow from injections and
voltages (`Elements.factors`). At each node and phase the powers into branches, loads and shunts
have to be those of generators.

Nodes that closed links join count as one: a link is an admittance so large that its flow is the
difference of two nearly equal numbers (0.02 VA of noise were seen), which cancels in the sum over
its ends. Nodes with a source are left out: a source gives whatever its node takes, and the library
computes its power as that sum, so that there is nothing to be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ortsnetz_hil.plant.grid_state import Phasors
from ortsnetz_hil.plant.network_file import PlantNetwork


@dataclass(frozen=True, slots=True)
class Balance:
    """Adds up what leaves each node.

    Attributes:
        rated_va: a third of the rated power of the smallest transformer.
    """

    rated_va: float
    _order: NDArray[np.intp]
    _starts: NDArray[np.intp]
    _compared: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        network: PlantNetwork,
        groups: NDArray[np.int64],
        places: Sequence[NDArray[np.int64]],
    ) -> Balance:
        """Prepare the sums.

        Args:
            network: gives the rating.
            groups: group of each node, shape (nodes,): what closed links join is one.
            places: node rows of all terms in the order in which `worst` will get them.
        """
        group = groups[np.concatenate(places)]
        order = np.argsort(group, kind="stable")
        starts = np.flatnonzero(np.diff(group[order], prepend=-1))
        fed = groups[np.isin(network.ids("node"), network.data["source"]["node"])]
        return cls(
            rated_va=float(network.data["transformer"]["sn"].min()) / 3.0,
            _order=order,
            _starts=starts,
            _compared=~np.isin(group[order][starts], fed),
        )

    def worst(self, terms: Sequence[Phasors]) -> float:
        """Largest missing power over `rated_va`.

        Args:
            terms: complex powers out of the nodes, each of shape (n, 3), in the order of `places`.
        """
        leaving = np.concatenate(terms)[self._order]
        missing = np.add.reduceat(leaving, self._starts, axis=0)[self._compared]
        return float(np.abs(missing).max(initial=0.0)) / self.rated_va
