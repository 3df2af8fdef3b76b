"""Solving where loads leave the band in which they hold their power.

The network is solved as one of impedances, which has a solution at any voltage; then each is
adjusted to draw what it has to at the voltage that was found, fully or by a part (damped), until
all of them do.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ortsnetz_hil.plant.consumption import Elements
from ortsnetz_hil.plant.grid_state import Phases
from ortsnetz_hil.plant.solver import NoSolutionError, Powers, Result, Solver

_DAMPING = (1.0, 0.5, 0.25)
_ROUNDS = 150
"""Loads in series behind an interrupted neutral took 61 rounds in the CIGRE feeder, others 10."""
_NEAR = 1e-8
"""All draw what they have to within this share of the largest one's power."""


def relaxed(solver: Solver, elements: Sequence[Elements], powers: Powers) -> Result:
    """Solve as impedances that come near what each load has to draw.

    Args:
        solver: whose powers are changed.
        elements: the loads and generators.
        powers: what they take at rated voltage.

    Raises:
        NoSolutionError: they do not settle, however they are damped.
    """
    largest = max(float(np.abs(power).max(initial=0.0)) for power in powers.values())
    missing = np.inf
    for damping in _DAMPING:
        share = {e.component: e.on * np.ones((1, 3)) for e in elements}
        for _ in range(_ROUNDS):
            solver.set_powers({name: power * share[name] for name, power in powers.items()})
            result = solver.solve(linear=True)
            u_pu = result["node"]["u_pu"]
            wanted = {e.component: e.admittances(u_pu) for e in elements}
            missing = max(_missing(e, powers, wanted[e.component], share, u_pu) for e in elements)
            if missing <= _NEAR * largest:
                return result
            share = {name: now + damping * (wanted[name] - now) for name, now in share.items()}
    raise NoSolutionError(
        "the plant's power flow found no solution: loads settle at no voltage, the last round left "
        f"{missing:.3g} VA open"
    )


def _missing(
    elements: Elements, powers: Powers, wanted: Phases, share: dict[str, Phases], u_pu: Phases
) -> float:
    """Largest difference between what an element draws and what it has to draw, VA."""
    name = elements.component
    drawn = powers[name] * (wanted - share[name]) * u_pu[elements.nodes] ** 2
    return float(np.abs(drawn).max(initial=0.0))
