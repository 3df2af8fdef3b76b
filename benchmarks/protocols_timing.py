"""Reads of a driver and of the plain loop in turn: CPU seconds and how long each read took."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from protocols_cases import Case, Reader

WARM_UP = 30
ROUND_S = 0.4
FEWEST, MOST = 20, 1500


@dataclass
class Measured:
    """What a reader took; one entry of `cpu_s` and `all_cpu_s` a round.

    Attributes:
        cpu_s: of this process, a read.
        all_cpu_s: the same with a further process that works for the reader.
        seconds: of each read.
    """

    cpu_s: list[float] = field(default_factory=list)
    all_cpu_s: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def process_cpu_s(pid: int) -> float:
    """CPU seconds of another process so far, to the nanosecond."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text("ascii").split()[0]) for task in tasks) / 1e9


async def measure(case: Case, rounds: int) -> tuple[Measured, Measured]:
    """The driver and the plain loop, round by round in turn."""
    ours, plain = Measured(), Measured()
    reads = {id(found): await _reads_a_round(reader) for found, reader in _both(case, ours, plain)}
    for number in range(rounds):
        pairs = _both(case, ours, plain)
        for found, reader in pairs if number % 2 else reversed(pairs):
            await _round(reader, reads[id(found)], found)
    return ours, plain


def _both(case: Case, ours: Measured, plain: Measured) -> list[tuple[Measured, Reader]]:
    return [(ours, case.ours), (plain, case.plain)]


async def _reads_a_round(reader: Reader) -> int:
    begun = time.perf_counter()
    await _round(reader, WARM_UP, Measured())
    each_s = (time.perf_counter() - begun) / WARM_UP
    return round(min(MOST, max(FEWEST, ROUND_S / each_s)))


async def _round(reader: Reader, reads: int, into: Measured) -> None:
    cpu_s = 0.0
    others_s = process_cpu_s(reader.process) if reader.process else 0.0
    for _ in range(reads):
        reader.before()
        cpu, begun = time.process_time(), time.perf_counter()
        await reader.read()
        into.seconds.append(time.perf_counter() - begun)
        cpu_s += time.process_time() - cpu
    others_s = process_cpu_s(reader.process) - others_s if reader.process else 0.0
    into.cpu_s.append(cpu_s / reads)
    into.all_cpu_s.append((cpu_s + others_s) / reads)
