"""Nodes that carry nothing and say nothing taken out of the problem, exactly.

A node without appliance and without sensor injects exactly nothing, so its voltage follows from its
neighbours' (Kron, Tensor Analysis of Networks, 1939). Taking out those with one or two neighbours
adds no connection to a network. Every
node that was taken out depends on one or two nodes that remain and are neighbours then.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.network.admittance import Admittance

Complex = NDArray[np.complex128]
_Blocks = dict[int, dict[int, Complex]]
_MOST_NEIGHBOURS = 2


@dataclass(frozen=True, slots=True)
class Reduction:
    """A network of `n` energised nodes reduced to `m` that remain.

    Attributes:
        kept: (m,) rows of the nodes that remain, rising.
        blocks: admittances (3, 3) of those: by row, then by column, both in the model's numbering.
        taken: (t,) rows of the nodes taken out.
        on: (t, 2) the nodes that remain on which each depends; twice the same where only one.
        shares: (t, 2, 3, 3) voltage for a voltage at these; the second is 0 where only one.
    """

    kept: NDArray[np.intp]
    blocks: _Blocks
    taken: NDArray[np.intp]
    on: NDArray[np.intp]
    shares: Complex

    @classmethod
    def of(cls, model: Admittance, needed: NDArray[np.bool_]) -> Reduction:
        """Reduce a network.

        Args:
            model: the network.
            needed: (n,) nodes that must remain.
        """
        blocks = _node_blocks(model)
        taken = _take_out(blocks, needed)
        final: dict[int, dict[int, Complex]] = {}
        for node, shares in reversed(taken):
            final[node] = _followed(shares, final)
        rows = [node for node, _ in taken]
        on = np.zeros((len(rows), 2), dtype=np.intp)
        parts = np.zeros((len(rows), 2, 3, 3), dtype=np.complex128)
        for place, node in enumerate(rows):
            depends = sorted(final[node])
            on[place] = [depends[0], depends[-1]]
            for side, other in enumerate(depends):
                parts[place, side] = final[node][other]
        return cls(
            kept=np.array(sorted(blocks), dtype=np.intp),
            blocks=blocks,
            taken=np.array(rows, dtype=np.intp),
            on=on,
            shares=parts,
        )


def _node_blocks(model: Admittance) -> _Blocks:
    """Node admittances of the energised part as blocks."""
    blocks: _Blocks = {
        int(node): {int(node): np.zeros((3, 3), dtype=np.complex128)}
        for node in np.flatnonzero(model.energised)
    }
    for (first, second), two_port in zip(model.ends.tolist(), model.blocks, strict=True):
        for i, node in enumerate((first, second)):
            for j, other in enumerate((first, second)):
                if node in blocks and other in blocks and two_port[i, j].any():
                    row = blocks[node]
                    row[other] = row[other] + two_port[i, j] if other in row else two_port[i, j]
    for node, block in zip(model.shunt_nodes.tolist(), model.shunt_blocks, strict=True):
        if node in blocks:
            blocks[node][node] = blocks[node][node] + block
    return blocks


def _take_out(blocks: _Blocks, needed: NDArray[np.bool_]) -> list[tuple[int, dict[int, Complex]]]:
    """Take nodes out of the blocks, in this order; each with its dependence on its neighbours."""
    taken: list[tuple[int, dict[int, Complex]]] = []
    waiting = [node for node in blocks if not needed[node]]
    while waiting:
        node = waiting.pop()
        if node not in blocks:
            continue
        row = blocks[node]
        others = [other for other in row if other != node]
        if not 1 <= len(others) <= _MOST_NEIGHBOURS:
            continue
        shares = dict(zip(others, -np.linalg.solve(row[node], _stacked(row, others)), strict=True))
        for first in others:
            for second in others:
                change = blocks[first][node] @ shares[second]
                known = blocks[first].get(second)
                blocks[first][second] = change if known is None else known + change
        for other in others:
            del blocks[other][node]
        waiting += [other for other in others if not needed[other]]
        del blocks[node]
        taken.append((node, shares))
    return taken


def _stacked(row: dict[int, Complex], others: list[int]) -> Complex:
    return np.stack([row[other] for other in others])


def _followed(
    shares: dict[int, Complex], final: dict[int, dict[int, Complex]]
) -> dict[int, Complex]:
    """Shares of neighbours that were themselves taken out, passed on to those that remain."""
    found: dict[int, Complex] = {}
    for node, share in shares.items():
        for other, further in (final[node] if node in final else {node: np.eye(3)}).items():
            part = share @ further
            found[other] = found[other] + part if other in found else part
    return found
