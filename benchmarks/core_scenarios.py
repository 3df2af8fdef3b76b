"""Scenarios one by one, for solvers that know no batches."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from core_cases import Array, Case

from ortsnetz_hil.plant.grid_state import Injections

AT_ONCE = 8
"""Scenarios in one repetition."""


def one_by_one(case: Case, solve: Callable[[Injections], Array]) -> Callable[[], Array]:
    """Ask for the first scenarios: voltages (b, n, 3)."""
    powers = case.scenarios()
    nothing = np.zeros((len(powers["asym_load_p"]), 0, 3))
    parts = [
        powers.get(f"{component}_{part}", nothing)
        for component in ("asym_load", "asym_gen")
        for part in "pq"
    ]
    asked = [Injections(*(part[row] for part in parts)) for row in range(AT_ONCE)]
    return lambda: np.stack([solve(each) for each in asked])
