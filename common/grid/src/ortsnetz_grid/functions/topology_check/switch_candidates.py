"""Switch states that could be true instead of the stated one.

A branch that carries the only supply of a meter which reads voltage is closed; nobody needs an
estimate for that. What remains are open branches, branches in loops, and branches below which no
meter reads anything.
"""

from __future__ import annotations

from dataclasses import dataclass

from ortsnetz_grid.functions.topology_check.hypothesis import Hypothesis
from ortsnetz_grid.functions.topology_check.result import Kind
from ortsnetz_grid.functions.topology_check.supply import Supply
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.topology import Topology


@dataclass(frozen=True, slots=True)
class SwitchCandidates:
    """Alternatives of the switch state.

    Attributes:
        closings: open branches that could be closed.
        cuts: closed branches that could be open: below them no meter reads anything, and either a
            meter says so or customers are there.
        loops: closed branches in loops, in the order around each loop.
        exchanges: for an open branch, the closed ones of which one could be open in its place, in
            the order along the loop that the open one would close.
    """

    closings: tuple[Hypothesis, ...]
    cuts: tuple[Hypothesis, ...]
    loops: tuple[tuple[Hypothesis, ...], ...]
    exchanges: dict[int, tuple[Hypothesis, ...]]

    @classmethod
    def of(cls, network: Network, supply: Supply, customers: frozenset[int]) -> SwitchCandidates:
        """Find them.

        Args:
            network: as stated.
            supply: what meters say about supply.
            customers: ids of the nodes with loads or generators.
        """
        topology = Topology.of(network)
        looped = {branch for loop in topology.loops for branch in loop}
        return cls(
            closings=tuple(switch({branch: True}) for branch in _closings(topology)),
            cuts=tuple(
                switch({branch: False})
                for branch in _cuts(topology, supply, customers)
                if branch not in looped
            ),
            loops=tuple(
                tuple(switch({branch: False}) for branch in loop) for loop in topology.loops
            ),
            exchanges={
                branch: tuple(switch({branch: True, other: False}) for other in around)
                for branch in _closings(topology)
                if (around := _around(topology, branch))
            },
        )

    @property
    def count(self) -> int:
        """How many alternatives there are."""
        several = sum(len(each) for each in (*self.loops, *self.exchanges.values()))
        return len(self.closings) + len(self.cuts) + several


def switch(closed: dict[int, bool]) -> Hypothesis:
    """The hypothesis that branches, by id, are closed or open."""
    return Hypothesis(
        Kind.WRONG_SWITCH, elements=tuple(closed), closed=tuple(bool(c) for c in closed.values())
    )


def _closings(topology: Topology) -> list[int]:
    """Open branches with supply at one end at least."""
    links = topology.connections
    return [
        branch
        for branch in topology.open_ends
        if topology.energised[links.ends[links.branch_row(branch)]].any()
    ]


def _around(topology: Topology, branch: int) -> tuple[int, ...]:
    """Closed branches of the loop that an open one would close; none if it would close no loop."""
    links = topology.connections
    first, second = links.ends[links.branch_row(branch)].tolist()
    if topology.island[first] != topology.island[second]:
        return ()
    return topology.between(int(links.node_ids[first]), int(links.node_ids[second]))


def _cuts(topology: Topology, supply: Supply, customers: frozenset[int]) -> list[int]:
    """Closed branches below which no meter reads voltage.

    If meters read nothing somewhere, only what could have cut them off.
    """
    found = []
    links = topology.connections
    for row in links.whole.tolist():
        branch = int(links.branch_ids[row])
        below = set(topology.downstream(branch))
        if not below or below & supply.live:
            continue
        if below & supply.dead or (not supply.dead and below & customers):
            found.append(branch)
    return found
