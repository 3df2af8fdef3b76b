"""Writes setpoints: all devices at once, each with a deadline of its own."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from ortsnetz_edge.acquisition.notices import Notices
from ortsnetz_edge.control.device import Write
from ortsnetz_edge.drivers.contract import Driver, DriverError, FailureKind

log = logging.getLogger(__name__)

GIVE_UP_S = 60.0
"""A driver ends its requests by itself; one that has not for so long is told to."""


def write_notices() -> Notices:
    """Notices of devices that do not take their setpoints."""
    return Notices(log, "'%s' does not take its setpoint: %s", "'%s' takes its setpoint again")


class LateWrites:
    """Writes that their devices have not confirmed in time: left alone until they have, or failed.

    One that were cancelled and sent again would never arrive at a device that is slower than a
    cycle, for it would begin anew each time; and what is still on its way could act after the next.
    So a device has one write at a time, and the next limit, whatever it is, follows it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tasks: dict[str, tuple[asyncio.Task[None], Write, float]] = {}

    def __contains__(self, device: str) -> bool:
        """Whether a write to this device is under way."""
        return device in self._tasks

    def add(self, task: asyncio.Task[None], write: Write) -> None:
        """Keep a write that is late."""
        self._tasks[write.device] = (task, write, self._clock())

    def ended(self) -> dict[asyncio.Task[None], Write]:
        """Those that have ended since the last time."""
        found = {task: write for task, write, _ in self._tasks.values() if task.done()}
        for write in found.values():
            del self._tasks[write.device]
        return found

    def given_up(self) -> tuple[str, ...]:
        """Devices whose writes take too long; they are told to end, once."""
        now = self._clock()
        lost = tuple(of for of, (_, _, since) in self._tasks.items() if now - since > GIVE_UP_S)
        for device in lost:
            task, write, _ = self._tasks[device]
            task.cancel()
            self._tasks[device] = (task, write, math.inf)
        return lost

    def give_up(self) -> None:
        """End all: the agent stops."""
        for task, _, _ in self._tasks.values():
            task.cancel()
        self._tasks.clear()


async def write_all(
    writes: Iterable[Write],
    drivers: Mapping[str, Driver],
    counters: Counter[str],
    *,
    deadline_s: float,
    notices: Notices,
    late: LateWrites | None = None,
) -> tuple[Write, ...]:
    """Write limits; those that the devices have confirmed, earlier ones that were late among them.

    One that is not confirmed in time is not given up: see `LateWrites`.

    Args:
        writes: what is due.
        drivers: by name of device.
        counters: where outcomes are counted.
        deadline_s: longest wait for those that begin now.
        notices: say which device does not take its setpoint.
        late: of the cycles before.
    """
    late = LateWrites() if late is None else late
    ended = late.ended()
    for device in late.given_up():
        counters["setpoints_given_up"] += 1
        notices.failed(device, f"the driver has not ended its write for {GIVE_UP_S:.0f} s")
    begun: dict[asyncio.Task[None], Write] = {}
    for write in writes:
        if write.device in late:
            counters["setpoints_waiting"] += 1
            continue
        begun[asyncio.create_task(drivers[write.device].write(write.amount, write.watchdog))] = (
            write
        )
    if begun:
        done, pending = await asyncio.wait(begun, timeout=deadline_s)
        for task in pending:
            late.add(task, begun[task])
        counters["setpoints_late"] += len(pending)
        ended |= {task: write for task, write in begun.items() if task in done}
    if not ended:
        return ()
    confirmed = tuple(
        write for task, write in ended.items() if _is_confirmed(task, write, counters, notices)
    )
    counters["setpoints_written"] += len(confirmed)
    return confirmed


def _is_confirmed(
    task: asyncio.Task[None], write: Write, counters: Counter[str], notices: Notices
) -> bool:
    """Whether a write that has ended was confirmed; if not, it is counted and said."""
    if task.cancelled():  # it was given up, and that was said
        return False
    error = task.exception()
    if error is None:
        notices.well(write.device)
        return True
    counters["setpoints_failed"] += 1
    if not isinstance(error, DriverError):
        # a driver's mistake costs its device a setpoint, not the node its control
        words = f"the driver made a mistake: {type(error).__name__}: {error}"
        notices.failed(write.device, words)
    elif error.kind is not FailureKind.WAITING:
        notices.failed(write.device, str(error))
    return False
