"""Which branch connects which nodes, and which of its ends are closed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network.additions import MatrixLine, SinglePhaseTransformer
from ortsnetz_grid.network.model import Network

BRANCHES = ("line", "link", "transformer", "asym_line")
"""The library's components with two ends, in the order of `Admittance`."""


@dataclass(frozen=True, slots=True)
class Connections:
    """Ends of `b` branches at `n` nodes.

    Attributes:
        node_ids: (n,) in the order of the file.
        branch_ids: (b,) in the order of `Admittance`, then generic branches.
        ends: (b, 2) rows of the nodes at the ends `from` and `to`.
        connected: (b, 2) whether the ends are closed.
        bank: (b,) row of the first branch of its bank. Additional branches between the same nodes,
            each on other phases, are one bank, and no loop; every other branch is its own.
        sources: rows of the nodes with a source in service.
    """

    node_ids: NDArray[np.int32]
    branch_ids: NDArray[np.int32]
    ends: NDArray[np.intp]
    connected: NDArray[np.bool_]
    bank: NDArray[np.intp]
    sources: NDArray[np.intp]

    @classmethod
    def of(cls, network: Network) -> Connections:
        """Read them from the network's data set and additions.

        Raises:
            InputError: names a branch or source that is not at a node, or one with three ends.
        """
        for element in network.data.get("three_winding_transformer", {"id": ()})["id"]:
            label = network.label(int(element))
            raise InputError(f"{label}: branches with three ends are not covered")
        tables = [network.data[name] for name in BRANCHES if name in network.data]
        tables += [_additional(network)]
        tables += [network.data["generic_branch"]] if "generic_branch" in network.data else []
        ends = np.concatenate(
            [
                np.stack([_rows(network, table, end) for end in ("from_node", "to_node")], axis=1)
                for table in tables
            ]
        )
        closed = [
            np.stack([table[end] == 1 for end in ("from_status", "to_status")], axis=1)
            for table in tables
        ]
        ids = np.concatenate([table["id"] for table in tables])
        source = network.data.get("source")
        sources = np.zeros(0, np.intp)
        if source is not None:
            sources = _rows(network, source, "node")[source["status"] == 1]
        return cls(
            node_ids=_node_ids(network),
            branch_ids=ids,
            ends=ends,
            connected=np.concatenate(closed),
            bank=_banks(network, ids),
            sources=sources,
        )

    @property
    def whole(self) -> NDArray[np.intp]:
        """Rows of the branches that are closed at both ends, of a bank the first of these."""
        closed = np.flatnonzero(self.connected.all(axis=1))
        _, first = np.unique(self.bank[closed], return_index=True)
        return np.asarray(np.sort(closed[first]), dtype=np.intp)

    def node_row(self, node: int) -> int:
        """Row of a node.

        Raises:
            InputError: there is no such node.
        """
        return _row(self.node_ids, node, "node")

    def branch_row(self, branch: int) -> int:
        """Row of a branch.

        Raises:
            InputError: there is no such branch.
        """
        return _row(self.branch_ids, branch, "branch")


def _row(ids: NDArray[np.int32], element: int, kind: str) -> int:
    found = np.flatnonzero(ids == element)
    if not found.size:
        raise InputError(f"the network has no {kind} {element}")
    return int(found[0])


def _node_ids(network: Network) -> NDArray[np.int32]:
    return network.data["node"]["id"] if "node" in network.data else np.zeros(0, np.int32)


_ENDS = ("id", "from_node", "to_node", "from_status", "to_status")


def _additional(network: Network) -> NDArray[Any]:
    """The additions' branches as a table like those of the library."""
    rows = [
        tuple(getattr(branch, name) for name in _ENDS) for _, branch in network.additions.branches
    ]
    return np.array(rows, dtype=[(name, np.int32) for name in _ENDS])


def _banks(network: Network, ids: NDArray[np.int32]) -> NDArray[np.intp]:
    """First row of each branch's bank: same nodes, and no way around through two of its units."""
    bank = np.arange(len(ids))
    added = network.additions.branches
    first = len(ids) - len(added) - len(network.data.get("generic_branch", ()))
    beside: dict[tuple[int, int], list[int]] = {}
    for place, (_, branch) in enumerate(added):
        pair = (branch.from_node, branch.to_node)
        beside.setdefault((min(pair), max(pair)), []).append(place)
    for places in beside.values():
        banks: list[tuple[int, list[_Unit]]] = []
        for place in places if len(places) > 1 else ():
            unit = _Unit.of(added[place][1])
            for row, units in banks:
                if not any(unit.closes_a_loop_with(other) for other in units):
                    bank[first + place] = row
                    units.append(unit)
                    break
            else:
                banks.append((first + place, [unit]))
    return bank


@dataclass(frozen=True, slots=True)
class _Unit:
    """The phases of an additional branch at both its ends, and whether it is a winding or wires."""

    phases: frozenset[str]
    far: frozenset[str]
    winding: bool

    @classmethod
    def of(cls, branch: MatrixLine | SinglePhaseTransformer) -> _Unit:
        if isinstance(branch, MatrixLine):
            return cls(frozenset(branch.phases), frozenset(branch.phases), winding=False)
        near, far = (frozenset(t) - {"n"} for t in (branch.from_terminals, branch.to_terminals))
        return cls(near, far, winding=True)

    def closes_a_loop_with(self, other: _Unit) -> bool:
        """Wires on a common phase, equal windings, or a winding that wires bridge.

        An open delta of two regulators `ab` and `cb` with a wire `b` is one bank; so are both
        halves of a centre-tapped winding.
        """
        if self.winding and other.winding:
            return (self.phases, self.far) == (other.phases, other.far)
        if not self.winding and not other.winding:
            return bool(self.phases & other.phases)
        wires, winding = (other, self) if self.winding else (self, other)
        return winding.phases <= wires.phases


def _rows(network: Network, array: NDArray[Any], field: str) -> NDArray[np.intp]:
    """Rows (k,) of the nodes that a column of a table names."""
    nodes, wanted = _node_ids(network), array[field]
    order = np.argsort(nodes, kind="stable")
    place = np.minimum(np.searchsorted(nodes[order], wanted), max(len(nodes) - 1, 0))
    known = nodes[order[place]] == wanted if len(nodes) else np.zeros(len(wanted), dtype=bool)
    for row in np.flatnonzero(~known):
        label = network.label(int(array["id"][row]))
        raise InputError(f"{label}: {field}: there is no node {wanted[row]}")
    return np.asarray(order[place], dtype=np.intp) if len(nodes) else np.zeros(0, np.intp)
