"""What was measured of a driver beside the plain loop, and whether it is good enough."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

MOST_RATIO = 1.5
"""Our CPU time a point is at most so many times that of a plain loop on the library."""
SHARE = 0.5
"""Of one core, for the points a second that are stated."""


@dataclass(frozen=True)
class Figures:
    """One reader's figures.

    Attributes:
        cpu_us: CPU microseconds a point; median of the rounds, with the least and the most.
        points_per_s: at half of one core.
        cpu_per_1000: CPU seconds a second for 1,000 points a second, in per cent of a core.
        p50_ms, p99_ms: of a scan, one after the other.
    """

    cpu_us: float
    cpu_us_least: float
    cpu_us_most: float
    points_per_s: float
    cpu_per_1000: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Line:
    """A driver beside the plain loop.

    Attributes:
        ratio: of CPU times a point; median of the rounds' ratios, with the least and the most.
        agent_cpu_us: of the agent's process alone, where the driver has one of its own; else None.
        met: whether the ratio is good enough.
    """

    driver: str
    what: str
    points: int
    rounds: int
    ours: Figures
    plain: Figures
    ratio: float
    ratio_least: float
    ratio_most: float
    agent_cpu_us: float | None
    met: bool

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {"benchmark": "protocols", **asdict(self)}


def figures(points: int, cpu_s: Sequence[float], seconds: Sequence[float]) -> Figures:
    """Figures from CPU seconds a scan of each round, and the duration of each scan."""
    each = [1e6 * cpu / points for cpu in cpu_s]
    cpu_us = statistics.median(each)
    return Figures(
        cpu_us=cpu_us,
        cpu_us_least=min(each),
        cpu_us_most=max(each),
        points_per_s=SHARE * 1e6 / cpu_us,
        cpu_per_1000=cpu_us * 1000 / 1e6 * 100,
        p50_ms=1e3 * statistics.median(seconds),
        p99_ms=1e3 * statistics.quantiles(seconds, n=100)[98],
    )


def ratios(ours: Sequence[float], plain: Sequence[float]) -> list[float]:
    """Ratio of each round, in which both ran one after the other."""
    return [mine / theirs for mine, theirs in zip(ours, plain, strict=True)]


def verdicts(lines: Sequence[Line]) -> list[str]:
    """Each driver in words."""
    said = []
    for line in lines:
        spread = f"{line.ratio:.2f} ({line.ratio_least:.2f} to {line.ratio_most:.2f})"
        met = "met" if line.met else "NOT MET"
        said.append(f"{line.driver}: {spread} times a plain loop, {MOST_RATIO:g} allowed: {met}")
        if line.agent_cpu_us is not None:
            said[-1] += f"; {line.agent_cpu_us:.1f} us a point of it are the agent's own process"
    return said


def all_met(lines: Sequence[Line], wanted: Sequence[str]) -> bool:
    """Whether each wanted driver was measured and none is worse than allowed."""
    missing = set(wanted) - {line.driver for line in lines}
    return not missing and all(line.met for line in lines)


_HEAD = (
    "driver",
    "points",
    "points/s at 50 %",
    "CPU of 1,000 points/s",
    "us a point",
    "p50, p99 ms",
    "plain: us a point",
    "p50, p99 ms",
    "ratio",
)


def table(lines: Sequence[Line]) -> str:
    """One table for people, Markdown."""
    rows = [_HEAD, tuple("---" for _ in _HEAD), *[_row(line) for line in lines]]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _row(line: Line) -> tuple[str, ...]:
    return (
        line.driver,
        str(line.points),
        f"{line.ours.points_per_s:,.0f}",
        f"{line.ours.cpu_per_1000:.2f} %",
        _spread(line.ours),
        _latency(line.ours),
        _spread(line.plain),
        _latency(line.plain),
        f"{line.ratio:.2f} ({line.ratio_least:.2f} to {line.ratio_most:.2f})",
    )


def _spread(found: Figures) -> str:
    return f"{found.cpu_us:.1f} ({found.cpu_us_least:.1f} to {found.cpu_us_most:.1f})"


def _latency(found: Figures) -> str:
    return f"{found.p50_ms:.2f}, {found.p99_ms:.2f}"
