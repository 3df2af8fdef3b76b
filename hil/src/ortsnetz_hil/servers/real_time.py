"""Keeps the plant alive in real time: a step each period; what is late is counted and shown."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ortsnetz_hil.servers.living import LivingPlant


@dataclass(slots=True)
class RealTime:
    """The loop of a plant in real time.

    Attributes:
        stop: set by a signal.
    """

    living: LivingPlant
    stop: asyncio.Event

    async def run(self, end_s: float | None) -> None:
        """Step until told to stop.

        Args:
            end_s: plant seconds since the beginning of the window, None without end.
        """
        living = self.living
        period_s = living.plant.configuration.pace.step_s
        steps_a_save = max(1, round(1.0 / period_s))
        loop = asyncio.get_running_loop()
        due = loop.time()
        while not self.stop.is_set():
            late_s = loop.time() - due
            living.counters.worst_lateness_s = max(living.counters.worst_lateness_s, late_s)
            if late_s > period_s:
                missed = int(late_s / period_s)
                living.counters.overruns += missed
                due += missed * period_s
            now_s = living.step()
            await living.around(now_s)
            if living.counters.steps % steps_a_save == 0:
                living.save()
            if end_s is not None and now_s >= end_s:
                return
            due += period_s
            await self._until(due - loop.time())

    async def _until(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self.stop.wait(), max(seconds, 0.0))
        except TimeoutError:
            return
