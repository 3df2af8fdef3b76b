"""Which nodes a source reaches, and which it reaches only through one line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ortsnetz_hil.plant.network_file import PlantNetwork

BRANCHES = ("line", "link", "transformer")

Mask = NDArray[np.bool_]
Statuses = Mapping[str, NDArray[np.int8]]
"""Status of the two ends of each branch by component, each of shape (branches, 2)."""


def statuses_of(network: PlantNetwork) -> dict[str, NDArray[np.int8]]:
    """Statuses as the network file states them."""
    return {
        name: np.stack([found["from_status"], found["to_status"]], axis=1)
        for name in BRANCHES
        if (found := network.array(name)) is not None
    }


@dataclass(frozen=True, slots=True)
class Topology:
    """Connections as branches and sources are switched at one moment.

    Attributes:
        nodes: number of nodes.
        neighbours: of each node row, the rows behind conducting branches and those branches' ids.
        sources: rows of nodes with a source that is on.
    """

    nodes: int
    neighbours: Mapping[int, list[tuple[int, int]]]
    sources: tuple[int, ...]

    @classmethod
    def of(cls, network: PlantNetwork, statuses: Statuses) -> Topology:
        """Connections of a network with given statuses."""
        rows = {int(node): row for row, node in enumerate(network.ids("node"))}
        neighbours: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for name, status in statuses.items():
            for branch, ends_on in zip(network.data[name], status, strict=True):
                if ends_on.all():
                    ends = rows[int(branch["from_node"])], rows[int(branch["to_node"])]
                    neighbours[ends[0]].append((ends[1], int(branch["id"])))
                    neighbours[ends[1]].append((ends[0], int(branch["id"])))
        sources = network.data["source"]
        on = {rows[int(source["node"])] for source in sources[sources["status"] == 1]}
        return cls(len(rows), neighbours, tuple(sorted(on)))

    def reached(self, *, without: int | None = None) -> Mask:
        """Nodes that have voltage, shape (nodes,); `without` a branch if that is given."""
        found = np.zeros(self.nodes, bool)
        found[list(self.sources)] = True
        frontier = list(self.sources)
        while frontier:
            for node, branch in self.neighbours.get(frontier.pop(), ()):
                if branch != without and not found[node]:
                    found[node] = True
                    frontier.append(node)
        return found

    def only_through(self, branch: int) -> Mask:
        """Nodes that have voltage and would lose it without the branch, shape (nodes,)."""
        return self.reached() & ~self.reached(without=branch)

    def conducts(self, branch: int) -> bool:
        """Whether a branch joins two nodes that have voltage."""
        live = self.reached()
        return any(
            live[node] and any(found == branch for _, found in near)
            for node, near in self.neighbours.items()
        )


def groups(network: PlantNetwork, statuses: Statuses) -> NDArray[np.int64]:
    """Number of the group of each node, shape (nodes,): nodes that closed links join are one."""
    rows = {int(node): row for row, node in enumerate(network.ids("node"))}
    group = np.arange(len(rows))
    links: Any = network.array("link")
    if links is None:
        return group
    for link, ends_on in zip(links, statuses["link"], strict=True):
        if ends_on.all():
            first, second = (group[rows[int(link[end])]] for end in ("from_node", "to_node"))
            group[group == second] = first
    return np.unique(group, return_inverse=True)[1].astype(np.int64)
