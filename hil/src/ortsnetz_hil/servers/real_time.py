"""Keeps the plant alive in real time: five steps a second, its truth and its counters."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

from ortsnetz_common.measurement.time import now_ns
from ortsnetz_hil.plant.core import Plant
from ortsnetz_hil.servers.counters import Counters
from ortsnetz_hil.servers.devices import Scene
from ortsnetz_hil.servers.live import Live
from ortsnetz_hil.servers.setpoint_log import SetpointLog
from ortsnetz_hil.verdict.truth import Observer
from ortsnetz_hil.verdict.truth_file import TruthWriter

PERIOD_S = 0.2
STEPS_A_SECOND = 5


@dataclass(slots=True)
class RealTime:
    """The loop of a running plant.

    Attributes:
        directory: plant directory.
        scene: what the device servers look at.
        stop: set by a signal.
    """

    directory: Path
    plant: Plant
    scene: Scene
    counters: Counters
    log: SetpointLog
    observer: Observer
    truth: TruthWriter
    stop: asyncio.Event
    live: Live | None = None

    def step(self) -> float:
        """One step now; returns the elapsed wall seconds since the beginning of the window."""
        began = time.perf_counter()
        wall_ns = now_ns()
        window = self.plant.configuration.window
        elapsed_s = window.elapsed_s(wall_ns)
        step = self.plant.step(elapsed_s, window.after(elapsed_s))
        self.scene.step, self.scene.time_ns = step, wall_ns
        row = self.observer.row(step, elapsed_s)
        self.truth.append(row)
        self.live = Live.of(row)
        self.counters.steps += 1
        took_s = time.perf_counter() - began
        self.counters.worst_step_s = max(self.counters.worst_step_s, took_s)
        return elapsed_s

    async def run(self, end_s: float | None) -> None:
        """Step until told to stop.

        Args:
            end_s: wall seconds since the beginning of the window, None without end.
        """
        loop = asyncio.get_running_loop()
        due = loop.time()
        while not self.stop.is_set():
            late_s = loop.time() - due
            self.counters.worst_lateness_s = max(self.counters.worst_lateness_s, late_s)
            if late_s > PERIOD_S:
                missed = int(late_s / PERIOD_S)
                self.counters.overruns += missed
                due += missed * PERIOD_S
            elapsed_s = self.step()
            if self.counters.steps % STEPS_A_SECOND == 0:
                self.save()
            if end_s is not None and elapsed_s >= end_s:
                return
            due += PERIOD_S
            await self._until(due - loop.time())

    async def _until(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self.stop.wait(), max(seconds, 0.0))
        except TimeoutError:
            return

    def save(self, *, finished: bool = False) -> None:
        """Write the counters and the log of setpoints."""
        self.log.flush()
        self.counters.updated_ns = now_ns()
        self.counters.setpoints_dropped = self.log.dropped
        self.counters.truth_parts_dropped = self.truth.dropped_parts
        self.counters.finished = finished
        self.counters.write(self.directory)
        if self.live is not None:
            self.live.write(self.directory)

    def close(self) -> None:
        """Write what remains."""
        self.truth.flush()
        self.save(finished=True)
