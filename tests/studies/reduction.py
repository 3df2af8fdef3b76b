"""A network reduced, exactly (Kron), to the nodes that are measured or used, for least squares.

Nodes with neither sensor nor appliance carry no current into the ground: they are eliminated, and
their voltages follow from the others'. Nodes that links join are one: a link of 1e6 times a line's
admittance leaves a dense problem half of its digits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph
from scipy.sparse import linalg as sparse_linalg

from ortsnetz_grid.network.admittance import Admittance
from ortsnetz_grid.network.model import Network

Array = NDArray[Any]


@dataclass(frozen=True)
class Joined:
    """A network with one node for those that links join.

    Attributes:
        model: its admittances; joined nodes but one have none.
        merged: (n,) the row that stands for each.
    """

    model: Admittance
    merged: Array

    @classmethod
    def of(cls, network: Network) -> Joined:
        """Join the nodes at closed links."""
        model = Admittance.of(network)
        link = np.isin(
            model.branch_ids, network.data["link"]["id"] if "link" in network.data else []
        )
        pairs = model.ends[link & model.connected.all(axis=1)]
        count = len(model.node_ids)
        graph = sparse.coo_array((np.ones(len(pairs)), tuple(pairs.T)), shape=(count, count))
        _, part = csgraph.connected_components(graph, directed=False)
        _, first = np.unique(part, return_index=True)
        merged = first[part]
        blocks = model.blocks.copy()
        blocks[link] = 0
        model = replace(
            model, ends=merged[model.ends], blocks=blocks, shunt_nodes=merged[model.shunt_nodes]
        )
        return cls(model, merged)

    @property
    def sources(self) -> Array:
        """Rows of the nodes with a source."""
        return np.unique(self.merged[self.model.sources])


@dataclass(frozen=True)
class Reduced:
    """The network seen from its `k` kept nodes.

    Attributes:
        joined: the whole network.
        kept: (k,) rows of the kept nodes, energised.
        matrix: (3k, 3k) currents into the network for voltages, phases innermost.
        unloaded: (3k,) voltages without load, 1 at the sources.
    """

    joined: Joined
    kept: Array
    matrix: Array
    unloaded: Array
    _others: Array
    _follow: Array  # (3o, 3k) voltages of the others

    @classmethod
    def of(cls, joined: Joined, wanted: Iterable[int]) -> Reduced:
        """Keep some nodes."""
        model = joined.model
        kept = np.array(sorted(wanted))
        kept = kept[model.energised[kept]]
        full = model.node_matrix().tocsc()
        others = np.setdiff1d(np.unique(joined.merged[model.energised]), kept)
        a, b = three(kept), three(others)
        matrix, follow = full[a][:, a].toarray(), np.zeros((0, len(a)), complex)
        if len(b):
            inner = sparse_linalg.splu(full[b][:, b].tocsc())
            follow = -inner.solve(full[b][:, a].toarray())
            matrix = matrix + full[a][:, b] @ follow
        fixed = np.repeat(np.isin(kept, joined.sources), 3)
        unloaded = np.tile(np.exp(-2j * np.pi / 3 * np.arange(3)), len(kept))
        free = ~fixed
        unloaded[free] = np.linalg.solve(
            matrix[np.ix_(free, free)], -matrix[np.ix_(free, fixed)] @ unloaded[fixed]
        )
        return cls(joined, kept, matrix, unloaded, others, follow)

    def everywhere(self, voltage: Array) -> Array:
        """Voltages (n, 3) of all nodes from those of the kept (3k,); 0 where nothing feeds."""
        found = np.zeros((len(self.joined.merged), 3), complex)
        found[self.kept] = voltage.reshape(-1, 3)
        found[self._others] = (self._follow @ voltage).reshape(-1, 3)
        return np.where(self.joined.model.energised[:, None], found[self.joined.merged], 0)


def three(rows: Array | list[int]) -> Array:
    """Numbers of the three phases of nodes."""
    return (3 * np.asarray(rows, dtype=int)[:, None] + np.arange(3)).ravel()
