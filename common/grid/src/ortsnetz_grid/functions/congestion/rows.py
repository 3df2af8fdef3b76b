"""The quantities that limits apply to, as functions of the network's voltages.

A row is a complex number whose magnitude has a bound: the terms of the branches' loading (phasors
over ratings), the voltages of LV nodes, and, if asked for, the unbalance of LV nodes. Currents and
voltages are linear in the voltages of the network; an apparent power is a product and an unbalance
a quotient of two such *functionals*.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ortsnetz_grid.functions.congestion.problem import LV_LIMIT_V
from ortsnetz_grid.kernels.limiting import RowsOfVoltages, kernels
from ortsnetz_grid.network.admittance import BASE_PHASE_VA, Admittance
from ortsnetz_grid.network.loading import RatedBranches, Term
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.two_ports import Complex

_TURN = np.exp(2j * np.pi / 3)
POSITIVE: Complex = np.array([1, _TURN, _TURN**2], dtype=np.complex128) / 3
NEGATIVE: Complex = np.array([1, _TURN**2, _TURN], dtype=np.complex128) / 3
_SIDES = ("from", "to")
_NEUTRAL, _APPARENT = 3, 4  # of `loading.QUANTITIES`


@dataclass(frozen=True, slots=True)
class RowLayout:
    """Which row is what: `m` loading terms, `3l` voltages of LV nodes, then `u` unbalances.

    Attributes:
        branches: rated branches with the terms of their loading.
        branch_of: (m,) index into `branches.ids` of each term.
        lv_nodes: (l,) rows of the LV nodes in the network's node array.
        unbalanced: (u,) rows of the nodes whose unbalance is looked at.
        live_nodes: (n,) nodes that have supply.
        partner: (r,) the row of the same quantity at a branch's other end, else the row itself.
    """

    branches: RatedBranches
    branch_of: NDArray[np.intp]
    partner: NDArray[np.intp]
    lv_nodes: NDArray[np.intp]
    unbalanced: NDArray[np.intp]
    live_nodes: NDArray[np.bool_]

    @classmethod
    def of(cls, network: Network, live_nodes: NDArray[np.bool_], *, unbalance: bool) -> RowLayout:
        """Lay out the rows of a network.

        Raises:
            InputError: names a branch without a rating.
        """
        branches = RatedBranches.of(network)
        lv_nodes = np.flatnonzero(network.data["node"]["u_rated"] <= LV_LIMIT_V)
        none = np.zeros(0, dtype=np.intp)
        return cls(
            branches=branches,
            branch_of=np.array([term.branch for term in branches.terms], dtype=np.intp),
            partner=_partners(branches, 3 * len(lv_nodes) + (len(lv_nodes) if unbalance else 0)),
            lv_nodes=lv_nodes,
            unbalanced=lv_nodes[live_nodes[lv_nodes]] if unbalance else none,
            live_nodes=live_nodes,
        )

    @property
    def voltages(self) -> slice:
        """Rows of the voltages."""
        terms = len(self.branch_of)
        return slice(terms, terms + 3 * len(self.lv_nodes))

    @property
    def count(self) -> int:
        """Number of rows."""
        return len(self.branch_of) + 3 * len(self.lv_nodes) + len(self.unbalanced)

    def live_rows(self) -> NDArray[np.bool_]:
        """(r,) all but the voltages of nodes without supply."""
        live = np.ones(self.count, dtype=np.bool_)
        live[self.voltages] = np.repeat(self.live_nodes[self.lv_nodes], 3)
        return live


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows as functionals of the voltages of `n` nodes.

    Attributes:
        layout: which row is what.
        operator: sparse (f, 3n): functionals of the voltages, per unit. The first r belong to the
            rows in their order; the rest are the second ones that products and quotients need.
        second: (r,) the second functional of a row, -1 for none.
        products: rows that are the first times the conjugate of the second.
        quotients: rows that are the first over the second.
        compiled: the same for the compiled kernels, None where there are none.
    """

    layout: RowLayout
    operator: sparse.csr_array
    second: NDArray[np.intp]
    products: NDArray[np.intp]
    quotients: NDArray[np.intp]
    compiled: RowsOfVoltages | None

    @classmethod
    def of(cls, layout: RowLayout, admittance: Admittance) -> Rows:
        """Collect the functionals."""
        terms = layout.branches.terms
        currents = _currents(layout.branches, admittance)
        ratings = layout.branches.ratings()
        apparent = np.array([term.quantity >= _APPARENT for term in terms], dtype=np.bool_)
        row_of = {element: row for row, element in enumerate(admittance.branch_ids.tolist())}
        branch = [row_of[int(layout.branches.ids[term.branch])] for term in terms]
        ends = [
            int(admittance.ends[row, _SIDES.index(term.side)])
            for row, term in zip(branch, terms, strict=True)
        ]
        # a current over its rating; an apparent power as voltage times a current over it
        scale = np.where(apparent, 1.0, 1 / admittance.node_volts[ends]) * BASE_PHASE_VA / ratings
        currents = sparse.diags_array(scale) @ currents
        products = np.flatnonzero(apparent)
        at = [3 * ends[row] + terms[row].quantity - _APPARENT for row in products.tolist()]
        size = 3 * len(admittance.node_ids)
        first = currents.tolil() if len(products) else currents
        if len(products):
            first[products] = _units(at, size).tolil()
        lv = [3 * node + phase for node in layout.lv_nodes.tolist() for phase in (0, 1, 2)]
        quotients = np.arange(layout.voltages.stop, layout.count)
        operator = sparse.vstack(
            [
                first.tocsr(),
                _units(lv, size),
                _sequence(layout.unbalanced, NEGATIVE, size),
                currents.tocsr()[products],
                _sequence(layout.unbalanced, POSITIVE, size),
            ],
            format="csr",
        )
        second = np.full(layout.count, -1, dtype=np.intp)
        second[products] = layout.count + np.arange(len(products))
        second[quotients] = layout.count + len(products) + np.arange(len(quotients))
        operator = sparse.csr_array(operator)
        compiled = _compiled(operator, products, quotients, second)
        return cls(layout, operator, second, products, quotients, compiled)

    def at(self, voltage: Complex) -> tuple[Complex, Complex]:
        """Functionals' values (s, f) and rows (s, r) at voltages (s, n, 3)."""
        if self.compiled is not None:
            return self.compiled.of(voltage)
        values = np.asarray((self.operator @ voltage.reshape(len(voltage), -1).T).T)
        found = np.array(values[:, : len(self.second)])
        if len(self.products):
            found[:, self.products] *= np.conj(values[:, self.second[self.products]])
        if len(self.quotients):
            found[:, self.quotients] /= values[:, self.second[self.quotients]]
        return values, found


def _compiled(
    operator: sparse.csr_array,
    products: NDArray[np.intp],
    quotients: NDArray[np.intp],
    second: NDArray[np.intp],
) -> RowsOfVoltages | None:
    compiled = kernels()
    if compiled is None:
        return None
    return RowsOfVoltages(
        compiled,
        *(operator.indptr, operator.indices, operator.data),
        products=products,
        quotients=quotients,
        second=second,
    )


def _partners(branches: RatedBranches, more: int) -> NDArray[np.intp]:
    """Partner (m + more,) of each row, see `RowLayout`."""
    found = np.arange(len(branches.terms) + more)
    first: dict[tuple[int, int], int] = {}
    for row, term in enumerate(branches.terms):
        other = first.setdefault((term.branch, term.quantity), row)
        found[row], found[other] = other, row
    return found


def _currents(branches: RatedBranches, admittance: Admittance) -> sparse.csr_array:
    """Sparse (m, 3n): the current of each term, per unit; of apparent powers that of the phase."""
    row_of = {element: row for row, element in enumerate(admittance.branch_ids.tolist())}
    rows, columns, values = [], [], []
    for place, term in enumerate(branches.terms):
        branch = row_of[int(branches.ids[term.branch])]
        block = admittance.blocks[branch, _SIDES.index(term.side)]  # (2, 3, 3): end, phase, phase
        weights = block[:, _phase(term)] if term.quantity != _NEUTRAL else block.sum(axis=1)
        for end in (0, 1):
            rows += [place] * 3
            columns += [3 * int(admittance.ends[branch, end]) + phase for phase in (0, 1, 2)]
            values += weights[end].tolist()
    shape = (len(branches.terms), 3 * len(admittance.node_ids))
    entries = (np.array(values, dtype=np.complex128), (rows, columns))
    return sparse.csr_array(sparse.coo_array(entries, shape=shape))


def _phase(term: Term) -> int:
    return term.quantity if term.quantity < _NEUTRAL else term.quantity - _APPARENT


def _units(columns: list[int], size: int) -> sparse.csr_array:
    """Sparse (k, size): single voltages."""
    entries = (np.ones(len(columns), dtype=np.complex128), (range(len(columns)), columns))
    return sparse.csr_array(sparse.coo_array(entries, shape=(len(columns), size)))


def _sequence(
    nodes: NDArray[np.intp], weights: NDArray[np.complex128], size: int
) -> sparse.csr_array:
    """Sparse (k, size): a sequence voltage of each node."""
    columns = (3 * nodes[:, None] + np.arange(3)).ravel()
    rows = np.repeat(np.arange(len(nodes)), 3)
    entries = (np.tile(weights, len(nodes)), (rows, columns))
    return sparse.csr_array(sparse.coo_array(entries, shape=(len(nodes), size)))
