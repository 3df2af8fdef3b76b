"""`ortsnetz network`: network files."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click
from power_grid_model import CalculationType

from ortsnetz_common.errors import InputError
from ortsnetz_grid.commands.network_check import check
from ortsnetz_grid.commands.output import refuse_overwriting, write_atomically
from ortsnetz_grid.network.importing.convert import convert
from ortsnetz_grid.network.importing.opendss import import_opendss
from ortsnetz_grid.network.importing.source import is_opendss, load
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
@click.option(
    "--leave-out",
    is_flag=True,
    help="OpenDSS: leave out control elements, meters and monitors, and say so in the file.",
)
@click.option(
    "--tap",
    "taps",
    multiple=True,
    metavar="TRANSFORMER=RATIO",
    help="OpenDSS: tap of a transformer's second winding; no control then moves any.",
)
def import_(
    source: str, output: Path, seed: int, *, leave_out: bool, taps: tuple[str, ...]
) -> None:
    """Convert SOURCE to a network file.

    SOURCE is a SimBench code, `ieee-european-lv`, `cigre-lv`, a pandapower JSON file, or the master
    file (.dss) of an OpenDSS circuit.
    """
    if Path(source).is_file():  # a code has no file that could be lost
        refuse_overwriting([output], [Path(source)])
    if is_opendss(source):
        found = import_opendss(Path(source), taps=_ratios(taps), leave_out=leave_out)
    elif leave_out or taps:
        raise InputError(f"{source}: --leave-out and --tap are for OpenDSS files (.dss)")
    else:
        found = convert(load(source), Path(source).name, seed)
    require_valid(found, CalculationType.power_flow, source)
    write_atomically(output, found.to_json())
    counts = {name: len(array) for name, array in found.data.items()}
    counts |= Counter(component for component, _ in found.additions)
    listed = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    click.echo(f"{output}: {listed}")


def _ratios(taps: tuple[str, ...]) -> dict[str, float] | None:
    """Tap by transformer; None where none is given."""
    found = {}
    for each in taps:
        name, _, ratio = each.partition("=")
        try:
            found[name] = float(ratio)
        except ValueError as error:
            raise InputError(f"--tap {each}: write TRANSFORMER=RATIO, as reg1=1.0625") from error
    return found or None
