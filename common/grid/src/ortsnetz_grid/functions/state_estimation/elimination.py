"""The order in which a network's nodes are eliminated, and where that makes new connections.

Minimum degree (Tinney, Walker, Proc. IEEE 55, 1967): the node with the fewest neighbours goes next,
which in a tree is always a leaf, so that a tree gets no new connection.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Elimination:
    """The elimination of `m` nodes with `l` pairs of neighbours, new ones included.

    Attributes:
        order: (m,) nodes in the order of their elimination; all else here counts in this order.
        start: (m + 1,) first pair of each node's column.
        row: (l,) the later node of each pair, rising within a column.
        pair_start: (m,) first entry of each column in `pair`.
        pair: the pairs between the rows of a column, all first < second, columns in order.
        links: number of each pair (earlier, later).
    """

    order: NDArray[np.intp]
    start: Index
    row: Index
    pair_start: Index
    pair: Index
    links: Mapping[tuple[int, int], int]

    @classmethod
    def of(cls, neighbours: Mapping[int, Iterable[int]]) -> Elimination:
        """Find an order.

        Args:
            neighbours: of each node; symmetric, without the node itself.
        """
        order, columns = _minimum_degree({node: set(near) for node, near in neighbours.items()})
        place = {node: position for position, node in enumerate(order)}
        rows = [sorted(place[near] for near in columns[node]) for node in order]
        start = np.concatenate([[0], np.cumsum([len(each) for each in rows])])
        links = {
            (column, row): int(start[column]) + offset
            for column, each in enumerate(rows)
            for offset, row in enumerate(each)
        }
        pairs = [
            [links[first, second] for k, first in enumerate(each) for second in each[k + 1 :]]
            for each in rows
        ]
        pair_start = np.concatenate([[0], np.cumsum([len(each) for each in pairs])])[:-1]
        return cls(
            order=np.array(order, dtype=np.intp),
            start=start.astype(np.int32),
            row=np.array([row for each in rows for row in each], dtype=np.int32),
            pair_start=pair_start.astype(np.int32),
            pair=np.array([link for each in pairs for link in each], dtype=np.int32),
            links=links,
        )


def _minimum_degree(near: dict[int, set[int]]) -> tuple[list[int], dict[int, set[int]]]:
    """Order, and the neighbours that each node has when it goes."""
    order: list[int] = []
    columns: dict[int, set[int]] = {}
    waiting = [(len(others), node) for node, others in near.items()]
    heapq.heapify(waiting)
    while waiting:
        degree, node = heapq.heappop(waiting)
        if node in columns or degree != len(near[node]):
            continue  # an entry from before its neighbours changed
        columns[node] = others = near.pop(node)
        order.append(node)
        for other in others:
            near[other] |= others
            near[other] -= {node, other}
            heapq.heappush(waiting, (len(near[other]), other))
    return order, columns
