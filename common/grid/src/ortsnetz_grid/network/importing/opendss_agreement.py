"""Whether the imported branches and shunts have the admittances that OpenDSS computes with.

OpenDSS knows more properties than are read (core types, neutral impedances, series resistances of
capacitors and so on). Whatever they are, they end in its primitive matrices, so these decide.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network.admittance import BASE_PHASE_VA, Admittance
from ortsnetz_grid.network.importing.opendss_records import Circuit
from ortsnetz_grid.network.model import Network

_PASSIVE = ("Line", "Reactor", "Transformer", "Capacitor")
_TOLERANCE = 1e-6
"""Of the geometric mean of the two nodes' own admittances."""
_NOTHING_VA = 1e-3
"""At rated voltage; OpenDSS leaves as much at open ends, so that its matrix stays regular."""


def require_agreement(network: Network, circuit: Circuit, nodes: Mapping[str, int]) -> None:
    """Compare the node matrices without loads; what lies between the source's own phases is not.

    Args:
        network: as imported.
        circuit: where it comes from.
        nodes: node id of each bus.

    Raises:
        InputError: names the bus where they differ most, and the elements there.
    """
    model = Admittance.of(network)
    row_of = {node: row for row, node in enumerate(model.node_ids.tolist())}
    first = {bus: 3 * row_of[node] for bus, node in nodes.items()}
    volts = sparse.diags_array(1 / np.repeat(model.node_volts, 3))
    ours = (volts @ model.node_matrix() @ volts) * BASE_PHASE_VA
    star_points = np.setdiff1d(np.arange(len(model.node_ids)), [row_of[n] for n in nodes.values()])
    star_points = 3 * np.setdiff1d(star_points, model.sources)
    ours = _without(ours.tocsr(), star_points)
    theirs = _node_matrix(circuit, first, 3 * len(model.node_ids))
    own = np.sqrt(np.abs(ours.diagonal())) + np.sqrt(np.abs(theirs.diagonal()))
    difference = abs(ours - theirs).tocoo()
    at, to = difference.coords
    sources = {first[source.buses[0]] // 3 for source in circuit.of_kind("Vsource")}
    behind = set(model.sources.tolist()) | sources
    between = np.isin(at // 3, list(behind)) & np.isin(to // 3, list(behind))
    nothing = _NOTHING_VA / (model.node_volts[at // 3] * model.node_volts[to // 3])
    wrong = (difference.data > _TOLERANCE * own[at] * own[to] + nothing) & ~between
    if wrong.any():
        worst = int(at[wrong][difference.data[wrong].argmax()]) // 3
        bus = network.names.get(int(model.node_ids[worst]), "")
        there = [each.words for each in circuit.elements if bus in each.buses]
        raise InputError(
            f"at bus {bus} the network file would not have OpenDSS's admittances: a property of "
            f"{', '.join(there)} is not covered"
        )


def _node_matrix(circuit: Circuit, first: Mapping[str, int], size: int) -> sparse.csr_array:
    """Sum (size, size) of the primitive matrices of lines, transformers and capacitors, S."""
    none = np.zeros(0, dtype=np.intp)
    rows, columns, values = [none], [none], [np.zeros(0, dtype=np.complex128)]
    for element in circuit.elements:
        if element.kind not in _PASSIVE:
            continue
        places = np.array(
            [
                first[bus] + node - 1 if node else -1
                for bus, terminal in zip(element.buses, element.nodes, strict=True)
                for node in terminal
            ]
        )
        kept = np.flatnonzero(places >= 0)
        rows.append(np.repeat(places[kept], len(kept)))
        columns.append(np.tile(places[kept], len(kept)))
        values.append(element.admittance[np.ix_(kept, kept)].ravel())
    entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return sparse.coo_array(entries, shape=(size, size)).tocsr()


def _without(matrix: sparse.csr_array, places: NDArray[np.intp]) -> sparse.csr_array:
    """The matrix (size, size) with places eliminated that are not joined to each other; 0 there."""
    if not len(places):
        return matrix
    columns, rows = matrix[:, places], matrix[places]
    own = sparse.diags_array(1 / matrix.diagonal()[places])
    kept = np.ones(matrix.shape[0])
    kept[places] = 0
    keep = sparse.diags_array(kept)
    return sparse.csr_array(keep @ (matrix - columns @ own @ rows) @ keep)
