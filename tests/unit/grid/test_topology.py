"""Topology: parts, supply, radial order and loops of a grid, against networkx as the judge."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import networkx as nx
import numpy as np
import pytest
from power_grid_model import PowerGridModel

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.topology import Topology

GRIDS = ("1-LV-rural2--0-sw", "1-MV-rural--0-sw", "cigre-lv")
STATES = 100


def with_ties(topology: Topology, rng: np.random.Generator) -> Topology:
    """The same grid with a few more cables, some of them beside others."""
    connections = topology.connections
    count = int(rng.integers(0, 8))
    ties = rng.integers(0, len(connections.node_ids), size=(count, 2))
    ties = ties[ties[:, 0] != ties[:, 1]]
    beside = connections.ends[rng.choice(len(connections.ends), size=2)]
    added = np.concatenate([ties, beside])
    ids = connections.branch_ids
    return Topology.from_connections(
        replace(
            connections,
            branch_ids=np.concatenate([ids, ids.max() + 1 + np.arange(len(added))]),
            ends=np.concatenate([connections.ends, added]),
            connected=np.concatenate([connections.connected, np.ones((len(added), 2), bool)]),
            bank=np.arange(len(ids) + len(added)),
        )
    )


def switched(topology: Topology, rng: np.random.Generator) -> Topology:
    """The same grid with other ends open, and with none to three sources anywhere."""
    connected = topology.connections.connected.copy()
    flip = rng.random(connected.shape) < rng.choice([0.01, 0.05, 0.2])
    nodes = len(topology.connections.node_ids)
    sources = rng.choice(nodes, size=rng.integers(0, 4), replace=False)
    return Topology.from_connections(
        replace(topology.connections, connected=connected ^ flip, sources=sources)
    )


def as_graph(topology: Topology) -> nx.MultiGraph:
    connections = topology.connections
    graph = nx.MultiGraph()
    graph.add_nodes_from(range(len(connections.node_ids)))
    for row, (ends, closed) in enumerate(
        zip(connections.ends.tolist(), connections.connected.tolist(), strict=True)
    ):
        if all(closed):
            graph.add_edge(*ends, key=row)
    return graph


@pytest.fixture(scope="module", params=GRIDS)
def states(
    request: Any, published: Callable[[str], Network]
) -> list[tuple[Topology, nx.MultiGraph]]:
    """A hundred random states of the switches of one grid, with networkx's view of each."""
    rng = np.random.default_rng(4)
    base = Topology.of(published(request.param))
    found = [switched(with_ties(base, rng), rng) for _ in range(STATES)]
    return [(topology, as_graph(topology)) for topology in found]


States = list[tuple[Topology, nx.MultiGraph]]


def test_connected_parts_are_those_of_networkx(states: States) -> None:
    for topology, graph in states:
        ours = {frozenset(part.tolist()) for part in topology.parts}
        assert ours == {frozenset(part) for part in nx.connected_components(graph)}
        firsts = [part[0] for part in topology.parts]
        assert firsts == sorted(firsts)


def test_what_a_source_reaches_is_energised_and_nothing_else(states: States) -> None:
    for topology, graph in states:
        reached: set[int] = set()
        for source in topology.connections.sources.tolist():
            reached |= nx.node_connected_component(graph, source)
        assert set(np.flatnonzero(topology.energised).tolist()) == reached


def test_an_end_is_fed_where_it_is_closed_at_a_live_node(states: States) -> None:
    for topology, _ in states:
        connections = topology.connections
        for row, end in zip(*np.nonzero(connections.connected), strict=True):
            assert topology.fed[row, end] == topology.energised[connections.ends[row, end]]
        assert not topology.fed[~connections.connected].any()


def test_parents_are_one_step_nearer_to_the_root_on_a_shortest_way(states: States) -> None:
    for topology, graph in states:
        forest = topology.forest
        shortest = nx.multi_source_dijkstra_path_length(graph, set(forest.roots.tolist()))
        assert forest.depth.tolist() == [shortest[node] for node in range(len(forest.depth))]
        for node in range(len(forest.depth)):
            parent, branch = int(forest.parent_node[node]), int(forest.parent_branch[node])
            if parent < 0:
                assert node in forest.roots
                assert branch == -1
            else:
                assert graph.has_edge(node, parent, key=branch)
                assert forest.depth[parent] == forest.depth[node] - 1


def test_the_order_lists_parents_first_and_each_node_once(states: States) -> None:
    for topology, _ in states:
        place = np.argsort(topology.forest.order)
        assert sorted(topology.forest.order.tolist()) == list(range(len(place)))
        parent = topology.forest.parent_node
        below = np.flatnonzero(parent >= 0)
        assert (place[parent[below]] < place[below]).all()


def test_the_root_of_a_live_part_is_its_source(states: States) -> None:
    for topology, _ in states:
        for part, root in enumerate(topology.forest.roots.tolist()):
            assert topology.island[root] == part
            if topology.energised[root]:
                assert root in topology.connections.sources


def test_as_many_loops_as_the_cycle_space_has_dimensions(states: States) -> None:
    for topology, graph in states:
        dimension = (
            graph.number_of_edges()
            - graph.number_of_nodes()
            + nx.number_connected_components(graph)
        )
        assert len(topology.loops) == dimension


def test_every_loop_is_a_way_around_and_the_loops_are_independent(states: States) -> None:
    for topology, graph in states:
        edges = {int(topology.connections.branch_ids[key]): (u, v) for u, v, key in graph.edges}
        basis = np.zeros((len(topology.loops), len(topology.connections.branch_ids)))
        for number, loop in enumerate(topology.loops):
            assert len(set(loop)) == len(loop)
            around = nx.MultiGraph([edges[branch] for branch in loop])
            assert nx.is_connected(around)
            assert all(degree == 2 for _, degree in around.degree)
            for first, second in pairwise(loop):  # neighbours meet at a node
                assert set(edges[first]) & set(edges[second])
            basis[number, np.isin(topology.connections.branch_ids, loop)] = 1
        if len(basis):
            assert np.linalg.matrix_rank(basis) == len(basis)


def test_branches_outside_all_loops_are_the_bridges(states: States) -> None:
    for topology, graph in states:
        looped = {branch for loop in topology.loops for branch in loop}
        whole = topology.connections.branch_ids[topology.connections.whole]
        multiple = {
            frozenset((u, v)) for u, v, key in graph.edges if graph.number_of_edges(u, v) > 1
        }
        bridges = {
            int(topology.connections.branch_ids[key])
            for u, v in nx.bridges(nx.Graph(graph))
            if frozenset((u, v)) not in multiple
            for key in graph[u][v]
        }
        assert set(whole.tolist()) - looped == bridges


def test_nodes_downstream_are_those_that_go_dark_when_the_branch_opens(states: States) -> None:
    rng = np.random.default_rng(5)
    for topology, _ in states[:20]:
        for branch in rng.choice(topology.connections.branch_ids, size=10).tolist():
            opened = topology.with_switch(branch, closed=False)
            dark = topology.energised & ~opened.energised
            assert set(topology.downstream(branch)) == set(
                topology.connections.node_ids[dark].tolist()
            )


def test_closing_one_of_the_named_branches_supplies_a_dead_node_and_no_other_does(
    states: States,
) -> None:
    for topology, _ in states[:20]:
        dead = topology.connections.node_ids[~topology.energised].tolist()
        for node in dead[:3]:
            row = topology.connections.node_row(node)
            helps = {
                branch
                for branch in topology.open_ends
                if topology.with_switch(branch, closed=True).energised[row]
            }
            assert set(topology.would_supply(node)) == helps


def test_the_path_leads_from_the_source_to_the_node(states: States) -> None:
    for topology, _ in states[:20]:
        connections = topology.connections
        for row in np.flatnonzero(topology.energised)[::7].tolist():
            at = int(topology.forest.roots[topology.island[row]])
            for branch in topology.path(int(connections.node_ids[row])):
                first, second = connections.ends[connections.branch_row(branch)].tolist()
                assert at in (first, second)
                at = second if at == first else first
            assert at == row


def test_parts_with_several_sources_are_named(states: States) -> None:
    for topology, graph in states:
        sources = set(topology.connections.sources.tolist())
        expected = {
            frozenset(topology.connections.node_ids[list(part & sources)].tolist())
            for part in nx.connected_components(graph)
            if len(part & sources) > 1
        }
        assert {frozenset(tied) for tied in topology.tied_sources} == expected
        assert topology.radial == (not topology.loops and not expected)


def test_power_grid_model_energises_the_same_nodes(
    published: Callable[[str], Network],
) -> None:
    network = published("1-MV-rural--0-sw")
    rng = np.random.default_rng(6)
    for _ in range(5):
        data = {name: array.copy() for name, array in network.data.items()}
        for name in ("from_status", "to_status"):
            data["line"][name] &= (rng.random(len(data["line"])) > 0.05).astype(np.int8)
        flow = PowerGridModel(data).calculate_power_flow(symmetric=False)
        topology = Topology.of(replace(network, data=data))
        assert topology.energised.tolist() == (flow["node"]["energized"] == 1).tolist()


def ring() -> Network:
    """Two parallel cables 10 and 11 from the source at 1 to 2, a ring 2-3-4-2, and 5 apart."""
    branch = {"from_status": 1, "to_status": 1, "r1": 0.1, "x1": 0.1, "c1": 0.0, "tan1": 0.0}
    ends = {10: (1, 2), 11: (1, 2), 12: (2, 3), 13: (3, 4), 14: (4, 2), 15: (4, 5)}
    lines = [
        {**branch, "id": element, "from_node": first, "to_node": second}
        for element, (first, second) in ends.items()
    ]
    lines[-1]["to_status"] = 0
    data = {
        "node": [{"id": node, "u_rated": 400.0} for node in (1, 2, 3, 4, 5)],
        "line": lines,
        "source": [{"id": 20, "node": 1, "status": 1, "u_ref": 1.0}],
    }
    document = {
        "version": "1.0",
        "type": "input",
        "is_batch": False,
        "attributes": {},
        "data": data,
    }
    return Network.from_json(json.dumps(document), "ring.json")


def test_a_ring_is_told_in_words_that_an_operator_would_use() -> None:
    topology = Topology.of(ring())
    assert {frozenset(loop) for loop in topology.loops} == {
        frozenset({10, 11}),
        frozenset({12, 13, 14}),
    }
    assert topology.open_ends == {15: ("to",)}
    assert topology.fed[topology.connections.branch_row(15)].tolist() == [True, False]
    assert topology.would_supply(5) == (15,)
    assert topology.with_switch(13, closed=False).path(4) == (10, 14)
    assert topology.between(3, 4) in ((13,), (12, 14))
    assert topology.downstream(13) == ()
    assert not topology.radial
    opened = topology.with_switch(11, closed=False).with_switch(13, closed=False)
    assert opened.radial
    assert opened.downstream(10) == (2, 3, 4)


def test_questions_about_what_is_not_there_are_refused_by_name() -> None:
    topology = Topology.of(ring())
    with pytest.raises(InputError, match="no branch 99"):
        topology.with_switch(99, closed=True)
    with pytest.raises(InputError, match="no node 99"):
        topology.path(99)
    with pytest.raises(InputError, match="no source feeds node 5"):
        topology.path(5)
    with pytest.raises(InputError, match="nothing connects node 1 with node 5"):
        topology.between(1, 5)


def test_a_branch_at_a_node_that_does_not_exist_is_named() -> None:
    network = ring()
    network.data["line"]["to_node"][2] = 77
    with pytest.raises(InputError, match="line 12: to_node: there is no node 77"):
        Topology.of(network)


def test_a_network_without_branches_is_so_many_parts() -> None:
    network = ring()
    topology = Topology.of(replace(network, data={"node": network.data["node"]}))
    assert [part.tolist() for part in topology.parts] == [[0], [1], [2], [3], [4]]
    assert not topology.energised.any()
    assert topology.radial


def test_three_regulators_of_one_phase_each_are_a_bank_and_no_loop() -> None:
    document = json.loads(ring().to_json())
    document["data"]["line"] = []
    unit = {"from_node": 1, "to_node": 2, "from_status": 1, "to_status": 1, "u1": 231.0}
    unit |= {"u2": 231.0, "sn": 1e5, "r_pu": 0.01, "x_pu": 0.01}
    terminals = {30: "an", 31: "bn", 32: "cn", 33: "an"}
    units = [
        {**unit, "id": element, "from_terminals": pair, "to_terminals": pair}
        for element, pair in terminals.items()
    ]
    lines = [
        {"id": element, "from_node": 2, "to_node": 3, "from_status": 1, "to_status": 1}
        | {"phases": phase, "r": [[0.1]], "x": [[0.1]], "i_n": 100.0}
        for element, phase in ((40, "a"), (41, "b"))
    ]
    document["ortsnetz"] = {
        "elements": {"single_phase_transformer": units[:3], "matrix_line": lines}
    }
    bank = Topology.of(Network.from_json(json.dumps(document), "bank.json"))
    assert bank.radial
    assert [part.tolist() for part in bank.parts] == [[0, 1, 2], [3], [4]]
    assert bank.downstream(30) == ()  # the other phases stay
    assert bank.with_switch(30, closed=False).path(3) == (31, 40)
    document["ortsnetz"]["elements"]["single_phase_transformer"] = units
    doubled = Topology.of(Network.from_json(json.dumps(document), "bank.json"))
    assert [set(loop) for loop in doubled.loops] == [{30, 33}]


@pytest.mark.parametrize(
    ("wire", "loops"), [("b", []), ("ab", [{30, 40}]), ("abc", [{30, 40}]), ("a", [])]
)
def test_an_open_delta_of_regulators_with_its_jumper_is_a_bank(
    wire: str, loops: list[set[int]]
) -> None:
    document = json.loads(ring().to_json())
    document["data"]["line"] = []
    ends = {"from_node": 1, "to_node": 2, "from_status": 1, "to_status": 1}
    ratings = {"u1": 400.0, "u2": 400.0, "sn": 1e5, "r_pu": 0.01, "x_pu": 0.01}
    units = [
        {**ends, **ratings, "id": element, "from_terminals": pair, "to_terminals": pair}
        for element, pair in ((30, "ab"), (31, "cb"))
    ]
    size = len(wire)
    matrix = [[0.1 * (row == column) for column in range(size)] for row in range(size)]
    jumper = {**ends, "id": 40, "phases": wire, "r": matrix, "x": matrix, "i_n": 100.0}
    document["ortsnetz"] = {
        "elements": {"single_phase_transformer": units, "matrix_line": [jumper]}
    }
    topology = Topology.of(Network.from_json(json.dumps(document), "delta.json"))
    assert [set(loop) for loop in topology.loops] == loops
