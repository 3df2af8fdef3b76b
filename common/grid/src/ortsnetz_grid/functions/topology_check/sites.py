"""Where sensors sit, and whether anything is to be measured there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from power_grid_model import MeasuredTerminalType

from ortsnetz_grid.network.admittance import Admittance, rows_of
from ortsnetz_grid.network.model import Network

_INJECTION = {"source": 1.0, "sym_gen": 1.0, "asym_gen": 1.0, "sym_load": -1.0, "asym_load": -1.0}
"""What turns an appliance's own direction into injection into the network."""
_ENDS: dict[int | None, int] = {
    int(MeasuredTerminalType.branch_from): 0,
    int(MeasuredTerminalType.branch_to): 1,
}


@dataclass(frozen=True, slots=True)
class Appliance:
    """A load, generator or source.

    Attributes:
        node: row of its node.
        injection: +1 where its own direction is into the network, else -1.
        on: whether it is connected to its node.
    """

    node: int
    injection: float
    on: bool


@dataclass(frozen=True, slots=True)
class Sites:
    """The places of one network in one switch state.

    Attributes:
        network: the network.
        model: its admittances.
        appliances: loads, generators and sources by id.
        node_rows: rows of the nodes by id.
        branch_rows: rows of the branches in `model` by id.
        shunt_rows: rows of the shunts in `model` by id.
    """

    network: Network
    model: Admittance
    appliances: dict[int, Appliance]
    node_rows: dict[int, int]
    branch_rows: dict[int, int]
    shunt_rows: dict[int, int]

    @classmethod
    def of(cls, network: Network) -> Sites:
        """Collect the places.

        Raises:
            InputError: names an element that the three-phase model does not cover.
        """
        model = Admittance.of(network)
        appliances: dict[int, Appliance] = {}
        for component, sign in _INJECTION.items():
            array = network.data.get(component)
            if array is None or not len(array):
                continue
            nodes, on = rows_of(network, array["node"]), array["status"] == 1
            for row, element in enumerate(array["id"].tolist()):
                appliances[element] = Appliance(int(nodes[row]), sign, bool(on[row]))
        return cls(
            network=network,
            model=model,
            appliances=appliances,
            node_rows=_numbered(model.node_ids),
            branch_rows=_numbered(model.branch_ids),
            shunt_rows=_numbered(model.shunt_ids),
        )

    def node_of(self, target: int, terminal: int | None) -> int | None:
        """Row of the node at which a sensor's object is seen; None where it is unknown.

        Args:
            target: the measured object.
            terminal: `measured_terminal_type`; None for voltage sensors.
        """
        if target in self.appliances:
            return self.appliances[target].node
        if target in self.branch_rows and terminal in _ENDS:
            return int(self.model.ends[self.branch_rows[target], _ENDS[terminal]])
        if target in self.shunt_rows:
            return int(self.model.shunt_nodes[self.shunt_rows[target]])
        return self.node_rows.get(target)

    def live(self, target: int, terminal: int | None) -> bool:
        """Whether a source feeds a sensor's place, so that there is something to measure."""
        node = self.node_of(target, terminal)
        if node is None:
            return True  # for the estimator to refuse by name
        if target in self.appliances and not self.appliances[target].on:
            return False
        if target in self.branch_rows and terminal in _ENDS:
            row = self.branch_rows[target]
            if not self.model.connected[row, _ENDS[terminal]]:
                return False
        return bool(self.model.energised[node])

    def live_rows(self, array: NDArray[Any]) -> NDArray[np.bool_]:
        """`live` of each sensor of an array, (k,)."""
        names = array.dtype.names or ()
        terminals = (
            array["measured_terminal_type"].tolist()
            if "measured_terminal_type" in names
            else [None] * len(array)
        )
        targets = array["measured_object"].tolist()
        found = [self.live(*each) for each in zip(targets, terminals, strict=True)]
        return np.array(found, dtype=np.bool_)


def _numbered(ids: NDArray[np.int32]) -> dict[int, int]:
    return {element: row for row, element in enumerate(ids.tolist())}
