"""What became of something that a driver was told: confirmed, or counted and said."""

from __future__ import annotations

import asyncio
from collections import Counter

from ortsnetz_edge.acquisition.notices import Notices
from ortsnetz_edge.drivers.contract import DriverError, FailureKind


def is_confirmed(
    task: asyncio.Task[None], source: str, failed: str, counters: Counter[str], notices: Notices
) -> bool:
    """Whether what has ended was confirmed.

    Args:
        task: that told the driver; it has ended.
        source: name of who was told.
        failed: the counter of those that failed.
        counters: what the agent counts.
        notices: says it once, and once when it works again.
    """
    if task.cancelled():  # it was given up, and that was said
        return False
    error = task.exception()
    if error is None:
        notices.well(source)
        return True
    counters[failed] += 1
    if not isinstance(error, DriverError):
        # a driver's mistake costs its device a setpoint, not the node its control
        notices.failed(source, f"the driver made a mistake: {type(error).__name__}: {error}")
    elif error.kind is not FailureKind.WAITING:
        notices.failed(source, str(error))
    return False
