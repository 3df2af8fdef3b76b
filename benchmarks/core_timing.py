"""Timing and memory of one solver in a process of its own."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

LEAST_S = 0.5
AT_MOST_S = 4.0
LEAST_REPETITIONS = 3
REPETITIONS = 60


@dataclass(frozen=True)
class Measured:
    """What one solver needed for one solution.

    Attributes:
        seconds: median.
        best_seconds: smallest, which other work on the machine disturbs least.
        memory_mb: by which the process grew at its largest, from before the solver was prepared.
        accuracy: largest or mean difference to the truth, see the benchmark.
    """

    seconds: float
    best_seconds: float
    memory_mb: float
    accuracy: float


def repeated(work: Callable[[], object]) -> tuple[float, float]:
    """Median and smallest seconds of repetitions; the first is not counted."""
    work()
    taken: list[float] = []
    while len(taken) < LEAST_REPETITIONS or sum(taken) < LEAST_S:
        begin = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begin)
        if sum(taken) > AT_MOST_S or len(taken) >= REPETITIONS:
            break
    return statistics.median(taken), min(taken)


def resident_mb() -> float:
    """Largest resident memory of this process until now, MB.

    Not from getrusage: a child begins there with its parent's.
    """
    said = Path("/proc/self/status").read_text()
    return int(said.partition("VmHWM:")[2].split()[0]) / 1024
