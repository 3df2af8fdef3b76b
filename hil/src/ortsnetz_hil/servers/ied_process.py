"""An IED as a process of its own: the plant's end of the socket (`link/bench_ied.py`).

The process is `ortsnetz_iec61850`'s, which is of another licence: it is started, never imported.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec

from ortsnetz_common.errors import MissingExtraError, OrtsnetzError
from ortsnetz_common.link import bench_ied, frames
from ortsnetz_common.link.bench_ied import (
    Answer,
    Begin,
    Command,
    Counts,
    Listening,
    Refused,
    Shown,
    ToPlant,
    Values,
)

DISTRIBUTION = "ortsnetz_iec61850"
MODULE = "ortsnetz_iec61850.ied"
START_S = 20.0
"""An interpreter, a file of some thousand attributes, and a busy machine."""
SHOW_S = 10.0
END_S = 5.0

Decide = Callable[[Command], int | None]
"""What becomes of a command: `TAKEN` or an additional cause; None if `answer` says it later."""


@dataclass(slots=True)
class IedProcess:
    """A running IED.

    Attributes:
        port: where it listens.
        counts: what it had served at its last word.
    """

    process: asyncio.subprocess.Process
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    decide: Decide
    port: int = 0
    counts: Counts = field(default_factory=Counts)
    _shown: dict[int, asyncio.Future[None]] = field(default_factory=dict)
    _number: int = 0
    _listener: asyncio.Task[None] | None = None
    _stopped: bool = False

    async def show(
        self,
        places: tuple[int, ...],
        values: tuple[float | str, ...],
        qualities: tuple[int, ...],
        times_ns: tuple[int, ...],
    ) -> None:
        """Show values; clients see them afterwards. Arguments as in `Values`.

        Raises:
            OrtsnetzError: the process is gone, or does not take them in time.
        """
        self._number += 1
        number = self._number
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._shown[number] = done
        try:
            self._send(Values(number, places, values, qualities, times_ns))
            async with asyncio.timeout(SHOW_S):
                await done
        except (TimeoutError, ConnectionError) as error:
            raise OrtsnetzError(f"the IED at port {self.port} does not show values") from error
        finally:
            self._shown.pop(number, None)

    def put(
        self,
        places: tuple[int, ...],
        values: tuple[float | str, ...],
        qualities: tuple[int, ...],
        times_ns: tuple[int, ...],
    ) -> None:
        """Show values without waiting until clients see them. Arguments as in `Values`."""
        self._number += 1
        self._send(Values(self._number, places, values, qualities, times_ns))

    def answer(self, number: int, cause: int) -> None:
        """Say what has become of a command that `decide` has left open. Raises ConnectionError."""
        self._send(Answer(number, cause))

    def fall_silent(self, *, silent: bool) -> None:
        """Stop the process: connections stay open and nobody answers; or let it go on."""
        if self._stopped is silent or self.process.returncode is not None:
            return
        self._stopped = silent
        self.process.send_signal(signal.SIGSTOP if silent else signal.SIGCONT)

    async def end(self) -> None:
        """Kill it, as a device that loses its power; what it kept for its clients is lost."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        if self._listener is not None:
            self._listener.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listener
        self.writer.close()
        async with asyncio.timeout(END_S):
            await self.process.wait()

    def listen(self) -> None:
        """Hear what the process says from now on."""
        self._listener = asyncio.create_task(self._listen())

    async def heard(self) -> ToPlant:
        """Its next message. Raises FrameError, ConnectionError or asyncio.IncompleteReadError."""
        header = await self.reader.readexactly(frames.HEADER.size)
        return bench_ied.to_plant(await self.reader.readexactly(bench_ied.length(header)))

    def _send(self, message: Values | Answer | Begin) -> None:
        if self.writer.is_closing():
            raise ConnectionResetError("the IED has ended the connection")
        self.writer.write(bench_ied.packed(message))

    def begin(self, begin: Begin) -> None:
        """The first word."""
        self._send(begin)

    async def _listen(self) -> None:
        gone: Exception
        try:
            while True:
                message = await self.heard()
                if isinstance(message, Command):
                    cause = self.decide(message)
                    if cause is not None:
                        self._send(Answer(message.number, cause))
                elif isinstance(message, Shown):
                    self.counts = message.counts
                    done = self._shown.get(message.number)
                    if done is not None and not done.done():
                        done.set_result(None)
        except (OSError, EOFError, frames.FrameError) as error:
            gone = error
        for done in self._shown.values():
            if not done.done():
                done.set_exception(ConnectionResetError(f"the IED is gone: {gone}"))
        self.writer.close()


async def started(begin: Begin, decide: Decide) -> IedProcess:
    """An IED that listens.

    Raises:
        MissingExtraError: the distribution of the IED is not installed.
        OrtsnetzError: it does not start, or refuses; says why.
    """
    if find_spec(DISTRIBUTION) is None:
        raise MissingExtraError("an IED of the bench (IEC 61850)", "ortsnetz-iec61850")
    ours, its = socket.socketpair()
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", MODULE),
            pass_fds=(its.fileno(),),
            env={**os.environ, bench_ied.SOCKET_VARIABLE: str(its.fileno())},
            stdin=asyncio.subprocess.DEVNULL,
        )
    finally:
        its.close()
    reader, writer = await asyncio.open_connection(
        sock=ours, limit=bench_ied.MAX_MESSAGE_BYTES + frames.HEADER.size
    )
    ied = IedProcess(process, reader, writer, decide)
    try:
        ied.begin(begin)
        async with asyncio.timeout(START_S):
            first = await ied.heard()
    except (TimeoutError, OSError, EOFError, frames.FrameError) as error:
        await ied.end()
        raise OrtsnetzError(f"the IED '{begin.ied}' does not start: {error}") from error
    if not isinstance(first, Listening) or first.version != bench_ied.VERSION:
        await ied.end()
        why = first.reason if isinstance(first, Refused) else "it speaks another version"
        raise OrtsnetzError(f"the IED '{begin.ied}' does not start: {why}")
    ied.port = first.port
    ied.listen()
    return ied
