"""True values over true limits, and whether devices at their floors would keep them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_hil.plant.calendar import Instant
from ortsnetz_hil.plant.core import Plant
from ortsnetz_hil.plant.devices.charge_point import LOWEST_A, POWER_FACTOR, ChargePointModel
from ortsnetz_hil.plant.loading import line_loading, transformer_loading
from ortsnetz_hil.plant.power_flow import GridState

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]
_TAN_PHI = float(np.tan(np.arccos(POWER_FACTOR)))


@dataclass(frozen=True, slots=True)
class Elements:
    """All elements with a limit, in the order of `ratios`: transformers, lines, nodes.

    Attributes:
        metered: transformers and lines that a meter of the agent watches, (elements,).
        is_node: nodes, of which the voltage counts.
        names: for people.
    """

    metered: Flags
    is_node: Flags
    names: tuple[str, ...]

    @classmethod
    def of(cls, plant: Plant) -> Elements:
        """Elements of a plant."""
        network = plant.network
        branches = [*network.ids("transformer").tolist(), *network.ids("line").tolist()]
        watched = {m.element for m in plant.configuration.meters if m.side is not None}
        watched |= set(network.ids("transformer").tolist())
        nodes = network.ids("node")[plant.low_voltage].tolist()
        return cls(
            metered=np.array([*(one in watched for one in branches), *(False for _ in nodes)]),
            is_node=np.array([*(False for _ in branches), *(True for _ in nodes)]),
            names=tuple(
                f"{kind} {one}"
                for kind, ids in (
                    ("transformer", network.ids("transformer").tolist()),
                    ("line", network.ids("line").tolist()),
                    ("node", nodes),
                )
                for one in ids
            ),
        )


def ratios(plant: Plant, state: GridState) -> Values:
    """Value over limit of all elements; a voltage's is its distance from nominal over the band's.

    A dead phase has no voltage to keep.
    """
    low, high = plant.configuration.u_pu
    u = state.u_pu[plant.low_voltage]
    above = (u.max(axis=1) - 1.0) / (high - 1.0)
    below = np.where(u.min(axis=1) > 0.0, (1.0 - u.min(axis=1)) / (1.0 - low), 0.0)
    limit = plant.configuration.loading
    return np.concatenate(
        [
            transformer_loading(state, plant.rated) / limit,
            line_loading(state, plant.rated) / limit,
            np.maximum(above, below),
        ]
    )


def floors_keep(plant: Plant, instant: Instant, count: int) -> Flags:
    """Which elements devices at their floors would keep, (elements,).

    Charge points at their floor with inverters at nothing, as they are, or at what the sun offers:
    where charging overloads, sunshine helps. One of the three has to keep an element, other
    elements aside. Where none has a solution, nothing is kept.

    Args:
        plant: after a step.
        instant: of that step.
        count: number of elements.
    """
    ev_s = _floors(plant)
    found = np.zeros(count, bool)
    offered_w = np.array([inverter.available_w for inverter in plant.inverters], float)
    for pv_w in (np.zeros(len(plant.inverters)), plant.pv_power(), offered_w):
        try:
            state = plant.flow.solve(plant.injections(instant, ev_s, pv_w))
        except OrtsnetzError:
            continue
        found |= ratios(plant, state) <= 1.0
    return found


def _floors(plant: Plant) -> NDArray[np.complex128]:
    """Complex power of charge points at their floors, shape (charge points, 3)."""
    power = np.zeros((len(plant.charge_points), 3), np.complex128)
    for row, point in enumerate(plant.charge_points):
        used = point.used_terminals
        volts = plant.terminal_voltage(row)[:used]
        power[row, :used] = _floor_a(point) * POWER_FACTOR * volts * (1.0 + 1j * _TAN_PHI)
    return power


def _floor_a(point: ChargePointModel) -> float:
    """What a car draws at its charge point's floor."""
    return min(max(float(point.spec.floor_a), LOWEST_A), point.wanted_a)
