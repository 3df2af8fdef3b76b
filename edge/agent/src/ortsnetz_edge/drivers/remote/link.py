"""The agent's end of a connection to a driver process: numbers, deadlines, what comes unasked."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from ortsnetz_common.errors import InputError
from ortsnetz_common.link import driver_process as say
from ortsnetz_common.link import frames
from ortsnetz_common.link.reads import read_little
from ortsnetz_edge.drivers.contract import DriverError, FailureKind, Observation
from ortsnetz_edge.drivers.remote.consultation import checked
from ortsnetz_edge.drivers.remote.process import DriverProcess, Plan

WATCHED_WAITING = 1000
SEND_BACKLOG_BYTES = 4 * 1024 * 1024
_TURN = 32
"""After so many messages the loop goes to others: a babbling process delays nobody."""

Outcome = say.Answer | DriverError


class Link:
    """One connection; ends with its process."""

    def __init__(
        self,
        plan: Plan,
        process: DriverProcess,
        report: Callable[[say.Report], None],
    ) -> None:
        self.process = process
        self._name, self._clock = f"driver process '{plan.name}'", plan.clock
        self._counters, self._report = plan.counters, report
        self._ended_because = ""
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._number = 1_000_000_000  # beyond those of the consultation that had this process
        self._outstanding: dict[int, asyncio.Future[Outcome]] = {}
        self._watches: dict[int, asyncio.Queue[Observation]] = {}

    async def open(self) -> None:
        """Attach the socket to the running loop."""
        self.process.end.setblocking(False)  # noqa: FBT003 - the library's signature
        self._reader, self._writer = await asyncio.open_connection(
            sock=self.process.end, limit=say.MAX_MESSAGE_BYTES
        )
        read_little(self._writer.transport)

    def send(self, message: say.ToProcess) -> None:
        """Send a message.

        Raises:
            DriverError: the process does not take any more.
            InputError: the message is larger than one may be.
        """
        if self._writer is None or self._writer.is_closing():
            raise DriverError(FailureKind.DISCONNECTED, f"{self._name}: has ended")
        if self._writer.transport.get_write_buffer_size() > SEND_BACKLOG_BYTES:
            raise DriverError(FailureKind.TIMEOUT, f"{self._name}: takes no more messages")
        try:
            self._writer.write(say.pack(message))
        except frames.FrameError as error:
            raise InputError(f"{self._name}: too much is asked at once: {error}") from error

    async def receive(self) -> say.FromProcess:
        """The next message.

        Raises:
            FrameError: it is none.
            OSError, asyncio.IncompleteReadError: the process has ended.
        """
        if self._reader is None:
            raise ConnectionError("not connected")
        header = await self._reader.readexactly(frames.HEADER.size)
        return say.from_process(await self._reader.readexactly(say.length(header)))

    async def listen(self) -> str:
        """Take messages until the connection ends; why it did, in words."""
        taken = 0
        try:
            while True:
                self._take(await self.receive())
                taken += 1
                if taken % _TURN == 0:
                    await asyncio.sleep(0)
        except frames.FrameError as error:
            self._counters["broke_contract"] += 1
            return f"broke the contract: {error}"
        except (OSError, asyncio.IncompleteReadError):
            self._counters["ended"] += not self._ended_because
            return self._ended_because or "has ended"

    async def ask(self, ask: say.Ask, deadline_s: float) -> say.Answer:
        """The answer to a question.

        Raises:
            DriverError: there is none, or it is one.
            InputError: the driver says that what it is asked cannot be.
        """
        number = self._next()
        answered = self._outstanding[number]
        try:
            async with asyncio.timeout(deadline_s):
                self.send(self._call(number, ask))
                return _settled(await answered)
        except TimeoutError:
            self._give_up(number)
            raise DriverError(
                FailureKind.TIMEOUT, f"{self._name}: no answer within {deadline_s:.1f} s"
            ) from None
        except asyncio.CancelledError:
            self._give_up(number)
            raise
        finally:
            del self._outstanding[number]

    async def watch(self, ask: say.Watch) -> AsyncIterator[Observation]:
        """Values as they come; the oldest that nobody takes are dropped and counted."""
        number = self._next()
        answered = self._outstanding[number]
        queue: asyncio.Queue[Observation] = asyncio.Queue(WATCHED_WAITING)
        self._watches[number] = queue
        try:
            self.send(self._call(number, ask))
            while not (answered.done() and queue.empty()):
                getting = asyncio.create_task(queue.get())
                either: set[asyncio.Future[Any]] = {getting, answered}
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                if getting.done():
                    yield getting.result()
                else:
                    getting.cancel()
            _settled(answered.result())
        finally:
            if not answered.done():
                self._give_up(number)
            del self._watches[number], self._outstanding[number]

    def end(self, why: str) -> None:
        """End the process; whoever waits for an answer learns why there is none."""
        self._ended_because = why
        for answered in self._outstanding.values():
            if not answered.done():
                answered.set_result(DriverError(FailureKind.DISCONNECTED, f"{self._name}: {why}"))
        if self._writer is not None:
            self._writer.transport.abort()
        self.process.kill()

    async def hang_up(self, deadline_s: float) -> None:
        """Let the process end by itself; end it if it does not."""
        if self._writer is not None:
            self._writer.close()
        await asyncio.to_thread(self.process.wait, deadline_s)
        self.end("stopped by the agent")

    def _call(self, number: int, ask: say.Ask) -> say.Call:
        return say.Call(number, self._clock.now_ns(), self._clock.monotonic(), ask)

    def _next(self) -> int:
        self._number += 1
        self._outstanding[self._number] = asyncio.get_running_loop().create_future()
        return self._number

    def _give_up(self, number: int) -> None:
        with contextlib.suppress(DriverError):
            self.send(say.GiveUp(number))

    def _take(self, message: say.FromProcess) -> None:
        if isinstance(message, say.Reply):
            answered = self._outstanding.get(message.number)
            if answered is None or answered.done():
                self._counters["late_answers"] += 1
            else:
                answered.set_result(message.answer)
        elif isinstance(message, say.Report):
            self._report(message)
        elif isinstance(message, say.Watched):
            self._watched(message)
        else:
            raise frames.FrameError("said its name twice")

    def _watched(self, message: say.Watched) -> None:
        queue = self._watches.get(message.number)
        if queue is None:
            return
        if queue.full():
            queue.get_nowait()
            self._counters["watched_dropped"] += 1
        queue.put_nowait(message.observation)


def _settled(outcome: Outcome) -> say.Answer:
    if isinstance(outcome, DriverError):
        raise outcome
    return checked(outcome)
