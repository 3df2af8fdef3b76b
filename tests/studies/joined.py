"""A network with one node for those that links join.

A link has a million times a line's admittance and would leave least squares half of their digits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from ortsnetz_grid.network.admittance import Admittance
from ortsnetz_grid.network.model import Network

Array = NDArray[Any]


@dataclass(frozen=True)
class Joined:
    """The `k` energised nodes that remain of `n`.

    Attributes:
        model: admittances; nodes that were joined to another have none.
        merged: (n,) the row that stands for each node.
        kept: (k,) rows that remain and are energised.
        place: (n,) position of each node among them, -1 where nothing feeds.
        matrix: (3k, 3k) sparse: currents into the network for voltages, phases innermost.
        sources: positions of the nodes with a source.
    """

    model: Admittance
    merged: Array
    kept: Array
    place: Array
    matrix: sparse.csr_array
    sources: Array

    @classmethod
    def of(cls, network: Network) -> Joined:
        """Join the nodes at closed links."""
        model = Admittance.of(network)
        links = network.data["link"]["id"] if "link" in network.data else []
        link = np.isin(model.branch_ids, links)
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
        kept = np.unique(merged[model.energised])
        position = np.full(count, -1)
        position[kept] = np.arange(len(kept))
        phases = three(kept)
        return cls(
            model=model,
            merged=merged,
            kept=kept,
            place=position[merged],
            matrix=model.node_matrix()[phases][:, phases].tocsr(),
            sources=np.unique(position[merged[model.sources]]),
        )

    def unloaded(self) -> Array:
        """Voltages (3k,) without load, 1 at the sources."""
        found = np.tile(np.exp(-2j * np.pi / 3 * np.arange(3)), len(self.kept))
        fixed = np.zeros(len(found), dtype=bool)
        fixed[three(self.sources)] = True
        inner = self.matrix[~fixed][:, ~fixed].tocsc()
        found[~fixed] = sparse.linalg.spsolve(inner, -self.matrix[~fixed][:, fixed] @ found[fixed])
        return found

    def everywhere(self, voltage: Array) -> Array:
        """Voltages (n, 3) of all nodes from those of the kept (3k,); 0 where nothing feeds."""
        found = voltage.reshape(-1, 3)[self.place]
        return np.where(self.model.energised[:, None], found, 0)


def three(rows: Array | list[int]) -> Array:
    """Numbers of the three phases of nodes."""
    return (3 * np.asarray(rows, dtype=int)[:, None] + np.arange(3)).ravel()
