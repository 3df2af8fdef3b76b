"""Metered networks whose wiring may differ from what is stated; truth from power-grid-model.

The loads of every instant are drawn anew, unbalanced; the sensors read the power flow of the true
network through noise of their stated deviation. Customers without meter have an assumption: the
mean and the deviation of what was drawn.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from power_grid_model import PowerGridModel, initialize_array

from ortsnetz_grid.functions.state_estimation import Measurements
from ortsnetz_grid.network.importing.convert import convert
from ortsnetz_grid.network.importing.source import load
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.topology import Topology

BRANCH_TO, LOAD, GENERATOR = 1, 4, 5
VOLTAGE_SIGMA = 0.002
"""Deviation of a voltage meter over the rated voltage: class 0.5 at two sigma, and its transformer
or rounding."""
MEAN_W, SPREAD = 1500.0, 0.8
"""Mean power a phase of a household, and its deviation over the mean."""


@dataclass(frozen=True)
class Wiring:
    """A network as stated, with the truth of its customers drawn from a seed.

    Attributes:
        network: as stated.
        metered: ids of the loads and generators with a meter.
        seed: of loads and noise.
        snapshots: number of instants.
    """

    network: Network
    metered: frozenset[int]
    seed: int
    snapshots: int = 1
    dead_reads_zero: bool = True

    def measured(self, true: Network | None = None, *, exact: bool = False) -> list[Measurements]:
        """What the meters say if the true network is another one.

        Args:
            true: the network as it is; None: as stated.
            exact: leave out the noise.
        """
        random = np.random.default_rng(self.seed)
        return [
            self._instant(true or self.network, random, exact=exact) for _ in range(self.snapshots)
        ]

    def _instant(self, true: Network, random: np.random.Generator, *, exact: bool) -> Measurements:
        data = {name: array.copy() for name, array in true.data.items()}
        for component in ("asym_load", "asym_gen"):
            if component in data:
                power = drawn(len(data[component]), random)
                data[component]["p_specified"] = power
                data[component]["q_specified"] = 0.2 * power
        flow = PowerGridModel(data).calculate_power_flow(symmetric=False)
        truth = {str(getattr(name, "value", name)): array for name, array in flow.items()}
        noise = 0.0 if exact else 1.0
        voltage = self._voltage(truth, random, noise)
        power, assumed = self._power(truth, random, noise)
        return Measurements(
            {"asym_voltage_sensor": voltage, "asym_power_sensor": power},
            pseudo=frozenset(assumed.tolist()),
        )

    def _voltage(
        self, truth: Mapping[str, Any], random: np.random.Generator, noise: float
    ) -> np.ndarray:
        nodes = self.network.data["node"]
        transformers = self.network.data["transformer"]
        places = [*transformers["from_node"].tolist(), *transformers["to_node"].tolist()]
        for component in ("asym_load", "asym_gen"):
            array = self.network.data.get(component, ())
            places += [int(row["node"]) for row in array if int(row["id"]) in self.metered]
        places = list(dict.fromkeys(places))
        rows = np.array([np.flatnonzero(nodes["id"] == place)[0] for place in places])
        found = initialize_array("input", "asym_voltage_sensor", len(places))
        found["id"] = 100_000 + np.arange(len(places))
        found["measured_object"] = places
        found["u_sigma"] = VOLTAGE_SIGMA * nodes["u_rated"][rows] / np.sqrt(3)
        scale = found["u_sigma"][:, None]
        deviates = random.normal(size=(len(places), 3))
        read = truth["node"]["u"][rows] + noise * scale * deviates
        # a meter reads no negative voltage
        found["u_measured"] = np.maximum(read, 0.0)
        return found

    def _power(
        self, truth: Mapping[str, Any], random: np.random.Generator, noise: float
    ) -> tuple[np.ndarray, np.ndarray]:
        parts, assumed = [], []
        for component, terminal, side in (
            ("transformer", BRANCH_TO, "_to"),
            ("asym_load", LOAD, ""),
            ("asym_gen", GENERATOR, ""),
        ):
            array = self.network.data.get(component)
            if array is None or not len(array):
                continue
            found = initialize_array("input", "asym_power_sensor", len(array))
            found["measured_object"] = array["id"]
            found["measured_terminal_type"] = terminal
            seen = np.isin(array["id"], list(self.metered)) | (component == "transformer")
            for name, share in (("p", 1.0), ("q", 0.2)):
                true = truth[component][f"{name}{side}"]
                sigma = np.maximum(0.01 * np.abs(true), 5.0)
                read = true + noise * sigma * random.normal(size=true.shape)
                mean = share * MEAN_W
                found[f"{name}_sigma"] = np.where(seen[:, None], sigma, SPREAD * mean)
                found[f"{name}_measured"] = np.where(seen[:, None], read, mean)
            parts.append(found)
            assumed.append(~seen)
        whole = np.concatenate(parts)
        whole["id"] = 200_000 + np.arange(len(whole))
        return whole, whole["id"][np.concatenate(assumed)]


def drawn(count: int, random: np.random.Generator) -> np.ndarray:
    """Powers (count, 3), W: gamma distributed, which is skew as households are."""
    shape = 1 / SPREAD**2
    return random.gamma(shape, MEAN_W / shape, size=(count, 3))


def wiring(grid: str, seed: int, *, share: float = 0.4, snapshots: int = 1) -> Wiring:
    """A case.

    Args:
        grid: a key of `TIES`.
        seed: who is metered, loads and noise.
        share: of the loads and generators with a meter.
        snapshots: number of instants.
    """
    network = grid_with_ties(grid)
    random = np.random.default_rng([seed, 1])
    customers = np.concatenate(
        [network.data[each]["id"] for each in ("asym_load", "asym_gen") if each in network.data]
    )
    chosen = random.random(len(customers)) < share
    if not chosen.any():
        chosen[random.integers(len(chosen))] = True
    return Wiring(network, frozenset(customers[chosen].tolist()), seed, snapshots)


TIES = {
    "1-LV-rural1--0-sw": 2,
    "1-LV-rural2--0-sw": 3,
    "1-LV-semiurb4--0-sw": 3,
    "cigre-lv": 3,
    "ieee-european-lv": 2,
}
"""Networks and the number of open ties that are added, since these have no second supply."""


@cache
def grid_with_ties(grid: str) -> Network:
    """A published network with open lines between ends of its feeders, phases drawn from seed 1."""
    network = convert(load(grid), grid, 1)
    document = json.loads(json.dumps(network.document))
    for first, second in _ends(Topology.of(network), TIES[grid]):
        line = json.loads(json.dumps(_near(document, first)))
        number = 1 + max(e["id"] for elements in document["data"].values() for e in elements)
        line |= {"id": number, "from_node": first, "to_node": second}
        line |= {"name": f"tie {number}", "from_status": 0, "to_status": 0}
        document["data"]["line"].append(line)
    return Network.from_json(json.dumps(document), grid)


def _ends(topology: Topology, count: int) -> list[tuple[int, int]]:
    """Pairs of ends of feeders whose ways to the source part as early as possible."""
    ids = topology.connections.node_ids
    parents = set(topology.forest.parent_node.tolist())
    volts = topology.forest.depth
    leaves = [row for row in range(len(ids)) if row not in parents and volts[row] > 1]
    pairs = [
        (len(topology.forest.between(one, other)), one, other)
        for place, one in enumerate(leaves)
        for other in leaves[place + 1 :]
    ]
    pairs.sort(reverse=True)
    found: list[tuple[int, int]] = []
    used: set[int] = set()
    for _, one, other in pairs:
        if not {one, other} & used:
            found.append((int(ids[one]), int(ids[other])))
            used |= {one, other}
        if len(found) == count:
            break
    return found


def _near(document: Mapping[str, Any], node: int) -> dict[str, Any]:
    """A line that ends at a node, as a model for the tie's cable."""
    return next(
        line for line in document["data"]["line"] if node in (line["from_node"], line["to_node"])
    )


def with_gross_error(
    snapshots: Sequence[Measurements], sensor: int, deviations: float
) -> list[Measurements]:
    """Measurements in which one sensor is off by a number of its standard deviations."""
    found = []
    for snapshot in snapshots:
        data = {name: array.copy() for name, array in snapshot.sensors.items()}
        for array in data.values():
            mine = array["id"] == sensor
            for name in ("u", "p"):
                if f"{name}_measured" in (array.dtype.names or ()):
                    sigma = array[f"{name}_sigma"][mine]
                    sigma = sigma[:, None] if sigma.ndim == 1 else sigma
                    array[f"{name}_measured"][mine] += deviations * sigma
        found.append(replace(snapshot, sensors=data))
    return found
