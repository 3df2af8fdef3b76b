"""Result of a power flow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.network.two_ports import Complex, Real


@dataclass(frozen=True, slots=True)
class Flows:
    """Voltages of `n` nodes in `b` scenarios, part by connected part (`i` energised parts).

    Attributes:
        voltage: (b, n, 3) complex, per unit, phase to neutral. 0 at nodes that no source feeds, as
            power-grid-model has it in its files (see `Admittance.energised`). NaN in phases that
            do not exist at a node, and in parts that did not converge.
        converged: (b,) whether all parts did.
        parts: (i,) numbers of the energised parts, as in `Admittance.island`.
        part_converged: (b, i) whether each of them did: where it did its voltages are valid,
            whatever became of the others.
        iterations: (b,) of the fixed point.
        mismatch_va: (b,) largest difference between the power of a phase of a node and what was
            asked, VA; of the parts that converged, NaN if none did.
        by_library: (b,) whether power-grid-model's Newton method found the solution, because the
            fixed point did not settle.
    """

    voltage: Complex
    converged: NDArray[np.bool_]
    parts: NDArray[np.intp]
    part_converged: NDArray[np.bool_]
    iterations: NDArray[np.int32]
    mismatch_va: Real
    by_library: NDArray[np.bool_]
