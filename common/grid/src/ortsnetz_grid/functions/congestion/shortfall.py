"""By how much limits are missed where nothing within the floors keeps them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.functions.congestion.constraints import Constraints
from ortsnetz_grid.functions.congestion.explanation import Explanation, Reached
from ortsnetz_grid.functions.congestion.operating_points import Point
from ortsnetz_grid.functions.congestion.result import Shortfall
from ortsnetz_grid.network.loading import RatedBranches
from ortsnetz_grid.network.model import Network

_NEUTRAL = 3
_MOST = 20
"""So many limits, the worst, are looked at: more help nobody."""


def shortfall_of(
    network: Network,
    explanation: Explanation,
    constraints: Constraints,
    point: Point,
    reached: list[Reached],
) -> tuple[Shortfall, ...]:
    """Relief that the violated limits ask for, in the order of `reached`.

    A loading asks for the excess of its current at the rated voltage of its phase (of its neutral:
    as much, moved between phases), or for the excess of its apparent power. A voltage is a matter
    of where power is drawn, see `voltage_relief`; an unbalance has no single figure.
    """
    branches = explanation.layout.branches
    phase_va = _phase_va(network, branches)
    found = []
    for one in reached[:_MOST]:
        row, binding = one.rows[0], one.binding
        if binding.element is None or binding.value is None or binding.limit is None:
            continue
        relief: float | None = None
        if row < len(phase_va):
            relief = float(constraints.excess(point.phasors)[row]) * float(phase_va[row])
        found.append(
            Shortfall(
                binding.element, binding.label, binding.what, binding.value, binding.limit, relief
            )
        )
    return tuple(found)


def _phase_va(network: Network, branches: RatedBranches) -> NDArray[np.float64]:
    """(m,) VA of one phase at a ratio of 1, of each loading term."""
    ratings = branches.ratings()
    nodes = network.data["node"]
    volts_of = dict(
        zip(nodes["id"].tolist(), (nodes["u_rated"] / np.sqrt(3)).tolist(), strict=True)
    )
    found = np.array(ratings)
    for place, term in enumerate(branches.terms):
        if term.quantity <= _NEUTRAL:
            element = int(branches.ids[term.branch])
            component = network.components[element]
            row = network.data[component][network.row(component, element)]
            field = f"{term.side}_node" if term.side in ("from", "to") else f"node_{term.side}"
            found[place] = ratings[place] * volts_of[int(row[field])]
    return found
