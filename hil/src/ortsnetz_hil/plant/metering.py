"""Which meters the plant has: transformer, feeders, a quarter of the customers."""

from __future__ import annotations

from collections import Counter

import numpy as np

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.station import Side
from ortsnetz_hil.plant.configuration import PlantMeter
from ortsnetz_hil.plant.network_file import Document, PlantNetwork
from ortsnetz_hil.plant.placement import Ports
from ortsnetz_hil.plant.pseudo import STORAGE
from ortsnetz_hil.plant.random_streams import stream

ROTATIONS = ("abc", "bca", "cab")


def meters(network: PlantNetwork, seed: int, ports: Ports) -> tuple[PlantMeter, ...]:
    """All meters of the plant, in the order of their ports.

    Args:
        network: the network before devices are added: every load is a customer.
        seed: chooses the metered customers and how terminals are wired.
        ports: the transformer meter takes the first.
    """
    rng = stream(seed, "meters")
    transformer = int(network.ids("transformer")[0])
    found = [
        PlantMeter(
            name="meter-transformer",
            profile="meter-transformer",
            port=ports.at(0),
            element=transformer,
            side=Side.TO,
            loads=(),
            phases="abc",
        )
    ]
    for i, (line, side) in enumerate(_feeders(network)):
        found.append(
            PlantMeter(
                name=f"meter-feeder-{i + 1}",
                profile="meter-feeder",
                port=ports.at(len(found)),
                element=line,
                side=side,
                loads=(),
                phases=ROTATIONS[int(rng.integers(3))],
            )
        )
    for i, load in enumerate(_metered(network, rng)):
        found.append(
            PlantMeter(
                name=f"meter-customer-{i + 1}",
                profile="meter-customer",
                port=ports.at(len(found)),
                element=int(load["node"]),
                side=None,
                loads=(int(load["id"]),),
                phases=_wiring(load, rng),
            )
        )
    return tuple(found)


def _feeders(network: PlantNetwork) -> list[tuple[int, Side]]:
    """First line of each feeder and its end at the busbar."""
    busbar = network.busbar()
    found: list[tuple[int, Side]] = []
    for line in network.data["line"]:
        ends = (int(line["from_node"]) in busbar, int(line["to_node"]) in busbar)
        if not (line["from_status"] and line["to_status"]) or ends[0] == ends[1]:
            continue
        found.append((int(line["id"]), Side.FROM if ends[0] else Side.TO))
    if not found:
        raise InputError("no line begins at the low-voltage busbar: the network has no feeder")
    return found


def _metered(network: PlantNetwork, rng: np.random.Generator) -> list[Document]:
    """A quarter of the customers.

    Only customers that are alone at their node: a meter is placed at a node, and what it measures
    must be one customer beyond doubt.
    """
    loads = [load for load in network.elements("asym_load") if load.get("kind") != STORAGE]
    at_node = Counter(load["node"] for load in network.elements("asym_load"))
    feeding = {gen["node"] for gen in network.elements("asym_gen")}
    low = {int(n) for n, lv in zip(network.ids("node"), network.low_voltage(), strict=True) if lv}
    alone = [
        load
        for load in loads
        if at_node[load["node"]] == 1 and load["node"] not in feeding and load["node"] in low
    ]
    count = min(max(1, len(loads) // 4), len(alone))
    chosen = sorted(rng.choice(len(alone), size=count, replace=False)) if alone else []
    return [alone[int(i)] for i in chosen]


def _wiring(load: Document, rng: np.random.Generator) -> str:
    used = [letter for letter, p in zip("abc", load["p_specified"], strict=True) if p]
    if len(used) == 1:
        return used[0]
    return ROTATIONS[int(rng.integers(3))]
