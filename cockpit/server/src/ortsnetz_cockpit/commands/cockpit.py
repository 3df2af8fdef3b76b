"""`ortsnetz cockpit`: serve, count, accounts, and the machine-readable interface documents."""

from __future__ import annotations

from pathlib import Path

import click

from ortsnetz_cockpit import documents, serving
from ortsnetz_cockpit.commands.accounting import reset
from ortsnetz_cockpit.commands.counting import counts, last
from ortsnetz_cockpit.core.configuration import load

CONFIGURATION = click.argument(
    "configuration", type=click.Path(path_type=Path, dir_okay=False), metavar="COCKPIT.json"
)


@click.group()
def cockpit() -> None:
    """The grid cockpit of a distribution system operator."""


@cockpit.command()
@CONFIGURATION
def serve(configuration: Path) -> None:
    """Run the cockpit: ingest, API and page in one process, until SIGTERM or Ctrl-C."""
    serving.serve(load(configuration))


@cockpit.command()
@CONFIGURATION
def count(configuration: Path) -> None:
    """Count what is committed; for a cockpit that is not running (else ask its API)."""
    click.echo(counts(load(configuration)))


@cockpit.command("last")
@CONFIGURATION
@click.argument("node")
@click.argument("sources", nargs=-1, required=True)
@click.option("--count", type=click.IntRange(1, 10_000), default=1, show_default=True)
def last_(configuration: Path, node: str, sources: tuple[str, ...], count: int) -> None:
    """Show the last COUNT samples of each point of SOURCES; for a cockpit that is not running."""
    for line in last(load(configuration), node, sources, count):
        click.echo(line)


@cockpit.command()
@CONFIGURATION
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(["viewer", "operator", "admin"]),
    default="viewer",
    show_default=True,
    help="What the account may do.",
)
def account(configuration: Path, name: str, role: str) -> None:
    """Create or reset the account NAME and print its one-time password."""
    click.echo(f"one-time password for {name}: {reset(load(configuration), name, role)}")


def _write(text: str, output: Path) -> None:
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text)
    click.echo(f"wrote {output}")


@cockpit.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("docs/api/asyncapi.json"),
    show_default=True,
)
def asyncapi(output: Path) -> None:
    """Write the AsyncAPI document of the MQTT link."""
    _write(documents.asyncapi(), output)


@cockpit.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("docs/api/openapi.json"),
    show_default=True,
)
def openapi(output: Path) -> None:
    """Write the OpenAPI document of the REST interface."""
    _write(documents.openapi(), output)
