"""How the functionals of the voltages answer to injected currents: rows of the inverse.

A functional is c' v and the network's voltages are v = Y^-1 i, so the functional's answer to
currents is a = Y^-T c: one solution with the transposed factors for each functional. It depends on
the topology alone and is kept.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import splu

from ortsnetz_grid.network.power_flow.equations import Equations
from ortsnetz_grid.network.two_ports import Complex

_MOST_KEPT = 4_000_000
"""Numbers that are kept, 64 MB."""

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
        place = np.full(len(equations.own), -1, dtype=np.intp)
        place[equations.rows] = np.arange(len(equations.rows))
        phase = np.arange(3)
        live = (3 * equations.rows[:, None] + phase).ravel()
        self._factors = splu(equations.matrix())
        self._operator = operator[:, live]
        self._at = (3 * place[nodes][:, None] + phase).ravel()
        self._size = 3 * len(equations.rows)
        width = max(len(self._at), 1)
        self._capacity = min(operator.shape[0], max(_MOST_KEPT // width, _AT_ONCE))
        self._slot = np.full(operator.shape[0], -1, dtype=np.intp)
        self._kept = np.zeros((self._capacity, len(self._at)), dtype=np.complex128)
        self._used = 0
        self._between: dict[bytes, NDArray[np.complex64]] = {}

    def prepare(self) -> None:
        """Solve for all functionals if they can be kept, so that no decision has to."""
        count = len(self._slot)
        for first in range(0, count if count <= self._capacity else 0, _AT_ONCE):
            self.of(np.arange(first, min(first + _AT_ONCE, count)))

    def of(self, functionals: NDArray[np.intp]) -> Complex:
        """Answers (j, 3k) of some functionals to currents into the loaded nodes."""
        missing = np.unique(functionals[self._slot[functionals] < 0])
        if len(functionals) > self._capacity:
            return self._solved(functionals)
        if len(missing):
            if self._used + len(missing) > self._capacity:
                self._slot[:] = -1
                self._used = 0
                missing = np.unique(functionals)
            slots = np.arange(self._used, self._used + len(missing))
            self._kept[slots] = self._solved(missing)
            self._slot[missing] = slots
            self._used += len(missing)
        return np.asarray(self._kept[self._slot[functionals]])

    def between(self, places: NDArray[np.intp]) -> NDArray[np.complex64] | None:
        """Voltages (p, 3, 3k) of the loaded nodes for currents into some of them, (p, 3).

        In single precision. None where that is too much to keep; then `back` gives what is needed.
        """
        if len(places) * 3 * len(self._at) > _MOST_KEPT // 4:
            return None
        key = places.tobytes()
        if key not in self._between:
            cells = self._at[(3 * places[:, None] + np.arange(3)).ravel()]
            right = np.zeros((self._size, len(cells)), dtype=np.complex128)
            right[cells, np.arange(len(cells))] = 1.0
            found = self._factors.solve(right)[self._at].T
            shaped = found.reshape(len(places), 3, -1)
            self._between = {key: np.ascontiguousarray(shaped, dtype=np.complex64)}
        return self._between[key]

    def back(self, weights: Complex) -> Complex:
        """Sum over loaded nodes of weights (j, 3k) times their answers to currents, (j, 3k)."""
        right = np.zeros((self._size, len(weights)), dtype=np.complex128)
        right[self._at] = weights.T
        return np.asarray(self._factors.solve(right, trans="T")[self._at].T)

    def _solved(self, functionals: NDArray[np.intp]) -> Complex:
        right = self._operator[functionals].toarray().T
        return np.asarray(self._factors.solve(right, trans="T")[self._at].T)
