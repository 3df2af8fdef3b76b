"""Writes set points besides limits: all sources at once, each within a deadline."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass

from ortsnetz_edge.acquisition.notices import Notices
from ortsnetz_edge.control.adjustment import Adjustment
from ortsnetz_edge.control.confirming import is_confirmed
from ortsnetz_edge.control.writing import LateWrites
from ortsnetz_edge.drivers.contract import Driver

log = logging.getLogger(__name__)

GIVE_UP_S = 3.0
"""Longest time for a set point: a limit may have to wait behind it at the same driver."""


def adjust_notices() -> Notices:
    """Notices of sources that do not take their set points."""
    return Notices(log, "'%s' does not take its set point: %s", "'%s' takes its set point again")


@dataclass(slots=True, eq=False)
class Begun:
    """A set point on its way; `given_up` once its driver was told to end."""

    task: asyncio.Task[None]
    adjustment: Adjustment
    since: float
    given_up: bool = False


async def adjust_all(
    adjustments: Iterable[Adjustment],
    drivers: Mapping[str, Driver],
    counters: Counter[str],
    *,
    deadline_s: float,
    notices: Notices,
    busy: Container[str] | LateWrites = (),
    unended: dict[str, Begun] | None = None,
) -> tuple[Adjustment, ...]:
    """Write set points; those that were confirmed, earlier ones that were late among them.

    One that is not confirmed in time is left alone for some seconds: begun anew each cycle it would
    never arrive at a device that is slower than its share of a cycle.

    Args:
        adjustments: what is due.
        drivers: by name.
        counters: where outcomes are counted.
        deadline_s: longest wait.
        notices: say which source does not take its set point.
        busy: sources with a limit on its way; they are left alone in this cycle.
        unended: kept from cycle to cycle: what has not ended. Its source is left alone until it
            has, so that nothing piles up behind a driver that does not let go.
    """
    unended = {} if unended is None else unended
    ended = [unended.pop(name) for name in [n for n, one in unended.items() if one.task.done()]]
    now = time.monotonic()
    for name, one in unended.items():
        if not one.given_up and now - one.since > GIVE_UP_S:
            one.given_up = True
            one.task.cancel()
            notices.failed(name, f"not confirmed within {GIVE_UP_S:.1f} s")
    begun = [
        Begun(asyncio.create_task(drivers[one.device].adjust(one.quantity, one.value)), one, now)
        for one in adjustments
        if one.device not in busy and one.device not in unended
    ]
    if begun:
        await asyncio.wait([one.task for one in begun], timeout=deadline_s)
        late = {one.adjustment.device: one for one in begun if not one.task.done()}
        counters["adjustments_late"] += len(late)
        unended.update(late)
        ended += [one for one in begun if one.task.done()]
    confirmed = tuple(
        one.adjustment
        for one in ended
        if is_confirmed(one.task, one.adjustment.device, "adjustments_failed", counters, notices)
    )
    if confirmed:
        counters["adjustments_written"] += len(confirmed)
    return confirmed
