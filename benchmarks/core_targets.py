"""Ratios of the numerical core's benchmark: targets of the design, and comparison with before.

Ratios of solvers in the same run say more than times, which are those of a machine and its hour.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

FIGURES = Path(__file__).with_name("core_figures.json")
REGRESSION = 0.2
MANY_NODES = 5000
LEAST_NODES = 50
"""Below these a solution takes no longer than the call, and its ratio says little."""
Line = Mapping[str, Any]


@dataclass(frozen=True)
class Target:
    """How many times as fast ours has to be as another solver, at networks of some sizes."""

    ours: str
    other: str
    nodes: range
    times: float


TARGETS = (
    Target("ours", "pgm iterative current", range(90, 120), 20),
    Target("ours", "pgm iterative current", range(900, 1000), 20),
    Target("estimation ours, core", "estimation pgm 1e-5", range(90, 120), 6),
    Target("estimation ours, core", "estimation pgm 1e-5", range(900, 1000), 20),
)
MOST_SECONDS = 1.0
"""Of an estimate of more than 5,000 nodes, deviations and bad-data test included."""


def ratios(lines: Sequence[Line], of: str = "seconds") -> dict[str, float]:
    """Their time over ours, one thread, of every pair that a target names: `network: a / b`.

    Args:
        lines: of one run.
        of: `seconds` for medians, `best_seconds` for what disturbances leave alone.
    """
    seconds = {
        (line["network"], line["solver"]): line[of]
        for line in lines
        if line["threads"] == 1 and line.get(of) and line["nodes"] >= LEAST_NODES
    }
    found = {}
    for network in dict.fromkeys(line["network"] for line in lines):
        for ours, other in dict.fromkeys((target.ours, target.other) for target in TARGETS):
            if (network, ours) in seconds and (network, other) in seconds:
                ratio = seconds[network, other] / seconds[network, ours]
                found[f"{network}: {other} / {ours}"] = round(ratio, 2)
    return found


def verdicts(lines: Sequence[Line]) -> Iterator[str]:
    """Each target and whether it is met; a pair without two figures is not judged."""
    found, best = ratios(lines), ratios(lines, "best_seconds")
    sizes = {line["network"]: line["nodes"] for line in lines}
    for target in TARGETS:
        for network, nodes in sizes.items():
            if nodes in target.nodes:
                name = f"{network}: {target.other} / {target.ours}"
                ratio = found.get(name)
                said = "not judged" if ratio is None else f"{ratio:.1f} ({best[name]:.1f} at best)"
                met = "" if ratio is None else ": met" if ratio >= target.times else ": NOT MET"
                yield (
                    f"{network} ({nodes}): {target.ours} at least {target.times:g} times as fast "
                    f"as {target.other}: {said}{met}"
                )
    for line in lines:
        if line["nodes"] > MANY_NODES and line["solver"] == "estimation ours":
            seconds = line.get("seconds")
            said = "not judged" if seconds is None else f"{seconds:.3f} s"
            met = "" if seconds is None else ": met" if seconds < MOST_SECONDS else ": NOT MET"
            yield (
                f"{line['network']} ({line['nodes']}): estimated in under {MOST_SECONDS:g} s: "
                f"{said}{met}"
            )


def growth(lines: Sequence[Line]) -> Iterator[str]:
    """Exponent k of seconds ~ nodes^k, from all networks that a solver solved."""
    for solver in dict.fromkeys(line["solver"] for line in lines):
        points = [
            (line["nodes"], line["seconds"])
            for line in lines
            if line["solver"] == solver and line["threads"] == 1 and line.get("seconds")
        ]
        if len({nodes for nodes, _ in points}) >= 3:
            nodes, seconds = np.log(np.array(points, dtype=float)).T
            yield f"{solver}: nodes^{np.polyfit(nodes, seconds, 1)[0]:.2f}"


def regressions(lines: Sequence[Line], before: Path = FIGURES) -> list[str]:
    """Ratios that fell by more than a fifth since the figures that are committed."""
    known = json.loads(before.read_text())["ratios"]
    now = ratios(lines, "best_seconds")
    found = []
    for name, old in known.items():
        new = now.get(name)
        if new is None:
            found.append(f"{name}: was {old:.2f}, is missing")
        elif new < (1 - REGRESSION) * old:
            found.append(f"{name}: was {old:.2f}, is {new:.2f}")
    return found


def write(lines: Sequence[Line], path: Path = FIGURES) -> None:
    """Keep the ratios of the best times: they depend least on other work."""
    path.write_text(json.dumps({"ratios": ratios(lines, "best_seconds")}, indent=1) + "\n")
