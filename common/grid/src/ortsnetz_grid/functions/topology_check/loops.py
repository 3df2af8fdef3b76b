"""Where a loop that an open branch would close could be open instead."""

from __future__ import annotations

from ortsnetz_grid.network.topology import Topology


def openings(topology: Topology, branch: int, seen: frozenset[int]) -> list[list[int]]:
    """Closed branches around the loop of an open one, in runs of what makes no difference.

    Two openings next to each other differ if something between them is supplied from one side or
    from the other: a customer, or a meter.

    Args:
        topology: the switch state.
        branch: id of the open branch.
        seen: ids of nodes with customers or sensors, and of branches with sensors.

    Returns:
        Branch ids, in the order along the loop; none if the branch would close no loop.
    """
    links = topology.connections
    first, second = links.ends[links.branch_row(branch)].tolist()
    if topology.island[first] != topology.island[second]:
        return []
    ids = links.node_ids
    around = topology.between(int(ids[first]), int(ids[second]))
    nodes = _along(topology, first, around)
    supplied = _supplying(topology, nodes, seen)
    runs: list[list[int]] = []
    for place, each in enumerate(around):
        differs = place == 0 or nodes[place] in supplied
        if differs or each in seen or around[place - 1] in seen:
            runs.append([])
        runs[-1].append(each)
    return runs


def _along(topology: Topology, start: int, branches: tuple[int, ...]) -> list[int]:
    """Rows of the nodes that branches pass from a start, the start first."""
    links = topology.connections
    nodes = [start]
    for branch in branches:
        one, other = links.ends[links.branch_row(branch)].tolist()
        nodes.append(other if one == nodes[-1] else one)
    return nodes


def _supplying(topology: Topology, nodes: list[int], seen: frozenset[int]) -> set[int]:
    """Nodes of a way through which anything that is seen is supplied, and the way's top."""
    forest, ids = topology.forest, topology.connections.node_ids
    on_way = set(nodes)
    found = {min(nodes, key=lambda each: forest.depth[each])}
    known: dict[int, bool] = {}
    for row in range(len(ids)):
        if int(ids[row]) not in seen:
            continue
        up = row
        while up >= 0 and up not in on_way and up not in known:
            known[up] = True
            up = int(forest.parent_node[up])
        if up in on_way:
            found.add(up)
    return found
