"""The quality of all installed drivers as a table: `python -m ...drivers.assessment_table [FILE]`.

With a file, the table between its two marks is renewed; without one it is printed.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

from ortsnetz_edge.drivers.assessment import LEVELS, Assessment, Level, NotYet, Rule, level
from ortsnetz_edge.drivers.registry import GROUP

BEGIN = "<!-- quality of the drivers: begin, written by ortsnetz_edge.drivers.assessment_table -->"
END = "<!-- quality of the drivers: end -->"


def rooms() -> dict[str, tuple[str, ...]]:
    """Packages of the installed drivers, and the names of the entry points in each."""
    found: dict[str, list[str]] = {}
    for point in entry_points(group=GROUP):
        package, _, _ = point.module.rpartition(".")
        found.setdefault(package, []).append(point.name)
    return {package: tuple(sorted(found[package])) for package in sorted(found)}


def assessment_of(room: str) -> Assessment:
    """What a driver says of itself.

    Raises:
        ModuleNotFoundError: it says nothing.
    """
    assessment: Assessment = import_module(f"{room}.assessment").ASSESSMENT
    return assessment


def missing_for(assessment: Assessment) -> tuple[tuple[Rule, str], ...]:
    """Rules that keep a driver from the best level, and what is missing for each."""
    found: list[tuple[Rule, str]] = []
    for rules in LEVELS.values():
        for rule in rules:
            answer = assessment.get(rule)
            if isinstance(answer, NotYet):
                found.append((rule, answer.missing))
    return tuple(found)


def table() -> str:
    """The table in Markdown, one row a driver."""
    lines = ["| Driver | Level | Not held yet |", "|---|---|---|"]
    for room, names in rooms().items():
        assessment = assessment_of(room)
        missing = "; ".join(f"{rule}: {what}" for rule, what in missing_for(assessment))
        shown = ", ".join(f"`{name}`" for name in names)
        lines.append(f"| {shown} | {word(level(assessment))} | {missing or '-'} |")
    return "\n".join(lines)


def word(reached: Level) -> str:
    """A level as it is written."""
    return reached.name.lower()


def renewed(page: str) -> str:
    """A page with its table renewed.

    Raises:
        ValueError: the marks are not there.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page needs the two marks\n{BEGIN}\n{END}")
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


def main(arguments: list[str]) -> None:
    """Print the table, or renew it in a file."""
    if not arguments:
        sys.stdout.write(table() + "\n")
        return
    path = Path(arguments[0])
    path.write_text(renewed(path.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
