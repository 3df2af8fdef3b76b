"""Two ways to the same fixed point: the compiled kernel, and numpy where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import splu

from ortsnetz_grid.kernels.power_flow import Blocks, Settled, SingularError
from ortsnetz_grid.network.power_flow.drawing import drawn
from ortsnetz_grid.network.power_flow.elimination import Elimination
from ortsnetz_grid.network.power_flow.equations import Equations
from ortsnetz_grid.network.two_ports import Complex, Real

_FAILED = 1e3
"""Changes beyond it, per unit, lead nowhere; the kernel has the same bound."""


class Engine(Protocol):
    """Factorised node equations; see `Factors` for shapes and arguments."""

    def solve(self, right: Complex) -> Complex: ...  # noqa: D102

    def iterate(  # noqa: D102
        self,
        idle: Complex,
        loaded: NDArray[np.intp],
        injections: Sequence[Complex | None],
        *,
        unit: float,
        scenarios: int,
        tolerance: float,
        most: int,
        threads: int,
    ) -> Settled: ...


def blocks_of(equations: Equations, loaded: NDArray[np.intp]) -> Blocks:
    """The equations in an order of elimination for injections at the rows `loaded`."""
    passive = np.ones(len(equations.own), dtype=np.bool_)
    passive[loaded] = False
    found = Elimination.of(len(equations.own), equations.pairs, passive, equations.rows)
    place = np.full(len(equations.own), -1, dtype=np.intp)
    place[found.order] = np.arange(len(found.order))
    lower = np.zeros((len(found.later), 3, 3), dtype=np.complex128)
    upper = np.zeros_like(lower)
    ends = place[equations.pairs]
    swapped = ends[:, 0] > ends[:, 1]
    early, late = np.sort(ends, axis=1).T
    # entries rise by node and, within one, by later node: one key finds them
    size = len(found.order) + 1
    keys = np.repeat(np.arange(size - 1), np.diff(found.start)) * size + found.later
    at = np.searchsorted(keys, early * size + late)
    lower[at] = np.where(swapped[:, None, None], equations.up, equations.low)
    upper[at] = np.where(swapped[:, None, None], equations.low, equations.up)
    return Blocks(
        passive=found.passive,
        start=found.start,
        later=found.later,
        node=found.order.astype(np.int32),
        island=equations.part[found.order].astype(np.int32),
        own=equations.own[found.order],
        lower=lower,
        upper=upper,
    )


class ArrayEngine:
    """The same iteration with numpy and scipy's sparse factorisation."""

    def __init__(self, equations: Equations) -> None:
        """Factorise.

        Raises:
            SingularError: the matrix has no inverse.
        """
        self._equations = equations
        try:
            self._factors = splu(equations.matrix())
        except RuntimeError as error:  # what scipy says to a singular matrix
            raise SingularError(int(equations.rows[0])) from error

    def solve(self, right: Complex) -> Complex:
        """Voltages (b, n, 3) for currents (b, n, 3) into the nodes."""
        rows = self._equations.rows
        flat = right[:, rows].reshape(len(right), -1)
        found = np.zeros_like(right)
        found[:, rows] = self._factors.solve(flat.T).T.reshape(len(right), -1, 3)
        return found

    def iterate(
        self,
        idle: Complex,
        loaded: NDArray[np.intp],
        injections: Sequence[Complex | None],
        *,
        unit: float,
        scenarios: int,
        tolerance: float,
        most: int,
        threads: int,  # noqa: ARG002 - numpy has one
    ) -> Settled:
        """See `Factors.iterate`."""
        part = self._equations.part[loaded]
        shape = (scenarios, len(self._equations.parts))
        voltage = np.broadcast_to(idle, (scenarios, *idle.shape[1:])).copy()
        idle = voltage.copy()
        powers = [
            each if each is None else np.broadcast_to(unit * each, (scenarios, *each.shape[1:]))
            for each in injections
        ]
        current = np.zeros((scenarios, len(loaded), 3), dtype=np.complex128)
        change, mismatch = np.zeros(shape), np.zeros(shape)
        steps = np.zeros(scenarios, dtype=np.int32)
        live = np.arange(scenarios)
        for _ in range(most):
            if not len(live):
                break
            here = voltage[live][:, loaded]
            current[live] = drawn(here, [p if p is None else p[live] for p in powers])
            right = np.zeros((len(live), *idle.shape[1:]), dtype=np.complex128)
            right[:, loaded] = -current[live]
            voltage[live] = idle[live] + self.solve(right)
            change[live] = _largest(np.abs(voltage[live][:, loaded] - here), part, shape[1])
            steps[live] += 1
            live = live[((change[live] > tolerance) & (change[live] < _FAILED)).any(axis=1)]
        at = voltage[:, loaded]
        mismatch[:] = _largest(np.abs(at) * np.abs(drawn(at, powers) - current), part, shape[1])
        return Settled(voltage, change, mismatch, steps)


def _largest(values: NDArray[np.float64], part: NDArray[np.intp], parts: int) -> Real:
    """Largest (b, parts) of values (b, k, 3) in each part; NaN stays NaN."""
    found = np.zeros((len(values), parts))
    for number in range(parts):
        found[:, number] = values[:, part == number].max(axis=(1, 2), initial=0)
    return found
