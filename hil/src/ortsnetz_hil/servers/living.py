"""The plant while it is seen: steps, truth, counters, timeline."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_common.measurement.time import NS_PER_S, now_ns
from ortsnetz_hil.faults.timeline import BY_COMMAND, Entry, Timeline
from ortsnetz_hil.plant import event_words
from ortsnetz_hil.plant.core import Plant
from ortsnetz_hil.plant.events import ClockStep, Event, ProcessEvent
from ortsnetz_hil.servers.conducting import Request, ask
from ortsnetz_hil.servers.counters import Counters
from ortsnetz_hil.servers.devices import Scene
from ortsnetz_hil.servers.live import Live
from ortsnetz_hil.servers.plant_clock import PlantClock
from ortsnetz_hil.servers.setpoint_log import SetpointLog
from ortsnetz_hil.servers.station_servers import StationServers
from ortsnetz_hil.verdict.truth import Observer
from ortsnetz_hil.verdict.truth_file import TruthWriter


@dataclass(slots=True)
class LivingPlant:
    """A plant, what is known of it, and those who look at it.

    Attributes:
        directory: plant directory.
        scene: what the device servers look at.
        conductor: socket of the bench's conductor, None without a bench.
        clock_error_s: by how much the clock of the device under test is wrong on purpose.
    """

    directory: Path
    plant: Plant
    clock: PlantClock
    scene: Scene
    counters: Counters
    log: SetpointLog
    observer: Observer
    truth: TruthWriter
    timeline: Timeline
    stations: StationServers
    conductor: Path | None = None
    clock_error_s: float = 0.0
    live: Live | None = None
    _outside: list[ClockStep | ProcessEvent] = field(init=False)
    _errands: list[asyncio.Task[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._outside = sorted(
            (e for e in self.plant.configuration.events if isinstance(e, ClockStep | ProcessEvent)),
            key=lambda event: event.at_s,
        )

    def step(self) -> float:
        """One step now; returns the plant seconds since the beginning of the window."""
        began = time.perf_counter()
        now_s, time_ns = self.clock.now_s(), self.clock.now_ns()
        step = self.plant.step(now_s, self.plant.configuration.window.after(now_s))
        self.scene.step, self.scene.time_ns = step, time_ns
        row = self.observer.row(step, now_s)
        self.truth.append(row)
        self.live = Live.of(row)
        self.counters.steps += 1
        self.counters.worst_step_s = max(self.counters.worst_step_s, time.perf_counter() - began)
        for event in step.commanded:
            self.note(event, now_s, BY_COMMAND)
        for event in step.happened:
            self.note(event, now_s)
        return now_s

    async def around(self, now_s: float) -> tuple[ClockStep | ProcessEvent, ...]:
        """Let faults begin and end, and what is due around the plant happen; returns the latter."""
        await self.stations.tick(now_s)
        happened = []
        while self._outside and self._outside[0].at_s <= now_s:
            event = self._outside.pop(0)
            if isinstance(event, ClockStep):
                self.clock_error_s += event.seconds
                self.note(event, now_s)
            elif self.plant.configuration.pace.stepped:
                await self._conduct(event)
            else:  # real time does not wait for a process that starts
                self._errands.append(asyncio.create_task(self._conduct(event)))
            happened.append(event)
        for errand in [errand for errand in self._errands if errand.done()]:
            self._errands.remove(errand)
            errand.result()
        return tuple(happened)

    async def _conduct(self, event: ProcessEvent) -> None:
        if self.conductor is None:
            raise OrtsnetzError(
                f"event at {event.at_s:g} s: there is no bench that could {event.action} "
                f"'{event.process}'"
            )
        reply = await ask(self.conductor, Request(event.process, event.action))
        if not reply.ok:
            raise OrtsnetzError(
                f"event at {event.at_s:g} s: {event.action} {event.process}: {reply.detail}"
            )
        self.note(event, self.clock.now_s(), reply.detail)

    def note(self, event: Event, now_s: float, detail: str = "") -> None:
        """Log an event."""
        network = self.plant.network
        what = event_words.words(event, network)
        self.timeline.append(
            Entry(
                kind="event",
                name=str(event.__struct_config__.tag),
                what=what,
                target=event_words.target(event, network),
                due_s=event.at_s,
                at_s=now_s,
                time_ns=self.clock.now_ns(),
                state="done",
                detail=detail,
            )
        )

    def tick_ns(self) -> int:
        """Wall clock as the device under test shall see it, UTC ns."""
        return self.clock.now_ns() + round(self.clock_error_s * NS_PER_S)

    def save(self, *, finished: bool = False) -> None:
        """Write counters, setpoints and timeline."""
        self.log.flush()
        self.timeline.flush()
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
        self.stations.shown.write(self.directory)
        self.save(finished=True)
