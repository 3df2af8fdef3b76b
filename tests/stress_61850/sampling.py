"""Memory, files and threads of a process, from /proc."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

PAGE = os.sysconf("SC_PAGE_SIZE")
WARM = 0.25
"""Share of the run in which a process may still grow: buffers of reports fill."""


@dataclass(frozen=True, slots=True)
class Sample:
    at_s: float
    memory: int
    files: int
    threads: int


def sample(process: int, at_s: float) -> Sample:
    """Raises OSError if the process is gone."""
    folder = Path(f"/proc/{process}")
    memory = int((folder / "statm").read_text().split()[1]) * PAGE
    status = (folder / "status").read_text()
    threads = int(status.split("Threads:")[1].split()[0])
    return Sample(round(at_s, 1), memory, sum(1 for _ in (folder / "fd").iterdir()), threads)


def growth(samples: list[Sample]) -> dict[str, float]:
    """What the last quarter has more than the second one, by medians."""
    warm = samples[int(len(samples) * WARM) :]
    quarter = max(1, len(warm) // 3)
    early, late = warm[:quarter], warm[-quarter:]
    return {
        name: median(getattr(s, name) for s in late) - median(getattr(s, name) for s in early)
        for name in ("memory", "files", "threads")
    }


def series(samples: list[Sample]) -> list[dict[str, float]]:
    return [asdict(each) for each in samples]
