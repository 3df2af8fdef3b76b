"""Where additional consumers consume, and what of it their nodes do not have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.network.additions import EnergyConsumer
from ortsnetz_grid.network.model import Network

TERMINALS = {"wye": ("a", "b", "c"), "delta": ("ab", "bc", "ca")}
"""Phases between which, or between which and neutral, the three powers of a consumer are."""


@dataclass(frozen=True, slots=True)
class MissingPhase:
    """A consumer that consumes where its node has no phase.

    Attributes:
        consumer: the consumer.
        terminals: where it consumes: `a`, `ab`.
        phase: the phase that the node lacks.
    """

    consumer: EnergyConsumer
    terminals: str
    phase: str


def missing_phases(network: Network, present: NDArray[np.bool_]) -> Iterator[MissingPhase]:
    """Consumption at phases that a node does not have, the first one of each consumer.

    Args:
        network: the network.
        present: (n, 3) phases that exist at the nodes, as `Admittance.present`.
    """
    rows = {node: row for row, node in enumerate(network.data["node"]["id"].tolist())}
    for each in network.additions.energy_consumer:
        there = {phase for phase, has in zip("abc", present[rows[each.node]], strict=True) if has}
        powers = zip(each.p_specified, each.q_specified, strict=True)
        missing = (
            MissingPhase(each, terminals, phase)
            for terminals, power in zip(TERMINALS[each.connection], powers, strict=True)
            for phase in terminals
            if any(power) and phase not in there
        )
        if each.status and (first := next(missing, None)) is not None:
            yield first
