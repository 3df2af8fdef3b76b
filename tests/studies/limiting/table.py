"""All evenings in a table, and whether they are as good as issue 6 asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from studies.limiting.outcome import CLASSES, Energy, Outcome

Group = Sequence[Outcome]
Cell = Callable[[Group], str]

ELSEWHERE_SHARE = 0.001
"""Of the time of all elements that no meter watches may be above their limits."""
NEVER_ABOVE = 1.10
METERED, LINES, NODES = range(3)


def complaints(outcomes: Sequence[Outcome]) -> list[str]:
    """What is not as it has to be; empty for a study that has passed."""
    found = [f"seed {one.seed}: {one.failed}" for one in outcomes if one.failed]
    played = [one for one in outcomes if not one.failed]
    for one in played:
        if one.below_floor:
            found.append(f"seed {one.seed}: {one.below_floor} commands below a floor")
        if one.excesses[METERED].counted_s:
            found.append(_too_long(one, METERED))
        found += [
            f"seed {one.seed}: {CLASSES[which]}: {one.excesses[which].worst:.1%} of the limit"
            for which in (METERED, LINES, NODES)
            if one.excesses[which].worst > NEVER_ABOVE
        ]
    share = elsewhere_share(played)
    if share > ELSEWHERE_SHARE:
        found.append(
            f"elsewhere: {share:.3%} of the evenings' time above a limit, "
            f"{ELSEWHERE_SHARE:.1%} is allowed"
        )
    return found


def elsewhere_share(played: Sequence[Outcome]) -> float:
    """Time with any element that no meter watches above its limit, of all time.

    Stricter than a share of the elements' time: one element is enough.
    """
    total_s = sum(one.seconds for one in played)
    above_s = sum(one.excesses[which].counted_s for one in played for which in (LINES, NODES))
    return above_s / total_s if total_s else 0.0


def _too_long(one: Outcome, which: int) -> str:
    found = one.excesses[which]
    return (
        f"seed {one.seed}: {CLASSES[which]}: {found.counted_s:g} s above a limit that could have "
        f"been kept, up to {found.worst:.1%}"
    )


def lines(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """The table, in Markdown."""
    yield "| | evenings | noons | all |"
    yield "|---|---|---|---|"
    played = [one for one in outcomes if not one.failed]
    groups = (
        [one for one in played if not one.noon],
        [one for one in played if one.noon],
        played,
    )
    rows = [_row("played", groups, lambda group: f"{len(group)}")]
    rows.append(_row("time in which limits bind", groups, _limited))
    for which, name in enumerate(CLASSES):
        rows += [
            _row(f"{name}: s above a limit, any", groups, _sum(which, "raw_s")),
            _row(f"{name}: s that floors would have kept", groups, _sum(which, "helpable_s")),
            _row(f"{name}: s that count", groups, _sum(which, "counted_s")),
            _row(f"{name}: evenings with such", groups, _evenings(which)),
            _row(f"{name}: worst that counts, of the limit", groups, _worst(which, "worst")),
            _row(f"{name}: worst at all, of the limit", groups, _worst(which, "worst_raw")),
        ]
    rows += [
        _row("commands below a floor", groups, lambda g: f"{sum(o.below_floor for o in g)}"),
        _row("changes of a limit per device and evening, mean", groups, _mean_changes),
        _row("the same, the most of any device", groups, _most_changes),
        _row("energy of cars served", groups, lambda g: _served(o.cars for o in g)),
        _row("energy of roofs served", groups, lambda g: _served(o.roofs for o in g)),
    ]
    beside = tuple([one for one in group if one.uniform_cars] for group in groups)
    rows += [
        _row("of these, with uniform scaling beside", beside, lambda g: f"{len(g)}"),
        _row("cars there: Ortsnetz", beside, lambda g: _served(o.cars for o in g)),
        _row("cars there: uniform scaling", beside, lambda g: _served(o.uniform_cars for o in g)),
        _row("roofs there: Ortsnetz", beside, lambda g: _served(o.roofs for o in g)),
        _row("roofs there: uniform scaling", beside, lambda g: _served(o.uniform_roofs for o in g)),
    ]
    yield from rows


def by_network(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """One row a network."""
    yield "| network | evenings | counted s metered | lines | voltages | cars served | roofs |"
    yield "|---|---|---|---|---|---|---|"
    for name in sorted({one.network for one in outcomes}):
        own = [one for one in outcomes if one.network == name and not one.failed]
        sums = " | ".join(_sum(which, "counted_s")(own) for which in (METERED, LINES, NODES))
        cars, roofs = _served(o.cars for o in own), _served(o.roofs for o in own)
        yield f"| {name} | {len(own)} | {sums} | {cars} | {roofs} |"


def _row(name: str, groups: Iterable[Group], cell: Cell) -> str:
    return f"| {name} | " + " | ".join(cell(group) if group else "-" for group in groups) + " |"


def _limited(group: Group) -> str:
    return f"{sum(o.limited_s for o in group) / sum(o.seconds for o in group):.1%}"


def _sum(which: int, field: str) -> Cell:
    return lambda group: f"{sum(getattr(o.excesses[which], field) for o in group):g}"


def _evenings(which: int) -> Cell:
    return lambda group: f"{sum(o.excesses[which].counted_s > 0 for o in group)}"


def _worst(which: int, field: str) -> Cell:
    def cell(group: Group) -> str:
        worst = max(getattr(o.excesses[which], field) for o in group)
        return f"{worst:.3f}" if worst else "-"

    return cell


def _mean_changes(group: Group) -> str:
    return f"{sum(o.changes_mean for o in group) / len(group):.0f}"


def _most_changes(group: Group) -> str:
    return f"{max(o.changes_max for o in group):.0f}"


def _served(each: Iterable[Energy | None]) -> str:
    known = [one for one in each if one is not None]
    asked = sum(one.requested_wh for one in known)
    return f"{sum(one.served_wh for one in known) / asked:.1%}" if asked else "-"
