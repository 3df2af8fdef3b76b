"""A network prepared for the kernel: reduced, in the order of elimination, with room to compute."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.functions.state_estimation.elimination import Elimination
from ortsnetz_grid.functions.state_estimation.reduction import Reduction
from ortsnetz_grid.kernels.estimation import BlockGrid, BlockSolver
from ortsnetz_grid.network.admittance import Admittance

Complex = NDArray[np.complex128]
Index = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Dependence:
    """Voltages of `k` nodes as shares of those at a pair of nodes that remain.

    Attributes:
        pair: (k, 2) positions, the earlier first; twice the same where one is enough.
        link: (k,) the pair's number, -1 where one is enough.
        shares: (k, j, 2, 3, 3) of `j` voltages for those of the pair; the second is 0 where one
            is enough.
    """

    pair: Index
    link: Index
    shares: Complex


@dataclass(frozen=True, slots=True)
class Plan:
    """A network of `n` nodes and `b` branches, of which `m` nodes remain.

    Attributes:
        needed: (n,) nodes that had to remain.
        order: (m,) rows of the nodes that remain, in the order of their elimination.
        place: (n,) position in it; -1 where a node was taken out or is not energised.
        taken: rows of the nodes taken out.
        taken_on: (t, 2) rows of the nodes on which each depends.
        taken_shares: (t, 2, 3, 3) voltage for a voltage at these.
        branch_link: (b,) number of the pair that a branch joins, -1 where not both ends remain.
        solver: the kernel's memory; one thread at a time.
        nodes: every node's voltage (n,), for nodes that are energised.
        branches: the voltages at both ends of every branch (b,) that has an energised end.
    """

    needed: NDArray[np.bool_]
    order: Index
    place: Index
    taken: Index
    taken_on: Index
    taken_shares: Complex
    branch_link: Index
    solver: BlockSolver
    nodes: Dependence
    branches: Dependence

    @classmethod
    def of(cls, library: ctypes.CDLL, model: Admittance, needed: NDArray[np.bool_]) -> Plan:
        """Prepare a network in which at least the needed nodes remain."""
        reduction = Reduction.of(model, needed)
        elimination = Elimination.of(
            {node: [each for each in row if each != node] for node, row in reduction.blocks.items()}
        )
        order = elimination.order
        place = np.full(len(model.node_ids), -1, dtype=np.intp)
        place[order] = np.arange(len(order))
        nodes = _nodes(model, reduction, place, elimination)
        return cls(
            needed=needed,
            order=order,
            place=place,
            taken=reduction.taken,
            taken_on=reduction.on,
            taken_shares=reduction.shares,
            branch_link=_links(np.sort(_at(place, model.ends), axis=1), elimination),
            solver=BlockSolver(library, _grid(reduction, elimination)),
            nodes=nodes,
            branches=_branches(model, nodes, elimination),
        )

    def whole(self, voltage: Complex, count: int) -> Complex:
        """Voltages (n, 3) of all nodes from those (m, 3) that remain; 1 where not energised."""
        found = np.ones((count, 3), dtype=np.complex128)
        found[self.order] = voltage
        found[self.taken] = np.einsum("tspq,tsq->tp", self.taken_shares, found[self.taken_on])
        return found


def _grid(reduction: Reduction, elimination: Elimination) -> BlockGrid:
    """Blocks in the kernel's order; new connections start as 0."""
    order, blocks = elimination.order.tolist(), reduction.blocks
    links = len(elimination.row)
    low = np.zeros((links, 3, 3), dtype=np.complex128)
    up = np.zeros((links, 3, 3), dtype=np.complex128)
    for (first, second), link in elimination.links.items():
        earlier, later = order[first], order[second]
        if later in blocks[earlier]:
            up[link], low[link] = blocks[earlier][later], blocks[later][earlier]
    own = np.array([blocks[node][node] for node in order], dtype=np.complex128)
    return BlockGrid(
        start=elimination.start,
        row=elimination.row,
        pair=elimination.pair,
        pair_start=elimination.pair_start,
        own=own.reshape(-1, 3, 3),
        low=low,
        up=up,
    )


def _at(place: Index, rows: Index) -> Index:
    return np.asarray(place[rows], dtype=np.intp)


def _links(pairs: Index, elimination: Elimination) -> Index:
    """Numbers (k,) of pairs of positions (k, 2), the earlier first; -1 for what is no pair."""
    known = elimination.links
    found = [known.get((first, second), -1) for first, second in pairs.tolist()]
    return np.array(found, dtype=np.intp)


def _nodes(
    model: Admittance, reduction: Reduction, place: Index, elimination: Elimination
) -> Dependence:
    """What every node's voltage depends on; zeros where not energised."""
    count = len(model.node_ids)
    pair = np.zeros((count, 2), dtype=np.intp)
    shares = np.zeros((count, 1, 2, 3, 3), dtype=np.complex128)
    kept = reduction.kept
    pair[kept] = place[kept][:, None]
    shares[kept, 0, 0] = np.eye(3)
    on = _at(place, reduction.on)
    backwards = on[:, 0] > on[:, 1]
    pair[reduction.taken] = np.sort(on, axis=1)
    shares[reduction.taken, 0] = np.where(
        backwards[:, None, None, None], reduction.shares[:, ::-1], reduction.shares
    )
    return Dependence(pair, _links(pair, elimination), shares)


def _branches(model: Admittance, nodes: Dependence, elimination: Elimination) -> Dependence:
    """What the voltages at both ends of every branch depend on.

    The far end of a branch that is open there has no part in what flows: its shares are 0.
    """
    ends = model.ends
    live = model.connected & model.energised[ends]
    both = live.all(axis=1)
    first = np.where(live[:, 0], ends[:, 0], ends[:, 1])
    second = np.where(both, ends[:, 1], first)
    on = np.concatenate([nodes.pair[first], nodes.pair[second]], axis=1)
    pair = np.stack([on.min(axis=1), on.max(axis=1)], axis=1)
    shares = np.zeros((len(ends), 2, 2, 3, 3), dtype=np.complex128)
    for end in (0, 1):
        for side in (0, 1):
            at = nodes.pair[ends[:, end], side]
            mine = nodes.shares[ends[:, end], 0, side] * live[:, end, None, None]
            for target in (0, 1):
                counts = at == pair[:, target]
                if target == 1:
                    counts &= pair[:, 0] != pair[:, 1]
                shares[:, end, target] += mine * counts[:, None, None]
    return Dependence(pair, _links(pair, elimination), shares)
