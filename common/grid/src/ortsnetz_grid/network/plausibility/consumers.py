"""Loads and generators against what feeds them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.plausibility.levels import LOW_VOLTAGE, MEDIUM_VOLTAGE
from ortsnetz_grid.network.plausibility.rule import Real, Rule, rows
from ortsnetz_grid.network.problem import Problem
from ortsnetz_grid.network.spanning_forest import parts_of
from ortsnetz_grid.network.topology import Topology

FIELDS = ("p_specified", "q_specified")
SIZE = Rule("power-size", FIELDS, "powers are in W and var, not in kW")
TOTAL = Rule("power-total", ("sn",), "see whether powers are in W, and sn in VA")
TINY = Rule("power-total", ("sn",), "see whether powers are in kW or MW instead of W")

LOADS, GENERATORS = ("sym_load", "asym_load"), ("sym_gen", "asym_gen")
SINGLE_BY_RATING = 2.0
"""The spot load of the IEEE 34 node feeder is 1.006 times its transformer: overloaded, but true."""
TOTAL_BY_RATING = 10.0
"""Files may state contracted powers: 34 kVA (DIN 18015-1, electric hot water) for each of 150
dwellings at 630 kVA are 8 times the rating. kW for W would be a thousand times."""
TINY_BY_RATING = 1e-3
"""The least of nights is above a per cent: a refrigerator in each dwelling. W for kW is 0.1 %."""
WITHOUT_TRANSFORMER = ((LOW_VOLTAGE, 1e6), (MEDIUM_VOLTAGE, 1e8))
"""Largest single power where the file begins below the transformer, VA: the grid operator asks
customers beyond some hundred kVA to medium voltage, beyond some ten MVA to 110 kV."""


@dataclass(frozen=True, slots=True)
class _Areas:
    """Parts without transformers inside, `a` of them.

    Attributes:
        of_node: (n,) number of each node's area.
        capacity: (a,) rated power of the transformers that feed it from a higher voltage, VA.
        feeders: ids of these transformers, for each area.
        volts: (a,) rated voltage, V.
    """

    of_node: NDArray[np.intp]
    capacity: Real
    feeders: tuple[tuple[int, ...], ...]
    volts: Real


def implausible(network: Network, topology: Topology) -> Iterator[Problem]:
    """Powers that nothing here could carry, or that nothing would notice."""
    areas = _areas(network, topology)
    yield from _single(network, topology, areas)
    yield from _sums(network, topology, areas)


def _areas(network: Network, topology: Topology) -> _Areas:
    connections = topology.connections
    rating = {each.id: each.sn for each in network.additions.single_phase_transformer}
    transformers = rows(network, "transformer")
    if transformers is not None:
        rating |= zip(transformers["id"].tolist(), transformers["sn"].tolist(), strict=True)
    galvanic = connections.connected.all(axis=1) & ~np.isin(connections.branch_ids, list(rating))
    of_node = parts_of(connections.ends[galvanic], len(connections.node_ids))
    count = int(of_node.max(initial=-1)) + 1
    volts = np.zeros(count)
    volts[of_node] = network.data["node"]["u_rated"]
    capacity, feeders = np.zeros(count), [list[int]() for _ in range(count)]
    for row in np.flatnonzero(connections.connected.all(axis=1)).tolist():
        element = int(connections.branch_ids[row])
        if element in rating:
            first, second = of_node[connections.ends[row]].tolist()
            fed = first if volts[first] < volts[second] else second
            if volts[first] != volts[second]:
                capacity[fed] += rating[element]
                feeders[fed].append(element)
    return _Areas(of_node, capacity, tuple(tuple(each) for each in feeders), volts)


@dataclass(frozen=True, slots=True)
class _Consumers:
    """`k` loads or generators of a component: ids, rows of their nodes, apparent power, VA.

    Power is over all phases, nothing out of service, NaN where none is said.
    """

    component: str
    ids: NDArray[np.int32]
    at: NDArray[np.intp]
    power: Real


def _consumers(
    network: Network, topology: Topology, components: tuple[str, ...]
) -> Iterator[_Consumers]:
    for component in components:
        array = rows(network, component)
        if array is not None:
            power = np.abs(array["p_specified"] + 1j * array["q_specified"])
            total = power.sum(axis=1) if power.ndim > 1 else power
            on = np.where(array["status"] == 1, total, 0.0)
            yield _Consumers(component, array["id"], _places(topology, array["node"]), on)
    added = network.additions.energy_consumer
    if "asym_load" in components and added:
        powers = [
            np.hypot(each.p_specified, each.q_specified).sum() * each.status for each in added
        ]
        yield _Consumers(
            "energy_consumer",
            np.array([each.id for each in added], dtype=np.int32),
            _places(topology, np.array([each.node for each in added], dtype=np.int32)),
            np.array(powers),
        )


def _places(topology: Topology, nodes: NDArray[np.int32]) -> NDArray[np.intp]:
    """Rows of nodes (k,) by id; -1 where there is no such node."""
    ids = topology.connections.node_ids
    order = np.argsort(ids, kind="stable")
    place = order[np.minimum(np.searchsorted(ids[order], nodes), len(ids) - 1)]
    return np.where(ids[place] == nodes, place, -1)


def _single(network: Network, topology: Topology, areas: _Areas) -> Iterator[Problem]:
    """One element alone is far beyond what feeds its area."""
    limit = SINGLE_BY_RATING * areas.capacity
    for area in np.flatnonzero(limit == 0).tolist():
        volts = areas.volts[area]
        limit[area] = next((va for top, va in WITHOUT_TRANSFORMER if volts <= top), np.inf)
    for each in _consumers(network, topology, (*LOADS, *GENERATORS)):
        most = limit[areas.of_node[each.at]]
        for row in np.flatnonzero((each.at >= 0) & (each.power > most)).tolist():
            reason = f"{each.power[row]:g} VA is far more than what its area can be fed with"
            yield SIZE.broken(network, each.component, int(each.ids[row]), reason)


def _sums(network: Network, topology: Topology, areas: _Areas) -> Iterator[Problem]:
    """All loads of an area together, against its transformers."""
    total = np.zeros(len(areas.capacity))
    for each in _consumers(network, topology, LOADS):
        known = np.isfinite(each.power) & (each.at >= 0)
        np.add.at(total, areas.of_node[each.at[known]], each.power[known])
    for area in np.flatnonzero(areas.capacity > 0).tolist():
        share = total[area] / areas.capacity[area]
        transformer = areas.feeders[area][0]
        component = network.components[transformer]
        what = f"the loads that it feeds are {total[area]:g} VA, {share:.3g} times its rating"
        if len(areas.feeders[area]) > 1:
            what += f" and that of {len(areas.feeders[area]) - 1} more beside it"
        if share > TOTAL_BY_RATING:
            yield TOTAL.broken(network, component, transformer, what)
        elif 0 < share < TINY_BY_RATING:
            yield TINY.broken(network, component, transformer, what)
