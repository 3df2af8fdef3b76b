"""The life of one driver process: greeted, its sources opened, watched to its end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Mapping
from typing import Any, Protocol

from ortsnetz_common.errors import InputError
from ortsnetz_common.link import driver_process as say
from ortsnetz_common.link import frames
from ortsnetz_edge.drivers.contract import DriverError, FailureKind
from ortsnetz_edge.drivers.remote.consultation import welcome
from ortsnetz_edge.drivers.remote.link import Link
from ortsnetz_edge.drivers.remote.process import MEGABYTE, DriverProcess, Plan


class OpenSource(Protocol):
    """A source that each new process has to open."""

    @property
    def wanted(self) -> say.Open:
        """What the process is asked."""

    def opened(self, answer: say.Opened | None, why: str) -> None:
        """Take what it answers; None: it cannot open the source, and why."""

    def reported(self, report: say.Report) -> None:
        """Take what the device reports by itself. Raises FrameError: it is none of this source."""


class Life:
    """One process. All its ends are words: a process that misbehaves is no error of the agent.

    Attributes:
        link: the connection to it.
        beaten: what it said at the last heart-beat.
        memory_bytes: resident memory at the last heart-beat.
    """

    def __init__(
        self, plan: Plan, taken_over: DriverProcess | None, sources: Mapping[str, OpenSource]
    ) -> None:
        """Start it, unless one is taken over that has been greeted already.

        Raises:
            OSError: it cannot be started.
        """
        self.beaten: say.Beaten | None = None
        self.memory_bytes: int | None = None
        self._plan, self._limits, self._counters = plan, plan.limits, plan.counters
        self._sources = sources
        self._greeted = taken_over is not None
        self._dropped = 0
        self._listening: asyncio.Task[str] | None = None
        self.link = Link(plan, taken_over or DriverProcess(plan.command), self._reported)

    async def begin(self) -> str:
        """Bring it to where it can be asked; empty, or why that did not work."""
        try:
            async with asyncio.timeout(self._limits.start_s):
                await self.link.open()
                if not self._greeted:
                    self.link.send(self._plan.hello)
                    welcome(await self.link.receive())
                self._listening = asyncio.create_task(self.link.listen())
                return await self._until_ended(self._open_all())
        except TimeoutError:
            return f"was not ready within {self._limits.start_s:.0f} s"
        except (frames.FrameError, DriverError, InputError) as error:
            return f"cannot start: {error}"
        except (OSError, asyncio.IncompleteReadError):
            return "ended while starting"

    async def accompany(self) -> str:
        """Stay with it to its end; why it ended, or has to be ended."""
        return await self._until_ended(self._beat())

    def end(self, why: str) -> None:
        """End it at once."""
        if self._listening is not None:
            self._listening.cancel()
        self.link.end(why)

    async def hang_up(self, deadline_s: float) -> None:
        """Let it end by itself; end it if it does not."""
        if self._listening is not None:
            self._listening.cancel()
        await self.link.hang_up(deadline_s)

    async def _until_ended(self, work: Coroutine[Any, Any, str]) -> str:
        """What the work says, or why the connection ended before it."""
        if self._listening is None:
            raise ConnectionError("not connected")
        working = asyncio.create_task(work)
        try:
            await asyncio.wait({working, self._listening}, return_when=asyncio.FIRST_COMPLETED)
            return self._listening.result() if self._listening.done() else working.result()
        finally:
            working.cancel()

    async def _open_all(self) -> str:
        """Open all sources; what a source cannot is its own matter."""
        deadline = time.monotonic() + self._limits.start_s
        for source in list(self._sources.values()):
            try:
                answer = await self.link.ask(source.wanted, deadline - time.monotonic())
            except InputError as error:
                source.opened(None, str(error))
            except DriverError as error:
                if error.kind is FailureKind.TIMEOUT:
                    return f"did not open its sources within {self._limits.start_s:.0f} s"
                source.opened(None, str(error))
            else:
                source.opened(answer if isinstance(answer, say.Opened) else None, "no answer fits")
        return ""

    async def _beat(self) -> str:
        """Ask whether it lives, again and again; why it has to be ended."""
        while True:
            try:
                answer = await self.link.ask(say.Beat(), self._limits.hung_after_s)
            except DriverError as error:
                self._counters["hung"] += error.kind is FailureKind.TIMEOUT
                return f"gives no sign of life: {error}"
            except InputError as error:
                return f"answers its heart-beat with words: {error}"
            if not isinstance(answer, say.Beaten):
                self._counters["broke_contract"] += 1
                return "answers its heart-beat with something else"
            self.beaten = answer
            self._counters["reports_dropped"] += max(0, answer.reports_dropped - self._dropped)
            self._dropped = answer.reports_dropped
            self.memory_bytes = self.link.process.memory_bytes
            if (self.memory_bytes or 0) > self._limits.memory_bytes:
                self._counters["too_large"] += 1
                return (
                    f"has grown to {self.memory_bytes} bytes, "
                    f"{self._limits.memory_bytes // MEGABYTE} MB are allowed"
                )
            await asyncio.sleep(self._limits.beat_s)

    def _reported(self, report: say.Report) -> None:
        source = self._sources.get(report.source)
        if source is None:
            self._counters["reports_of_nobody"] += 1
        else:
            source.reported(report)
