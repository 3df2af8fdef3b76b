"""Whether clients, plant and IED agree on every operate, and whether anything grew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ortsnetz_common.link.bench_ied import Counts

LARGEST_GROWTH = {"memory": 8 * 2**20, "files": 8, "threads": 4}
"""Between two quarters of a run: far below what a leak of one object a connection makes in an hour;
files and threads are those of connections that happen to be open."""


@dataclass(frozen=True)
class Operate:
    number: int
    outcome: str
    cause: int


def operates(path: Path) -> list[Operate]:
    found = []
    for line in path.read_text().splitlines():
        number, outcome, cause = line.split()
        found.append(Operate(int(number), outcome, int(cause)))
    return found


@dataclass(frozen=True)
class Truth:
    """What the plant and the IED say.

    Attributes:
        executed: how often the plant has carried out each operate.
        refused: what it has refused, and why.
        answers: what it has said to operates.
        ied: what the IED has counted.
    """

    executed: Mapping[int, int]
    refused: Mapping[int, int]
    answers: Mapping[str, int]
    ied: Counts


def accounted(said: Iterable[Operate], sent: int, truth: Truth) -> tuple[list[str], dict[str, int]]:
    """Complaints, and a table.

    Args:
        said: what the clients have noted.
        sent: how many operates they have counted before sending.
        truth: what the other side has counted.
    """
    found: list[str] = []
    seen: set[int] = set()
    table: Counter[str] = Counter()
    for each in said:
        if each.number in seen:
            found.append(f"operate {each.number} was noted twice")
        seen.add(each.number)
        times = truth.executed.get(each.number, 0)
        found += contradiction(each, times)
        table[each.outcome] += 1
        why = truth.refused.get(each.number)
        if each.outcome == "refused" and why not in {None, each.cause}:
            table["refused with another cause than the plant's"] += 1
        if each.outcome == "failed":
            table["failed, carried out" if times else "failed, not carried out"] += 1
    if stray := set(truth.executed) - seen:
        found.append(f"{len(stray)} operates were carried out that no client has sent")
    if table["confirmed"] + table["refused"] + table["failed"] != sent:
        found.append(f"of {sent} operates {len(seen)} are accounted for")
    taken = truth.answers.get("taken", 0)
    if truth.ied.taken != taken:
        found.append(f"the IED counts {truth.ied.taken} taken, the plant {taken}")
    if truth.ied.faults:
        found.append(f"{truth.ied.faults} handlers of the IED failed")
    return found, {"sent": sent, "carried out": sum(truth.executed.values()), **table}


def contradiction(said: Operate, times: int) -> list[str]:
    """What a client says of an operate, beside how often it was carried out."""
    allowed = {"confirmed": {1}, "refused": {0}, "failed": {0, 1}}[said.outcome]
    if times in allowed:
        return []
    return [f"operate {said.number}: {said.outcome} ({said.cause}), carried out {times} times"]


def grown(name: str, growth: Mapping[str, float]) -> list[str]:
    return [
        f"{name}: {what} grew by {growth[what]:.0f}"
        for what, most in LARGEST_GROWTH.items()
        if growth[what] > most
    ]
