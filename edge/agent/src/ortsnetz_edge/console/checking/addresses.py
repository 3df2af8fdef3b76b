"""Addresses of a station beside each other: used twice, or in two ways. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from ortsnetz_common.parameters.station import Connection
from ortsnetz_edge.console.checking.findings import Finding, attention, wrong
from ortsnetz_edge.console.checking.node_files import Placed

Key = tuple[object, ...]


def addresses(placed: Sequence[Placed]) -> Iterator[Finding]:
    """What is wrong with the addresses of a station as a whole."""
    yield from _names(placed)
    for group in _groups(placed, _device):
        yield from _bays(group)
    for group in _groups(placed, line_of):
        yield from _settings(group)


def _names(placed: Sequence[Placed]) -> Iterator[Finding]:
    names = [source.name for source in placed]
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            yield wrong(
                name, "name", f"used {names.count(name)} times", "once", "give each its own name"
            )


def _device(where: Connection) -> Key:
    """What answers: a host's unit, whatever bay of it."""
    line = where.serial.device if where.serial is not None else (where.host, where.port)
    return (line, where.unit, where.path)


def line_of(where: Connection) -> Key:
    """What is opened: a serial line, or a connection to a host."""
    return (where.serial.device if where.serial is not None else (where.host, where.port),)


def _groups(placed: Iterable[Placed], key: Callable[[Connection], Key]) -> list[list[Placed]]:
    found: dict[Key, list[Placed]] = defaultdict(list)
    for source in placed:
        found[key(source.connection)].append(source)
    return [group for group in found.values() if len(group) > 1]


def _bays(group: list[Placed]) -> Iterator[Finding]:
    by_bay: dict[str, list[Placed]] = defaultdict(list)
    for source in group:
        by_bay[source.connection.bay].append(source)
    for bay, same in by_bay.items():
        if len(same) < 2:
            continue
        what = "bay" if bay else "address"
        for source in same:
            others = ", ".join(other.name for other in same if other is not source)
            sees = f"{source.connection.address}, as {others}"
            if len({other.profile for other in same}) == 1:
                yield wrong(
                    source.name,
                    what,
                    sees,
                    f"each source its own {what}",
                    "two sources of one profile at one place are one device: correct one of them",
                )
            else:
                yield attention(
                    source.name,
                    what,
                    sees,
                    f"each source its own {what}",
                    "right only if one device holds both",
                )
    if len(by_bay) > 1 and "" in by_bay:
        for source in by_bay[""]:
            yield attention(
                source.name,
                "bay",
                f"{source.connection.address} without a bay",
                "a bay, as the others at this address have",
                "say which bay it is",
            )


def _settings(group: list[Placed]) -> Iterator[Finding]:
    """Settings that all sources on one line have to share."""
    checks: tuple[tuple[str, Callable[[Connection], Any], bool], ...] = (
        (
            "serial line",
            lambda w: w.serial and (w.serial.baud, w.serial.parity, w.serial.stop_bits),
            True,
        ),
        ("protocol", lambda w: w.protocol, True),
        ("credentials", lambda w: w.credentials, True),
        ("time-out", lambda w: w.timeout_s, False),
    )
    for what, setting, matters in checks:
        found = {setting(source.connection): source.name for source in group}
        if len(found) < 2:
            continue
        where = ", ".join(f"{name} {_said(value)}" for value, name in found.items())
        say = wrong if matters else attention
        yield say(
            group[0].name,
            what,
            f"sources that share a connection differ: {where}",
            "the same for all on one line",
            "correct those that are wrong",
        )


def _said(value: object) -> str:
    if isinstance(value, tuple):
        return "/".join(map(str, value))
    return "none" if value is None else str(value)
