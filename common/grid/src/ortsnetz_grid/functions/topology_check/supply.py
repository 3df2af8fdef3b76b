"""Where there is certainly voltage, and where a meter says that there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ortsnetz_grid.functions.topology_check.readings import Readings
from ortsnetz_grid.functions.topology_check.sites import Sites


@dataclass(frozen=True, slots=True)
class Supply:
    """What meters say about supply; the switch state is the same in all snapshots.

    Attributes:
        live: ids of nodes where a meter reads a voltage or a flow.
        dead: ids of nodes where a voltage meter reads nothing, in every phase and snapshot.
    """

    live: frozenset[int]
    dead: frozenset[int]

    @classmethod
    def of(cls, sites: Sites, snapshots: Sequence[Readings]) -> Supply:
        """Read it off the snapshots; assumptions do not count."""
        live: set[int] = set()
        dead: set[int] = set()
        for each in snapshots:
            loud = each.loud
            live |= set(sites.model.node_ids[each.nodes[loud]].tolist())
            dead |= set(sites.model.node_ids[each.nodes[each.voltage & ~loud]].tolist())
        return cls(frozenset(live), frozenset(dead - live))
