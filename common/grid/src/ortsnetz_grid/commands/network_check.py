"""`ortsnetz network check`: what is wrong with a network file, for people or for machines."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import click

from ortsnetz_common.errors import InputError
from ortsnetz_grid.commands.case_file import read, read_case
from ortsnetz_grid.network.inspection import Inspection
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.problem import Problem, Severity
from ortsnetz_grid.network.topology import Topology

SCHEMA = "ortsnetz.network-check/1"
SHOWN = 5
"""So many findings of one rule are listed; a mistake of an import repeats in every line."""
NAMED = 8
"""So many branches of a loop are named."""


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of text.")
@click.option("--all", "everything", is_flag=True, help="List every finding of every rule.")
def check(file: Path, *, as_json: bool, everything: bool) -> None:
    """Say what is wrong with FILE, a network or a case.

    Errors forbid computing. Warnings do not: the numbers are possible, but hardly true. Ends with
    exit code 1 if there are errors, else 0; docs/design/network-check.md lists the rules and
    describes the JSON document.
    """
    read(file)  # a file that is not there is no finding about its contents
    try:
        inspection: Inspection | str = Inspection.of(read_case(file))
    except InputError as error:
        inspection = str(error).removeprefix(f"{file}: ")
    if as_json:
        click.echo(json.dumps(as_document(str(file), inspection), indent=1))
    else:
        limit = sys.maxsize if everything else SHOWN
        for line in as_text(str(file), inspection, limit):
            click.echo(_printable(line))
    if isinstance(inspection, str) or not inspection.valid:
        sys.exit(1)


def _printable(line: str) -> str:
    """A line that moves no cursor: names come from files of others."""
    return "".join(character if character.isprintable() else "?" for character in line)


def as_text(file: str, inspection: Inspection | str, limit: int) -> Iterator[str]:
    """Lines for people: the verdict, errors, warnings, the topology.

    Args:
        file: how to name it.
        inspection: or the sentence that says why the file cannot be read.
        limit: so many findings of one rule are listed.
    """
    if isinstance(inspection, str):
        yield f"{file}: cannot be read as a network"
        yield f"error: {inspection}"
        return
    errors, warnings = (inspection.of_severity(each) for each in (Severity.ERROR, Severity.WARNING))
    counts = f"{_count(len(errors), 'error')}, {_count(len(warnings), 'warning')}"
    yield f"{file}: {'valid' if inspection.valid else 'NOT VALID'} ({counts})"
    yield from _listed(errors, limit)
    yield from _listed(warnings, limit)
    if inspection.topology is not None:
        yield from _topology_text(inspection.network, inspection.topology, limit)


def _listed(problems: tuple[Problem, ...], limit: int) -> Iterator[str]:
    ordered = sorted(problems, key=lambda each: each.rule)
    for rule, group in groupby(ordered, key=lambda each: each.rule):
        found = list(group)
        for each in found[:limit]:
            advice = f" -> {each.advice}" if each.advice else ""
            yield f"{each.severity}: {each.sentence}{advice} [{rule}]"
        if len(found) > limit:
            yield f"  and {len(found) - limit} more of this kind (--all lists them) [{rule}]"


def _topology_text(network: Network, topology: Topology, limit: int) -> Iterator[str]:
    nodes = len(topology.energised)
    dead = nodes - int(topology.energised.sum())
    parts = topology.parts
    yield (
        f"topology: {_count(nodes, 'node')}, "
        f"{_count(len(topology.connections.branch_ids), 'branch', 'branches')}, "
        f"{_count(len(parts), 'connected part')}, "
        f"{'radial' if topology.radial else 'meshed'}"
    )
    yield from _some_of("loop", network, topology.loops, limit)
    yield from _some_of("one part, several sources at", network, topology.tied_sources, limit)
    opened = tuple(topology.open_ends)
    if opened:
        yield f"  open: {_some(network, opened)}"
    if dead:
        ids = topology.connections.node_ids
        unfed = tuple(
            tuple(ids[part].tolist()) for part in parts if not topology.energised[part[0]]
        )
        yield f"  without supply: {_count(dead, 'node')}"
        yield from _some_of("  part", network, unfed, limit)


def _some_of(
    what: str, network: Network, groups: tuple[tuple[int, ...], ...], limit: int
) -> Iterator[str]:
    """A line for each group of elements, up to a limit."""
    for group in groups[:limit]:
        yield f"  {what}: {_some(network, group)}"
    if len(groups) > limit:
        yield f"  and {len(groups) - limit} more (--all lists them)"


def _some(network: Network, elements: tuple[int, ...]) -> str:
    shown = ", ".join(network.label(element) for element in elements[:NAMED])
    more = len(elements) - NAMED
    return f"{shown} and {more} more" if more > 0 else shown


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def as_document(file: str, inspection: Inspection | str) -> dict[str, Any]:
    """The JSON document, see docs/design/network-check.md."""
    if isinstance(inspection, str):
        unreadable = Problem("", (), (), inspection, rule="file")
        findings, valid, topology = [_finding(None, unreadable)], False, None
    else:
        findings = [_finding(inspection.network, each) for each in inspection.findings]
        valid = inspection.valid
        topology = _topology_document(inspection.topology) if inspection.topology else None
    return {
        "schema": SCHEMA,
        "file": file,
        "valid": valid,
        "errors": sum(each["severity"] == Severity.ERROR for each in findings),
        "warnings": sum(each["severity"] == Severity.WARNING for each in findings),
        "findings": findings,
        "topology": topology,
    }


def _finding(network: Network | None, problem: Problem) -> dict[str, Any]:
    names = network.names if network is not None else {}
    return {
        "severity": str(problem.severity),
        "rule": problem.rule,
        "component": problem.component,
        "ids": list(problem.ids),
        "names": [names.get(element) for element in problem.ids],
        "fields": list(problem.fields),
        "sentence": problem.sentence,
        "advice": problem.advice,
    }


def _topology_document(topology: Topology) -> dict[str, Any]:
    connections = topology.connections
    ids = connections.node_ids
    return {
        "nodes": len(ids),
        "branches": len(connections.branch_ids),
        "radial": topology.radial,
        "parts": [
            {
                "nodes": len(part),
                "energised": bool(topology.energised[part[0]]),
                "root": int(ids[root]),
            }
            for part, root in zip(topology.parts, topology.forest.roots.tolist(), strict=True)
        ],
        "loops": [list(loop) for loop in topology.loops],
        "tied_sources": [list(nodes) for nodes in topology.tied_sources],
        "open_ends": [
            {"branch": branch, "ends": list(ends)} for branch, ends in topology.open_ends.items()
        ],
        "dead_nodes": ids[~topology.energised].tolist(),
    }
