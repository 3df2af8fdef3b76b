"""`ortsnetz edge probe`: one command for all protocols."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import click

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.station import Side
from ortsnetz_edge.console.probing import actions
from ortsnetz_edge.console.probing.session import Target, number_of
from ortsnetz_edge.console.probing.through_profile import Wish
from ortsnetz_edge.console.probing.writing import Consent
from ortsnetz_edge.console.quiet import said_once

F = TypeVar("F", bound=Callable[..., Any])
DEFAULT = "show"
_HELP = ("--help", "-h")
_ADDRESSES = """Look at the device at URL, whatever protocol it speaks.

\b
modbus-tcp://10.0.0.7:502/1        host, port, unit
modbus-tls://10.0.0.7:802/1?credentials=meters
modbus-rtu:///dev/ttyUSB0?unit=3&baud=9600&parity=E
dnp3://10.0.0.9:20000/1024?own=1   host, port, address of the outstation
opc.tcp://10.0.0.11:4840/path?credentials=park

Further options of an address: timeout=SECONDS, bay=NAME. Nothing is ever written but by
'write', and that only after you have agreed."""
_REFERENCES = """Read values once; without REF all that a profile names.

\b
Modbus    holding/1009:i32  input/118:u32,cdab  coil/3
          holding/4:text8  identification/0
DNP3      analog-input/4  binary-input/0  counter/1  attribute/248
OPC UA    ns=2;s=CP1.Limit  nsu=urn:example:park;s=CP1.Limit  i=2258"""


class AddressFirst(click.Group):
    """`probe URL [ACTION ...]`: without an action the device is shown."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the default action in where none was typed."""
        typed = bool(args) and not args[0].startswith("-")
        if typed and (len(args) == 1 or (args[1].startswith("-") and args[1] not in _HELP)):
            args = [args[0], DEFAULT, *args[1:]]
        elif len(args) > 1 and args[1] in _HELP:
            args = [args[1]]
        return super().parse_args(ctx, args)


@click.group(cls=AddressFirst, help=_ADDRESSES)
@click.argument("url", metavar="URL")
@click.pass_context
def probe(ctx: click.Context, url: str) -> None:
    """Look at the device at URL, whatever protocol it speaks."""
    ctx.obj = url


def _common(function: F) -> F:
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


_identity = click.option(
    "--profile",
    metavar="KIND",
    help="Says where the device has its identity: a kind of device, or a FILE.yaml.",
)


def _through(function: F) -> F:
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


def _wish(
    profile: str | None, terminals: int, side: str | None, rated_w: float | None
) -> Wish | None:
    if profile is not None:
        return Wish(profile, terminals, None if side is None else Side(side), rated_w)
    if side is not None or rated_w is not None:
        raise InputError("--side and --rated-w belong to --profile KIND")
    return None


def _run(action: Coroutine[Any, Any, int]) -> None:
    said_once()
    code = asyncio.run(action)
    if code:
        sys.exit(code)


@probe.command(short_help="Who is there, and what it holds (without an action).")
@_identity
@_common
@click.pass_obj
def show(url: str, *, profile: str | None, as_json: bool, credentials_dir: Path | None) -> None:
    """Who is there, and the first things it holds (what happens without an action)."""
    _run(actions.show(Target.of(url, credentials_dir), profile, as_json=as_json))


@probe.command()
@click.argument("start", default="", metavar="[START]")
@click.option("--most", type=click.IntRange(1, 100_000), default=200, show_default=True)
@click.option(
    "--depth",
    type=click.IntRange(1, 20),
    default=1,
    show_default=True,
    help="So many levels of folders.",
)
@_common
@click.pass_obj
def browse(
    url: str, start: str, *, most: int, depth: int, as_json: bool, credentials_dir: Path | None
) -> None:
    """What the device holds, below START or in all."""
    target = Target.of(url, credentials_dir)
    _run(actions.browse(target, start, most, depth, as_json=as_json))


@probe.command(help=_REFERENCES)
@click.argument("references", nargs=-1, metavar="[REF]...")
@_through
@_common
@click.pass_obj
def read(
    url: str,
    references: tuple[str, ...],
    *,
    profile: str | None,
    terminals: int,
    side: str | None,
    rated_w: float | None,
    as_json: bool,
    credentials_dir: Path | None,
) -> None:
    """Read values once; without REF all that a profile names."""
    wish = _wish(profile, terminals, side, rated_w)
    _run(actions.read(Target.of(url, credentials_dir), references, wish, as_json=as_json))


@probe.command()
@click.argument("references", nargs=-1, metavar="[REF]...")
@click.option(
    "--period",
    type=click.FloatRange(0.05, 3600),
    default=1.0,
    show_default=True,
    help="Seconds between reads, where the protocol does not report by itself.",
)
@click.option("--seconds", type=click.FloatRange(0.1), help="So long; else until Ctrl-C.")
@_through
@_common
@click.pass_obj
def watch(
    url: str,
    references: tuple[str, ...],
    *,
    period: float,
    seconds: float | None,
    profile: str | None,
    terminals: int,
    side: str | None,
    rated_w: float | None,
    as_json: bool,
    credentials_dir: Path | None,
) -> None:
    """Show values as they come, until Ctrl-C."""
    wish = _wish(profile, terminals, side, rated_w)
    target = Target.of(url, credentials_dir)
    _run(actions.watch(target, references, wish, period, seconds, as_json=as_json))


@probe.command(
    context_settings={"ignore_unknown_options": True},
    short_help="Write one raw value, once you have agreed.",
)
@click.argument("reference", metavar="REF")
@click.argument("value", metavar="VALUE")
@click.option("--yes", is_flag=True, help="Do not ask; needs --identity.")
@click.option("--identity", "serial", metavar="SERIAL", help="Only to the device of this number.")
@_identity
@_common
@click.pass_obj
def write(
    url: str,
    reference: str,
    value: str,
    *,
    yes: bool,
    serial: str | None,
    profile: str | None,
    as_json: bool,
    credentials_dir: Path | None,
) -> None:
    """Write one raw value, after showing who is there and what would change, and read it back."""
    consent = Consent(beforehand=yes, serial=serial)
    consent.check()
    target = Target.of(url, credentials_dir)
    _run(actions.write(target, reference, number_of(value), consent, profile, as_json=as_json))
