"""Options and texts that the actions of `ortsnetz edge probe` share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.station import Side
from ortsnetz_edge.console.probing.through_profile import Wish

F = TypeVar("F", bound=Callable[..., Any])
ADDRESSES = """Look at the device at URL, whatever protocol it speaks.

\b
modbus-tcp://10.0.0.7:502/1        host, port, unit
modbus-tls://10.0.0.7:802/1?credentials=meters
modbus-rtu:///dev/ttyUSB0?unit=3&baud=9600&parity=E
dnp3://10.0.0.9:20000/1024?own=1   host, port, address of the outstation
opc.tcp://10.0.0.11:4840/path?credentials=park
iec61850://10.0.0.12:102

Further options of an address: timeout=SECONDS, bay=NAME. Nothing is ever written but by
'write', and that only after you have agreed."""
REFERENCES = """Read values once; without REF all that a profile names.

\b
Modbus    holding/1009:i32  input/118:u32,cdab  coil/3
          holding/4:text8  identification/0
DNP3      analog-input/4  binary-input/0  counter/1  attribute/248
OPC UA    ns=2;s=CP1.Limit  nsu=urn:example:park;s=CP1.Limit  i=2258"""


def common(function: F) -> F:
    """Options of every action."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="For scripts."),
        click.option(
            "--credentials-dir",
            type=click.Path(path_type=Path, file_okay=False, exists=True),
            help="Holds one folder of certificates for each name in ?credentials=. "
            "[default: credentials]",
        ),
    ):
        function = option(function)
    return function


identity = click.option(
    "--profile",
    metavar="KIND",
    help="Says where the device has its identity: a kind of device, or a FILE.yaml.",
)


def through(function: F) -> F:
    """Options of actions that show values through a profile, too."""
    for option in (
        click.option("--rated-w", type=float, help="Rated power, for profiles that need it."),
        click.option(
            "--side",
            type=click.Choice([side.value for side in Side]),
            help="End of the branch a branch meter sits at, for its sign.",
        ),
        click.option(
            "--terminals",
            type=click.IntRange(1, 3),
            default=3,
            show_default=True,
            help="Connected terminals, for the profile.",
        ),
        click.option(
            "--profile",
            metavar="KIND",
            help="Show what the values mean, too: a kind of device, or a FILE.yaml.",
        ),
    ):
        function = option(function)
    return function


def wish_of(
    profile: str | None, terminals: int, side: str | None, rated_w: float | None
) -> Wish | None:
    """What is to be seen through a profile, if anything. Raises InputError."""
    if profile is not None:
        return Wish(profile, terminals, None if side is None else Side(side), rated_w)
    if side is not None or rated_w is not None:
        raise InputError("--side and --rated-w belong to --profile KIND")
    return None
