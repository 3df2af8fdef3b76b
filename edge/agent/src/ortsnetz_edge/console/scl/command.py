"""`ortsnetz edge scl`: shows an SCL file, and writes device profiles from it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from ortsnetz_common.errors import InputError
from ortsnetz_common.scl.devices import Ied
from ortsnetz_common.scl.document import Document
from ortsnetz_common.scl.reading.document import read_scl
from ortsnetz_common.scl.reading.tree import LARGEST_BYTES
from ortsnetz_edge.console.scl.ratings import Ratings
from ortsnetz_edge.console.scl.showing import lines_of
from ortsnetz_edge.console.scl.station_file import write_station
from ortsnetz_edge.console.scl.writing import Written, write_profiles
from ortsnetz_edge.console.text_table import one_line
from ortsnetz_edge.profiles.schema import Direction

_POSITIVE = click.FloatRange(min=0, max=1e6, min_open=True)


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--ied", "name", metavar="NAME", help="Only this IED.")
@click.option("--points", is_flag=True, help="Every value with its reference, too.")
@click.option("--json", "as_json", is_flag=True, help="Everything, for programs.")
@click.option(
    "--write-profile",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Write a device profile for each measurement into DIR instead.",
)
@click.option(
    "--write-station",
    "station",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write FILE, too: a parameter set with a source for each profile (DIR: FILE's folder).",
)
@click.option(
    "--direction",
    type=click.Choice([str(each) for each in Direction]),
    help="Which way of power the device counts as positive; no SCL file says it.",
)
@click.option("--nominal-voltage", type=_POSITIVE, metavar="V", help="Phase to neutral.")
@click.option("--rated-current", type=_POSITIVE, metavar="A", help="Per phase.")
@click.option("--frequency", type=_POSITIVE, metavar="HZ", default=50.0, show_default=True)
@click.option("--si", "takes_si", is_flag=True, help="Units that only the device says are SI.")
def scl(
    file: Path,
    *,
    name: str | None,
    points: bool,
    as_json: bool,
    folder: Path | None,
    station: Path | None,
    direction: str | None,
    nominal_voltage: float | None,
    rated_current: float | None,
    frequency: float,
    takes_si: bool,
) -> None:
    """Show an SCL file (SCD, CID, ICD, IID): who is in it, where, and with which values.

    What does not fit is shown with its line, and so is what was not read.
    """
    document = read_file(file)
    ieds = _chosen(document, name)
    folder = folder or (station and station.parent)
    if folder is not None:
        if direction is None:
            option = "--write-profile" if station is None else "--write-station"
            raise InputError(f"{option} needs --direction: no SCL file says it")
        ratings = Ratings(Direction(direction), nominal_voltage, rated_current, frequency)
        written = write_profiles(document, ieds, folder, ratings, takes_si=takes_si)
        _write(written, station)
        return
    if as_json:
        shown = msgspec.structs.replace(document, ieds=ieds)
        click.echo(msgspec.json.format(msgspec.json.encode(shown), indent=1))
        return
    for line in lines_of(document, ieds, points=points):
        click.echo(line)


def _write(written: Iterator[Written], station: Path | None) -> None:
    """Write profiles and station, and say what."""
    if station is not None and station.exists():
        raise InputError(f"{station} is there already: it is not overwritten")
    done = []
    for each in written:
        done.append(each)
        _say(each)
    if all(each.path is None for each in done):
        sys.exit(1)
    if station is not None:
        marks = write_station(station, done)
        click.echo(f"{station}: {marks} values to be filled in before a node takes it")


def _say(written: Written) -> None:
    where = "nothing that a profile could read" if written.path is None else str(written.path)
    click.echo(f"{written.kind}: {where}")
    for reason in written.left_out:
        click.echo(f"  left out: {one_line(reason)}")


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
