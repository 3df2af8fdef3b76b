"""Elimination of nodes, few neighbours before many.

Minimum degree (Tinney, Walker, Proc. IEEE 55, 1967): in a tree the next node is always a leaf, so a
tree gets no new connection.
"""

from __future__ import annotations

import heapq
from collections.abc import Set as AbstractSet
from typing import Protocol


class Neighbours(Protocol):
    """Sets of neighbours by node: a list or a dictionary."""

    def __getitem__(self, node: int, /) -> set[int]: ...


def eliminate(
    neighbours: Neighbours, chosen: AbstractSet[int], below: dict[int, list[int]], most: int
) -> None:
    """Eliminate chosen nodes while one has at most so many neighbours.

    Args:
        neighbours: of each node, without itself; new connections are added.
        chosen: nodes to eliminate.
        below: filled in the order of elimination with the neighbours that each then has.
        most: neighbours of the last one.
    """
    queue = [(len(neighbours[row]), row) for row in chosen]
    heapq.heapify(queue)
    while queue:
        degree, row = heapq.heappop(queue)
        if row in below or degree != len(neighbours[row]):
            continue
        if degree > most:
            return
        others = neighbours[row]
        below[row] = list(others)
        for other in others:
            near = neighbours[other]
            near |= others
            near.discard(other)
            near.discard(row)
            if other in chosen:
                heapq.heappush(queue, (len(near), other))
