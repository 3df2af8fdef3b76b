"""`ortsnetz network`: network files."""

from __future__ import annotations

from pathlib import Path

import click
from power_grid_model import CalculationType

from ortsnetz_grid.commands.network_check import check
from ortsnetz_grid.commands.output import write_atomically
from ortsnetz_grid.network.importing.convert import convert
from ortsnetz_grid.network.importing.source import load
from ortsnetz_grid.network.validation import require_valid


@click.group()
def network() -> None:
    """Network files: power-grid-model's JSON with names and assumptions."""


network.add_command(check)


@network.command("import")
@click.argument("source")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="Network file to write.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Allocates loads to phases.")
def import_(source: str, output: Path, seed: int) -> None:
    """Convert SOURCE to a network file.

    SOURCE is a SimBench code, `ieee-european-lv`, `cigre-lv`, or a pandapower JSON file.
    """
    found = convert(load(source), Path(source).name, seed)
    require_valid(found, CalculationType.power_flow, source)
    write_atomically(output, found.to_json())
    counts = ", ".join(f"{len(array)} {name}" for name, array in found.data.items() if len(array))
    click.echo(f"{output}: {counts}")
