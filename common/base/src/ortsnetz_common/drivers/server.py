"""The driver's side of the socket contract (`link.driver_process`): serves any `DriverProtocol`.

A driver process of another distribution needs no more than this:

    if __name__ == "__main__":
        run("iec61850 1.0", lambda hello, time: MyProtocol(...))
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable

from ortsnetz_common.drivers.agent_time import AgentTime
from ortsnetz_common.drivers.contract import DriverProtocol
from ortsnetz_common.drivers.desk import Desk
from ortsnetz_common.drivers.values import FailureKind, Observation, Scan
from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_common.link import driver_process as say
from ortsnetz_common.link import frames
from ortsnetz_common.link.reads import read_little

log = logging.getLogger(__name__)

Factory = Callable[[say.Hello, AgentTime], DriverProtocol]
REPORT_BACKLOG_BYTES = 1024 * 1024
"""Reports that the agent has not yet taken; beyond it they are dropped and counted."""
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def run(name: str, factory: Factory) -> None:
    """Serve until the agent hangs up; the life of a driver process.

    Args:
        name: of the driver and its version, for people.
        factory: makes the driver; may raise OrtsnetzError.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format=f"{name}: %(message)s")
    number = os.environ.get(say.SOCKET_VARIABLE, "")
    if not number.isdigit():
        raise SystemExit(f"{name}: is started by the agent, which gives it a socket")
    _die_with_parent()
    end = socket.socket(fileno=int(number))
    with contextlib.suppress(frames.FrameError, OSError, asyncio.IncompleteReadError):
        asyncio.run(serve(end, name, factory))


async def serve(end: socket.socket, name: str, factory: Factory) -> None:
    """Serve one connection until it ends.

    Raises:
        FrameError: the agent broke the contract.
    """
    reader, writer = await asyncio.open_connection(sock=end, limit=say.MAX_MESSAGE_BYTES)
    read_little(writer.transport)
    try:
        hello = await _receive(reader)
        if not isinstance(hello, say.Hello):
            raise frames.FrameError("the first message is no hello")
        if hello.version != say.VERSION:
            reason = f"{name} speaks version {say.VERSION} of the contract, not {hello.version}"
            writer.write(say.pack(say.Refused(reason)))
            return
        time = AgentTime(stepped=hello.stepped)
        try:
            protocol = factory(hello, time)
        except OrtsnetzError as error:
            writer.write(say.pack(say.Refused(str(error))))
            return
        writer.write(say.pack(say.Welcome(say.VERSION, name)))
        await _Service(reader, writer, protocol, time).run()
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


class _Service:
    """Takes calls, lets the desk answer them side by side, and sends what there is to say."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        protocol: DriverProtocol,
        time: AgentTime,
    ) -> None:
        self._reader, self._writer, self._time = reader, writer, time
        self._desk = Desk(protocol, self._report, self._watched)
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Until the agent hangs up."""
        try:
            while True:
                try:
                    message = await _receive(self._reader)
                except (asyncio.IncompleteReadError, ConnectionError):
                    return
                self._take(message)
        finally:
            for task in self._tasks.values():
                task.cancel()
            await self._desk.close()

    def _take(self, message: say.ToProcess) -> None:
        if isinstance(message, say.GiveUp):
            task = self._tasks.get(message.number)
            if task is not None:
                task.cancel()
            return
        if not isinstance(message, say.Call) or message.number in self._tasks:
            raise frames.FrameError("a second hello, or the number of a call that is under way")
        if len(self._tasks) >= say.MAX_OUTSTANDING:
            raise frames.FrameError(f"more than {say.MAX_OUTSTANDING} calls are under way")
        self._time.called(message.time_ns, message.monotonic_s)
        self._tasks[message.number] = asyncio.create_task(self._answer(message))

    async def _answer(self, call: say.Call) -> None:
        try:
            answer = await self._desk.answer(call.number, call.ask)
            self._writer.write(_fitting(call.number, answer))
        finally:
            del self._tasks[call.number]

    def _report(self, source: str, scan: Scan) -> None:
        self._push(say.Report(source, scan))

    def _watched(self, number: int, observation: Observation) -> None:
        self._push(say.Watched(number, observation))

    def _push(self, message: say.Report | say.Watched) -> None:
        if self._writer.transport.is_closing():
            return  # the agent has hung up: nobody misses it
        if self._writer.transport.get_write_buffer_size() > REPORT_BACKLOG_BYTES:
            self._desk.reports_dropped += 1
            return
        self._writer.write(say.pack(message))


def _fitting(number: int, answer: say.Answer) -> bytes:
    try:
        return say.pack(say.Reply(number, answer))
    except (frames.FrameError, TypeError, OverflowError) as error:
        words = f"the driver's answer cannot be sent: {error}"
        return say.pack(say.Reply(number, say.Failed(FailureKind.WRONG_ANSWER, words)))


async def _receive(reader: asyncio.StreamReader) -> say.ToProcess:
    header = await reader.readexactly(frames.HEADER.size)
    return say.to_process(await reader.readexactly(say.length(header)))


def _die_with_parent() -> None:
    """Be killed when the agent dies, also where a call hangs and nobody reads the socket."""
    with contextlib.suppress(OSError, AttributeError):  # not Linux: the socket's end has to do
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
