"""Which meters the plant has: transformers, feeders, a share of the customers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import msgspec
import numpy as np

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.station import Side
from ortsnetz_hil.plant.configuration import PlantMeter
from ortsnetz_hil.plant.network_file import Document, PlantNetwork
from ortsnetz_hil.plant.placement import ROTATIONS, Ports
from ortsnetz_hil.plant.pseudo import STORAGE
from ortsnetz_hil.plant.random_streams import stream

METERED_SHARE = 0.25


def meters(
    network: PlantNetwork, seed: int, ports: Ports, metered_share: float = METERED_SHARE
) -> tuple[PlantMeter, ...]:
    """All meters of the plant, in the order of their ports.

    Args:
        network: the network before devices are added: every load is a customer.
        seed: chooses the metered customers and how terminals are wired.
        ports: transformer meters take the first.
        metered_share: metered customers of all.

    Raises:
        InputError: no feeder begins at the busbar, or the share is none.
    """
    rng = stream(seed, "meters")
    found = _transformer_meters(network, ports)
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
    for i, load in enumerate(_metered(network, metered_share, rng)):
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


def with_parts(
    found: tuple[PlantMeter, ...], parts: Mapping[int, tuple[int, ...]]
) -> tuple[PlantMeter, ...]:
    """Meters that add up all parts of their customers.

    Args:
        found: meters of whole customers.
        parts: ids of all parts by the id of the whole load (voltage dependence).
    """

    def whole(loads: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(part for load in loads for part in parts[load])

    return tuple(msgspec.structs.replace(meter, loads=whole(meter.loads)) for meter in found)


def metered_nodes(found: tuple[PlantMeter, ...]) -> set[int]:
    """Nodes whose one customer has a meter."""
    return {meter.element for meter in found if meter.loads}


def _transformer_meters(network: PlantNetwork, ports: Ports) -> list[PlantMeter]:
    """A meter at the low-voltage end of each transformer; the first has no number."""
    return [
        PlantMeter(
            name="meter-transformer" if i == 0 else f"meter-transformer-{i + 1}",
            profile="meter-transformer",
            port=ports.at(i),
            element=int(transformer),
            side=Side.TO,
            loads=(),
            phases="abc",
        )
        for i, transformer in enumerate(network.ids("transformer"))
    ]


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


def _metered(
    network: PlantNetwork, metered_share: float, rng: np.random.Generator
) -> list[Document]:
    """The customers with a meter, a quarter of all unless another share is wanted.

    Only customers that are alone at their node: a meter is placed at a node, and what it measures
    must be one customer beyond doubt.
    """
    if not 0 <= metered_share <= 1:
        raise InputError(f"metered_share: {metered_share} is no share between 0 and 1")
    loads = [load for load in network.elements("asym_load") if load.get("kind") != STORAGE]
    at_node = Counter(load["node"] for load in network.elements("asym_load"))
    feeding = {gen["node"] for gen in network.elements("asym_gen")}
    low = {int(n) for n, lv in zip(network.ids("node"), network.low_voltage(), strict=True) if lv}
    alone = [
        load
        for load in loads
        if at_node[load["node"]] == 1 and load["node"] not in feeding and load["node"] in low
    ]
    wanted = max(1, int(len(loads) * metered_share)) if metered_share else 0
    count = min(wanted, len(alone))
    chosen = sorted(rng.choice(len(alone), size=count, replace=False)) if alone else []
    return [alone[int(i)] for i in chosen]


def _wiring(load: Document, rng: np.random.Generator) -> str:
    used = [letter for letter, p in zip("abc", load["p_specified"], strict=True) if p]
    if len(used) == 1:
        return used[0]
    return ROTATIONS[int(rng.integers(3))]
