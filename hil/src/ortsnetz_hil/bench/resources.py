"""CPU time and memory of a process and its children, from /proc (Linux)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process tree has used.

    Attributes:
        cpu_s: user and system time of the processes alive, since each began.
        resident_mb: resident memory now, shared pages counted for each process.
        processes: how many there are.
    """

    cpu_s: float
    resident_mb: float
    processes: int


def usage(root: int) -> Usage | None:
    """Usage of a process and its descendants; None where it does not run or /proc is not there."""
    parents = _parents()
    if root not in parents:
        return None
    tree = {root}
    while True:
        children = {pid for pid, parent in parents.items() if parent in tree} - tree
        if not children:
            break
        tree |= children
    cpu, resident = 0.0, 0.0
    for pid in tree:
        fields = _fields(pid)
        if fields is not None:
            cpu += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
            resident += int(fields[21]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    return Usage(cpu, resident, len(tree))


def _parents() -> dict[int, int]:
    found = {}
    for entry in _PROC.iterdir() if _PROC.is_dir() else ():
        if entry.name.isdigit():
            fields = _fields(int(entry.name))
            if fields is not None:
                found[int(entry.name)] = int(fields[1])
    return found


def _fields(pid: int) -> list[str] | None:
    # fields of /proc/<pid>/stat from the third on; the second, the name, may hold spaces
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    return text.rsplit(")", 1)[1].split()
