"""Which branch connects which nodes, and which of its ends are closed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network.model import Network

BRANCHES = ("line", "link", "transformer", "asym_line", "generic_branch")
"""Components with two ends, `Admittance`'s first and in its order."""


@dataclass(frozen=True, slots=True)
class Connections:
    """Ends of `b` branches at `n` nodes.

    Attributes:
        node_ids: (n,) in the order of the file.
        branch_ids: (b,) by component, see `BRANCHES`, then those of the network's additions.
        ends: (b, 2) rows of the nodes at the ends `from` and `to`.
        connected: (b, 2) whether the ends are closed.
        sources: rows of the nodes with a source in service.
    """

    node_ids: NDArray[np.int32]
    branch_ids: NDArray[np.int32]
    ends: NDArray[np.intp]
    connected: NDArray[np.bool_]
    sources: NDArray[np.intp]

    @classmethod
    def of(cls, network: Network) -> Connections:
        """Read them from the network's data set.

        Raises:
            InputError: names a branch or source that is not at a node, or one with three ends.
        """
        for element in network.data.get("three_winding_transformer", {"id": ()})["id"]:
            raise InputError(
                f"{network.label(int(element))}: branches with three ends are not covered"
            )
        nodes = network.data["node"]["id"] if "node" in network.data else np.zeros(0, np.int32)
        ids, ends, connected = (
            [np.zeros(0, np.int32)],
            [np.zeros((0, 2), np.intp)],
            [np.zeros((0, 2), bool)],
        )
        for component in BRANCHES:
            array = network.data.get(component)
            if array is None:
                continue
            rows = [_rows(network, component, name) for name in ("from_node", "to_node")]
            ids.append(array["id"])
            ends.append(np.stack(rows, axis=1))
            connected.append(np.stack([array["from_status"] == 1, array["to_status"] == 1], axis=1))
        if network.additions:
            more = [branch for _, branch in network.additions.branches]
            row_of = {node: row for row, node in enumerate(nodes.tolist())}
            ids.append(np.array([each.id for each in more], np.int32))
            at = [(row_of[each.from_node], row_of[each.to_node]) for each in more]
            ends.append(np.array(at, np.intp).reshape(-1, 2))
            status = [(each.from_status == 1, each.to_status == 1) for each in more]
            connected.append(np.array(status, bool).reshape(-1, 2))
        sources = np.zeros(0, np.intp)
        if "source" in network.data:
            sources = _rows(network, "source", "node")[network.data["source"]["status"] == 1]
        return cls(
            node_ids=nodes,
            branch_ids=np.concatenate(ids),
            ends=np.concatenate(ends),
            connected=np.concatenate(connected),
            sources=sources,
        )

    @property
    def whole(self) -> NDArray[np.intp]:
        """Rows of the branches that are closed at both ends."""
        return np.flatnonzero(self.connected.all(axis=1))

    def node_row(self, node: int) -> int:
        """Row of a node.

        Raises:
            InputError: there is no such node.
        """
        return _row(self.node_ids, node, "node")

    def branch_row(self, branch: int) -> int:
        """Row of a branch.

        Raises:
            InputError: there is no such branch.
        """
        return _row(self.branch_ids, branch, "branch")


def _row(ids: NDArray[np.int32], element: int, kind: str) -> int:
    found = np.flatnonzero(ids == element)
    if not found.size:
        raise InputError(f"the network has no {kind} {element}")
    return int(found[0])


def _rows(network: Network, component: str, field: str) -> NDArray[np.intp]:
    """Rows (k,) of the nodes that a column of a component names."""
    array = network.data[component]
    nodes = network.data["node"]["id"] if "node" in network.data else np.zeros(0, np.int32)
    order = np.argsort(nodes, kind="stable")
    wanted = array[field]
    place = np.searchsorted(nodes[order], wanted)
    known = np.zeros(len(wanted), dtype=bool)
    if len(nodes):
        place = np.minimum(place, len(nodes) - 1)
        known = nodes[order[place]] == wanted
    for row in np.flatnonzero(~known):
        label = network.label(int(array["id"][row]))
        raise InputError(f"{label}: {field}: there is no node {wanted[row]}")
    return np.asarray(order[place], dtype=np.intp)
