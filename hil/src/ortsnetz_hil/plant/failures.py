"""Failures of lines: blown fuses, interrupted neutrals, swapped cores, and what they do behind.

A blown fuse is exact for loads between phase and neutral: what has no voltage draws nothing, so
that the powers of that phase behind the line are zero before the network is solved, and its
voltage is reported as zero. Neglected is what the dead conductor still gets from its neighbours by
induction and capacitance (OpenDSS: 0.01 pu in a rural network, 0.04 pu behind 300 A, which moves
the live phases by 3e-5 and 3e-4 pu), and its own charging current.

An interrupted neutral leaves only earth as the way back: the line's zero-sequence resistance grows
by three times that of the electrodes, for the three phases' zero-sequence currents meet in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError
from ortsnetz_hil.plant.events import FuseBlown, OpenNeutral, Repaired, WrongPhase
from ortsnetz_hil.plant.grid_state import Phasors
from ortsnetz_hil.plant.network_file import PlantNetwork
from ortsnetz_hil.plant.topology import Mask, Topology

LETTERS = "abc"
Failure = FuseBlown | OpenNeutral | WrongPhase | Repaired


@dataclass(frozen=True, slots=True)
class Failures:
    """Failures that hold at one moment, by line id.

    Attributes:
        fuses: (line, phase 0 to 2) of blown fuses; the line's own phases at its supplied end.
        neutrals: earthing resistance in ohm behind an interrupted neutral.
        orders: behind the line, local phase i is phase `orders[line][i]` before it.
    """

    fuses: frozenset[tuple[int, int]] = frozenset()
    neutrals: Mapping[int, float] = field(default_factory=dict)
    orders: Mapping[int, tuple[int, int, int]] = field(default_factory=dict)

    def after(self, event: Failure) -> Failures:
        """What holds once an event has happened.

        Raises:
            InputError: names what the event lacks.
        """
        if isinstance(event, FuseBlown):
            return replace(self, fuses=self.fuses | {(event.line, _phase(event.phase))})
        if isinstance(event, OpenNeutral):
            if not 0 < event.earthing_ohm < np.inf:
                raise InputError(f"earthing_ohm is {event.earthing_ohm:g}, it must be positive")
            return replace(self, neutrals={**self.neutrals, event.line: event.earthing_ohm})
        if isinstance(event, WrongPhase):
            return replace(self, orders={**self.orders, event.line: _order(event.order)})
        return self._without(event.line)

    def lines(self) -> set[int]:
        """Lines that cut or swap phases for what is behind them."""
        return {line for line, _ in self.fuses} | set(self.orders)

    def _without(self, line: int) -> Failures:
        if line not in self.lines() | set(self.neutrals):
            raise InputError(f"line {line} has no failure that could be repaired")
        return Failures(
            frozenset(fuse for fuse in self.fuses if fuse[0] != line),
            {key: ohm for key, ohm in self.neutrals.items() if key != line},
            {key: order for key, order in self.orders.items() if key != line},
        )


@dataclass(frozen=True, slots=True)
class Effects:
    """What failures do at each node.

    Attributes:
        dead: network phases without voltage, shape (nodes, 3).
        order: network phase of each local phase, shape (nodes, 3).
        none: whether all nodes have all phases, each at its place.
    """

    dead: Mask
    order: NDArray[np.int64]
    none: bool

    def to_network(self, power: Phasors, nodes: NDArray[np.int64]) -> Phasors:
        """Powers in local phases, shape (n, 3), to network phases; none in dead ones.

        Args:
            power: of elements.
            nodes: rows of the elements' nodes, shape (n,).
        """
        if self.none:
            return power
        turned = np.zeros_like(power)
        np.put_along_axis(turned, self.order[nodes], power, axis=1)
        return np.where(self.dead[nodes], 0.0, turned)

    def to_local(self, values: Phasors, nodes: NDArray[np.int64]) -> Phasors:
        """Values in network phases, shape (n, 3), to the local phases of their nodes."""
        return values if self.none else np.take_along_axis(values, self.order[nodes], axis=1)


def effects(network: PlantNetwork, topology: Topology, failures: Failures) -> Effects:
    """What failures do at each node as branches are switched.

    Raises:
        InputError: names a line that lies in a loop, or behind which is more than phases to
            neutral: a transformer, a shunt, or behind a blown fuse an interrupted neutral.
    """
    dead = np.zeros((topology.nodes, 3), bool)
    order = np.tile(np.arange(3), (topology.nodes, 1))
    behind = {line: _behind(network, topology, line) for line in sorted(failures.lines())}
    _refuse_neutral_behind_fuse(network, failures, behind)
    # the nearer to the source the more lies behind: outer lines first, inner ones build on them
    for line in sorted(behind, key=lambda line: -int(behind[line].sum())):
        nodes = behind[line]
        if not nodes.any():
            continue
        before = order[nodes][0]
        for phase in (phase for fuse, phase in failures.fuses if fuse == line):
            dead[nodes, before[phase]] = True
        order[nodes] = before[list(failures.orders.get(line, (0, 1, 2)))]
    return Effects(dead, order, none=not dead.any() and bool((order == np.arange(3)).all()))


def _behind(network: PlantNetwork, topology: Topology, line: int) -> Mask:
    nodes = topology.only_through(line)
    if not nodes.any():
        if topology.conducts(line):
            raise InputError(
                f"line {line} lies in a loop: what is behind it has another way to a source; a "
                "blown fuse or swapped cores need a line that is the only way"
            )
        return nodes
    ids = network.ids("node")
    behind = set(ids[nodes].tolist())
    ends = (("transformer", "from_node"), ("transformer", "to_node"), ("shunt", "node"))
    for component, end in ends:
        found = network.array(component)
        if found is not None and behind & set(found[end].tolist()):
            raise InputError(
                f"line {line} has a {component} behind it; a blown fuse or swapped cores are "
                "covered where everything behind is between phase and neutral"
            )
    return nodes


def _refuse_neutral_behind_fuse(
    network: PlantNetwork, failures: Failures, behind: Mapping[int, Mask]
) -> None:
    """There the dead conductor is not dead: a neutral that has shifted feeds it through loads."""
    ids = network.ids("node")
    for fuse in sorted({line for line, _ in failures.fuses}):
        dead = set(ids[behind[fuse]].tolist())
        for line in network.data["line"][np.isin(network.ids("line"), list(failures.neutrals))]:
            if int(line["id"]) != fuse and {int(line["from_node"]), int(line["to_node"])} <= dead:
                raise InputError(
                    f"the interrupted neutral of line {int(line['id'])} lies behind the blown fuse "
                    f"of line {fuse}; this is not covered, the other way round and both on one "
                    "line are"
                )


def _phase(letter: str) -> int:
    if len(letter) != 1 or letter not in LETTERS:
        raise InputError(f"phase is '{letter}'; it is a, b or c")
    return LETTERS.index(letter)


def _order(letters: str) -> tuple[int, int, int]:
    if sorted(letters) != list(LETTERS) or letters == LETTERS:
        raise InputError(f"order is '{letters}'; it names a, b and c in another order, e.g. bac")
    first, second, third = (LETTERS.index(letter) for letter in letters)
    return first, second, third
