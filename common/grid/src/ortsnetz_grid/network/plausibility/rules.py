"""All rules together."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.plausibility import (
    additions,
    consumers,
    duplicates,
    lines,
    matrices,
    mismatches,
    ratings,
    sensors,
    supply,
    transformers,
    voltages,
)
from ortsnetz_grid.network.problem import Problem
from ortsnetz_grid.network.topology import Topology

IMPOSSIBLE: tuple[Callable[[Network], Iterator[Problem]], ...] = (
    mismatches.impossible,
    lines.impossible,
    matrices.impossible,
    ratings.impossible,
    additions.impossible,
)
"""Errors: what no result may rest on."""
IMPLAUSIBLE: tuple[Callable[[Network], Iterator[Problem]], ...] = (
    voltages.implausible,
    mismatches.implausible,
    lines.implausible,
    matrices.implausible,
    ratings.implausible,
    transformers.implausible,
    duplicates.implausible,
    sensors.implausible,
    additions.implausible,
)
"""Warnings that need no topology."""
CONNECTED: tuple[Callable[[Network, Topology], Iterator[Problem]], ...] = (
    supply.implausible,
    consumers.implausible,
)
"""Warnings about what hangs where."""


def impossible(network: Network) -> tuple[Problem, ...]:
    """Errors: numbers that no passive element has."""
    with np.errstate(all="ignore"):  # what is missing or absurd is said elsewhere
        return tuple(problem for rule in IMPOSSIBLE for problem in rule(network))


def implausible(network: Network, topology: Topology | None) -> tuple[Problem, ...]:
    """Warnings, in the order of the rules.

    Args:
        network: as it came from its file, even with errors.
        topology: its connections, or None where they cannot be read.
    """
    with np.errstate(all="ignore"):
        found = [problem for rule in IMPLAUSIBLE for problem in rule(network)]
        if topology is not None:
            found += [problem for rule in CONNECTED for problem in rule(network, topology)]
    return tuple(found)
