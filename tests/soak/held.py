"""What this process and those of drivers hold."""

from __future__ import annotations

import asyncio
import gc
import os
import tracemalloc
from dataclasses import dataclass
from pathlib import Path

SETTLING_S = 20.0


@dataclass(frozen=True)
class Held:
    """At an instant.

    Attributes:
        octets: that Python has allocated.
        process_files: of drivers' own processes.
    """

    tasks: int
    files: int
    octets: int
    process_files: int


def held(pids: list[int]) -> Held:
    """Now."""
    gc.collect()
    return Held(
        tasks=len(asyncio.all_tasks()),
        files=_files("self"),
        octets=tracemalloc.get_traced_memory()[0],
        process_files=sum(_files(str(pid)) for pid in pids),
    )


async def settled(pids: list[int], at_most: Held | None = None) -> Held:
    """Once nothing is being closed any more: no more than before, or for a while the same.

    Connections close in the background; whoever waits for them needs no margin.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + SETTLING_S
    least = held(pids)
    while loop.time() < until:
        await asyncio.sleep(0.25)
        now = held(pids)
        least = Held(
            min(least.tasks, now.tasks),
            min(least.files, now.files),
            min(least.octets, now.octets),
            min(least.process_files, now.process_files),
        )
        enough = at_most is None and loop.time() > until - SETTLING_S + 3.0
        if enough or (
            at_most is not None
            and least.tasks <= at_most.tasks
            and least.files <= at_most.files
            and least.process_files <= at_most.process_files
        ):
            break
    return least


def _files(process: str) -> int:
    return len(os.listdir(Path("/proc") / process / "fd"))  # noqa: PTH208 - names only
