"""Tables and targets of the benchmark of limiting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hil_tables import Table, of

Line = Mapping[str, Any]
MEDIAN_MS, WORST_MS = 1.0, 10.0
TARGET_NODES = range(90, 120)
TARGET_DEVICES = 40


def _ms(name: str) -> Any:
    return lambda line: f"{line[name]:.2f}" if line.get(name) is not None else ""


def _count(name: str) -> Any:
    return lambda line: line.get(name, "")


TIMES = Table(
    "Time of one decision, ms by the clock; `x ours`: the peer's time over ours on the same "
    "binding moments, median; `costs more`: largest excess of our sum of squares over the peer's",
    {
        "network": of("network"),
        "nodes": of("nodes"),
        "devices": of("devices"),
        "solver": of("solver"),
        "decisions": of("decisions"),
        "median": _ms("median_ms"),
        "binding": _ms("bind_median_ms"),
        "p99": _ms("p99_ms"),
        "worst": _ms("worst_ms"),
        "CPU median": _ms("cpu_median_ms"),
        "CPU worst": _ms("cpu_worst_ms"),
        "prepare": _ms("prepare_ms"),
        "bind %": lambda line: f"{100 * line['binds']:.0f}" if "binds" in line else "",
        "infeasible": _count("infeasible"),
        "unsolved": _count("unsolved"),
        "missed": _count("not_kept"),
        "rounds": lambda line: f"{line['rounds']:.1f}" if "rounds" in line else "",
        "x ours": lambda line: f"{line['times_ours']:.1f}" if line.get("times_ours") else "",
        "costs more": lambda line: (
            f"{line['ours_costs_more']:.1e}" if line.get("ours_costs_more") is not None else ""
        ),
    },
)


def verdicts(lines: Sequence[Line]) -> Iterator[str]:
    """Targets of the issue, and what must never be."""
    for line in lines:
        if not line["solver"].startswith("ours"):
            continue
        where = f"{line['network']} ({line['nodes']} nodes, {line['devices']} devices)"
        if line["nodes"] in TARGET_NODES and line["devices"] == TARGET_DEVICES:
            for what, most in (("median", MEDIAN_MS), ("worst", WORST_MS)):
                value = line[f"{what}_ms"]
                met = "met" if value <= most else "NOT MET"
                cpu = f"{line[f'cpu_{what}_ms']:.2f} ms of CPU"
                said = f"{what} {value:.2f} ms, {cpu}, at most {most:g} by the clock: {met}"
                yield f"{where}, {line['solver']}: {said}"
        if line["not_kept"]:
            yield f"{where}, {line['solver']}: {line['not_kept']} answers MISS a limit"
    beside = [line for line in lines if line.get("times_ours")]
    for solver in dict.fromkeys(line["solver"] for line in beside):
        ratios = [line["times_ours"] for line in beside if line["solver"] == solver]
        yield f"{solver} takes {min(ratios):.1f} to {max(ratios):.1f} times as long as ours"
