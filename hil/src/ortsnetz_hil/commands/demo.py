"""`ortsnetz demo`: the first closed loop on one machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from ortsnetz_common.errors import InputError
from ortsnetz_hil.demo.run import run
from ortsnetz_hil.demo.settings import DEFAULT_NETWORK, SHORTEST_RUN_S, DemoSettings

INTERRUPTED = 130
"""Exit code of a run that was stopped before its time, as a shell gives it."""


@click.command()
@click.option("--network", default=DEFAULT_NETWORK, show_default=True, help="SimBench code.")
@click.option("--seconds", type=int, default=None, help="Stop after this long; else at Ctrl-C.")
@click.option("--seed", default=1, show_default=True, help="Seed of the plant.")
@click.option("--dir", "directory", default="run/demo", show_default=True, help="Run directory.")
@click.option("--cockpit-port", default=8440, show_default=True, help="Port of the page.")
@click.option("--broker-port", default=18883, show_default=True, help="Port of the broker.")
@click.option("--device-port", default=15020, show_default=True, help="First port of the devices.")
@click.option(
    "--broker",
    type=click.Choice(["auto", "mosquitto", "iotcore"]),
    default="auto",
    show_default=True,
    help="mosquitto where it is installed; iotcore is for the demo only.",
)
@click.option(
    "--protocols",
    type=click.Choice(["mixed", "modbus", "iec61850"]),
    default="mixed",
    show_default=True,
    help="A DNP3 RTU and an OPC UA park, a Modbus server for each device, or two IEDs.",
)
@click.option(
    "--silent",
    multiple=True,
    metavar="DEVICE@SECONDS-SECONDS",
    help="A device stops answering in this window; repeatable.",
)
def demo(**options: Any) -> None:
    """Run plant, agent, broker and cockpit, and judge the run from the plant's truth.

    With --seconds the last line is a summary (one JSON object) and the exit code is 0 only if the
    loop did its job.
    """
    seconds = options["seconds"]
    if seconds is not None and seconds < SHORTEST_RUN_S:
        raise InputError(
            f"--seconds {seconds} is too short for a noon and an evening: at least {SHORTEST_RUN_S}"
        )
    options["directory"] = Path(options["directory"]).resolve()
    settings = DemoSettings(**options)
    summary = run(settings, click.echo)
    if summary is None:
        sys.exit(0 if seconds is None else INTERRUPTED)
    click.echo(msgspec.json.encode(summary).decode())
    sys.exit(0 if summary.ok or seconds is None else 1)
