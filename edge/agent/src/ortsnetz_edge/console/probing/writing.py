"""Writing: only what somebody has agreed to who has seen what he agrees to."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass

import click

from ortsnetz_common.errors import InputError
from ortsnetz_edge.console.probing.identifying import Introduction, introduce
from ortsnetz_edge.console.probing.session import Target, within
from ortsnetz_edge.console.text_table import one_line
from ortsnetz_edge.console.words import number
from ortsnetz_edge.drivers.contract import DriverError, FailureKind, Observation, Probe
from ortsnetz_edge.profiles.identity import IdentityMap
from ortsnetz_edge.profiles.schema import Profile

AGREED = "yes"
DECIDE_DEADLINE_S = 120.0


@dataclass(frozen=True, slots=True)
class Consent:
    """How the writer agrees: with `yes` on the terminal, or beforehand for one serial number."""

    beforehand: bool
    serial: str | None

    def check(self) -> None:
        """Refuse what could not be agreed to, before anything is connected.

        Raises:
            InputError: says what is needed.
        """
        if self.beforehand and self.serial is None:
            raise InputError(
                "--yes needs --identity SERIAL as well: a script has to know which device it "
                "writes to"
            )
        if not self.beforehand and not sys.stdin.isatty():
            raise InputError(
                "a write is confirmed on the terminal, and there is none; a script needs "
                "--yes and --identity SERIAL"
            )


@dataclass(frozen=True, slots=True)
class Written:
    """A write that was done."""

    who: Introduction
    before: Observation
    value: float
    now: str


async def write(
    probe: Probe,
    target: Target,
    reference: str,
    value: float,
    *,
    consent: Consent,
    profile: Profile | None,
) -> Written | None:
    """Show who is there and what would change, and write if that is agreed to.

    Returns:
        What was written; None if it was not agreed to, and nothing was.

    Raises:
        DriverError: the device failed, or is not the one that was agreed to.
        InputError: the reference cannot be written.
    """
    who = await introduce(probe, target, profile)
    _check_identity(who, consent.serial, target, profile)
    before = (await within(target.deadline_s, probe.read((reference,))))[0]
    if not consent.beforehand:
        if not await _agreed(target, who, before, value):
            return None
        _check_same(who, await introduce(probe, target, profile), target)
    now = await within(target.deadline_s, probe.write(reference, value))
    return Written(who, before, value, now)


def _check_same(agreed: Introduction, now: Introduction, target: Target) -> None:
    """Deciding takes its time: what is there now has to be what was agreed to."""
    if agreed.identity != now.identity:
        raise DriverError(
            FailureKind.WRONG_DEVICE,
            f"{target.connection.address}: you agreed to write to {one_line(str(agreed))}, and now "
            f"{one_line(str(now))} is there: nothing was written",
        )


def _check_identity(
    who: Introduction, serial: str | None, target: Target, profile: Profile | None
) -> None:
    places = None if profile is None else profile.identity
    expected: IdentityMap[str] = IdentityMap(
        maker_at=None,
        model_at=None,
        serial_at=None,
        maker=None if places is None else places.maker,
        model=None if places is None else places.model,
        serial=serial,
    )
    misfit = expected.misfit(who.identity)
    if misfit is not None:
        raise DriverError(
            FailureKind.WRONG_DEVICE,
            f"{target.connection.address}: {one_line(misfit)}: nothing was written",
        )


async def _agreed(target: Target, who: Introduction, before: Observation, value: float) -> bool:
    """Ask on the terminal. A device that does not say what it is takes more than a yes."""
    word = AGREED if who.is_known else target.connection.address
    present = number(before.value) if before.value is not None else f"unknown {before.why}".strip()
    lines = (
        ("device", one_line(str(who))),
        ("at", target.url),
        ("reference", before.reference),
        ("present", present),
        ("new", number(value)),
    )
    for head, text in lines:
        click.echo(f"{head:<10}{text}", err=True)
    if not who.is_known:
        click.echo("Nobody knows whether this is the device you mean.", err=True)
    click.echo(f"Type {word} to write: ", err=True, nl=False)
    return await _typed_line() == word


async def _typed_line() -> str:
    """What is typed until Enter; nothing if nobody does. The connection lives on meanwhile."""
    loop = asyncio.get_running_loop()
    typed: asyncio.Future[str] = loop.create_future()

    def ready() -> None:
        if not typed.done():
            typed.set_result(sys.stdin.readline())

    loop.add_reader(sys.stdin.fileno(), ready)
    try:
        async with asyncio.timeout(DECIDE_DEADLINE_S):
            return (await typed).strip()
    except TimeoutError:
        click.echo("", err=True)
        return ""
    finally:
        loop.remove_reader(sys.stdin.fileno())
