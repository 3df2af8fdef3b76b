"""Writes set points besides limits: all sources at once, each within a deadline."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Container, Iterable, Mapping

from ortsnetz_edge.acquisition.notices import Notices
from ortsnetz_edge.control.adjustment import Adjustment
from ortsnetz_edge.control.writing import LateWrites
from ortsnetz_edge.drivers.contract import Driver, DriverError, FailureKind

log = logging.getLogger(__name__)


def adjust_notices() -> Notices:
    """Notices of sources that do not take their set points."""
    return Notices(log, "'%s' does not take its set point: %s", "'%s' takes its set point again")


async def adjust_all(
    adjustments: Iterable[Adjustment],
    drivers: Mapping[str, Driver],
    counters: Counter[str],
    *,
    deadline_s: float,
    notices: Notices,
    busy: Container[str] | LateWrites = (),
    unended: dict[str, asyncio.Task[None]] | None = None,
) -> tuple[Adjustment, ...]:
    """Write set points; those that were confirmed.

    One that is not confirmed in time is given up and asked for again: unlike a limit it takes
    nothing away from anybody when it acts late.

    Args:
        adjustments: what is due.
        drivers: by name.
        counters: where outcomes are counted.
        deadline_s: longest wait.
        notices: say which source does not take its set point.
        busy: sources with a limit on its way; they are left alone in this cycle.
        unended: kept from cycle to cycle: what was given up and has not ended. Its source is left
            alone until it has, so that nothing piles up behind a driver that does not let go.
    """
    unended = {} if unended is None else unended
    for device in [device for device, task in unended.items() if task.done()]:
        del unended[device]
    begun = {
        asyncio.create_task(drivers[one.device].adjust(one.quantity, one.value)): one
        for one in adjustments
        if one.device not in busy and one.device not in unended
    }
    if not begun:
        return ()
    done, pending = await asyncio.wait(begun, timeout=deadline_s)
    for task in pending:
        task.cancel()
        notices.failed(begun[task].device, f"not confirmed within {deadline_s:.1f} s")
    counters["adjustments_late"] += len(pending)
    if pending:
        ended, stuck = await asyncio.wait(pending, timeout=deadline_s)
        for task in ended:
            if not task.cancelled():
                task.exception()  # looked at, so that nobody complains of it
        unended.update({begun[task].device: task for task in stuck})
    confirmed = tuple(
        begun[task] for task in done if _is_confirmed(task, begun[task], counters, notices)
    )
    counters["adjustments_written"] += len(confirmed)
    return confirmed


def _is_confirmed(
    task: asyncio.Task[None], adjustment: Adjustment, counters: Counter[str], notices: Notices
) -> bool:
    error = task.exception()
    if error is None:
        notices.well(adjustment.device)
        return True
    counters["adjustments_failed"] += 1
    if not isinstance(error, DriverError):
        words = f"the driver made a mistake: {type(error).__name__}: {error}"
        notices.failed(adjustment.device, words)
    elif error.kind is not FailureKind.WAITING:
        notices.failed(adjustment.device, str(error))
    return False
