"""`ortsnetz edge probe`: one command for all protocols."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import click

from ortsnetz_edge.console.probing import actions
from ortsnetz_edge.console.probing.options import (
    ADDRESSES,
    REFERENCES,
    common,
    identity,
    through,
    wish_of,
)
from ortsnetz_edge.console.probing.session import Target, number_of
from ortsnetz_edge.console.probing.writing import Consent
from ortsnetz_edge.console.quiet import said_once

DEFAULT = "show"
_HELP = ("--help", "-h")


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


@click.group(cls=AddressFirst, help=ADDRESSES)
@click.argument("url", metavar="URL")
@click.pass_context
def probe(ctx: click.Context, url: str) -> None:
    """Look at the device at URL, whatever protocol it speaks."""
    ctx.obj = url


def _run(action: Coroutine[Any, Any, int]) -> None:
    said_once()
    code = asyncio.run(action)
    if code:
        sys.exit(code)


@probe.command(short_help="Who is there, and what it holds (without an action).")
@identity
@common
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
@common
@click.pass_obj
def browse(
    url: str, start: str, *, most: int, depth: int, as_json: bool, credentials_dir: Path | None
) -> None:
    """What the device holds, below START or in all."""
    target = Target.of(url, credentials_dir)
    _run(actions.browse(target, start, most, depth, as_json=as_json))


@probe.command(short_help="Which units of a line or gateway answer.")
@click.option("--first", type=click.IntRange(0, 65_519), default=1, show_default=True)
@click.option("--last", type=click.IntRange(0, 65_519), default=32, show_default=True)
@click.option(
    "--patience",
    type=click.FloatRange(0.05, 60),
    default=1.0,
    show_default=True,
    help="Seconds for each.",
)
@common
@click.pass_obj
def units(
    url: str,
    *,
    first: int,
    last: int,
    patience: float,
    as_json: bool,
    credentials_dir: Path | None,
) -> None:
    """Which units of a serial line, or behind a gateway or serial server, answer at all."""
    target = Target.of(url, credentials_dir)
    _run(actions.units(target, first, last, patience, as_json=as_json))


@probe.command(help=REFERENCES)
@click.argument("references", nargs=-1, metavar="[REF]...")
@through
@common
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
    wish = wish_of(profile, terminals, side, rated_w)
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
@through
@common
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
    wish = wish_of(profile, terminals, side, rated_w)
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
@identity
@common
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
