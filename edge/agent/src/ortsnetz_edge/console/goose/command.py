"""`ortsnetz edge goose`: listens for a while and says which streams there are, and how they are.

The listener is a process of another distribution (`ortsnetz_iec61850`, GPL): it is started, never
imported, and found by the entry point of the driver `goose`.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import click
import msgspec

from ortsnetz_common.errors import InputError, OrtsnetzError
from ortsnetz_edge.console.goose.showing import Report, lines_of
from ortsnetz_edge.drivers.remote.protocol import GROUP

SLACK_S = 30.0
"""Beyond the seconds that were asked for; a large SCL file takes a while to read."""
_SILENT = 1  # exit code: something is not as it should be


@click.command()
@click.argument("interface", metavar="IFACE")
@click.option("--seconds", type=click.FloatRange(0.5, 86400), default=5.0, show_default=True)
@click.option(
    "--scl",
    "file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Lay what is heard beside an SCL file.",
)
@click.option("--json", "as_json", is_flag=True, help="Everything, for programs.")
def goose(interface: str, *, seconds: float, file: Path | None, as_json: bool) -> None:
    """Listen to the GOOSE messages of an interface: who sends what, and who misses.

    Sends nothing. Needs root, CAP_NET_RAW, or the service ortsnetz-goose of the interface.
    """
    command = [sys.executable, "-m", _module(), interface, "--seconds", f"{seconds:g}"]
    if file is not None:
        command += ["--scl", str(file)]
    report = _listen(command, seconds)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(report), indent=1))
    else:
        for line in lines_of(report):
            click.echo(line)
    if any(stream.findings for stream in report.streams):
        sys.exit(_SILENT)


def _module() -> str:
    """The listener's module, beside that of the driver."""
    found = {point.name: point.module for point in entry_points(group=GROUP)}
    if "goose" not in found:
        raise InputError("GOOSE needs the distribution ortsnetz-iec61850, which is not installed")
    return f"{found['goose'].rpartition('.')[0]}.watching"


def _listen(command: list[str], seconds: float) -> Report:
    """Run the listener to its end; what it said last.

    Raises:
        OrtsnetzError: it could not listen, or does not end.
    """
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=seconds + SLACK_S)
    except subprocess.TimeoutExpired:
        raise OrtsnetzError(f"the listener did not end within {seconds + SLACK_S:g} s") from None
    said = done.stderr.decode(errors="replace").strip()
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        raise OrtsnetzError(said.splitlines()[-1] if said else "the listener said nothing")
    if said:
        click.echo(said, err=True)
    try:
        return msgspec.json.decode(lines[-1], type=Report)
    except msgspec.DecodeError as error:
        raise OrtsnetzError(f"the listener is of another version: {error}") from error
