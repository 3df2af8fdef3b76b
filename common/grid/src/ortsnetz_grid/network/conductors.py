"""Which phases exist at a node: those that a conductor joins to a source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network.additions import PHASE_NAMES, MatrixLine, SinglePhaseTransformer
from ortsnetz_grid.network.assembly import Branches
from ortsnetz_grid.network.model import Network


@dataclass(frozen=True, slots=True)
class FloatingConductor:
    """A conductor of a branch in service whose voltage only its neighbours would induce.

    Attributes:
        branch: id of the branch.
        node: id of the node at which no source feeds it.
        phase: `a`, `b` or `c`.
    """

    branch: int
    node: int
    phase: str


@dataclass(frozen=True, slots=True)
class Conductors:
    """Phases (n, 3) that are `present` at each node, and conductors that are `floating` there."""

    present: NDArray[np.bool_]
    floating: tuple[FloatingConductor, ...]


def conductors(
    network: Network,
    branches: Branches,
    energised: NDArray[np.bool_],
    sources: NDArray[np.intp],
) -> Conductors:
    """Follow the phases from the sources. At nodes without supply all phases count as present.

    Args:
        network: the network.
        branches: all its branches.
        energised: (n,) whether a source feeds the node.
        sources: rows of the nodes with a source in service.
    """
    count = len(energised)
    if not network.additions.branches:
        return Conductors(np.ones((count, 3), dtype=np.bool_), ())
    joins = _joins(network, branches)
    graph = sparse.coo_array((np.ones(len(joins)), joins.T), shape=(3 * count, 3 * count))
    _, part = csgraph.connected_components(graph, directed=False)
    fed = part[(3 * sources[:, None] + np.arange(3)).ravel()]
    present = np.isin(part, fed).reshape(count, 3) | ~energised[:, None]
    return Conductors(present, tuple(_floating(network, branches, present)))


def require_no_floating(network: Network, found: Conductors) -> None:
    """Refuse a network with a conductor that no source feeds.

    Raises:
        InputError: names branch, phase and node of the first one.
    """
    for each in found.floating:
        raise InputError(
            f"{network.label(each.branch)}: no source feeds its phase {each.phase} at "
            f"{network.label(each.node)}; leave that phase out (a matrix_line has the phases that "
            "it names), or connect it"
        )


def _joins(
    network: Network,
    branches: Branches,
) -> NDArray[np.intp]:
    """Pairs (e, 2) of phases (three times the node's row, plus 0 to 2) that are joined.

    In power-grid-model's transformers every phase reaches every phase, in its other branches its
    own.
    """
    pairs: list[tuple[int, int]] = []
    own = network.additions.branches
    library = len(branches.ids) - len(own)
    units = network.data.get("transformer", {"id": ()})["id"]
    for row in np.flatnonzero(branches.connected.all(axis=1)).tolist():
        start, stop = (3 * int(end) for end in branches.ends[row])
        if row >= library:
            pairs += _joined_by(own[row - library][1], start, stop)
            continue
        pairs += [(start + phase, stop + phase) for phase in range(3)]
        if branches.ids[row] in units:
            pairs += [(start, start + 1), (start, start + 2)]
    return np.array(pairs, dtype=np.intp).reshape(-1, 2)


def _joined_by(
    branch: MatrixLine | SinglePhaseTransformer, start: int, stop: int
) -> list[tuple[int, int]]:
    if isinstance(branch, MatrixLine):
        phases = [PHASE_NAMES.index(phase) for phase in branch.phases]
        return [(start + phase, stop + phase) for phase in phases]
    at = [
        first + PHASE_NAMES.index(terminal)
        for first, terminals in ((start, branch.from_terminals), (stop, branch.to_terminals))
        for terminal in terminals
        if terminal in PHASE_NAMES
    ]
    return [(at[0], other) for other in at[1:]]


def _floating(
    network: Network, branches: Branches, present: NDArray[np.bool_]
) -> Iterator[FloatingConductor]:
    """The first floating conductor at each connected end of each branch."""
    own = network.additions.branches
    library = len(branches.ids) - len(own)
    nodes = network.data["node"]["id"]
    for row, element in enumerate(branches.ids.tolist()):
        has = [np.ones(3, dtype=np.bool_)] * 2 if row < library else _has(own[row - library][1])
        for side in (0, 1):
            node = int(branches.ends[row, side])
            floating = np.flatnonzero(has[side] & ~present[node])
            if branches.connected[row, side] and floating.size:
                yield FloatingConductor(element, int(nodes[node]), PHASE_NAMES[floating[0]])


def _has(branch: MatrixLine | SinglePhaseTransformer) -> list[NDArray[np.bool_]]:
    """Phases (3,) that a branch has at its two ends."""
    texts: list[str] = [branch.phases] * 2 if isinstance(branch, MatrixLine) else []
    if isinstance(branch, SinglePhaseTransformer):
        texts = [branch.from_terminals, branch.to_terminals]
    return [np.array([phase in text for phase in PHASE_NAMES]) for text in texts]
