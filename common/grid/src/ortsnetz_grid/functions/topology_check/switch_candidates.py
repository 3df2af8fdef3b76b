"""Switch states that could be true instead of the stated one.

A branch that carries the only supply of a meter which reads voltage is closed; nobody needs an
estimate for that. What remains are open branches, branches in loops, and branches below which no
meter reads anything.
"""

from __future__ import annotations

from dataclasses import dataclass

from ortsnetz_grid.functions.topology_check.hypothesis import Hypothesis
from ortsnetz_grid.functions.topology_check.loops import openings
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
    def of(cls, network: Network, supply: Supply, seen: frozenset[int]) -> SwitchCandidates:
        """Find them.

        Args:
            network: as stated.
            supply: what meters say about supply.
            seen: ids of nodes with loads, generators or sensors, and of branches with sensors.
        """
        topology = Topology.of(network)
        looped = {branch for loop in topology.loops for branch in loop}
        closings = _closings(topology)
        return cls(
            closings=tuple(switch({branch: True}) for branch in closings),
            cuts=_cuts(topology, supply, seen, looped),
            loops=tuple(
                tuple(switch({branch: False}) for branch in loop) for loop in topology.loops
            ),
            exchanges={
                branch: tuple(
                    switch({branch: True, alike[0]: False}, tuple(alike[1:])) for alike in runs
                )
                for branch in closings
                if (runs := openings(topology, branch, seen))
            },
        )

    def among(self, switchable: frozenset[int] | None) -> SwitchCandidates:
        """Those that operate switches of a list only; None: any."""
        if switchable is None:
            return self
        exchanges = {
            branch: _among(around, switchable)
            for branch, around in self.exchanges.items()
            if branch in switchable
        }
        return SwitchCandidates(
            closings=_among(self.closings, switchable),
            cuts=_among(self.cuts, switchable),
            loops=tuple(_among(loop, switchable) for loop in self.loops),
            exchanges=exchanges,
        )

    @property
    def count(self) -> int:
        """How many alternatives there are."""
        several = sum(len(each) for each in (*self.loops, *self.exchanges.values()))
        return len(self.closings) + len(self.cuts) + several


def switch(closed: dict[int, bool], alike: tuple[int, ...] = ()) -> Hypothesis:
    """The hypothesis that branches, by id, are closed or open."""
    return Hypothesis(
        Kind.WRONG_SWITCH, elements=tuple(closed), closed=tuple(closed.values()), alike=alike
    )


def _among(
    hypotheses: tuple[Hypothesis, ...], switchable: frozenset[int]
) -> tuple[Hypothesis, ...]:
    """Those whose branches are in a list, with the alike that are."""
    found = []
    for each in hypotheses:
        last = [branch for branch in (each.elements[-1], *each.alike) if branch in switchable]
        if last:
            closed = dict(zip((*each.elements[:-1], last[0]), each.closed, strict=True))
            found.append(switch(closed, tuple(last[1:])))
    return tuple(found)


def _closings(topology: Topology) -> list[int]:
    """Open branches with supply at one end at least."""
    links = topology.connections
    return [
        branch
        for branch in topology.open_ends
        if topology.energised[links.ends[links.branch_row(branch)]].any()
    ]


def _cuts(
    topology: Topology, supply: Supply, seen: frozenset[int], looped: set[int]
) -> tuple[Hypothesis, ...]:
    """Closed branches below which no meter reads voltage.

    If meters read nothing somewhere, only what could have cut them off.
    """
    found: dict[frozenset[int], list[int]] = {}
    links = topology.connections
    for row in links.whole.tolist():
        branch = int(links.branch_ids[row])
        below = frozenset() if branch in looped else frozenset(topology.downstream(branch))
        if not below or below & supply.live:
            continue
        if below & supply.dead or (not supply.dead and below & seen):
            found.setdefault(below & seen, []).append(branch)
    return tuple(switch({each[0]: False}, tuple(each[1:])) for each in found.values())
