"""Browsing: what a device holds, folder by folder, at most so much."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from ortsnetz_edge.console.probing.session import BROWSE_DEADLINE_S, within
from ortsnetz_edge.console.progress import progress
from ortsnetz_edge.drivers.contract import Found, Probe


@dataclass(frozen=True, slots=True)
class Holding:
    """Something that was found, and how deep below the start."""

    found: Found
    depth: int


async def browse(probe: Probe, start: str, most: int, depth: int) -> tuple[Holding, ...]:
    """What a device holds below a reference, in the order of a tree.

    Args:
        probe: of the device.
        start: reference; empty for everything.
        most: at most so many.
        depth: so many levels of folders are opened; 1 is what lies directly below `start`.

    Raises:
        DriverError: the device does not answer.
        InputError: `start` is no reference.
    """
    found: list[Holding] = []
    where = start
    async with progress(lambda: f"browsing {where or 'everything'}: {len(found)} found"):
        folders = deque([(start, 1, 0)])
        shown: set[tuple[str, bool]] = set()
        seen = {start}  # a tree of nodes may lead back to where it began
        while folders and len(found) < most:
            where, level, at = folders.popleft()
            inside = await within(BROWSE_DEADLINE_S, probe.browse(where, most - len(found)))
            # a probe may show what lies deeper by itself: nothing is shown twice
            # (a folder and its first register may have the same name)
            inside = tuple(item for item in inside if (item.reference, item.folder) not in shown)
            shown.update((item.reference, item.folder) for item in inside)
            found[at:at] = [Holding(item, level) for item in inside]
            folders = deque(
                (text, deep, place + len(inside) if place >= at else place)
                for text, deep, place in folders
            )
            if level < depth:
                for number, item in enumerate(inside, start=1):
                    if item.folder and item.reference not in seen:
                        seen.add(item.reference)
                        folders.append((item.reference, level + 1, at + number))
    return tuple(found)
