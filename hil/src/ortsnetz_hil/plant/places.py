"""Where the devices sit in power-grid-model's arrays."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice, pairwise
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ortsnetz_hil.plant.configuration import PlantConfiguration
from ortsnetz_hil.plant.network_file import PlantNetwork
from ortsnetz_hil.plant.power_flow import Injections

PHASES = "abc"
Phases = NDArray[np.float64]
Powers = NDArray[np.complex128]


class _Placed(Protocol):
    @property
    def element(self) -> int: ...
    @property
    def node(self) -> int: ...
    @property
    def phases(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where one device sits.

    Attributes:
        node: row of its node; row: row of its asym_load or asym_gen.
        phases: index of the network phase at each connected terminal.
    """

    node: int
    row: int
    phases: tuple[int, ...]

    def seen(self, voltage: Phases) -> Phases:
        """Voltage at the connected terminals, shape (terminals,), of voltages of all nodes."""
        return voltage[self.node, list(self.phases)]


class Seen(NamedTuple):
    """Voltages at the terminals of devices, shape (terminals,) each, in the order of a kind."""

    charge_points: list[Phases]
    inverters: list[Phases]
    heat_pumps: list[Phases]
    batteries: list[Phases]


class Places:
    """Rows and phases of all devices; puts their powers where they belong."""

    def __init__(self, configuration: PlantConfiguration, network: PlantNetwork) -> None:
        nodes = {int(node): row for row, node in enumerate(network.ids("node"))}
        loads = {int(load): row for row, load in enumerate(network.ids("asym_load"))}
        gens = {int(gen): row for row, gen in enumerate(network.ids("asym_gen"))}

        def place(spec: _Placed, rows: dict[int, int]) -> Place:
            phases = tuple(PHASES.index(letter) for letter in spec.phases)
            return Place(nodes[spec.node], rows[spec.element], phases)

        self.charge_points = [place(spec, loads) for spec in configuration.charge_points]
        self.heat_pumps = [place(spec, loads) for spec in configuration.heat_pumps]
        self.batteries = [place(spec, loads) for spec in configuration.batteries]
        self.inverters = [place(spec, gens) for spec in configuration.inverters]
        self._kinds = (self.charge_points, self.inverters, self.heat_pumps, self.batteries)
        every = [place for kind in self._kinds for place in kind]
        # one look-up for all: one for each device costs as much as the device itself
        ends = np.cumsum([0, *(len(place.phases) for place in every)]).tolist()
        self._seen_parts = [slice(first, last) for first, last in pairwise(ends)]
        self._seen_node = np.array([p.node for p in every for _ in p.phases], np.int64)
        self._seen_phase = np.array([phase for p in every for phase in p.phases], np.int64)
        self._loads = _Scatter([*self.charge_points, *self.heat_pumps, *self.batteries])
        self._generators = _Scatter(self.inverters)
        self._node_of_load = _nodes(network, "asym_load", nodes)
        self._node_of_generator = _nodes(network, "asym_gen", nodes)
        self._node_count = len(nodes)

    def seen(self, voltage: Phases) -> Seen:
        """What all devices see, of voltages of all nodes, shape (nodes, 3)."""
        flat = voltage[self._seen_node, self._seen_phase]
        each = iter([flat[part] for part in self._seen_parts])
        return Seen(*(list(islice(each, len(kind))) for kind in self._kinds))

    def put_loads(self, power: Powers, p: Phases, q: Phases) -> None:
        """Put powers per terminal, load convention, shape (devices, 3), into P and Q of loads."""
        self._loads.put(power, p, q)

    def put_generators(self, power: Powers, p: Phases, q: Phases) -> None:
        """Put powers per terminal, feed-in positive, shape (inverters, 3), into generators."""
        self._generators.put(power, p, q)

    def spread(self, total: Phases) -> Powers:
        """Total powers, shape (inverters,), spread evenly over the connected terminals."""
        shares = np.zeros((len(self.inverters), 3), np.complex128)
        for i, place in enumerate(self.inverters):
            shares[i, : len(place.phases)] = total[i] / len(place.phases)
        return shares

    def net_w(self, injections: Injections) -> Phases:
        """What each node's customers draw less what they feed in, W, shape (nodes,)."""
        drawn = np.bincount(
            self._node_of_load, injections.load_p.sum(axis=1), minlength=self._node_count
        )
        fed = np.bincount(
            self._node_of_generator, injections.gen_p.sum(axis=1), minlength=self._node_count
        )
        return np.asarray(drawn - fed)


class _Scatter:
    """From (devices, terminals) to (elements, network phases), at once."""

    def __init__(self, places: list[Place]) -> None:
        at = [
            (device, terminal, place.row, phase)
            for device, place in enumerate(places)
            for terminal, phase in enumerate(place.phases)
        ]
        table = np.array(at, np.int64).reshape(-1, 4)
        self._device, self._terminal, self._row, self._phase = table.T

    def put(self, power: Powers, p: Phases, q: Phases) -> None:
        if self._row.size:
            own = power[self._device, self._terminal]
            p[self._row, self._phase] = own.real
            q[self._row, self._phase] = own.imag


def _nodes(network: PlantNetwork, component: str, rows: dict[int, int]) -> NDArray[np.int64]:
    found = network.array(component)
    if found is None:
        return np.empty(0, np.int64)
    return np.array([rows[int(node)] for node in found["node"]], np.int64)
