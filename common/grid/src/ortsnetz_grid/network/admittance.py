"""The three-phase admittance model of a network, in per unit.

Voltages are complex (n, 3), phase to neutral over the node's rated phase voltage; currents and
powers in per unit of a third of 1 MVA (`BASE_PHASE_VA`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network import two_ports
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.two_ports import BASE_POWER_VA, Complex, Real

BASE_PHASE_VA = BASE_POWER_VA / 3
FREQUENCY_HZ = 50.0
"""power-grid-model's default, and what a network file is computed with."""

_BRANCHES = ("line", "link", "transformer", "asym_line")
_UNCOVERED = ("three_winding_transformer", "generic_branch")


@dataclass(frozen=True, slots=True)
class Admittance:
    """Two-ports of all branches and shunts of a network with `n` nodes and `b` branches.

    Attributes:
        node_ids: (n,) in the order of the file.
        node_volts: (n,) rated phase-to-neutral voltage, V.
        branch_ids: (b,) lines, links, transformers, asymmetric lines, in this order.
        ends: (b, 2) rows of the nodes at the ends `from` and `to`.
        connected: (b, 2) whether the ends are connected.
        blocks: (b, 2, 2, 3, 3) two-ports, zero where nothing is connected.
        shunt_ids: (s,) shunts.
        shunt_nodes: (s,) rows of their nodes.
        shunt_blocks: (s, 3, 3) admittances, zero where not connected.
        energised: (n,) whether a source in service feeds the node.
        island: (n,) number of the connected part.
        sources: rows of the nodes with a source in service.
    """

    node_ids: NDArray[np.int32]
    node_volts: Real
    branch_ids: NDArray[np.int32]
    ends: NDArray[np.intp]
    connected: NDArray[np.bool_]
    blocks: Complex
    shunt_ids: NDArray[np.int32]
    shunt_nodes: NDArray[np.intp]
    shunt_blocks: Complex
    energised: NDArray[np.bool_]
    island: NDArray[np.intp]
    sources: NDArray[np.intp]

    @classmethod
    def of(cls, network: Network) -> Admittance:
        """Build the model.

        Raises:
            InputError: names an element that the model does not cover.
        """
        for component in _UNCOVERED:
            if len(network.data.get(component, ())):
                label = network.label(int(network.data[component]["id"][0]))
                raise InputError(f"{label}: the three-phase model does not cover a {component}")
        ids, ends, connected, blocks = _branches(network)
        shunt_ids, shunt_nodes, shunt_blocks = _shunts(network)
        nodes = network.data["node"]
        whole = connected.all(axis=1)
        edges = sparse.coo_array(
            (np.ones(int(whole.sum())), (ends[whole, 0], ends[whole, 1])), shape=(len(nodes),) * 2
        )
        _, island = csgraph.connected_components(edges, directed=False)
        source = network.data.get("source")
        fed = np.zeros(0, dtype=np.intp)
        if source is not None:
            fed = rows_of(network, source["node"][source["status"] == 1])
        return cls(
            node_ids=nodes["id"],
            node_volts=nodes["u_rated"] / np.sqrt(3),
            branch_ids=ids,
            ends=ends,
            connected=connected,
            blocks=blocks,
            shunt_ids=shunt_ids,
            shunt_nodes=shunt_nodes,
            shunt_blocks=shunt_blocks,
            energised=np.isin(island, island[fed]),
            island=island.astype(np.intp),
            sources=fed,
        )

    def node_matrix(self) -> sparse.csr_array:
        """Sparse (3n, 3n): currents injected into nodes for their voltages, phases innermost."""
        size = 3 * len(self.node_ids)
        rows, columns, values = [], [], []
        phase = np.arange(3)
        for i in (0, 1):
            for j in (0, 1):
                rows.append(_spread(self.ends[:, i], phase[:, None]))
                columns.append(_spread(self.ends[:, j], phase[None, :]))
                values.append(self.blocks[:, i, j].ravel())
        rows.append(_spread(self.shunt_nodes, phase[:, None]))
        columns.append(_spread(self.shunt_nodes, phase[None, :]))
        values.append(self.shunt_blocks.ravel())
        entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
        matrix = sparse.coo_array(entries, shape=(size, size)).tocsr()
        matrix.sum_duplicates()
        return matrix

    def branch_currents(self, voltage: Complex) -> Complex:
        """Currents (b, 2, 3) into the branches at their ends, for voltages (n, 3)."""
        return np.asarray(np.einsum("bijpq,bjq->bip", self.blocks, voltage[self.ends]))

    def branch_powers(self, voltage: Complex) -> Complex:
        """Complex powers (b, 2, 3) into the branches at their ends, for voltages (n, 3)."""
        return np.asarray(voltage[self.ends] * np.conj(self.branch_currents(voltage)))

    def shunt_powers(self, voltage: Complex) -> Complex:
        """Complex powers (s, 3) consumed by the shunts, for voltages (n, 3)."""
        at = voltage[self.shunt_nodes]
        return np.asarray(at * np.conj(np.einsum("spq,sq->sp", self.shunt_blocks, at)))


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


def _spread(nodes: NDArray[np.intp], phase: NDArray[np.intp]) -> NDArray[np.intp]:
    """Row or column numbers (k * 9,) of 3x3 blocks at nodes."""
    spread = 3 * nodes[:, None, None] + np.broadcast_to(phase, (3, 3))
    return np.asarray(spread.ravel(), dtype=np.intp)


def _branches(
    network: Network,
) -> tuple[NDArray[np.int32], NDArray[np.intp], NDArray[np.bool_], Complex]:
    ids, ends, connected, blocks = [], [], [], []
    for component in _BRANCHES:
        array = network.data.get(component)
        if array is None or not len(array):
            continue
        nodes = [rows_of(network, array[name]) for name in ("from_node", "to_node")]
        volts = [network.data["node"]["u_rated"][rows] for rows in nodes]
        ids.append(array["id"])
        ends.append(np.stack(nodes, axis=1))
        connected.append(np.stack([array["from_status"] == 1, array["to_status"] == 1], axis=1))
        if component == "line":
            blocks.append(two_ports.lines(array, volts[0], FREQUENCY_HZ))
        elif component == "link":
            blocks.append(two_ports.links(array))
        elif component == "transformer":
            blocks.append(two_ports.transformers(array, volts[0], volts[1]))
        else:
            blocks.append(two_ports.asymmetric_lines(array, volts[0], FREQUENCY_HZ))
    if not ids:
        return (
            np.zeros(0, dtype=np.int32),
            np.zeros((0, 2), dtype=np.intp),
            np.zeros((0, 2), dtype=np.bool_),
            np.zeros((0, 2, 2, 3, 3), dtype=np.complex128),
        )
    return (
        np.concatenate(ids),
        np.concatenate(ends),
        np.concatenate(connected),
        np.concatenate(blocks),
    )


def _shunts(network: Network) -> tuple[NDArray[np.int32], NDArray[np.intp], Complex]:
    array = network.data.get("shunt")
    if array is None or not len(array):
        empty = np.zeros(0, dtype=np.intp)
        return np.zeros(0, dtype=np.int32), empty, np.zeros((0, 3, 3), dtype=np.complex128)
    nodes = rows_of(network, array["node"])
    base = network.data["node"]["u_rated"][nodes] ** 2 / BASE_POWER_VA
    base = base * (array["status"] == 1)
    positive = base * (array["g1"] + 1j * array["b1"])
    zero = base * (array["g0"] + 1j * array["b0"])
    return array["id"], nodes, two_ports.phases(zero, positive, positive)
