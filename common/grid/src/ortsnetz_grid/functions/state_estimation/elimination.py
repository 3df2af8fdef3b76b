"""The order in which a network's nodes are eliminated, and where that makes new connections."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.network.minimum_degree import eliminate

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
        near = {node: set(others) for node, others in neighbours.items()}
        columns: dict[int, list[int]] = {}
        eliminate(near, near.keys(), columns, len(near))
        order = list(columns)
        place = {node: position for position, node in enumerate(order)}
        rows = [sorted(place[other] for other in columns[node]) for node in order]
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
