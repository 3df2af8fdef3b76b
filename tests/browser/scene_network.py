"""The network of the scene: four feeders, two of them with a side branch, 97 nodes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
MV, BUSBAR, TRANSFORMER = 0, 1, 300
SHAPE = ((16, ()), (37, ((28, 6),)), (14, ()), (19, ((7, 3),)))
RATED_VA = 250_000.0
LINE_A = 270.0
NOMINAL_V = 400.0 / 3**0.5


@dataclass(frozen=True)
class Grid:
    """A radial network: node n > 1 hangs at `parent[n]` on line 100 + n."""

    parent: dict[int, int]
    head: tuple[int, ...]

    @property
    def nodes(self) -> list[int]:
        return [MV, BUSBAR, *self.parent]

    def below(self) -> Floats:
        """Matrix (line, node): whether the line feeds the node; both in the order of `parent`."""
        order = list(self.parent)
        index = {node: i for i, node in enumerate(order)}
        matrix = np.zeros((len(order), len(order)))
        for node in order:
            at = node
            while at != BUSBAR:
                matrix[index[at], index[node]] = 1.0
                at = self.parent[at]
        return matrix


def radial(shape: tuple[tuple[int, tuple[tuple[int, int], ...]], ...] = SHAPE) -> Grid:
    """Feeders of given lengths with side branches at given places."""
    parent: dict[int, int] = {}
    heads = []
    number = 2
    for length, sides in shape:
        at, trunk = BUSBAR, []
        heads.append(number)
        for _ in range(length):
            parent[number] = at
            at = number
            trunk.append(number)
            number += 1
        for place, side_length in sides:
            at = trunk[place]
            for _ in range(side_length):
                parent[number] = at
                at = number
                number += 1
    return Grid(parent, tuple(heads))


def coordinates(grid: Grid, seed: int) -> dict[int, tuple[float, float]]:
    """Longitude and latitude: feeders leave in all directions and bend a little at every node."""
    rng = np.random.default_rng(seed)
    spots = {BUSBAR: (11.4118, 53.6440)}
    heading: dict[int, float] = {}
    for node, parent in grid.parent.items():
        if parent == BUSBAR:
            turn = grid.head.index(node) * 2 * np.pi / len(grid.head) + 0.4
        else:
            turn = heading[parent] + rng.normal(0, 0.16)
            turn += 0.0 if parent == node - 1 else 1.2
        heading[node] = turn
        x, y = spots[parent]
        step = 0.00025
        spots[node] = (x + step * np.cos(turn) / 0.593, y + step * np.sin(turn))
    return spots


def network_text(
    grid: Grid, lengths_km: Floats, loads: Sequence[int], generators: Sequence[int], seed: int
) -> str:
    """The network file, power-grid-model's input data set.

    Args:
        grid: nodes and lines.
        lengths_km: of the lines, in the order of the grid's `parent`.
        loads: nodes of the charge points, ids from 501.
        generators: nodes of the inverters, ids from 601.
        seed: of the coordinates.
    """
    spots = coordinates(grid, seed)
    nodes = [
        {"id": MV, "u_rated": 20_000.0, "name": "MV busbar", "x": 11.4118, "y": 53.6442},
        {"id": BUSBAR, "u_rated": 400.0, "name": "LV busbar", "x": 11.4118, "y": 53.6440},
    ]
    lines = []
    for (node, parent), km in zip(grid.parent.items(), lengths_km.tolist(), strict=True):
        x, y = spots[node]
        nodes.append({"id": node, "u_rated": 400.0, "name": f"Bus {node}", "x": x, "y": y})
        lines.append(_line(node, parent, km))
    zero = [0.0, 0.0, 0.0]
    appliance = {"status": 1, "type": 0, "p_specified": zero, "q_specified": zero}
    data: dict[str, list[dict[str, Any]]] = {
        "node": nodes,
        "line": lines,
        "transformer": [_transformer()],
        "source": [{"id": 900, "node": MV, "status": 1, "u_ref": 1.0}],
        "asym_load": [{"id": 501 + k, "node": n, **appliance} for k, n in enumerate(loads)],
        "asym_gen": [{"id": 601 + k, "node": n, **appliance} for k, n in enumerate(generators)],
    }
    document = {
        "version": "1.0",
        "type": "input",
        "is_batch": False,
        "attributes": {},
        "data": data,
        "ortsnetz": {"format": "ortsnetz.network/1", "source": "browser tests", "seed": seed},
    }
    return json.dumps(document)


def _line(node: int, parent: int, km: float) -> dict[str, Any]:
    return {
        "id": 100 + node, "name": f"Line {node}", "from_node": parent, "to_node": node,
        "from_status": 1, "to_status": 1, "r1": 0.2067 * km, "x1": 0.0804 * km, "c1": 0.0,
        "tan1": 0.0, "r0": 0.8268 * km, "x0": 0.2975 * km, "c0": 0.0, "tan0": 0.0, "i_n": LINE_A,
    }  # fmt: skip


def _transformer() -> dict[str, Any]:
    return {
        "id": TRANSFORMER, "name": "Transformer", "from_node": MV, "to_node": BUSBAR,
        "from_status": 1, "to_status": 1, "u1": 20_000.0, "u2": 400.0, "sn": RATED_VA,
        "uk": 0.06, "pk": 3300.0, "i0": 0.0035, "p0": 880.0, "winding_from": 2, "winding_to": 1,
        "clock": 5, "tap_side": 0, "tap_pos": 0, "tap_min": -2, "tap_max": 2, "tap_nom": 0,
        "tap_size": 500.0,
    }  # fmt: skip
