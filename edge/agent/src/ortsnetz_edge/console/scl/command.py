"""`ortsnetz edge scl`: shows an SCL file, and writes device profiles from it."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from ortsnetz_common.errors import InputError
from ortsnetz_common.scl.devices import Ied
from ortsnetz_common.scl.document import Document
from ortsnetz_common.scl.reading.document import read_scl
from ortsnetz_common.scl.reading.tree import LARGEST_BYTES
from ortsnetz_edge.console.scl.showing import lines_of


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--ied", "name", metavar="NAME", help="Only this IED.")
@click.option("--points", is_flag=True, help="Every value with its reference, too.")
@click.option("--json", "as_json", is_flag=True, help="Everything, for programs.")
def scl(file: Path, *, name: str | None, points: bool, as_json: bool) -> None:
    """Show an SCL file (SCD, CID, ICD, IID): who is in it, where, and with which values.

    What does not fit is shown with its line, and so is what was not read.
    """
    document = read_file(file)
    ieds = _chosen(document, name)
    if as_json:
        shown = msgspec.structs.replace(document, ieds=ieds)
        click.echo(msgspec.json.format(msgspec.json.encode(shown), indent=1))
        return
    for line in lines_of(document, ieds, points=points):
        click.echo(line)


def read_file(file: Path) -> Document:
    """Read an SCL file.

    Raises:
        InputError: there is no such file, or it is no SCL; names the line.
    """
    try:
        with file.open("rb") as opened:
            payload = opened.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from error
    return read_scl(payload, str(file))


def _chosen(document: Document, name: str | None) -> tuple[Ied, ...]:
    if name is None:
        return document.ieds
    chosen = tuple(ied for ied in document.ieds if ied.name == name)
    if not chosen:
        known = ", ".join(ied.name for ied in document.ieds[:20]) or "none"
        raise InputError(f"{document.name}: there is no IED '{name}': {known}")
    return chosen
