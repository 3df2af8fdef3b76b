"""`ortsnetz edge check`: is this node as it should be?"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.time import now_ns, rfc3339
from ortsnetz_edge.console.checking.findings import Verdict
from ortsnetz_edge.console.checking.html_report import html_report
from ortsnetz_edge.console.checking.node_files import Node, read_node, running
from ortsnetz_edge.console.checking.offline import check_offline, environment_of
from ortsnetz_edge.console.checking.online import check_online
from ortsnetz_edge.console.checking.report import Report, SourceReport
from ortsnetz_edge.console.checking.showing import lines
from ortsnetz_edge.console.probing.showing import as_json
from ortsnetz_edge.console.protocols import Protocols
from ortsnetz_edge.console.quiet import said_once


@click.command()
@click.argument("agent", metavar="AGENT.json", type=click.Path(path_type=Path))
@click.option("--online", is_flag=True, help="Ask every device, too. Reads only.")
@click.option("--only", multiple=True, metavar="NAME", help="Only this source; repeatable.")
@click.option("--points", is_flag=True, help="Show all points, also where all is well.")
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the whole report to this file, too.",
)
@click.option("--json", "as_json_", is_flag=True, help="For scripts.")
def check(
    agent: Path,
    *,
    online: bool,
    only: tuple[str, ...],
    points: bool,
    html: Path | None,
    as_json_: bool,
) -> None:
    """Check a node: its files, every source beside its profile, and on-line what each one says.

    All that is wrong is listed at once. The exit code is 1 if anything is wrong. Nothing is ever
    written to a device.
    """
    said_once()
    report = check_node(agent, online=online, only=only)
    if html is not None:
        _write(html, html_report(report))
    if as_json_:
        click.echo(as_json(report))
    else:
        for line in lines(report, every_point=points or bool(only)):
            click.echo(line)
    sys.exit(1 if report.verdict is Verdict.WRONG else 0)


def check_node(agent: Path, *, online: bool, only: tuple[str, ...] = ()) -> Report:
    """Check a node.

    Args:
        agent: AGENT.json.
        online: whether its devices are asked.
        only: names of sources; empty for all.

    Raises:
        InputError: AGENT.json cannot be read, or there is no source of a name.
    """
    node, found = read_node(agent)
    _check_names(node, only)
    environment = environment_of(node)
    found += check_offline(node, environment, Protocols(environment), only)
    sources: tuple[SourceReport, ...] = ()
    if online and node.parameters is not None:
        found += running(node.bootstrap)
        sources, of_station = asyncio.run(
            check_online(node, environment, Protocols(environment), only)
        )
        found += of_station
    return Report(
        node=node.bootstrap.node,
        version=None if node.parameters is None else node.parameters.version,
        time=rfc3339(now_ns()),
        online=online,
        findings=tuple(found),
        sources=sources,
    )


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"--html {path}: cannot be written: {error.strerror}") from error


def _check_names(node: Node, only: tuple[str, ...]) -> None:
    known = [placed.name for placed in node.placed]
    for name in only:
        if name not in known:
            have = ", ".join(known) or "none that can be read"
            raise InputError(f"--only {name}: the station has no such source (it has: {have})")
