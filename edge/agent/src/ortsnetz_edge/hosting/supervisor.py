"""Supervises one function worker: deadlines, restarts with back-off, and everything counted."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import time
from collections import Counter
from enum import StrEnum

import msgspec

from ortsnetz_common.link import frames
from ortsnetz_edge.drivers.backoff import Backoff
from ortsnetz_edge.hosting.protocol import (
    Answer,
    Call,
    FromWorker,
    Ready,
    Refusal,
    Setup,
    ToWorker,
    decode_from_worker,
    encode,
)

log = logging.getLogger(__name__)

FIRST_START_S = 20.0
"""A worker that is not ready by then hangs, or its machine is slow: it is replaced, and the next
one gets twice as long. Half a second is measured on a quiet machine; a node that starts three
processes from a cold card needs ten times that, a bench of many nodes more."""
LONGEST_START_S = 60.0
STOP_DEADLINE_S = 2.0
BACKOFF_FIRST_S = 0.5
BACKOFF_CAP_S = 30.0
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Matrices of this size lose time when a library spreads them over threads."""


class Failure(StrEnum):
    """Why a call came to nothing."""

    STARTING = "starting"
    DEADLINE = "deadline"
    CRASHED = "crashed"
    GARBAGE = "garbage"
    REFUSED = "refused"  # the function itself said why; the worker is well


class FunctionFailedError(Exception):
    """A call came to nothing; the text says why, for people."""

    def __init__(self, failure: Failure, reason: str) -> None:
        super().__init__(reason)
        self.failure = failure


class FunctionHost:
    """One function in a process of its own. Calls are made one at a time.

    Attributes:
        start_s: time that the next worker has until it is ready.
    """

    def __init__(
        self,
        name: str,
        setup: Setup,
        command: tuple[str, ...] | None = None,
        *,
        start_s: float = FIRST_START_S,
    ) -> None:
        """Nothing is started yet.

        Args:
            name: of the function, for people and counters.
            setup: sent to each new worker.
            command: how to start a worker; None for the function's own.
            start_s: time that the first worker has until it is ready.
        """
        self.start_s = self._first_start_s = start_s
        self.counters: Counter[str] = Counter()
        self._name = name
        self._setup = setup
        worker = (sys.executable, "-m", "ortsnetz_edge.hosting.worker", name)
        self._command = command or worker
        self._process: asyncio.subprocess.Process | None = None
        self._ready = asyncio.Event()
        self._ended = asyncio.Event()
        self._backoff = Backoff(BACKOFF_FIRST_S, BACKOFF_CAP_S)
        self._keeper: asyncio.Task[None] | None = None
        self._number = 0
        self._why = "is starting"

    @property
    def ready(self) -> bool:
        """Whether a call can be made now."""
        return self._ready.is_set()

    @property
    def pid(self) -> int | None:
        """Process id of the worker; None while there is none."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the worker and keep one running."""
        self._keeper = asyncio.create_task(self._keep())

    async def wait_ready(self, timeout_s: float) -> bool:
        """Wait until a call can be made; whether it can, within the deadline."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._ready.wait()
        return self.ready

    async def call(self, body: bytes, deadline_s: float) -> bytes:
        """One computation.

        Raises:
            FunctionFailedError: there is no result; unless the function refused, the worker is
                killed and replaced.
        """
        process = self._process
        if process is None or not self.ready:
            raise self._failed(Failure.STARTING, self._why)
        self._number += 1
        try:
            async with asyncio.timeout(deadline_s):
                await self._send(process, Call(self._number, body))
                message = await self._receive(process)
        except TimeoutError:
            raise self._kill(Failure.DEADLINE, f"no result within {deadline_s:.2f} s") from None
        except (OSError, asyncio.IncompleteReadError):
            raise self._kill(Failure.CRASHED, "the worker has ended") from None
        except (frames.FrameError, msgspec.MsgspecError) as error:
            raise self._kill(Failure.GARBAGE, f"the worker broke the contract: {error}") from None
        except asyncio.CancelledError:  # its answer would be taken for the next call's
            self._kill(Failure.DEADLINE, "the call was given up")
            raise
        if isinstance(message, Refusal) and message.number == self._number:
            raise self._failed(Failure.REFUSED, message.reason)
        if not isinstance(message, Answer) or message.number != self._number:
            raise self._kill(Failure.GARBAGE, "the worker answered another call")
        self._backoff.succeeded()
        return message.body

    async def stop(self) -> None:
        """End the worker: by the end of its input, by a signal if that does not help."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        process, self._process = self._process, None
        self._ready.clear()
        if process is None or process.returncode is not None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(STOP_DEADLINE_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _keep(self) -> None:
        """Keep a worker running; wait between attempts."""
        while True:
            self._ended.clear()
            try:
                self._process = await self._spawn()
            except OSError as error:  # no memory, no process left: it may be better later
                self._why = f"no worker can be started: {error.strerror or error}"
            else:
                await self._accompany(self._process)
            delay_s = self._backoff.failed()
            self.counters[f"function_{self._name}_restarts"] += 1
            log.warning("function %s: %s; next start in %.1f s", self._name, self._why, delay_s)
            await asyncio.sleep(delay_s)

    async def _spawn(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=frames.MAX_FRAME_BYTES,
            env=os.environ | _ONE_THREAD,
            start_new_session=True,  # Ctrl-C is for the agent, which ends its workers
        )

    async def _accompany(self, process: asyncio.subprocess.Process) -> None:
        """Set a worker up and stay with it to its end."""
        try:
            if await self._set_up(process):
                gone = asyncio.create_task(process.wait())
                told = asyncio.create_task(self._ended.wait())
                await asyncio.wait({gone, told}, return_when=asyncio.FIRST_COMPLETED)
                gone.cancel()
                told.cancel()
        finally:
            self._ready.clear()
            with contextlib.suppress(ProcessLookupError):
                if process.returncode is None:
                    process.kill()
        await process.wait()

    async def _set_up(self, process: asyncio.subprocess.Process) -> bool:
        """Bring a new worker to where it can be called; whether that worked."""
        begun = time.monotonic()
        try:
            async with asyncio.timeout(self.start_s):
                await self._send(process, self._setup)
                message = await self._receive(process)
        except TimeoutError:
            self._why = f"was not ready within {self.start_s:.0f} s"
            self.start_s = min(2 * self.start_s, LONGEST_START_S)
        except (OSError, asyncio.IncompleteReadError):
            self._why = "ended while starting"
        except (frames.FrameError, msgspec.MsgspecError) as error:
            self._why = f"broke the contract while starting: {error}"
        else:
            if isinstance(message, Ready):
                took_s = time.monotonic() - begun
                self.start_s = max(self._first_start_s, min(2 * took_s, LONGEST_START_S))
                self._why = "the worker has ended"
                self._ready.set()
                return True
            reason = message.reason if isinstance(message, Refusal) else "answered before its setup"
            self._why = f"cannot start: {reason}"
        return False

    async def _send(self, process: asyncio.subprocess.Process, message: ToWorker) -> None:
        if process.stdin is None:
            raise OSError("the worker has no input")
        process.stdin.write(frames.pack(encode(message)))
        await process.stdin.drain()

    async def _receive(self, process: asyncio.subprocess.Process) -> FromWorker:
        if process.stdout is None:
            raise OSError("the worker has no output")
        header = await process.stdout.readexactly(frames.HEADER.size)
        return decode_from_worker(await process.stdout.readexactly(frames.length(header)))

    def _failed(self, failure: Failure, reason: str) -> FunctionFailedError:
        self.counters[f"function_{self._name}_{failure.value}"] += 1
        return FunctionFailedError(failure, f"{self._name}: {reason}")

    def _kill(self, failure: Failure, reason: str) -> FunctionFailedError:
        self._why = reason
        self._ready.clear()
        self._ended.set()
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
        return self._failed(failure, reason)
