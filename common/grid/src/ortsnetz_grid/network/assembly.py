"""Branches and shunts of a network as arrays: power-grid-model's components, then the additions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network import additions_two_ports, two_ports
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.two_ports import BASE_POWER_VA, Complex

FREQUENCY_HZ = 50.0
"""power-grid-model's default, and what a network file is computed with."""

_BRANCHES = ("line", "link", "transformer", "asym_line")


class Branches(NamedTuple):
    """`b` branches; the shapes are those of `Admittance`."""

    ids: NDArray[np.int32]
    ends: NDArray[np.intp]
    connected: NDArray[np.bool_]
    blocks: Complex


class Shunts(NamedTuple):
    """`s` shunts; the shapes are those of `Admittance`."""

    ids: NDArray[np.int32]
    nodes: NDArray[np.intp]
    blocks: Complex


def rows_of(network: Network, ids: NDArray[np.int32]) -> NDArray[np.intp]:
    """Rows of nodes in the file's order.

    Raises:
        InputError: names an id that is no node.
    """
    nodes = network.data["node"]["id"]
    order = np.argsort(nodes, kind="stable")
    found = order[np.minimum(np.searchsorted(nodes[order], ids), len(nodes) - 1)]
    wrong = np.flatnonzero(nodes[found] != ids)
    if wrong.size:
        raise InputError(f"the network has no node {ids[wrong[0]]}")
    return np.asarray(found, dtype=np.intp)


def branches(network: Network) -> Branches:
    """Lines, links, transformers, asymmetric lines, then matrix lines, single-phase transformers.

    Raises:
        InputError: names a node that does not exist.
    """
    parts = [
        _of_library(network, component)
        for component in _BRANCHES
        if len(network.data.get(component, ()))
    ]
    parts.append(_of_additions(network))
    return Branches(
        ids=np.concatenate([part.ids for part in parts]),
        ends=np.concatenate([part.ends for part in parts]),
        connected=np.concatenate([part.connected for part in parts]),
        blocks=np.concatenate([part.blocks for part in parts]),
    )


def _of_library(network: Network, component: str) -> Branches:
    array = network.data[component]
    nodes = [rows_of(network, array[name]) for name in ("from_node", "to_node")]
    volts = [network.data["node"]["u_rated"][rows] for rows in nodes]
    if component == "line":
        blocks = two_ports.lines(array, volts[0], FREQUENCY_HZ)
    elif component == "link":
        blocks = two_ports.links(array)
    elif component == "transformer":
        blocks = two_ports.transformers(array, volts[0], volts[1])
    else:
        blocks = two_ports.asymmetric_lines(array, volts[0], FREQUENCY_HZ)
    connected = np.stack([array["from_status"] == 1, array["to_status"] == 1], axis=1)
    return Branches(array["id"], np.stack(nodes, axis=1), connected, blocks)


def _of_additions(network: Network) -> Branches:
    found = [branch for _, branch in network.additions.branches]
    count = len(found)
    rated = _rated(network) if found else {}
    ends = np.array([(each.from_node, each.to_node) for each in found], dtype=np.int32)
    status = np.array([(each.from_status, each.to_status) for each in found], dtype=np.bool_)
    blocks = np.zeros((count, 2, 2, 3, 3), dtype=np.complex128)
    for row, branch in enumerate(found):
        blocks[row] = additions_two_ports.branch_block(branch, rated)
    return Branches(
        ids=np.array([each.id for each in found], dtype=np.int32),
        ends=rows_of(network, ends.ravel()).reshape(-1, 2) if count else _none((0, 2)),
        connected=status.reshape(count, 2),
        blocks=blocks,
    )


def shunts(network: Network) -> Shunts:
    """power-grid-model's shunts, then the additional ones.

    Raises:
        InputError: names a node that does not exist.
    """
    more = network.additions.shunt_compensator
    rated = _rated(network) if more else {}
    array = network.data.get("shunt")
    ids, nodes = np.zeros(0, dtype=np.int32), _none((0,))
    blocks = np.zeros((0, 3, 3), dtype=np.complex128)
    if array is not None and len(array):
        ids, nodes = array["id"], rows_of(network, array["node"])
        base = network.data["node"]["u_rated"][nodes] ** 2 / BASE_POWER_VA
        base = base * (array["status"] == 1)
        positive = base * (array["g1"] + 1j * array["b1"])
        zero = base * (array["g0"] + 1j * array["b0"])
        blocks = two_ports.phases(zero, positive, positive)
    if more:
        added = [additions_two_ports.shunt_block(each, rated[each.node]) for each in more]
        at = rows_of(network, np.array([each.node for each in more], dtype=np.int32))
        ids = np.concatenate([ids, np.array([each.id for each in more], dtype=np.int32)])
        nodes, blocks = np.concatenate([nodes, at]), np.concatenate([blocks, np.stack(added)])
    return Shunts(ids, nodes, blocks)


def _rated(network: Network) -> dict[int, float]:
    nodes = network.data["node"]
    return dict(zip(nodes["id"].tolist(), nodes["u_rated"].tolist(), strict=True))


def _none(shape: tuple[int, ...]) -> NDArray[np.intp]:
    return np.zeros(shape, dtype=np.intp)
