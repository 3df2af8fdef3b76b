"""Order of elimination: nodes without injection first, then few neighbours before many."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.network.minimum_degree import eliminate

_PASSIVE_DEGREE = 2
"""A passive node between two others leaves one connection instead of two, and a tree a tree. With
three neighbours (star to delta) the iterations would have about as much to do as before."""


@dataclass(frozen=True, slots=True)
class Elimination:
    """How `m` nodes are eliminated; `e` connections, those that arise on the way included.

    Attributes:
        order: (m,) rows of the nodes, first eliminated first; below, places count in this order.
        passive: how many of the first are without injection.
        start: (m + 1,) first connection of each place in `later`.
        later: (e,) places of the neighbours that are eliminated later, rising for each place.
    """

    order: NDArray[np.intp]
    passive: int
    start: NDArray[np.int32]
    later: NDArray[np.int32]

    @classmethod
    def of(
        cls, size: int, edges: NDArray[np.intp], passive: NDArray[np.bool_], rows: NDArray[np.intp]
    ) -> Elimination:
        """Find an order; a tree gets no further connection.

        Args:
            size: number of nodes in all.
            edges: (c, 2) rows of connected nodes.
            passive: (size,) nodes without injection.
            rows: (m,) the nodes that take part.
        """
        neighbours: list[set[int]] = [set() for _ in range(size)]
        for one, other in edges.tolist():
            if one != other:
                neighbours[one].add(other)
                neighbours[other].add(one)
        spare = {row for row in rows.tolist() if passive[row]}
        below: dict[int, list[int]] = {}
        eliminate(neighbours, spare, below, _PASSIVE_DEGREE)
        first = set(below)
        eliminate(neighbours, set(rows.tolist()) - first, below, size)
        order = _family_order(below)
        order = [row for row in order if row in first] + [row for row in order if row not in first]
        place = {row: number for number, row in enumerate(order)}
        lists = [sorted(place[other] for other in below[row]) for row in order]
        start = np.zeros(len(order) + 1, dtype=np.int32)
        np.cumsum([len(each) for each in lists], out=start[1:])
        return cls(
            order=np.array(order, dtype=np.intp),
            passive=len(first),
            start=start,
            later=np.array([other for each in lists for other in each], dtype=np.int32),
        )


def _family_order(below: dict[int, list[int]]) -> list[int]:
    """The same elimination with each node soon after those that need it: its data are at hand.

    Any order in which a node follows all those whose neighbour it became gives the same result.
    """
    place = {row: number for number, row in enumerate(below)}
    children: dict[int, list[int]] = {row: [] for row in below}
    roots = []
    for row, others in below.items():
        if others:
            children[min(others, key=place.__getitem__)].append(row)
        else:
            roots.append(row)
    order, stack = [], roots
    while stack:
        row = stack.pop()
        order.append(row)
        stack += children[row]
    return order[::-1]
