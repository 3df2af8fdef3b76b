"""The whole problem of limiting, linearised: every row of every limit, as other solvers take it.

The derivative is that of the power flow itself, from the equations of `studies.optimum_network`:
Y dV - conj(S) / conj(V)^2 conj(dV) = -conj(dS) / conj(V).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import splu
from studies.optimum_cases import LimitCase
from studies.optimum_judge import Judge
from studies.optimum_network import BASE_VA

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Whole:
    """Minimise the sum of (1 - k)^2 subject to `rows k <= bounds` and `lowest <= k <= 1`.

    Attributes:
        rows: (r, d) as solvers take them.
        two_sided: (r + d, d) rows, then the factors themselves.
        one_sided: (r + 2d, d) rows, the factors, and these with the other sign.
        bounds: (r,)
        lowest: (d,)
    """

    rows: sp.csc_matrix
    two_sided: sp.csc_matrix
    one_sided: sp.csc_matrix
    bounds: Floats
    lowest: Floats

    @classmethod
    def of(cls, rows: Floats, bounds: Floats, lowest: Floats) -> Whole:
        """With the matrices prepared, which is not part of anybody's time."""
        sparse, eye = sp.csc_matrix(rows), sp.identity(len(lowest))
        return cls(
            sparse,
            sp.vstack([sparse, eye], format="csc"),
            sp.vstack([sparse, eye, -eye], format="csc"),
            bounds,
            lowest,
        )


def linearised(case: LimitCase, judge: Judge, factors: Floats) -> Whole | None:
    """All limits around one setting; None where it has no state."""
    volts = judge.voltages(factors)[0]
    if not np.isfinite(volts).all():
        return None
    e, moved = judge.equations, _moved(judge, factors, volts)
    currents, changes = e.currents @ volts, e.currents @ moved
    flow, flows = e.apparent @ volts, e.apparent @ moved
    at = e.apparent_of
    powers = moved[at] * np.conj(flow)[:, None] + volts[at, None] * np.conj(flows)
    low = e.low_voltage
    size, slope = zip(
        _magnitude(currents, changes),
        _magnitude(volts[at] * np.conj(flow), powers),
        _magnitude(volts[low], moved[low]),
        strict=True,
    )
    loads = len(size[0]) + len(size[1])
    sizes, slopes = np.concatenate(size), np.vstack(slope)
    most = np.r_[np.full(loads, case.limits.loading), np.full(len(low), case.limits.u_pu[1])]
    room = most - sizes + slopes @ factors
    under = sizes[loads:] - case.limits.u_pu[0] - slopes[loads:] @ factors
    return Whole.of(np.vstack([slopes, -slopes[loads:]]), np.r_[room, under], case.lowest)


def _moved(judge: Judge, factors: Floats, volts: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Change of all voltages (3n, d) by each factor."""
    e, free = judge.equations, judge.equations.free
    own = (judge.active + 1j * judge.reactive) / BASE_VA
    drawn = judge.fixed.copy()
    np.add.at(drawn, judge.places, factors[:, None] * own)
    more = np.zeros((len(volts), len(factors)), dtype=complex)
    np.add.at(more, (judge.places, np.arange(len(factors))[:, None]), own)
    admittance = e.admittance[free][:, free]
    turned = sp.diags(-np.conj(drawn[free]) / np.conj(volts[free]) ** 2)
    matrix = sp.bmat([
        [admittance.real + turned.real, -admittance.imag + turned.imag],
        [admittance.imag + turned.imag, admittance.real - turned.real],
    ])  # fmt: skip
    right = -np.conj(more[free]) / np.conj(volts[free])[:, None]
    solved = splu(matrix.tocsc()).solve(np.vstack([right.real, right.imag]))
    moved = np.zeros_like(more)
    moved[free] = solved[: len(free)] + 1j * solved[len(free) :]
    return moved


def _magnitude(
    phasors: NDArray[np.complex128], changes: NDArray[np.complex128]
) -> tuple[Floats, Floats]:
    """Magnitudes (m,) and their slopes (m, d)."""
    size = np.abs(phasors)
    turned = np.conj(phasors) / np.where(size > 0, size, 1.0)
    return size, np.real(turned[:, None] * changes)
