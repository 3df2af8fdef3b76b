"""Tables for people of what the bench's benchmark has measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Line = Mapping[str, Any]


@dataclass(frozen=True)
class Table:
    """A table: what it shows, in words, and its columns with what they take from a line."""

    title: str
    columns: Mapping[str, Callable[[Line], object]]


def of(field: str) -> Callable[[Line], object]:
    """A field of a line as it is; nothing where the line has none."""
    return lambda line: line.get(field, "")


def part(name: str) -> Callable[[Line], object]:
    """Milliseconds of a part of a step."""
    return lambda line: f"{line['parts_ms'].get(name, 0.0):.2f}"


def pace(line: Line) -> str:
    """How a plant was read."""
    return f"{line['read_period_s']:g} s" if line["read_period_s"] else "flood"


TABLES = {
    "stepping": Table(
        "Steps of the plant a second, one process, nobody reads; parts of a step in ms",
        {
            "network": of("network"),
            "nodes": of("nodes"),
            "devices": of("devices"),
            "steps/s": of("steps_per_s"),
            "ms median": of("step_ms_median"),
            "ms p99": of("step_ms_p99"),
            "devices ms": part("devices"),
            "customers": part("customers"),
            "power flow": part("power_flow"),
            "loading": part("loading"),
            "truth row": part("truth_row"),
            "truth file": part("truth_file"),
        },
    ),
    "peers": Table(
        "One power flow with new injections, the same for all; difference of voltages to the plant",
        {
            "network": of("network"),
            "nodes": of("nodes"),
            "loads+gens": of("loads_and_generators"),
            "solver": of("solver"),
            "how": of("how"),
            "ms median": of("ms_median"),
            "solution alone": of("solution_alone_ms_mean"),
            "pu apart": of("largest_difference_pu"),
        },
    ),
    "serving": Table(
        "In real time behind Modbus TCP; read each second by one client, or as fast as it can",
        {
            "nodes": of("nodes"),
            "devices": of("devices"),
            "ports": of("ports"),
            "Hz": of("rate_hz"),
            "read": pace,
            "points/s": of("points_per_s"),
            "CPU %": of("cpu_percent"),
            "MB": of("peak_mb"),
            "worst late ms": of("worst_lateness_ms"),
            "overruns": of("overruns"),
            "steps": of("steps"),
            "late steps": of("late_steps"),
            "slowest answer ms": of("slowest_answer_ms"),
            "lost": of("failed_or_lost_reads"),
        },
    ),
}


def lines(table: Table, found: Sequence[Line]) -> Iterator[str]:
    """The table as text, columns aligned."""
    yield table.title
    rows = [list(table.columns)]
    rows += [[str(take(line)) for take in table.columns.values()] for line in found]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    numeric = [all(_is_number(row[i]) for row in rows[1:]) for i in range(len(widths))]
    for row in rows:
        cells = zip(row, widths, numeric, strict=True)
        yield "  ".join(c.rjust(w) if right else c.ljust(w) for c, w, right in cells)


def _is_number(text: str) -> bool:
    return not text or text.replace(".", "", 1).replace("e-", "", 1).isdigit()
