"""Writes setpoints: all devices at once, each with a deadline of its own."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable, Mapping

from ortsnetz_edge.acquisition.notices import Notices
from ortsnetz_edge.control.device import Write
from ortsnetz_edge.drivers.contract import Driver, DriverError, FailureKind

log = logging.getLogger(__name__)


def write_notices() -> Notices:
    """Notices of devices that do not take their setpoints."""
    return Notices(log, "'%s' does not take its setpoint: %s", "'%s' takes its setpoint again")


async def write_all(
    writes: Iterable[Write],
    drivers: Mapping[str, Driver],
    counters: Counter[str],
    *,
    deadline_s: float,
    notices: Notices,
) -> tuple[Write, ...]:
    """Write limits; those that the devices have confirmed.

    One that is not confirmed in time is not given up: it is due again in the next cycle.

    Args:
        writes: what is due.
        drivers: by name of device.
        counters: where outcomes are counted.
        deadline_s: longest wait for all of them.
        notices: say which device does not take its setpoint.
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
            notices.well(write.device)
        elif isinstance(error, DriverError):
            counters["setpoints_failed"] += 1
            if error.kind is not FailureKind.WAITING:
                notices.failed(write.device, str(error))
        else:  # a driver's mistake costs its device a setpoint, not the node its control
            counters["setpoints_failed"] += 1
            words = f"the driver made a mistake: {type(error).__name__}: {error}"
            notices.failed(write.device, words)
    counters["setpoints_written"] += len(confirmed)
    return tuple(confirmed)
