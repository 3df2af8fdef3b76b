"""By how much limits are missed where nothing within the floors keeps them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.functions.congestion.constraints import VOLTAGE_WEIGHT
from ortsnetz_grid.functions.congestion.explanation import Explanation, Reached
from ortsnetz_grid.functions.congestion.operating_points import DeviceFlows, Point
from ortsnetz_grid.functions.congestion.result import Shortfall
from ortsnetz_grid.network.admittance import BASE_PHASE_VA
from ortsnetz_grid.network.loading import RatedBranches
from ortsnetz_grid.network.model import Network

_NEUTRAL = 3
_NO_EFFECT = 1e-9  # pu of voltage per pu of power
_MOST = 20
"""So many limits, the worst, are looked at: more help nobody."""


def shortfall_of(
    explanation: Explanation, flows: DeviceFlows, point: Point, reached: list[Reached]
) -> tuple[Shortfall, ...]:
    """Relief that the violated limits ask for, in the order of `reached`; once for each phase.

    A loading asks for the excess of its current at the rated voltage of its phase (of its neutral:
    as much, moved between phases), or for the excess of its apparent power. A voltage asks for
    power at its own phase of its own node, where it does most; an unbalance has no single figure.
    Current and apparent power of one phase ask for the same watts: the one that asks for more is
    named.
    """
    layout = explanation.layout
    phase_va = _phase_va(explanation.network, layout.branches)
    excess = explanation.constraints.excess(point.phasors)
    found: dict[tuple[int, str], Shortfall] = {}
    for one in reached[:_MOST]:
        row, binding = one.rows[0], one.binding
        if binding.element is None or binding.value is None or binding.limit is None:
            continue
        watts: float | None = None
        var: float | None = None
        if row < len(phase_va):
            watts = float(excess[row] * phase_va[row])
        elif row < layout.voltages.stop:
            node, phase = divmod(row - layout.voltages.start, 3)
            response = flows.driving_point(int(layout.lv_nodes[node]))
            missing = float(excess[row]) / VOLTAGE_WEIGHT
            if response is not None:
                watts, var = _at_own_phase(missing, response[phase, phase], point.phasors[row])
        missed = Shortfall(
            binding.element, binding.label, binding.what, binding.value, binding.limit, watts, var
        )
        place = (binding.element, _place(binding.what))
        other = found.setdefault(place, missed)
        if watts is not None and (other.relief_w is None or watts > other.relief_w):
            found[place] = missed
    return tuple(found.values())


def _place(what: str) -> str:
    """Phase or neutral of a loading or an apparent power; anything else stands for itself."""
    for quantity in ("loading ", "apparent power "):
        if what.startswith(quantity):
            return what.removeprefix(quantity)
    return what


def _at_own_phase(
    missing: float, response: complex, voltage: complex
) -> tuple[float | None, float | None]:
    """Active and reactive power, W and var, that move a voltage by so much (pu).

    Drawing dS less injects conj(dS / v); the voltage moves by the response to that.
    """
    direction = voltage.conjugate() / abs(voltage)
    by_active = abs((direction * response / voltage.conjugate()).real)
    by_reactive = abs((direction * response * 1j / voltage.conjugate()).real)
    watts = missing * BASE_PHASE_VA / by_active if by_active > _NO_EFFECT else None
    var = missing * BASE_PHASE_VA / by_reactive if by_reactive > _NO_EFFECT else None
    return watts, var


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
