"""Node equations of a network: admittances of its energised nodes, sources included."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ortsnetz_grid.network.admittance import Admittance
from ortsnetz_grid.network.power_flow.sources import Sources
from ortsnetz_grid.network.two_ports import Complex


@dataclass(frozen=True, slots=True)
class Equations:
    """Blocks of the node admittance matrix, per unit, `n` nodes and `c` connected pairs.

    A phase that does not exist at a node has 1 on the diagonal: its voltage is its current.

    Attributes:
        rows: (m,) the energised nodes; nothing else takes part.
        own: (n, 3, 3) current into a node for its own voltage.
        pairs: (c, 2) rows of connected energised nodes, the lower one first, none twice.
        low: (c, 3, 3) current into the second for the voltage of the first.
        up: (c, 3, 3) current into the first for the voltage of the second.
        part: (n,) number of the energised part, counted from 0; -1 elsewhere.
        parts: (i,) the parts' numbers in `Admittance.island`.
        present: (n, 3) whether the phase exists.
    """

    rows: NDArray[np.intp]
    own: Complex
    pairs: NDArray[np.intp]
    low: Complex
    up: Complex
    part: NDArray[np.intp]
    parts: NDArray[np.intp]
    present: NDArray[np.bool_]

    @classmethod
    def of(cls, model: Admittance, sources: Sources) -> Equations:
        """Add up what is connected."""
        count = len(model.node_ids)
        own = np.zeros((count, 3, 3), dtype=np.complex128)
        for side in (0, 1):
            np.add.at(own, model.ends[:, side], model.blocks[:, side, side])
        np.add.at(own, model.shunt_nodes, model.shunt_blocks)
        np.add.at(own, sources.nodes, sources.admittance)
        own += np.eye(3) * ~model.present[:, :, None]

        whole = model.connected.all(axis=1) & model.energised[model.ends].all(axis=1)
        whole &= model.ends[:, 0] != model.ends[:, 1]
        ends = model.ends[whole]
        blocks = model.blocks[whole]
        rising = (ends[:, 0] < ends[:, 1])[:, None, None]
        pairs, place = np.unique(np.sort(ends, axis=1), axis=0, return_inverse=True)
        low = np.zeros((len(pairs), 3, 3), dtype=np.complex128)
        up = np.zeros_like(low)
        np.add.at(low, place.ravel(), np.where(rising, blocks[:, 1, 0], blocks[:, 0, 1]))
        np.add.at(up, place.ravel(), np.where(rising, blocks[:, 0, 1], blocks[:, 1, 0]))

        rows = np.flatnonzero(model.energised)
        parts, numbers = np.unique(model.island[rows], return_inverse=True)
        part = np.full(count, -1, dtype=np.intp)
        part[rows] = numbers
        return cls(rows, own, pairs.reshape(-1, 2), low, up, part, parts, model.present)

    def matrix(self) -> sparse.csc_array:
        """Sparse (3m, 3m) over the energised nodes, phases innermost."""
        place = np.full(len(self.own), -1, dtype=np.intp)
        place[self.rows] = np.arange(len(self.rows))
        first, second = place[self.pairs].T
        rows = np.concatenate([place[self.rows], second, first])
        columns = np.concatenate([place[self.rows], first, second])
        blocks = np.concatenate([self.own[self.rows], self.low, self.up])
        phase = np.arange(3)
        entries = (
            blocks.ravel(),
            (
                np.broadcast_to(3 * rows[:, None, None] + phase[:, None], blocks.shape).ravel(),
                np.broadcast_to(3 * columns[:, None, None] + phase, blocks.shape).ravel(),
            ),
        )
        size = 3 * len(self.rows)
        return sparse.coo_array(entries, shape=(size, size)).tocsc()
