"""Where sensors sit, and whether anything is to be measured there."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from power_grid_model import MeasuredTerminalType

from ortsnetz_grid.network.admittance import Admittance, rows_of
from ortsnetz_grid.network.model import Network

_INJECTION = {"source": 1.0, "sym_gen": 1.0, "asym_gen": 1.0, "sym_load": -1.0, "asym_load": -1.0}
"""What turns an appliance's own direction into injection into the network."""


class Spot(IntEnum):
    """Kind of place; the first two count as the index of a branch's end."""

    BRANCH_FROM = 0
    BRANCH_TO = 1
    SHUNT = 2
    NODE = 3
    APPLIANCE = 4
    NOWHERE = 5


@dataclass(frozen=True, slots=True)
class Sites:
    """The places of one network in one switch state.

    Attributes:
        network: the network.
        model: its admittances.
        appliance_ids: (a,) loads, generators and sources.
        appliance_nodes: (a,) rows of their nodes.
        appliance_signs: (a,) +1 where an appliance's own direction is into the network, else -1.
        appliance_on: (a,) whether they are connected to a node that a source feeds.
    """

    network: Network
    model: Admittance
    appliance_ids: NDArray[np.int64]
    appliance_nodes: NDArray[np.intp]
    appliance_signs: NDArray[np.float64]
    appliance_on: NDArray[np.bool_]
    _index: dict[int, tuple[Spot, int]]

    @classmethod
    def of(cls, network: Network) -> Sites:
        """Collect the places.

        Raises:
            InputError: names an element that the three-phase model does not cover.
        """
        model = Admittance.of(network)
        parts = [
            (array, sign)
            for component, sign in _INJECTION.items()
            if (array := network.data.get(component)) is not None and len(array)
        ]
        ids = np.concatenate([np.zeros(0, np.int64), *(array["id"] for array, _ in parts)])
        nodes = np.concatenate(
            [np.zeros(0, np.intp), *(rows_of(network, array["node"]) for array, _ in parts)]
        )
        on = np.concatenate([np.zeros(0, bool), *(array["status"] == 1 for array, _ in parts)])
        signs = np.concatenate([np.zeros(0), *(np.full(len(array), sign) for array, sign in parts)])
        index: dict[int, tuple[Spot, int]] = {}
        for spot, group in (
            (Spot.NODE, model.node_ids),
            (Spot.BRANCH_FROM, model.branch_ids),
            (Spot.SHUNT, model.shunt_ids),
            (Spot.APPLIANCE, ids),
        ):
            index.update({element: (spot, row) for row, element in enumerate(group.tolist())})
        return cls(network, model, ids, nodes, signs, on & model.energised[nodes], index)

    def spots(
        self, array: NDArray[Any]
    ) -> tuple[NDArray[np.int8], NDArray[np.intp], NDArray[np.intp], NDArray[np.bool_]]:
        """Where the sensors of an array sit.

        Returns:
            (k,) `Spot`, (k,) row among the places of this kind, (k,) row of the node (-1: nowhere),
            (k,) whether a source feeds the place.
        """
        targets = array["measured_object"].tolist()
        found = [self._index.get(target, (Spot.NOWHERE, 0)) for target in targets]
        kinds = np.array([spot for spot, _ in found], dtype=np.int8)
        rows = np.array([row for _, row in found], dtype=np.intp)
        if "measured_terminal_type" in (array.dtype.names or ()):
            terminals = array["measured_terminal_type"]
            to = (kinds == Spot.BRANCH_FROM) & (terminals == MeasuredTerminalType.branch_to)
            kinds[to] = Spot.BRANCH_TO
        nodes = np.full(len(array), -1, dtype=np.intp)
        live = np.zeros(len(array), dtype=np.bool_)
        model = self.model
        for kind in Spot:
            mine = kinds == kind
            at = rows[mine]
            if kind <= Spot.BRANCH_TO:
                nodes[mine] = model.ends[at, int(kind)]
                live[mine] = model.connected[at, int(kind)] & model.energised[nodes[mine]]
            elif kind == Spot.SHUNT:
                nodes[mine] = model.shunt_nodes[at]
                live[mine] = model.energised[nodes[mine]]
            elif kind == Spot.NODE:
                nodes[mine], live[mine] = at, model.energised[at]
            elif kind == Spot.APPLIANCE:
                nodes[mine], live[mine] = self.appliance_nodes[at], self.appliance_on[at]
            else:
                live[mine] = True  # for the estimator to refuse by name
        return kinds, rows, nodes, live
