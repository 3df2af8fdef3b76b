"""How the functionals of the voltages answer to injected currents: rows of the inverse.

A functional is c' v and the network's voltages are v = Y^-1 i, so the functional's answer to
currents is a = Y^-T c: one solution with the transposed factors for each functional. It depends on
the topology alone and is kept.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ortsnetz_grid.kernels.limiting_instant import Planes, planes_of
from ortsnetz_grid.kernels.native import library
from ortsnetz_grid.kernels.power_flow import Factors
from ortsnetz_grid.network.power_flow.engines import ArrayEngine, Engine, blocks_of
from ortsnetz_grid.network.power_flow.equations import Equations
from ortsnetz_grid.network.two_ports import Complex

Single = NDArray[np.complex64]
"""Single precision is enough: slopes guide, the power flow has the last word."""

_MOST_KEPT = 4_000_000
"""Numbers that are kept, 32 MB."""

_MOST_BETWEEN = 1_000_000
"""The same of voltages for currents, 8 MB."""

_MOST_PREPARED = 2_000_000
"""Functionals times nodes that are solved beforehand: some seconds at the most."""

_AT_ONCE = 256
"""Functionals solved together."""


class Influence:
    """Answers of functionals to currents at the loaded nodes; not for several threads."""

    def __init__(
        self, equations: Equations, operator: sparse.csr_array, nodes: NDArray[np.intp]
    ) -> None:
        """Factorise; nothing is solved yet.

        Args:
            equations: of the network.
            operator: sparse (f, 3n) functionals.
            nodes: (k,) rows of the nodes that carry currents.
        """
        self._straight = _engine(equations, nodes)
        transposed = replace(
            equations,
            own=equations.own.swapaxes(1, 2),
            low=equations.up.swapaxes(1, 2),
            up=equations.low.swapaxes(1, 2),
        )
        self._transposed = _engine(transposed, nodes)
        self._shape = equations.own.shape[:2]
        self._live = np.zeros(len(equations.own), dtype=np.bool_)
        self._live[equations.rows] = True
        self._operator = operator
        self._nodes = nodes
        count, width = operator.shape[0], 3 * len(nodes)
        self._capacity = min(count, max(_MOST_KEPT // max(width, 1), _AT_ONCE))
        self._slot = np.full(count, -1, dtype=np.intp)
        self._kept = np.empty((self._capacity, width), dtype=np.complex64)
        self._used = 0
        self._between: dict[bytes, Single] = {}
        self._planes: dict[bytes, Planes] = {}

    def prepare(self) -> None:
        """Solve for all functionals, if that is little, so that no decision has to."""
        count = len(self._slot)
        if count <= self._capacity and count * self._shape[0] <= _MOST_PREPARED:
            for first in range(0, count, _AT_ONCE):
                self.of(np.arange(first, min(first + _AT_ONCE, count)))

    def of(self, functionals: NDArray[np.intp]) -> Single:
        """Answers (j, 3k) of some functionals to currents into the loaded nodes."""
        kept, slots = self.kept(functionals)
        return np.asarray(kept[slots])

    def kept(self, functionals: NDArray[np.intp]) -> tuple[Single, NDArray[np.intp]]:
        """The same as an array with more of them, and their rows (j,) in it."""
        if len(functionals) > self._capacity:
            return self._solved(functionals), np.arange(len(functionals))
        slots = self._slot[functionals]
        if (slots < 0).any():
            missing = np.unique(functionals[slots < 0])
            if self._used + len(missing) > self._capacity:
                self._slot[:] = -1
                self._used = 0
                missing = np.unique(functionals)
            new = np.arange(self._used, self._used + len(missing))
            self._kept[new] = self._solved(missing)
            self._slot[missing] = new
            self._used += len(missing)
            slots = self._slot[functionals]
        return self._kept, slots

    def between(self, places: NDArray[np.intp]) -> Single | None:
        """Voltages (p, 3, 3k) of the loaded nodes for currents into some of them, (p, 3).

        None where that is too much to keep; then `back` gives what is needed of it.
        """
        width = 3 * len(self._nodes)
        if len(places) * 3 * width > _MOST_BETWEEN:
            return None
        key = places.tobytes()
        if key not in self._between:
            found = np.empty((len(places), 3, width), dtype=np.complex64)
            for row, node in enumerate(self._nodes[places].tolist()):
                right = np.zeros((3, *self._shape), dtype=np.complex128)
                right[np.arange(3), node, np.arange(3)] = 1.0
                found[row] = self._straight.solve(right)[:, self._nodes].reshape(3, width)
            self._between = {key: found}
        return self._between[key]

    def planes(self, places: NDArray[np.intp]) -> Planes | None:
        """What `between` gives as the compiled slopes need it."""
        key = places.tobytes()
        if key not in self._planes:
            moved = self.between(places)
            if moved is None:
                return None
            self._planes = {key: planes_of(moved)}
        return self._planes[key]

    def back(self, weights: Single) -> Single:
        """Sum over loaded nodes of weights (j, 3k) times their answers to currents, (j, 3k)."""
        right = np.zeros((len(weights), *self._shape), dtype=np.complex128)
        right[:, self._nodes] = weights.reshape(len(weights), -1, 3)
        return self._at_nodes(self._transposed.solve(right))

    def _solved(self, functionals: NDArray[np.intp]) -> Single:
        found = np.empty((len(functionals), 3 * len(self._nodes)), dtype=np.complex64)
        for first in range(0, len(functionals), _AT_ONCE):
            part = slice(first, first + _AT_ONCE)
            right = self._operator[functionals[part]].toarray().reshape(-1, *self._shape)
            right[:, ~self._live] = 0.0
            found[part] = self._at_nodes(self._transposed.solve(right))
        return found

    def _at_nodes(self, values: Complex) -> Single:
        return np.asarray(values[:, self._nodes].reshape(len(values), -1), dtype=np.complex64)


def _engine(equations: Equations, nodes: NDArray[np.intp]) -> Engine:
    kernels = library()
    if kernels is None:
        return ArrayEngine(equations)
    return Factors(kernels, blocks_of(equations, nodes))
