"""Writes setpoints: all devices at once, each with a deadline of its own."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable, Mapping

from ortsnetz_edge.control.device import Write
from ortsnetz_edge.drivers.contract import Driver, DriverError

log = logging.getLogger(__name__)


async def write_all(
    writes: Iterable[Write],
    drivers: Mapping[str, Driver],
    counters: Counter[str],
    *,
    deadline_s: float,
) -> tuple[Write, ...]:
    """Write limits; those that the devices have confirmed.

    One that is not confirmed in time is not given up: it is due again in the next cycle.

    Args:
        writes: what is due.
        drivers: by name of device.
        counters: where outcomes are counted.
        deadline_s: longest wait for all of them.
    """
    tasks = {
        asyncio.create_task(drivers[write.device].write(write.amount, write.watchdog)): write
        for write in writes
    }
    if not tasks:
        return ()
    done, late = await asyncio.wait(tasks, timeout=deadline_s)
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)
    counters["setpoints_late"] += len(late)
    confirmed: list[Write] = []
    for task, write in tasks.items():
        if task not in done:
            continue
        error = task.exception()
        if error is None:
            confirmed.append(write)
        elif isinstance(error, DriverError):
            counters["setpoints_failed"] += 1
            log.warning("setpoint of %s: %s", write.device, error)
        else:
            raise error
    counters["setpoints_written"] += len(confirmed)
    return tuple(confirmed)
