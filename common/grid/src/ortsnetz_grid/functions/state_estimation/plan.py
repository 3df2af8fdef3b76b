"""A network prepared for the kernel: reduced, in the order of elimination, with room to compute."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.functions.state_estimation.elimination import Elimination
from ortsnetz_grid.functions.state_estimation.reduction import Reduction
from ortsnetz_grid.kernels.estimation import BlockGrid, BlockMeasurements, BlockSolver
from ortsnetz_grid.network.admittance import Admittance

Complex = NDArray[np.complex128]
Index = NDArray[np.intp]
Real = NDArray[np.float64]

SOURCE_REACH = 1e3
"""Standard deviation of what a source feeds, per unit: a thousand times a third of 1 MVA."""
_FIRM = 1e8
"""Inverse variance of a voltage that is held."""


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
class Circuits:
    """Where `f` flows are measured, in the kernel's order.

    Attributes:
        kind: (f,) `places.Kind`.
        at: (f,) position of the node where it is measured.
        other: (f,) that of the other end, -1 without.
        link: (f,) their pair, -1 without.
        own: (f, 3, 3) current there for its own voltage.
        mutual: (f, 3, 3) current there for the other end's.
    """

    kind: NDArray[np.int32]
    at: NDArray[np.int32]
    other: NDArray[np.int32]
    link: NDArray[np.int32]
    own: Complex
    mutual: Complex


@dataclass(frozen=True, slots=True)
class Plan:
    """A network of `n` nodes and `b` branches, of which `m` nodes remain.

    Attributes:
        needed: (n,) nodes that had to remain.
        order: (m,) rows of the nodes that remain, in the order of their elimination.
        place: (n,) position in it; -1 where a node was taken out or is not energised.
        sources: positions of the nodes with a source.
        taken: rows of the nodes taken out.
        taken_on: (6, t) what each of these depends on, among the (3 m) voltages that remain.
        taken_shares: (3, 6, t) voltages for those.
        branch_link: (b,) number of the pair that a branch joins, -1 where not both ends remain.
        solver: the kernel's memory; one thread at a time.
        nodes: every node's voltage (n,), for nodes that are energised.
        branches: the voltages at both ends of every branch (b,) that has an energised end.
        circuits: the last ones, by what is measured.
        symmetrical: angles at the sources where none is measured, by their standard deviation.
    """

    needed: NDArray[np.bool_]
    order: Index
    place: Index
    sources: Index
    taken: Index
    taken_on: Index
    taken_shares: Complex
    branch_link: Index
    solver: BlockSolver
    nodes: Dependence
    branches: Dependence
    circuits: dict[bytes, Circuits] = field(default_factory=dict)
    symmetrical: dict[float, tuple[Real, Real]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        library: ctypes.CDLL,
        model: Admittance,
        needed: NDArray[np.bool_],
        no_load: Complex,
    ) -> Plan:
        """Prepare a network in which at least the needed nodes remain.

        Args:
            library: the compiled kernels.
            model: the network.
            needed: (n,) nodes that must remain, sources among them.
            no_load: (n, 3) voltages without any load.
        """
        reduction = Reduction.of(model, needed)
        elimination = Elimination.of(
            {node: [each for each in row if each != node] for node, row in reduction.blocks.items()}
        )
        order = elimination.order
        place = np.full(len(model.node_ids), -1, dtype=np.intp)
        place[order] = np.arange(len(order))
        nodes = _nodes(model, reduction, place, elimination)
        solver = BlockSolver(library, _grid(reduction, elimination))
        solver.prepare(_power_flow(no_load[order], place[model.sources]), no_load[order])
        return cls(
            needed=needed,
            order=order,
            place=place,
            sources=_at(place, model.sources),
            taken=reduction.taken,
            taken_on=_parts(_at(place, reduction.on)),
            taken_shares=np.ascontiguousarray(
                reduction.shares.transpose(2, 1, 3, 0).reshape(3, 6, -1)
            ),
            branch_link=_links(np.sort(_at(place, model.ends), axis=1), elimination),
            solver=solver,
            nodes=nodes,
            branches=_branches(model, nodes, elimination),
        )

    def whole(self, voltage: Complex, count: int) -> Complex:
        """Voltages (n, 3) of all nodes from those (m, 3) that remain; 1 where not energised."""
        found = np.ones((count, 3), dtype=np.complex128)
        found[self.order] = voltage
        if self.taken.size:
            parts = voltage.ravel()[self.taken_on]
            found[self.taken] = np.einsum("pkt,kt->tp", self.taken_shares, parts)
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


def _power_flow(no_load: Complex, sources: Index) -> BlockMeasurements:
    """All injections exact but those of sources, whose voltages are held."""
    count = len(no_load)
    variance, weight = np.zeros((count, 2, 3)), np.zeros((count, 3))
    variance[sources], weight[sources] = np.inf, _FIRM
    none, whole = np.zeros(0, dtype=np.int32), np.zeros((0, 3, 3), dtype=np.complex128)
    return BlockMeasurements(
        injection=np.zeros((count, 3), dtype=np.complex128),
        injection_variance=variance,
        reach=np.full(count, SOURCE_REACH),
        magnitude=np.abs(no_load),
        magnitude_weight=weight,
        angle=np.angle(no_load),
        angle_weight=weight,
        kind=none,
        at=none,
        other=none,
        link=none,
        flow_own=whole,
        flow_mutual=whole,
        flow=np.zeros((0, 3), dtype=np.complex128),
        flow_weight=np.zeros((0, 2, 3)),
    )


def _at(place: Index, rows: Index) -> Index:
    return np.asarray(place[rows], dtype=np.intp)


def _parts(on: Index) -> Index:
    """Where (6, t) the three voltages at each of two positions (t, 2) are among all."""
    return np.ascontiguousarray((3 * on[:, :, None] + np.arange(3)).reshape(-1, 6).T)


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
