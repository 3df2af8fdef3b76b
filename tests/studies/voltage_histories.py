"""Histories of voltages and powers behind one transformer; truth from power-grid-model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from power_grid_model import PowerGridModel, initialize_array

from ortsnetz_grid.network.model import Network

QUARTERS = 96
"""Instants of a day."""
PERSISTENCE = 0.9
"""Correlation of a household's power from one quarter of an hour to the next."""


@dataclass(frozen=True)
class Histories:
    """Exact histories of `t` quarters of an hour; noise is for the reader to add.

    Attributes:
        busbar: (t, 3) phase-to-neutral voltages, V.
        voltage: (t, k, 3) at the customers, V.
        power: (t, k, 3) of the customers, W.
        supply: (t, 3) power out of the transformer, W.
    """

    busbar: np.ndarray
    voltage: np.ndarray
    power: np.ndarray
    supply: np.ndarray


def histories(network: Network, length: int, seed: int, mean_w: float) -> Histories:
    """Households with a common day, each phase for itself otherwise, and a wandering MV voltage.

    Args:
        network: with unbalanced loads; generators are switched off.
        length: number of instants.
        seed: of the loads.
        mean_w: mean power of a customer's phase.
    """
    random = np.random.default_rng(seed)
    loads = network.data["asym_load"]
    power = _powers(length, len(loads), random, mean_w)
    data = {name: array.copy() for name, array in network.data.items()}
    for name in ("p_specified", "q_specified"):
        if "asym_gen" in data:
            data["asym_gen"][name] = 0.0
    changes = initialize_array("update", "asym_load", (length, len(loads)))
    changes["id"], changes["p_specified"] = loads["id"], power
    changes["q_specified"] = 0.2 * power
    source = initialize_array("update", "source", (length, 1))
    source["id"] = network.data["source"]["id"][0]
    source["u_ref"] = 1.02 + 0.01 * random.normal(size=(length, 1)).cumsum(axis=0) / length**0.5
    flow = PowerGridModel(data).calculate_power_flow(
        symmetric=False, update_data={"asym_load": changes, "source": source}
    )
    truth = {str(getattr(name, "value", name)): array for name, array in flow.items()}
    nodes = network.data["node"]["id"].tolist()
    busbar = nodes.index(int(network.data["transformer"]["to_node"][0]))
    at = [nodes.index(int(node)) for node in loads["node"]]
    return Histories(
        busbar=truth["node"]["u"][:, busbar],
        voltage=truth["node"]["u"][:, at],
        power=power,
        supply=-truth["transformer"]["p_to"][:, 0],
    )


def _powers(length: int, customers: int, random: np.random.Generator, mean_w: float) -> np.ndarray:
    """Log-normal powers (t, k, 3) around a day shape."""
    steps = random.normal(size=(length, customers, 3)) * np.sqrt(1 - PERSISTENCE**2)
    state = random.normal(size=(customers, 3))
    found = np.empty_like(steps)
    for instant in range(length):
        state = PERSISTENCE * state + steps[instant]
        found[instant] = state
    day = 1 + 0.6 * np.sin(2 * np.pi * np.arange(length) / QUARTERS - 2)
    return mean_w * np.exp(0.9 * found - 0.4) * day[:, None, None]
