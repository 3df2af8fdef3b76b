"""Additional elements: phases that are not there, voltages that do not fit their nodes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network.assembly import Branches
from ortsnetz_grid.network.conductors import conductors
from ortsnetz_grid.network.consumers import missing_phases
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.plausibility.rule import Rule, rows
from ortsnetz_grid.network.problem import Problem, Severity
from ortsnetz_grid.network.topology import Topology

FLOATING = Rule(
    "floating-conductor",
    (),
    "leave that phase out (a matrix_line has the phases that it names), or connect it",
    Severity.ERROR,
)
MISSING = Rule(
    "missing-phase",
    ("p_specified", "q_specified"),
    "move the consumption to a phase that the node has, or add the conductor",
    Severity.ERROR,
)
WINDING = Rule("rated-voltage", (), "u1 and u2 are across the winding, in V", Severity.ERROR)
NOMINAL = Rule("nominal-voltage", ("u_nominal",), "u_nominal is across one connection, in V")

BAND = (0.7, 1.4)
"""Relative to the node's voltage; phase and line voltage differ by 1.73, V and kV by 1000."""


def impossible(network: Network) -> Iterator[Problem]:
    """What has no solution: conductors that nothing feeds, consumption where no phase is."""
    if not network.additions or rows(network, "node") is None:
        return
    yield from _windings(network)
    try:
        topology = Topology.of(network)
    except InputError:  # said by the rules about nodes and ids
        return
    if rows(network, "generic_branch") is not None:  # no phases are known of it; not covered
        return
    joined = topology.connections
    without_blocks = Branches(
        joined.branch_ids, joined.ends, joined.connected, np.zeros(0, complex)
    )
    found = conductors(network, without_blocks, topology.energised, joined.sources)
    for each in found.floating:
        component = network.components[each.branch]
        reason = f"no source feeds its phase {each.phase} at {network.label(each.node)}"
        yield FLOATING.broken(network, component, each.branch, reason)
    for one in missing_phases(network, found.present):
        reason = (
            f"it consumes at {one.terminals}, but {network.label(one.consumer.node)} has no phase "
            f"{one.phase}"
        )
        yield MISSING.broken(network, "energy_consumer", one.consumer.id, reason)


def implausible(network: Network) -> Iterator[Problem]:
    """Consumers with the nominal voltage of another connection, or of another unit."""
    for each in network.additions.energy_consumer:
        volts = _expected(network, each.node, between_phases=each.connection == "delta")
        if not BAND[0] <= each.u_nominal / volts <= BAND[1]:
            reason = f"{each.u_nominal:g} V does not fit the {volts:g} V that it is connected to"
            yield NOMINAL.broken(network, "energy_consumer", each.id, reason)


def _windings(network: Network) -> Iterator[Problem]:
    for unit in network.additions.single_phase_transformer:
        ends = (
            ("u1", unit.u1, unit.from_node, unit.from_terminals),
            ("u2", unit.u2, unit.to_node, unit.to_terminals),
        )
        for field, rated, node, terminals in ends:
            volts = _expected(network, node, between_phases="n" not in terminals)
            if not BAND[0] <= rated / volts <= BAND[1]:
                rule = replace(WINDING, fields=(field,))
                reason = (
                    f"{rated:g} V does not fit the {volts:g} V between its terminals {terminals}"
                )
                yield rule.broken(network, "single_phase_transformer", unit.id, reason)


def _expected(network: Network, node: int, *, between_phases: bool) -> float:
    """Rated voltage between two phases of a node, or between a phase and its neutral, V."""
    nodes = network.data["node"]
    volts = float(nodes["u_rated"][np.flatnonzero(nodes["id"] == node)[0]])
    return volts if between_phases else volts / np.sqrt(3)
