"""Topology: which nodes are connected, which are fed and through what, and where loops close.

Rows count the nodes and branches in the order of `node_ids` and `branch_ids`. Everything here is
about connections alone: no impedance is looked at, so that a network that cannot be computed can
still be drawn and explained.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network.connections import Connections
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.spanning_forest import SpanningForest

END_NAMES = ("from", "to")


@dataclass(frozen=True, slots=True)
class Topology:
    """The connections of `n` nodes through `b` branches.

    Attributes:
        connections: ends, switch states and sources, as the file says them.
        island: (n,) number of the connected part, in the order of their first nodes.
        energised: (n,) whether a source in service feeds the node.
        fed: (b, 2) whether an end is connected to an energised node. A branch that is fed at one
            end is under voltage up to its open end.
        forest: the radial order: parents, depths, roots. The root of a part is its first source,
            or its first node where no source feeds it.
    """

    connections: Connections
    island: NDArray[np.intp]
    energised: NDArray[np.bool_]
    fed: NDArray[np.bool_]
    forest: SpanningForest

    @classmethod
    def of(cls, network: Network) -> Topology:
        """Read the connections of a network.

        Raises:
            InputError: names a branch or source that is not at a node, or one with three ends.
        """
        return cls.from_connections(Connections.of(network))

    @classmethod
    def from_connections(cls, connections: Connections) -> Topology:
        """Find parts, radial order and loops."""
        forest = SpanningForest.of(connections)
        island = forest.island
        energised = np.isin(island, island[connections.sources])
        return cls(
            connections=connections,
            island=island,
            energised=energised,
            fed=connections.connected & energised[connections.ends],
            forest=forest,
        )

    @property
    def loops(self) -> tuple[tuple[int, ...], ...]:
        """Branch ids around each fundamental loop, the branch that closes it first.

        As many as branches could open without a node losing its connection. Loops through two
        sources are not among them, see `tied_sources`, nor are banks of single-phase units.
        """
        ids = self.connections.branch_ids
        return tuple(
            tuple(ids[self.forest.around(int(chord))].tolist()) for chord in self.forest.chords
        )

    @property
    def tied_sources(self) -> tuple[tuple[int, ...], ...]:
        """Node ids of the sources that feed the same part, for each part with more than one."""
        fed = np.unique(self.connections.sources)
        parts = self.island[fed]
        ids = self.connections.node_ids
        return tuple(
            tuple(ids[fed[parts == part]].tolist())
            for part in np.unique(parts)
            if np.count_nonzero(parts == part) > 1
        )

    @property
    def radial(self) -> bool:
        """Whether every node has one way to one source at most."""
        return not len(self.forest.chords) and not self.tied_sources

    @property
    def open_ends(self) -> Mapping[int, tuple[str, ...]]:
        """Open ends (`from`, `to`) by branch id, for the branches that have any."""
        connected = self.connections.connected
        return {
            int(self.connections.branch_ids[row]): tuple(
                name for name, closed in zip(END_NAMES, connected[row], strict=True) if not closed
            )
            for row in np.flatnonzero(~connected.all(axis=1))
        }

    @property
    def parts(self) -> tuple[NDArray[np.intp], ...]:
        """Rows of the nodes of each connected part, by its number."""
        order = np.argsort(self.island, kind="stable")
        return tuple(np.split(order, np.flatnonzero(np.diff(self.island[order])) + 1))

    def downstream(self, branch: int) -> tuple[int, ...]:
        """Ids of the nodes that lose their supply when a branch opens; none inside a loop.

        Raises:
            InputError: there is no such branch.
        """
        row = self.connections.branch_row(branch)
        top = self.forest.below(row)
        bank = self.connections.bank == self.connections.bank[row]
        alone = np.count_nonzero(self.connections.connected[bank].all(axis=1)) == 1
        if top is None or not alone or not self.energised[top]:
            return ()
        under = self.forest.subtree(top)
        ends = self.connections.ends[self.forest.chords]
        crossed = (under[ends[:, 0]] != under[ends[:, 1]]).any()
        if crossed or under[self.connections.sources].any():
            return ()
        return tuple(self.connections.node_ids[under].tolist())

    def path(self, node: int) -> tuple[int, ...]:
        """Branch ids from the source of a node's part to the node, along the radial order.

        Raises:
            InputError: there is no such node, or no source feeds it.
        """
        row = self.connections.node_row(node)
        if not self.energised[row]:
            raise InputError(f"no source feeds node {node}")
        return tuple(self.connections.branch_ids[self.forest.upwards(row)[::-1]].tolist())

    def between(self, first: int, second: int) -> tuple[int, ...]:
        """Branch ids from one node to another of the same part, along the radial order.

        Raises:
            InputError: there is no such node, or nothing connects them.
        """
        rows = [self.connections.node_row(node) for node in (first, second)]
        if self.island[rows[0]] != self.island[rows[1]]:
            raise InputError(f"nothing connects node {first} with node {second}")
        return tuple(self.connections.branch_ids[self.forest.between(*rows)].tolist())

    def with_switch(self, branch: int, *, closed: bool) -> Topology:
        """What would be if both ends of a branch were closed or open.

        Raises:
            InputError: there is no such branch.
        """
        connected = self.connections.connected.copy()
        connected[self.connections.branch_row(branch)] = closed
        return Topology.from_connections(replace(self.connections, connected=connected))

    def would_supply(self, node: int) -> tuple[int, ...]:
        """Ids of the open branches, one of which would connect a dead node's part to a live one.

        Raises:
            InputError: there is no such node.
        """
        row = self.connections.node_row(node)
        if self.energised[row]:
            return ()
        ends = self.connections.ends
        here = self.island[ends] == self.island[row]
        live = self.energised[ends]
        joins = (here[:, 0] & live[:, 1]) | (here[:, 1] & live[:, 0])
        return tuple(self.connections.branch_ids[joins].tolist())
