"""Supply: nodes, consumers and sensors that no source reaches; sources that meet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from ortsnetz_grid.network.additions import EnergyConsumer, ShuntCompensator
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.plausibility.rule import Rule, rows
from ortsnetz_grid.network.problem import Problem
from ortsnetz_grid.network.topology import Topology

UNSUPPLIED = Rule("unsupplied", ("node",), "close the switch, or set the element's status to 0")
SENSOR = Rule("unsupplied", ("measured_object",), "close the switch, or leave the sensor out")
PART = Rule("dead-part", (), "close the switch, or leave the part out")
ISOLATED = Rule("isolated-node", (), "connect it, or leave it out")
TIED = Rule("tied-sources", ("node",), "open a switch between them, unless they run in parallel")

APPLIANCES = ("sym_load", "asym_load", "sym_gen", "asym_gen", "shunt")
SENSORS = tuple(
    f"{phases}_{quantity}_sensor"
    for phases in ("sym", "asym")
    for quantity in ("voltage", "power", "current")
)
NAMED = 3
"""So many switches or branches are named; more are counted."""


def implausible(network: Network, topology: Topology) -> Iterator[Problem]:
    """What hangs where no source feeds, and why."""
    reasons = _reasons(network, topology)
    yield from _parts(network, topology, reasons)
    yield from _appliances(network, reasons)
    yield from _sensors(network, topology, reasons)
    yield from _tied(network, topology)


def names(network: Network, elements: tuple[int, ...]) -> str:
    """A few elements by name, and how many more."""
    shown = ", ".join(network.label(element) for element in elements[:NAMED])
    more = len(elements) - NAMED
    return f"{shown} and {more} more" if more > 0 else shown


def _reasons(network: Network, topology: Topology) -> dict[int, str]:
    """Why a node is dead and what would supply it, by node id."""
    ids = topology.connections.node_ids
    found: dict[int, str] = {}
    for part in topology.parts:
        nodes = ids[part].tolist()
        if topology.energised[part[0]]:
            continue
        switches = topology.would_supply(nodes[0])
        why = "no source feeds it, and no open switch leads to one"
        if switches:
            verb = "is open and would" if len(switches) == 1 else "are open, and each would"
            why = f"no source feeds it; {names(network, switches)} {verb} supply it"
        found |= dict.fromkeys(nodes, why)
    return found


def _parts(network: Network, topology: Topology, reasons: Mapping[int, str]) -> Iterator[Problem]:
    ids = topology.connections.node_ids
    attached = np.zeros(len(ids), dtype=bool)
    attached[topology.connections.ends] = True
    for part in topology.parts:
        first = int(ids[part[0]])
        if len(part) == 1 and not attached[part[0]]:
            at_source = first not in reasons
            what = "only its source is there" if at_source else "no branch leads to it"
            yield ISOLATED.broken(network, "node", first, what)
        elif first in reasons:
            others = f" and {len(part) - 1} more" if len(part) > 1 else ""
            yield Problem(
                component="node",
                fields=(),
                ids=tuple(ids[part].tolist()),
                sentence=f"{network.label(first)}{others}: {reasons[first]}",
                severity=PART.severity,
                rule=PART.name,
                advice=PART.advice,
            )


def _appliances(network: Network, reasons: Mapping[int, str]) -> Iterator[Problem]:
    for component in APPLIANCES:
        array = rows(network, component)
        if array is None:
            continue
        on = np.flatnonzero(array["status"] == 1)
        for element, node in zip(array["id"][on].tolist(), array["node"][on].tolist(), strict=True):
            if node in reasons:
                reason = f"{network.label(node)}: {reasons[node]}"
                yield UNSUPPLIED.broken(network, component, element, reason)
    for component, addition in network.additions:
        if isinstance(addition, EnergyConsumer | ShuntCompensator) and addition.status:
            node = addition.node
            if node in reasons:
                reason = f"{network.label(node)}: {reasons[node]}"
                yield UNSUPPLIED.broken(network, component, addition.id, reason)


def _sensors(network: Network, topology: Topology, reasons: Mapping[int, str]) -> Iterator[Problem]:
    place = {
        element: node
        for component in (*APPLIANCES, "source")
        if component in network.data
        for element, node in zip(
            network.data[component]["id"].tolist(),
            network.data[component]["node"].tolist(),
            strict=True,
        )
    }
    connections = topology.connections
    alive = topology.fed[:, 0] | topology.fed[:, 1]
    fed = dict(zip(connections.branch_ids.tolist(), alive.tolist(), strict=True))
    for component in SENSORS:
        array = rows(network, component)
        if array is None:
            continue
        measured = array["measured_object"].tolist()
        for element, target in zip(array["id"].tolist(), measured, strict=True):
            node = place.get(target, target)
            if node in reasons:
                reason = f"{network.label(node)}: {reasons[node]}"
                yield SENSOR.broken(network, component, element, reason)
            elif not fed.get(target, True):
                reason = f"{network.label(target)}: no source feeds either end"
                yield SENSOR.broken(network, component, element, reason)


def _tied(network: Network, topology: Topology) -> Iterator[Problem]:
    array = rows(network, "source")
    if array is None:
        return
    on = np.flatnonzero(array["status"] == 1)
    ids, at = array["id"][on].tolist(), array["node"][on].tolist()
    for nodes in topology.tied_sources:
        for other in nodes[1:]:
            way = names(network, topology.between(nodes[0], other))
            pair = (ids[at.index(nodes[0])], ids[at.index(other)])
            yield _meeting(network, pair, f"through {way}")
    for row, node in enumerate(at):
        first = at.index(node)
        if first != row:
            yield _meeting(network, (ids[first], ids[row]), f"both at {network.label(node)}")


def _meeting(network: Network, sources: tuple[int, int], how: str) -> Problem:
    first, second = (network.label(source) for source in sources)
    return Problem(
        component="source",
        fields=TIED.fields,
        ids=sources,
        sentence=f"{first} and {second} feed the same part, {how}",
        severity=TIED.severity,
        rule=TIED.name,
        advice=TIED.advice,
    )
