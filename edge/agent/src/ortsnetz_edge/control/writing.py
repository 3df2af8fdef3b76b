"""Writes setpoints: all devices at once, each with a deadline of its own."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from ortsnetz_edge.acquisition.notices import Notices
from ortsnetz_edge.control.confirming import is_confirmed
from ortsnetz_edge.control.device import Write
from ortsnetz_edge.drivers.contract import Driver

log = logging.getLogger(__name__)

GIVE_UP_S = 60.0
"""A driver ends its requests by itself; one that has not for so long is told to."""


def write_notices() -> Notices:
    """Notices of devices that do not take their setpoints."""
    return Notices(log, "'%s' does not take its setpoint: %s", "'%s' takes its setpoint again")


@dataclass(slots=True, eq=False)
class _UnderWay:
    """A write that has begun; `late_since` is None as long as its caller waits for it."""

    task: asyncio.Task[None]
    write: Write
    late_since: float | None = None


class LateWrites:
    """Writes that have begun and whose end nobody has taken in yet, in their order by device.

    One that its device has not confirmed in time is left alone until it has, or failed. If it were
    cancelled and sent again it would never arrive at a device that is slower than a cycle, for it
    would begin anew each time; and what is still on its way could act after the next. So a device
    has one write at a time, and the next limit, whatever it is, follows it. That holds between the
    cycle and a prepared response, too: what is taken in first is what was written first.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._of: dict[str, list[_UnderWay]] = {}

    def __contains__(self, device: str) -> bool:
        """Whether a write to this device is under way."""
        return any(not one.task.done() for one in self._of.get(device, ()))

    def is_late(self, device: str) -> bool:
        """Whether a write to this device is under way that nobody waits for any more."""
        return any(
            one.late_since is not None and not one.task.done() for one in self._of.get(device, ())
        )

    def begin(self, driver: Driver, write: Write) -> asyncio.Task[None]:
        """Write, after those that are under way to the same device."""
        queue = self._of.setdefault(write.device, [])
        before = [one.task for one in queue if not one.task.done()]

        async def in_turn() -> None:
            if before:
                await asyncio.wait(before)
            await driver.write(write.amount, write.watchdog)

        task = asyncio.create_task(in_turn())
        queue.append(_UnderWay(task, write))
        return task

    def leave(self, tasks: Iterable[asyncio.Task[None]]) -> None:
        """Nobody waits for these any more: they are late."""
        given, now = set(tasks), self._clock()
        for one in self._all():
            if one.task in given:
                one.late_since = now

    def ended(self) -> tuple[tuple[asyncio.Task[None], Write], ...]:
        """Those that have ended since the last time, whoever began them."""
        found = tuple((one.task, one.write) for one in self._all() if one.task.done())
        for device in {write.device for _, write in found}:
            left = [one for one in self._of[device] if not one.task.done()]
            if left:
                self._of[device] = left
            else:
                del self._of[device]
        return found

    def given_up(self) -> tuple[str, ...]:
        """Devices whose writes take too long; they are told to end, once."""
        now, lost = self._clock(), []
        for one in self._all():
            if one.late_since is not None and now - one.late_since > GIVE_UP_S:
                one.task.cancel()
                one.late_since = math.inf
                lost.append(one.write.device)
        return tuple(dict.fromkeys(lost))

    def give_up(self) -> None:
        """End all: the agent stops."""
        for one in self._all():
            one.task.cancel()
        self._of.clear()

    def _all(self) -> Iterator[_UnderWay]:
        return (one for queue in self._of.values() for one in queue)


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
        late: of the cycles before, and of a prepared response at the same time.
    """
    late = LateWrites() if late is None else late
    ended = list(late.ended())
    for device in late.given_up():
        counters["setpoints_given_up"] += 1
        notices.failed(device, f"the driver has not ended its write for {GIVE_UP_S:.0f} s")
    begun: set[asyncio.Task[None]] = set()
    for write in writes:
        if late.is_late(write.device):
            counters["setpoints_waiting"] += 1
            continue
        begun.add(late.begin(drivers[write.device], write))
    if begun:
        _, pending = await asyncio.wait(begun, timeout=deadline_s)
        late.leave(pending)
        counters["setpoints_late"] += len(pending)
        ended += late.ended()
    confirmed = tuple(
        write
        for task, write in ended
        if is_confirmed(task, write.device, "setpoints_failed", counters, notices)
    )
    if confirmed:
        counters["setpoints_written"] += len(confirmed)
    return confirmed
