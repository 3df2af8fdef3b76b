"""Radial order: a tree of shortest ways from the root of each connected part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from ortsnetz_grid.network.connections import Connections


@dataclass(frozen=True, slots=True)
class SpanningForest:
    """Breadth-first trees over `n` nodes, one for each connected part.

    Attributes:
        order: (n,) rows of the nodes, every parent before its children.
        parent_node: (n,) row of the next node towards the root, -1 at a root.
        parent_branch: (n,) row of the branch to it, -1 at a root.
        depth: (n,) branches up to the root.
        island: (n,) number of the connected part, in the order of their first nodes.
        roots: row of the root of each part: its first source, else its first node.
        chords: rows of the closed branches outside the trees; each closes a loop.
        ends: (b, 2) as in the connections.
    """

    order: NDArray[np.intp]
    parent_node: NDArray[np.intp]
    parent_branch: NDArray[np.intp]
    depth: NDArray[np.intp]
    island: NDArray[np.intp]
    roots: NDArray[np.intp]
    chords: NDArray[np.intp]
    ends: NDArray[np.intp]

    @classmethod
    def of(cls, connections: Connections) -> SpanningForest:
        """Grow the trees; of parallel branches the first one belongs to the tree."""
        size, whole = len(connections.node_ids), connections.whole
        ends = connections.ends[whole]
        island = parts_of(ends, size)
        roots = _roots(island, connections.sources)
        # one more node, joined to all roots, makes a single tree of the forest
        above = np.stack([np.full(len(roots), size), roots], axis=1)
        graph = _graph(np.concatenate([ends, above]), size + 1)
        order, parent = csgraph.breadth_first_order(graph, size, directed=False)
        order, parent = order[1:].astype(np.intp), parent[:size].astype(np.intp)
        parent[roots] = -1
        branch = _parent_branches(ends, whole, parent)
        return cls(
            order=order,
            parent_node=parent,
            parent_branch=branch,
            depth=_depths(order, parent),
            island=island,
            roots=roots,
            chords=np.setdiff1d(whole, branch[branch >= 0]),
            ends=connections.ends,
        )

    def upwards(self, node: int) -> list[int]:
        """Rows of the branches from a node to its root."""
        found = []
        while self.parent_node[node] >= 0:
            found.append(int(self.parent_branch[node]))
            node = int(self.parent_node[node])
        return found

    def between(self, first: int, second: int) -> list[int]:
        """Rows of the branches from one node to another of the same tree."""
        up, down = [], []
        while first != second:
            if self.depth[first] >= self.depth[second]:
                up.append(int(self.parent_branch[first]))
                first = int(self.parent_node[first])
            else:
                down.append(int(self.parent_branch[second]))
                second = int(self.parent_node[second])
        return up + down[::-1]

    def around(self, chord: int) -> list[int]:
        """Rows of the branches around the loop that a chord closes, the chord first."""
        start, end = self.ends[chord].tolist()
        return [chord, *self.between(end, start)]

    def below(self, branch: int) -> int | None:
        """Row of the node at the lower end of a branch of a tree, else None."""
        for node in self.ends[branch].tolist():
            if self.parent_branch[node] == branch:
                return int(node)
        return None

    def subtree(self, node: int) -> NDArray[np.bool_]:
        """Whether nodes (n,) are a node or below it."""
        under = np.zeros(len(self.order), dtype=bool)
        under[node] = True
        deeper = self.order[self.depth[self.order] > self.depth[node]]
        for row in deeper.tolist():
            under[row] = under[self.parent_node[row]]
        return under


def parts_of(ends: NDArray[np.intp], size: int) -> NDArray[np.intp]:
    """Number (n,) of each node's connected part, in the order of their first nodes."""
    _, found = csgraph.connected_components(_graph(ends, size), directed=False)
    _, first, part = np.unique(found, return_index=True, return_inverse=True)
    return np.asarray(np.argsort(np.argsort(first))[part], dtype=np.intp)


def _graph(ends: NDArray[np.intp], size: int) -> sparse.csr_array:
    """Adjacency, either direction."""
    both = np.concatenate([ends, ends[:, ::-1]])
    entries = (np.ones(len(both), dtype=np.int8), (both[:, 0], both[:, 1]))
    found = sparse.coo_array(entries, shape=(size, size)).tocsr()
    found.data[:] = 1  # parallel branches were summed up; the sum of many may overflow to nothing
    return found


def _roots(island: NDArray[np.intp], sources: NDArray[np.intp]) -> NDArray[np.intp]:
    """First source of each part, else its first node."""
    _, roots = np.unique(island, return_index=True)
    fed, first = np.unique(island[sources], return_index=True)
    roots[fed] = sources[first]
    return np.asarray(roots, dtype=np.intp)


def _parent_branches(
    ends: NDArray[np.intp], rows: NDArray[np.intp], parent: NDArray[np.intp]
) -> NDArray[np.intp]:
    """First closed branch between each node and its parent, -1 without parent."""
    found = np.full(len(parent), -1, dtype=np.intp)
    for upper, lower in ((0, 1), (1, 0)):
        fits = np.flatnonzero(parent[ends[:, lower]] == ends[:, upper])[::-1]
        below = ends[fits, lower]
        earlier = (found[below] < 0) | (rows[fits] < found[below])
        found[below[earlier]] = rows[fits[earlier]]  # the last assignment, the first row, stays
    return found


def _depths(order: NDArray[np.intp], parent: NDArray[np.intp]) -> NDArray[np.intp]:
    depth = [0] * len(parent)
    parents = parent.tolist()
    for node in order.tolist():
        above = parents[node]
        depth[node] = depth[above] + 1 if above >= 0 else 0
    return np.array(depth, dtype=np.intp)
