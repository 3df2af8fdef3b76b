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
from ortsnetz_grid.network.assembly import FREQUENCY_HZ, branches, rows_of, shunts
from ortsnetz_grid.network.conductors import conductors, require_no_floating
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.two_ports import BASE_POWER_VA, Complex, Real

__all__ = ["BASE_PHASE_VA", "FREQUENCY_HZ", "Admittance", "rows_of"]

BASE_PHASE_VA = BASE_POWER_VA / 3
_UNCOVERED = ("three_winding_transformer", "generic_branch")


@dataclass(frozen=True, slots=True)
class Admittance:
    """Two-ports of all branches and shunts of a network with `n` nodes and `b` branches.

    Attributes:
        node_ids: (n,) in the order of the file.
        node_volts: (n,) rated phase-to-neutral voltage, V.
        branch_ids: (b,) lines, links, transformers, asymmetric lines, then the additions' matrix
            lines and single-phase transformers, in this order.
        ends: (b, 2) rows of the nodes at the ends `from` and `to`.
        connected: (b, 2) whether the ends are connected.
        blocks: (b, 2, 2, 3, 3) two-ports, zero where nothing is connected.
        shunt_ids: (s,) shunts, then the additions' shunt compensators.
        shunt_nodes: (s,) rows of their nodes.
        shunt_blocks: (s, 3, 3) admittances, zero where not connected.
        energised: (n,) whether a source in service feeds the node.
        island: (n,) number of the connected part.
        sources: rows of the nodes with a source in service.
        present: (n, 3) whether the phase exists at the node: an energised node lacks a phase
            that no conductor joins to a source; nothing in `blocks` touches it.
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
    present: NDArray[np.bool_]

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
        found = branches(network)
        loops = np.flatnonzero(found.ends[:, 0] == found.ends[:, 1])
        if loops.size:
            label = network.label(int(found.ids[loops[0]]))
            raise InputError(f"{label} leads from its node back to the same node")
        shunt_ids, shunt_nodes, shunt_blocks = shunts(network)
        nodes = network.data["node"]
        ends = found.ends[found.connected.all(axis=1)]
        edges = sparse.coo_array(
            (np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(len(nodes),) * 2
        )
        _, island = csgraph.connected_components(edges, directed=False)
        source = network.data.get("source")
        fed = np.zeros(0, dtype=np.intp)
        if source is not None:
            fed = rows_of(network, source["node"][source["status"] == 1])
        energised = np.isin(island, island[fed])
        phases = conductors(network, found, energised, fed)
        require_no_floating(network, phases)
        return cls(
            node_ids=nodes["id"],
            node_volts=nodes["u_rated"] / np.sqrt(3),
            branch_ids=found.ids,
            ends=found.ends,
            connected=found.connected,
            blocks=found.blocks,
            shunt_ids=shunt_ids,
            shunt_nodes=shunt_nodes,
            shunt_blocks=shunt_blocks,
            energised=energised,
            island=island.astype(np.intp),
            sources=fed,
            present=phases.present,
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


def _spread(nodes: NDArray[np.intp], phase: NDArray[np.intp]) -> NDArray[np.intp]:
    """Row or column numbers (k * 9,) of 3x3 blocks at nodes."""
    spread = 3 * nodes[:, None, None] + np.broadcast_to(phase, (3, 3))
    return np.asarray(spread.ravel(), dtype=np.intp)
