"""The cycle: read, freeze, journal, estimate, limit, arbitrate, write, record."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ortsnetz_common.link.codec import encode_record
from ortsnetz_common.link.messages import Adjusted, Decision, Health, Record, Setpoint
from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.measurement.time import NS_PER_S
from ortsnetz_edge import standing
from ortsnetz_edge.acquisition.image import NextImage, ProcessImage
from ortsnetz_edge.acquisition.notices import Notices
from ortsnetz_edge.acquisition.readings import ReadingLayout, readings
from ortsnetz_edge.acquisition.scanner import Scanner
from ortsnetz_edge.asking import Asking, Findings
from ortsnetz_edge.bootstrap import Configuration
from ortsnetz_edge.clock import Clock, WallClock
from ortsnetz_edge.control import compressor_memory
from ortsnetz_edge.control.adjusting import Begun, adjust_all, adjust_notices
from ortsnetz_edge.control.alarms import AlarmBoard, Condition
from ortsnetz_edge.control.conditions import journal_trouble
from ortsnetz_edge.control.controller import Controller, Verdict
from ortsnetz_edge.control.device import Write
from ortsnetz_edge.control.failsafe import AgentMode
from ortsnetz_edge.control.interventions import Following, InterventionLedger
from ortsnetz_edge.control.memory import Memory, save_memory
from ortsnetz_edge.control.modes import LimitingMode
from ortsnetz_edge.control.network_conditions import why_none_rises
from ortsnetz_edge.control.order_words import not_kept
from ortsnetz_edge.control.outside import Outside
from ortsnetz_edge.control.timekeeping import ClockWatch
from ortsnetz_edge.control.voltage import VoltageControlling, joined
from ortsnetz_edge.control.writing import LateWrites, write_all, write_notices
from ortsnetz_edge.drivers.contract import Driver
from ortsnetz_edge.hosting.functions import Functions
from ortsnetz_edge.journal.journal import Journal, JournalWriter
from ortsnetz_edge.journal.layout import Entry
from ortsnetz_edge.records import PointTable
from ortsnetz_edge.status import write_status
from ortsnetz_edge.status_view import StatusView
from ortsnetz_edge.uplink.session import Uplink

log = logging.getLogger(__name__)

SCAN_SHARE = 0.3
"""Share of the cycle that sources that answered last time are waited for."""
WRITE_SHARE = 0.4
ADJUST_SHARE = 0.2
NS_PER_DAY = 86_400 * NS_PER_S
ORDERS_A_CYCLE = 20
"""A flood of orders costs a cycle no more than some milliseconds; what is left waits."""
WATCH_S = 0.25
"""Distance of the reads of a meter whose values may release a response: it has a second to act."""
RESPOND_S = 1.0
"""A device that has not confirmed the limit of a prepared response by then is late."""
LATE = "late"
"""Stands for a cycle that took too long; nothing is written in it."""
HEALTH_EVERY = 5
MEMORY_EVERY = 30
DRAIN_S = 2.5
"""At the end, answers that are under way are waited for: the devices have counted them."""


@dataclass
class Agent:
    """The parts of a node and its cycle; assembled in `assembly`."""

    configuration: Configuration
    drivers: Mapping[str, Driver]
    scanner: Scanner
    image: NextImage
    layouts: Mapping[str, ReadingLayout]
    points: PointTable
    functions: Functions
    controller: Controller
    ledger: InterventionLedger
    asking: Asking
    alarms: AlarmBoard
    journal: Journal
    writer: JournalWriter
    uplink: Uplink
    view: StatusView
    memory_path: Path
    outside: Outside
    voltage: VoltageControlling
    clock: Clock = field(default_factory=WallClock)
    counters: Counter[str] = field(default_factory=Counter)
    write_notices: Notices = field(default_factory=write_notices)
    adjust_notices: Notices = field(default_factory=adjust_notices)
    unended_adjustments: dict[str, Begun] = field(default_factory=dict)
    late_writes: LateWrites = field(default_factory=LateWrites)
    cycle: int = 0
    _health_mode: str = ""
    _status: str = ""
    _responding: set[asyncio.Task[None]] = field(default_factory=set)
    _clock_watch: ClockWatch = field(default_factory=ClockWatch)

    async def run_cycle(self) -> None:
        """One cycle, from the scan to the records."""
        begun = time.monotonic()
        self.cycle += 1
        timing = self.configuration.parameters.timing
        clock = self.clock
        asked = clock.monotonic()
        await self.scanner.scan(
            clock.patience(SCAN_SHARE * timing.cycle_s), everybody=clock.stepped
        )
        scanned = time.monotonic()
        image = self.image.freeze(self.cycle, clock.now_ns(), now=clock.monotonic())
        self._put(self.points.measured(image))
        usable = readings(image, self.layouts)
        found = self._unless_late(await self.asking.ask(image.time_ns, usable), asked)
        why = "; ".join(found.failures.values())
        doubted = found.estimate.doubted_guards if found.estimate else ()
        self._take_orders()
        verdict = self.controller.step(
            image,
            usable,
            found.limits,
            why,
            doubted=doubted,
            external=joined(
                self.outside.claims, self.voltage.claims(usable, now=clock.monotonic())
            ),
            modes=self.outside.orders.modes,
            now=clock.monotonic(),
        )
        self._count(found, verdict)
        confirmed = await write_all(
            () if LATE in found.failures else verdict.writes,
            self.drivers,
            self.counters,
            deadline_s=clock.patience(WRITE_SHARE * timing.cycle_s),
            notices=self.write_notices,
            late=self.late_writes,
        )
        adjusted = await self._adjust(image, usable, found, verdict)
        self._record(image, found, verdict, confirmed, adjusted)
        self._report(image, found, verdict, begun, scanned)

    def _unless_late(self, found: Findings, asked: float) -> Findings:
        """What was found, unless it is about an instant long past.

        A process that was stopped, or a machine that was suspended, goes on in the middle of a
        cycle: with readings from before, of devices that have fallen back by themselves meanwhile.

        Args:
            found: by the functions.
            asked: when the sources were asked, monotonic s.
        """
        late_s = self.clock.monotonic() - asked
        if late_s <= self.configuration.parameters.timing.stale_after_s:
            return found
        self.counters["cycles_late"] += 1
        reason = f"the cycle took {late_s:.1f} s: what it has read is too old to act upon"
        return Findings(found.estimate, None, {LATE: reason})

    async def _adjust(
        self,
        image: ProcessImage,
        usable: dict[str, Reading],
        found: Findings,
        verdict: Verdict,
    ) -> tuple[Adjusted, ...]:
        """Write set points besides limits; those that are new."""
        if LATE in found.failures:
            return ()
        verified = verdict.mode is AgentMode.ACTIVE
        due = self.voltage.step(
            image,
            usable,
            modes={name: one.mode for name, one in self.controller.controls.items()},
            estimate=found.estimate,
            verified=verified,
            day=self.asking.calendar_ns(image.time_ns) // NS_PER_DAY,
            told=found.limits.reactive if found.limits and verified else {},
            now=self.clock.monotonic(),
        )
        confirmed = await adjust_all(
            due,
            self.drivers,
            self.counters,
            deadline_s=self.clock.patience(
                ADJUST_SHARE * self.configuration.parameters.timing.cycle_s
            ),
            notices=self.adjust_notices,
            busy=self.late_writes,
            unended=self.unended_adjustments,
        )
        news = self.voltage.written(confirmed, now=self.clock.monotonic())
        return tuple(Adjusted(n.device, n.quantity.value, n.value, n.reason) for n in news)

    def _take_orders(self) -> None:
        """Orders that have come or ended; in the memory before the cockpit is told so.

        What the memory does not take holds all the same: an order only holds back. It is said.
        """
        now_ns, now = self.clock.now_ns(), self.clock.monotonic()
        states = self.outside.step(self.uplink.take_orders(ORDERS_A_CYCLE), now_ns=now_ns, now=now)
        if states:
            self._put(not_kept(states, self._remember()))

    def value_arrived(self, name: str) -> None:
        """Look at a value as it comes: a prepared response does not wait for the cycle."""
        scan = self.image.latest(name)
        stale_after_s = self.configuration.parameters.timing.stale_after_s
        if scan is None or scan.held_s > stale_after_s:
            return
        reading = self.layouts[name].reading(scan)
        released = self.outside.responses.look(name, reading, now=self.clock.monotonic())
        # in stepped time this very cycle writes it, so that a run repeats itself
        if released and not self.clock.stepped:
            task = asyncio.get_running_loop().create_task(self._respond())
            self._responding.add(task)
            task.add_done_callback(self._responding.discard)

    async def watch_triggers(self) -> None:
        """Ask the meters of armed responses more often than once a cycle; until cancelled.

        What happens just after a scan would otherwise wait for a whole cycle.
        """
        while True:
            await asyncio.sleep(WATCH_S)
            for name in self.outside.responses.watched:
                self.scanner.ask(name)

    async def _respond(self) -> None:
        """Write what a prepared response asks for, now; the next cycles keep it."""
        now = self.clock.monotonic()
        writes = self.controller.lower_now(self.outside.responses.claims, now=now)
        confirmed = await write_all(
            writes,
            self.drivers,
            self.counters,
            deadline_s=self.clock.patience(RESPOND_S),
            notices=self.write_notices,
            late=self.late_writes,
        )
        news = self._news(confirmed)
        if news:
            status = self._status or "limited"
            self._put((Decision(self.clock.now_ns(), self.cycle, status, news),))
        self._remember()

    def _news(self, confirmed: tuple[Write, ...]) -> tuple[Setpoint, ...]:
        """Setpoints among confirmed writes that are worth a record."""
        now = self.clock.monotonic()
        return tuple(
            write.setpoint
            for write in confirmed
            if self.controller.controls[write.device].written(write, now=now)
        )

    async def finish(self) -> None:
        """Stop acquiring; what was read or decided goes into the journal."""
        self.late_writes.give_up()
        for task in self._responding:
            task.cancel()
        await self.scanner.drain(DRAIN_S)
        image = self.image.freeze(self.cycle, self.clock.now_ns(), now=self.clock.monotonic())
        records = self.points.measured(image)
        verdict_mode = self._health_mode or "starting"
        self._put((*records, self._health(image.time_ns, verdict_mode, "stopping", 0.0)))
        self._remember()

    def _count(self, found: Findings, verdict: Verdict) -> None:
        """Count cycles in which limits could not be raised, or were lowered without a state."""
        if found.estimate is not None:
            self.counters["cycles_guard_doubted"] += bool(found.estimate.doubted_guards)
        if found.limits is not None:
            self.counters["cycles_reserve_given_up"] += bool(found.limits.reserve_given_up)
            self.counters["cycles_infeasible"] += bool(found.limits.violated)
        self.counters["cycles_overload_measured"] += bool(verdict.overloads)

    def _record(
        self,
        image: ProcessImage,
        found: Findings,
        verdict: Verdict,
        confirmed: tuple[Write, ...],
        adjusted: tuple[Adjusted, ...],
    ) -> None:
        """Put what was found and decided into the journal."""
        now = self.clock.monotonic()
        records: list[Record] = []
        if found.estimate is not None:
            records.append(self.points.estimated(found.estimate, image.time_ns))
        news = (*self._news(confirmed), *verdict.advised)
        if news or adjusted or verdict.status != self._status:
            records.append(Decision(image.time_ns, self.cycle, verdict.status, news, adjusted))
            self._status = verdict.status
        kept = self.outside.confirmed(self.controller.controls, now_ns=self.clock.now_ns())
        lasting = {item.device for item in self.ledger.open}
        following = (
            Following(c.device, c.setpoint, c.limited_in_force, c.reading)
            for c in self.controller.controls.values()
            if c.amount is not None and (c.mode is LimitingMode.ACTIVE or c.device.name in lasting)
        )
        interventions: tuple[Record, ...] = ()
        if self.configuration.parameters.mode.limiting == "active":
            interventions = self.ledger.step(following, image.time_ns, now=image.monotonic_s)
        alarms = self.alarms.step(
            self._conditions(image, found, verdict), now=now, time_ns=image.time_ns
        )
        self._put((*records, *interventions, *alarms))
        if interventions or alarms or kept or self.cycle % MEMORY_EVERY == 0:
            self._put(not_kept(kept, self._remember()))

    def _conditions(
        self, image: ProcessImage, found: Findings, verdict: Verdict
    ) -> list[Condition]:
        now = self.clock.monotonic()
        parameters, controls = self.configuration.parameters, self.controller.controls.values()
        return [
            *standing.of_cycle(parameters, image, found, verdict, controls, now=now),
            *self._clock_conditions(),
            *self.outside.responses.conditions(now=now),
            *self.voltage.conditions(now=now),
            *journal_trouble(
                self.writer.failure, len(self.journal.moved_aside), self.journal.store.dropped
            ),
        ]

    def _clock_conditions(self) -> Iterable[Condition]:
        """What is wrong with the node's clock; a bench's time is right by definition."""
        clock = self.clock
        if clock.stepped:
            return ()
        return self._clock_watch.step(now_ns=clock.now_ns(), now=clock.monotonic())

    def _report(
        self, image: ProcessImage, found: Findings, verdict: Verdict, begun: float, scanned: float
    ) -> None:
        """Health for the cockpit, status for the technician."""
        cycle_ms = (time.monotonic() - begun) * 1000.0
        mode = verdict.mode.value
        if verdict.mode is AgentMode.ACTIVE:
            reasons = (verdict.reason, why_none_rises(found.limits))
            verdict = replace(verdict, reason="; ".join(filter(None, reasons)))
        if mode != self._health_mode or self.cycle % HEALTH_EVERY == 0:
            self._health_mode = mode
            self._put((self._health(image.time_ns, mode, verdict.reason, cycle_ms),))
        status = self.view.status(
            image,
            verdict,
            worst_loading=found.limits.worst_loading if found.limits else None,
            cycle_ms=cycle_ms,
            scan_ms=(scanned - begun) * 1000.0,
            state_age_s=self.controller.fail_safe.age_s(self.clock.monotonic()),
            alarms=self.alarms.active,
            counters=self.counted(),
        )
        try:
            write_status(self.configuration.bootstrap.data_dir, status)
        except OSError as error:
            self.counters["status_not_written"] += 1
            log.warning("status: %s", error)

    def counted(self) -> dict[str, int]:
        """All counters, by name."""
        own = Counter(cpu_ms=round(time.process_time() * 1000.0))
        own["journal_damaged"] = len(self.journal.moved_aside)
        for part in (
            self.counters,
            self._clock_watch.counters,
            self.image.counters,
            self.writer.counters,
            self.uplink.counted(),
            self.functions.counted(),
            self.outside.counted(),
            self.controller.counted(),
        ):
            own.update(part)
        return dict(sorted(own.items()))

    def _health(self, time_ns: int, mode: str, reason: str, cycle_ms: float) -> Health:
        return Health(
            time_ns=time_ns,
            cycle=self.cycle,
            mode=mode,
            reason=reason,
            cycle_ms=cycle_ms,
            state_age_s=self.controller.fail_safe.age_s(self.clock.monotonic()),
            counters=self.counted(),
        )

    def _put(self, records: tuple[Record, ...]) -> None:
        if records:
            self.writer.put([Entry(encode_record(record)) for record in records])

    def _remember(self) -> str | None:
        """Write down what has to last; why that failed, in words."""
        try:
            now_ns, now = self.clock.now_ns(), self.clock.monotonic()
            orders = self.outside.orders.memory(now=now)
            released = self.outside.responses.released
            taps = self.voltage.remembered()
            compressors = compressor_memory.remembered(
                self.controller.controls.values(), now_ns=now_ns, now=now
            )
            memory = Memory(
                self.ledger.open, self.alarms.active, orders, released, taps, compressors
            )
            save_memory(self.memory_path, memory)
        except OSError as error:
            self.counters["memory_not_written"] += 1
            log.warning("control: cannot remember what has to last: %s", error)
            return f"{self.memory_path.name} cannot be written: {error.strerror or error}"
        return None
