"""Keeps one driver process running: restarts with back-off, all counted."""

from __future__ import annotations

import asyncio
import logging
import time

from ortsnetz_common.link import driver_process as say
from ortsnetz_edge.drivers.backoff import Backoff
from ortsnetz_edge.drivers.contract import DriverError, FailureKind
from ortsnetz_edge.drivers.remote.consultation import Consultation
from ortsnetz_edge.drivers.remote.life import Life, OpenSource
from ortsnetz_edge.drivers.remote.link import Link
from ortsnetz_edge.drivers.remote.process import Plan

log = logging.getLogger(__name__)

BACKOFF_FIRST_S = 0.5
BACKOFF_CAP_S = 30.0
STOP_DEADLINE_S = 2.0


class Session:
    """One driver process at a time, from the first question to `stop`.

    Attributes:
        sources: each new process opens all of them.
        generation: counts the processes that were ready.
    """

    def __init__(self, plan: Plan, consultation: Consultation) -> None:
        self.counters = plan.counters
        self.sources: dict[str, OpenSource] = {}
        self.generation = 0
        self._plan, self._consultation = plan, consultation
        self._name = f"driver process '{plan.name}'"
        self._backoff = Backoff(BACKOFF_FIRST_S, BACKOFF_CAP_S)
        self._ready = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._life: Life | None = None
        self._why = "is starting"
        self._not_before: float | None = None

    @property
    def ready(self) -> bool:
        """Whether a question can be asked now."""
        return self._ready.is_set()

    @property
    def pid(self) -> int | None:
        """Process id; None while there is none."""
        return None if self._life is None else self._life.link.process.pid

    @property
    def beaten(self) -> say.Beaten | None:
        """What the process said at its last heart-beat; None while there is none."""
        return None if self._life is None else self._life.beaten

    @property
    def memory_bytes(self) -> int | None:
        """Resident memory of the process at its last heart-beat."""
        return None if self._life is None else self._life.memory_bytes

    async def linked(self, patience_s: float) -> Link:
        """The connection; starts the process if need be.

        Raises:
            DriverError: there is none now, and why.
        """
        if self._keeper is None or self._keeper.done():
            self._keeper = asyncio.create_task(self._keep())
        if self._not_before is not None:
            wait_s = max(0.0, self._not_before - time.monotonic())
            raise DriverError(
                FailureKind.WAITING, f"{self._name}: {self._why}; next start in {wait_s:.1f} s"
            )
        if not self.ready:
            try:
                async with asyncio.timeout(patience_s):
                    await self._ready.wait()
            except TimeoutError:
                raise DriverError(FailureKind.WAITING, f"{self._name} is starting") from None
        if self._life is None:
            raise DriverError(FailureKind.DISCONNECTED, f"{self._name}: {self._why}")
        return self._life.link

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
        why = f"broke the contract: {words}"
        if self._life is not None:
            self._life.link.end(why)
        return DriverError(FailureKind.WRONG_ANSWER, f"{self._name} {why}")

    async def stop(self) -> None:
        """End the process and keep none running."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
            self._keeper = None
        life, self._life = self._life, None
        self._ready.clear()
        self._not_before = None
        if life is not None:
            await life.hang_up(STOP_DEADLINE_S)
        self._consultation.close()

    async def _keep(self) -> None:
        """Keep a process running; wait between attempts."""
        while True:
            born = time.monotonic()
            well = await self._live()
            if time.monotonic() - born > self._plan.limits.stable_after_s:
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
            life = self._life = Life(self._plan, self._consultation.release(), self.sources)
        except OSError as error:  # no memory, no process left: it may be better later
            self._why = f"cannot be started: {error.strerror or error}"
            return False
        why = await life.begin()
        well = not why
        if well:
            if self.generation:
                log.warning("%s is back", self._name)
            self.generation += 1
            self._ready.set()
            why = await life.accompany()
        self._ready.clear()
        self._why, self._life = why, None
        life.end(why)
        return well
