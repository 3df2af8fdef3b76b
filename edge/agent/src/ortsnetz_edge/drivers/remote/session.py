"""Keeps one driver process running: heart-beats, memory, restarts with back-off, all counted."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Protocol

from ortsnetz_common.errors import InputError
from ortsnetz_common.link import driver_process as say
from ortsnetz_common.link import frames
from ortsnetz_edge.drivers.backoff import Backoff
from ortsnetz_edge.drivers.contract import DriverError, FailureKind
from ortsnetz_edge.drivers.remote.consultation import Consultation, welcome
from ortsnetz_edge.drivers.remote.link import Link
from ortsnetz_edge.drivers.remote.process import MEGABYTE, DriverProcess, Plan

log = logging.getLogger(__name__)

BACKOFF_FIRST_S = 0.5
BACKOFF_CAP_S = 30.0
STOP_DEADLINE_S = 2.0


class OpenSource(Protocol):
    """A source that each new process has to open."""

    @property
    def wanted(self) -> say.Open:
        """What the process is asked."""

    def opened(self, answer: say.Opened | None, why: str) -> None:
        """Take what it answers; None: it cannot open the source, and why."""

    def reported(self, report: say.Report) -> None:
        """Take what the device reports by itself. Raises FrameError: it is none of this source."""


class Session:
    """One driver process at a time, from the first question to `stop`."""

    def __init__(self, plan: Plan, consultation: Consultation) -> None:
        self.counters = plan.counters
        self.sources: dict[str, OpenSource] = {}
        self.beaten: say.Beaten | None = None
        self.memory_bytes: int | None = None
        self.generation = 0
        self._plan, self._limits, self._consultation = plan, plan.limits, consultation
        self._name = f"driver process '{plan.name}'"
        self._backoff = Backoff(BACKOFF_FIRST_S, BACKOFF_CAP_S)
        self._ready = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._link: Link | None = None
        self._why = "is starting"
        self._not_before: float | None = None
        self._dropped = 0  # reports that this process says it has dropped

    @property
    def ready(self) -> bool:
        """Whether a question can be asked now."""
        return self._ready.is_set()

    @property
    def pid(self) -> int | None:
        """Process id; None while there is none."""
        return None if self._link is None else self._link.process.pid

    async def linked(self, patience_s: float) -> Link:
        """The connection; starts the process if need be.

        Raises:
            DriverError: there is none now, and why.
        """
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep())
        if self._not_before is not None:
            wait_s = max(0.0, self._not_before - time.monotonic())
            raise DriverError(
                FailureKind.WAITING, f"{self._name}: {self._why}; next start in {wait_s:.1f} s"
            )
        try:
            async with asyncio.timeout(patience_s):
                await self._ready.wait()
        except TimeoutError:
            raise DriverError(FailureKind.WAITING, f"{self._name} is starting") from None
        if self._link is None:
            raise DriverError(FailureKind.DISCONNECTED, f"{self._name}: {self._why}")
        return self._link

    async def ask(self, ask: say.Ask, deadline_s: float) -> say.Answer:
        """The answer to a question.

        Raises:
            DriverError: there is none within the deadline, or it is one.
            InputError: the driver says that what it is asked cannot be.
        """
        end = time.monotonic() + deadline_s
        link = await self.linked(deadline_s)
        return await link.ask(ask, max(0.0, end - time.monotonic()))

    def broke(self, words: str) -> DriverError:
        """The process has broken the contract: end it; the error to raise."""
        self.counters["broke_contract"] += 1
        self._why = f"broke the contract: {words}"
        if self._link is not None:
            self._link.end(self._why)
        return DriverError(FailureKind.WRONG_ANSWER, f"{self._name} {self._why}")

    async def stop(self) -> None:
        """End the process and keep none running."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
            self._keeper = None
        link, self._link = self._link, None
        self._ready.clear()
        if link is not None:
            await link.hang_up(STOP_DEADLINE_S)
        self._consultation.close()

    async def _keep(self) -> None:
        """Keep a process running; wait between attempts."""
        while True:
            born = time.monotonic()
            well = await self._live()
            self._ready.clear()
            if time.monotonic() - born > self._limits.stable_after_s:
                self._backoff.succeeded()
            delay_s = self._backoff.failed()
            self.counters["restarts"] += 1
            if well or self._backoff.failures == 1:  # once; the counters say the rest
                log.warning("%s: %s; it is started again", self._name, self._why)
            self._not_before = time.monotonic() + delay_s
            await asyncio.sleep(delay_s)
            self._not_before = None

    async def _live(self) -> bool:
        """One process from its start to its end; whether it has been ready."""
        try:
            process = self._consultation.release()
            greeted = process is not None
            link = self._link = Link(
                self._plan,
                process or DriverProcess(self._plan.command),
                self._reported,
            )
        except OSError as error:  # no memory, no process left: it may be better later
            self._why = f"cannot be started: {error.strerror or error}"
            return False
        why = "stopped by the agent"
        try:
            try:
                async with asyncio.timeout(self._limits.start_s):
                    await self._greet(link, greeted=greeted)
            except TimeoutError:
                why = f"said nothing within {self._limits.start_s:.0f} s"
                return False
            except (frames.FrameError, DriverError, InputError) as error:
                why = f"cannot start: {error}"
                return False
            except (OSError, asyncio.IncompleteReadError):
                why = "ended while starting"
                return False
            why, well = await self._accompany(link)
            return well
        finally:
            if why != "stopped by the agent":
                self._why, self._link = why, None
                self.beaten = self.memory_bytes = None
                link.end(why)

    async def _greet(self, link: Link, *, greeted: bool) -> None:
        await link.open()
        if not greeted:
            link.send(self._plan.hello)
            welcome(await link.receive())

    async def _accompany(self, link: Link) -> tuple[str, bool]:
        """Open all sources and stay with the process; why it ended, whether it was ready."""
        listening = asyncio.create_task(link.listen())
        opening = asyncio.create_task(self._open_all(link))
        beating: asyncio.Task[str] | None = None
        try:
            await asyncio.wait({listening, opening}, return_when=asyncio.FIRST_COMPLETED)
            if listening.done():
                return listening.result(), False
            if not opening.result():
                return f"did not open its sources within {self._limits.start_s:.0f} s", False
            if self.generation:
                log.warning("%s is back", self._name)
            self.generation += 1
            self._ready.set()
            self._dropped = 0
            beating = asyncio.create_task(self._beat(link))
            done, _ = await asyncio.wait({listening, beating}, return_when=asyncio.FIRST_COMPLETED)
            return next(iter(done)).result(), True
        finally:
            for task in (listening, opening, beating):
                if task is not None:
                    task.cancel()

    async def _open_all(self, link: Link) -> bool:
        """Open all sources; whether the process has answered to each."""
        deadline = time.monotonic() + self._limits.start_s
        for source in list(self.sources.values()):
            try:
                answer = await link.ask(source.wanted, deadline - time.monotonic())
            except InputError as error:
                source.opened(None, str(error))
            except DriverError as error:
                if error.kind is FailureKind.TIMEOUT:
                    return False
                source.opened(None, str(error))
            else:
                source.opened(answer if isinstance(answer, say.Opened) else None, "no answer fits")
        return True

    async def _beat(self, link: Link) -> str:
        """Ask whether it lives, again and again; why it has to be ended."""
        while True:
            try:
                answer = await link.ask(say.Beat(), self._limits.hung_after_s)
            except DriverError as error:
                self.counters["hung"] += error.kind is FailureKind.TIMEOUT
                return f"gives no sign of life: {error}"
            if isinstance(answer, say.Beaten):
                self.beaten = answer
                self.counters["reports_dropped"] += answer.reports_dropped - self._dropped
                self._dropped = answer.reports_dropped
            self.memory_bytes = link.process.memory_bytes
            if (self.memory_bytes or 0) > self._limits.memory_bytes:
                self.counters["too_large"] += 1
                return (
                    f"has grown to {self.memory_bytes} bytes, "
                    f"{self._limits.memory_bytes // MEGABYTE} MB are allowed"
                )
            await asyncio.sleep(self._limits.beat_s)

    def _reported(self, report: say.Report) -> None:
        source = self.sources.get(report.source)
        if source is None:
            self.counters["reports_of_nobody"] += 1
        else:
            source.reported(report)
