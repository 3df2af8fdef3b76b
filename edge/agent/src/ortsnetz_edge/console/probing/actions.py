"""What the actions of `ortsnetz edge probe` do; each returns its exit code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

from ortsnetz_common.errors import InputError
from ortsnetz_edge.console.probing import browsing, showing, watching, writing
from ortsnetz_edge.console.probing.identifying import Introduction, introduce
from ortsnetz_edge.console.probing.seeking import seek
from ortsnetz_edge.console.probing.session import Target, opened, within
from ortsnetz_edge.console.probing.through_profile import Lens, Seen, Wish, load
from ortsnetz_edge.console.progress import progress
from ortsnetz_edge.console.text_table import one_line
from ortsnetz_edge.drivers.contract import DriverError, Observation

FIRST_FEW = 20
_NOT_AGREED = 1


async def show(target: Target, kind: str | None, *, as_json: bool) -> int:
    """Who is there, and the first things it holds."""
    profile = None if kind is None else load(kind)
    async with opened(target) as probe:
        async with progress(lambda: f"asking {target.url} what it is"):
            who = await introduce(probe, target, profile)
        if not as_json:
            click.echo(f"{target.url}: {one_line(str(who))}")
        why = ""
        found: tuple[browsing.Holding, ...] = ()
        try:
            found = await browsing.browse(probe, "", FIRST_FEW, 1)
        except DriverError as error:
            if not who.is_known:
                raise
            why = str(error)
    if as_json:
        click.echo(
            showing.as_json(
                {
                    "url": target.url,
                    "identity": showing.introduction_json(who),
                    "holds": [showing.holding_json(item) for item in found],
                }
            )
        )
        return 0
    for line in (
        showing.holdings(found) if found else [f"shows nothing that it holds {why}".strip()]
    ):
        click.echo(line)
    if len(found) >= FIRST_FEW:
        click.echo(f"(the first {FIRST_FEW}; 'probe URL browse' shows more)")
    return 0


async def browse(target: Target, start: str, most: int, depth: int, *, as_json: bool) -> int:
    """What a device holds."""
    async with opened(target) as probe:
        found = await browsing.browse(probe, start, most, depth)
    if as_json:
        click.echo(showing.as_json([showing.holding_json(item) for item in found]))
        return 0
    for line in showing.holdings(found):
        click.echo(line)
    more = f"; there may be more: --most {most * 10}" if len(found) >= most else ""
    click.echo(f"{len(found)} found{more}", err=True)
    return 0


async def units(target: Target, first: int, last: int, patience_s: float, *, as_json: bool) -> int:
    """Which units answer."""
    if first > last:
        raise InputError(f"--first {first} --last {last}: the first comes first")
    found: list[dict[str, object]] = []

    def shown(unit: int, who: Introduction) -> None:
        found.append({"unit": unit, "identity": showing.introduction_json(who)})
        if not as_json:
            click.echo(f"{unit:>5}  {one_line(str(who))}")

    asked, answered = await seek(target, range(first, last + 1), patience_s, shown)
    if as_json:
        click.echo(showing.as_json(found))
    click.echo(f"{answered} of {asked} answered", err=True)
    return 0 if answered else 1


async def read(
    target: Target, references: Sequence[str], wish: Wish | None, *, as_json: bool
) -> int:
    """Read values once."""
    lens = _lens(target, wish)
    wanted = _wanted(references, lens)
    async with opened(target) as probe:
        found = await within(target.deadline_s, probe.read(wanted))
    seen = _seen(dict(zip(wanted, found, strict=True)), references, lens)
    if as_json:
        document: dict[str, object] = {"raw": [showing.observation_json(item) for item in found]}
        if lens is not None:
            document["points"] = [showing.point_json(item) for item in seen]
        click.echo(showing.as_json(document))
    else:
        for line in showing.points(seen) if seen else showing.observations(found):
            click.echo(line)
    return 0 if any(item.value is not None for item in found) else 1


async def watch(
    target: Target,
    references: Sequence[str],
    wish: Wish | None,
    period_s: float,
    seconds: float | None,
    *,
    as_json: bool,
) -> int:
    """Show values as they come."""
    lens = _lens(target, wish)
    wanted = _wanted(references, lens)

    def shown(item: Observation, seen: Sequence[Seen]) -> None:
        if as_json:
            click.echo(showing.as_json(showing.observation_json(item, seen), indent=-1))
        else:
            click.echo(showing.observation_line(item, seen))

    watched = watching.Watched()
    try:
        async with opened(target) as probe:
            await watching.watch(
                probe,
                wanted,
                period_s=period_s,
                seconds=seconds,
                lens=lens,
                show=shown,
                watched=watched,
            )
    finally:
        click.echo(str(watched), err=True)
    return 0 if watched.values > watched.without else 1


async def write(
    target: Target,
    reference: str,
    value: float,
    consent: writing.Consent,
    kind: str | None,
    *,
    as_json: bool,
) -> int:
    """Write one raw value."""
    profile = None if kind is None else load(kind)
    async with opened(target) as probe:
        done = await writing.write(
            probe, target, reference, value, consent=consent, profile=profile
        )
    if done is None:
        click.echo("not agreed: nothing was written", err=True)
        return _NOT_AGREED
    if as_json:
        document = {
            "identity": showing.introduction_json(done.who),
            "before": showing.observation_json(done.before),
            "written": value,
            "now": done.now,
        }
        click.echo(showing.as_json(document))
    else:
        click.echo(f"{reference}: {one_line(done.now)}")
    return 0


def _lens(target: Target, wish: Wish | None) -> Lens | None:
    if wish is None:
        return None
    return Lens.of(wish, target.connection)


def _wanted(references: Sequence[str], lens: Lens | None) -> tuple[str, ...]:
    if lens is None and not references:
        raise InputError("which values? Name references, or a profile with --profile KIND")
    if lens is None or not references:
        return tuple(references) if lens is None else lens.references
    strange = [text for text in references if text not in lens.references]
    if strange:
        raise InputError(
            f"profile '{lens.profile.kind}' does not read '{strange[0]}'; it reads "
            f"{', '.join(lens.references)}"
        )
    return lens.needed(references)


def _seen(
    found: Mapping[str, Observation], references: Sequence[str], lens: Lens | None
) -> tuple[Seen, ...]:
    if lens is None:
        return ()
    every = lens.points(found)
    if not references:
        return every
    touched = lens.touched(references)
    return tuple(item for item in every if item.point.point.name in touched)
