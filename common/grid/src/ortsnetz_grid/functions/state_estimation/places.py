"""Where sensors sit: nodes, branch ends, shunts and appliances of a network."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from power_grid_model import MeasuredTerminalType

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network.admittance import Admittance, rows_of
from ortsnetz_grid.network.model import Network


class Kind(IntEnum):
    """What a flow sensor measures. The first two count as the index of the branch's end."""

    BRANCH_FROM = 0
    BRANCH_TO = 1
    SHUNT = 2
    NODE = 3
    APPLIANCE = 4
    CURRENT_FROM = 5
    CURRENT_TO = 6
    LOCAL_CURRENT_FROM = 7
    LOCAL_CURRENT_TO = 8
    CURRENT_SIZE_FROM = 9
    CURRENT_SIZE_TO = 10

    @property
    def side(self) -> int:
        """End of the branch that is measured: 0 is `from`, 1 is `to`; of a shunt 0."""
        return int(
            self in (Kind.BRANCH_TO, Kind.CURRENT_TO, Kind.LOCAL_CURRENT_TO, Kind.CURRENT_SIZE_TO)
        )


_TERMINALS = {
    MeasuredTerminalType.branch_from: (Kind.BRANCH_FROM, ("line", "transformer", "asym_line")),
    MeasuredTerminalType.branch_to: (Kind.BRANCH_TO, ("line", "transformer", "asym_line")),
    MeasuredTerminalType.shunt: (Kind.SHUNT, ("shunt",)),
    MeasuredTerminalType.node: (Kind.NODE, ("node",)),
    MeasuredTerminalType.source: (Kind.APPLIANCE, ("source",)),
    MeasuredTerminalType.load: (Kind.APPLIANCE, ("sym_load", "asym_load")),
    MeasuredTerminalType.generator: (Kind.APPLIANCE, ("sym_gen", "asym_gen")),
}
_APPLIANCES = {"source": 1, "sym_gen": 1, "asym_gen": 1, "sym_load": -1, "asym_load": -1}
"""Sign that turns an appliance's own direction into injection into the network."""


@dataclass(frozen=True, slots=True)
class Places:
    """The places of one network.

    Attributes:
        network: the network.
        admittance: its three-phase model.
        appliance_ids: (a,) sources, generators and loads.
        appliance_nodes: (a,) rows of their nodes.
        appliance_signs: (a,) what turns their own direction into injection.
        appliance_on: (a,) whether they are connected to a node that a source feeds.
    """

    network: Network
    admittance: Admittance
    appliance_ids: NDArray[np.int32]
    appliance_nodes: NDArray[np.intp]
    appliance_signs: NDArray[np.int64]
    appliance_on: NDArray[np.bool_]
    _index: dict[int, tuple[str, int]]

    @classmethod
    def of(cls, network: Network) -> Places:
        """Collect the places.

        Raises:
            InputError: names an element that the model does not cover or that refers to no node.
        """
        admittance = Admittance.of(network)
        ids, nodes, signs, status = [], [], [], []
        for component, sign in _APPLIANCES.items():
            array = network.data.get(component)
            if array is not None and len(array):
                ids.append(array["id"])
                nodes.append(rows_of(network, array["node"]))
                signs.append(np.full(len(array), sign))
                status.append(array["status"] == 1)
        appliance_ids = np.concatenate(ids) if ids else np.zeros(0, dtype=np.int32)
        appliance_nodes = np.concatenate(nodes) if nodes else np.zeros(0, dtype=np.intp)
        on = np.concatenate(status) if status else np.zeros(0, dtype=np.bool_)
        index: dict[int, tuple[str, int]] = {}
        for group in (admittance.node_ids, admittance.branch_ids, admittance.shunt_ids):
            for place, element in enumerate(group.tolist()):
                index[element] = (network.components.get(element, "element"), place)
        for place, element in enumerate(appliance_ids.tolist()):
            index[element] = (network.components.get(element, "element"), place)
        return cls(
            network=network,
            admittance=admittance,
            appliance_ids=appliance_ids,
            appliance_nodes=appliance_nodes,
            appliance_signs=np.concatenate(signs) if signs else np.zeros(0, dtype=np.int64),
            appliance_on=on & admittance.energised[appliance_nodes],
            _index=index,
        )

    def nodes(self, array: NDArray[Any], component: str) -> NDArray[np.intp]:
        """Rows (k,) of the nodes that sensors measure.

        Raises:
            InputError: names the sensor that measures something else.
        """
        places = np.zeros(len(array), dtype=np.intp)
        for row, target in enumerate(array["measured_object"].tolist()):
            found, place = self._index.get(target, ("nothing", 0))
            if found != "node":
                raise InputError(
                    f"{component} {array['id'][row]}: measured_object {target} is {found}, a node "
                    "is needed"
                )
            places[row] = place
        return places

    def terminals(
        self, array: NDArray[Any], component: str
    ) -> tuple[NDArray[np.int8], NDArray[np.intp], NDArray[np.int64], NDArray[np.bool_]]:
        """Where flow sensors sit.

        Returns:
            (k,) kinds, (k,) index among the things of the kind, (k,) sign that turns a value into
            injection (appliances) or leaves it, (k,) whether the place is connected and fed.

        Raises:
            InputError: names the sensor whose place does not exist or is of another kind.
        """
        count = len(array)
        kinds, places = np.zeros(count, dtype=np.int8), np.zeros(count, dtype=np.intp)
        targets, types = array["measured_object"].tolist(), array["measured_terminal_type"].tolist()
        for row, (target, terminal) in enumerate(zip(targets, types, strict=True)):
            found, place = self._index.get(target, ("nothing", 0))
            kind, allowed = _TERMINALS.get(terminal, (None, ()))
            if kind is None or found not in allowed:
                raise InputError(
                    f"{component} {array['id'][row]}: measured_object {target} is {found}, which "
                    f"does not fit measured_terminal_type {terminal}"
                )
            kinds[row], places[row] = kind, place
        signs, live = np.ones(count, dtype=np.int64), np.zeros(count, dtype=np.bool_)
        at_branch = kinds <= Kind.BRANCH_TO
        model = self.admittance
        ends, sides = places[at_branch], kinds[at_branch]
        live[at_branch] = model.connected[ends, sides] & model.energised[model.ends[ends, sides]]
        at_shunt = kinds == Kind.SHUNT
        shunts = places[at_shunt]
        on = self.network.data["shunt"]["status"][shunts] == 1 if at_shunt.any() else True
        live[at_shunt] = model.energised[model.shunt_nodes[shunts]] & on
        at_node = kinds == Kind.NODE
        live[at_node] = model.energised[places[at_node]]
        at_appliance = kinds == Kind.APPLIANCE
        live[at_appliance] = self.appliance_on[places[at_appliance]]
        signs[at_appliance] = self.appliance_signs[places[at_appliance]]
        return kinds, places, signs, live
