"""Keeps the plant alive in stepped time: it waits for the device under test after each cycle."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_common.link.bench_clock import Tick
from ortsnetz_hil.plant.configuration import Pace
from ortsnetz_hil.plant.events import Event, ProcessEvent
from ortsnetz_hil.servers.clock_server import ClockServer
from ortsnetz_hil.servers.living import LivingPlant
from ortsnetz_hil.servers.plant_clock import SteppedPlantClock

LEAD_IN_S = 20.0
"""Plant time begins so long before the window: the agent gets to know its devices."""
SAVE_EVERY_CYCLES = 10
FINISHED = "plant: finished"


def steps_a_cycle(pace: Pace) -> int:
    """Steps of the simulation in a cycle of the device under test.

    Raises:
        OrtsnetzError: the cycle is no whole number of steps.
    """
    steps = round(pace.cycle_s / pace.step_s)
    if steps < 1 or abs(steps * pace.step_s - pace.cycle_s) > 1e-9:
        raise OrtsnetzError(
            f"stepped time needs a cycle ({pace.cycle_s:g} s) of whole steps ({pace.step_s:g} s)"
        )
    return steps


@dataclass(slots=True)
class SteppedTime:
    """The loop of a plant in stepped time.

    Attributes:
        clock: the same as the living plant's.
        server: where the device under test gets its time.
        stop: set by a signal.
        away: whether an event has taken the device under test away.
    """

    living: LivingPlant
    clock: SteppedPlantClock
    server: ClockServer
    stop: asyncio.Event
    cycle: int = 0
    away: bool = False
    first_s: float = field(init=False)

    def __post_init__(self) -> None:
        self.first_s = self.clock.now_s()

    async def run(self, end_s: float | None, say: Callable[[str], None]) -> None:
        """Step to the end of the window, then stay readable until told to stop.

        Raises:
            OrtsnetzError: the device under test does not come, or does not finish a cycle.
        """
        await self.server.wait_connected()
        loop = asyncio.get_running_loop()
        factor = self.living.plant.configuration.pace.factor
        began = loop.time()
        while not self.stop.is_set() and (end_s is None or self.clock.now_s() < end_s):
            await self._cycle()
            if factor is not None:
                due = began + (self.clock.now_s() - self.first_s) / factor
                await self._until(due - loop.time())
        self.living.truth.flush()
        self.living.save()
        await self.server.end_of_time()
        say(FINISHED)
        await self.stop.wait()

    async def _cycle(self) -> None:
        """A cycle of the device under test at the instant of the last step, then plant time on."""
        living = self.living
        self.cycle += 1
        since_s = self.clock.now_s() - self.first_s  # a monotonic clock is never negative
        here = await self.server.cycle(Tick(self.cycle, living.tick_ns(), since_s))
        if not (here or self.away or self.stop.is_set()):
            raise OrtsnetzError(
                f"the device under test hung up at {self.clock.now_s():g} s; no event told it to"
            )
        if self.cycle % SAVE_EVERY_CYCLES == 0:
            living.save()
        while True:
            self.clock.advance()
            await self._mind(await living.around(living.step()))
            if self.clock.at_cycle:
                return

    async def _mind(self, happened: tuple[Event, ...]) -> None:
        """Know whether the device under test is away on purpose; wait until it is back."""
        for event in happened:
            if not (isinstance(event, ProcessEvent) and event.process == "agent"):
                continue
            self.away = event.action != "start"
            if self.away:
                await self.server.end_of_time()  # the old connection is dead: forget it now
            else:
                await self.server.wait_connected()

    async def _until(self, seconds: float) -> None:
        if seconds <= 0:
            return
        try:
            await asyncio.wait_for(self.stop.wait(), seconds)
        except TimeoutError:
            return
