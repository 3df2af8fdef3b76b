"""The connection to the receiver of Sampled Values; one a source.

It is kept up by a task of its own: a lost receiver is tried again with back-off, and what was
said before is said again. Blocks come when the stream sends them; nobody asks for one.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from contextlib import suppress

from ortsnetz_common.errors import InputError
from ortsnetz_common.link import frames
from ortsnetz_common.link import sample_blocks as say
from ortsnetz_edge.clock import Clock
from ortsnetz_edge.drivers.backoff import Backoff
from ortsnetz_edge.drivers.contract import DriverError, FailureKind

log = logging.getLogger(__name__)
BACKOFF_FIRST_S, BACKOFF_CAP_S = 0.5, 15.0
CONNECT_S = 5.0
QUIET_S = 3.0
"""The receiver says something each second, also of a stream that is silent."""

Taker = Callable[[say.Block | say.Silent], None]


def socket_path() -> str:
    """Where the receiver listens."""
    return os.environ.get(say.SOCKET_VARIABLE) or say.DEFAULT_SOCKET


class Link:
    """A connection.

    Attributes:
        interface: on which the receiver listens; None while there is no connection.
        trouble: why there is none; None while there is one.
    """

    def __init__(self, stream: say.Stream, clock: Clock, taker: Taker) -> None:
        self.interface: str | None = None
        self.trouble: DriverError | None = DriverError(
            FailureKind.WAITING, "the receiver has not answered yet"
        )
        self._stream, self._clock, self._taker = stream, clock, taker
        self._backoff = Backoff(BACKOFF_FIRST_S, BACKOFF_CAP_S)
        self._keeping: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()

    def keep(self) -> None:
        """Keep the connection up from now on, from the running loop."""
        if self._keeping is None or self._keeping.done():
            self._keeping = asyncio.create_task(self._keep())

    async def settled(self, deadline_s: float) -> None:
        """Wait until there has been an answer, good or bad, at most so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(deadline_s):
                await self._changed.wait()

    async def stop(self) -> None:
        """Close it."""
        if self._keeping is not None:
            self._keeping.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeping
            self._keeping = None

    async def _keep(self) -> None:
        while True:
            try:
                await self._listen()
            except TimeoutError:
                self._failed(FailureKind.TIMEOUT, "the receiver says nothing")
            except (asyncio.IncompleteReadError, ConnectionError):
                self._failed(FailureKind.DISCONNECTED, "the receiver has hung up")
            except (frames.FrameError, InputError) as error:
                self._failed(FailureKind.WRONG_ANSWER, str(error))
            except DriverError as error:
                self._failed(error.kind, str(error))
            except Exception as error:  # a mistake with one block must not end the link unsaid
                words = f"a block could not be taken: {type(error).__name__}: {error}"
                log.exception("%s", words)
                self._failed(FailureKind.WRONG_ANSWER, words)
            await asyncio.sleep(self._backoff.failed())

    def _failed(self, kind: FailureKind, words: str) -> None:
        self.interface = None
        self.trouble = DriverError(kind, words)
        self._changed.set()

    async def _listen(self) -> None:
        try:
            async with asyncio.timeout(CONNECT_S):
                reader, writer = await asyncio.open_unix_connection(socket_path())
        except OSError as error:
            words = f"no receiver of Sampled Values at {socket_path()}: {error}"
            raise DriverError(FailureKind.UNREACHABLE, words) from error
        try:
            writer.write(say.pack(say.Subscribe(say.VERSION, (self._stream,))))
            answer = await _message(reader, CONNECT_S)
            if isinstance(answer, say.Refused):
                raise DriverError(FailureKind.REFUSED, f"the receiver refuses: {answer.reason}")
            if not isinstance(answer, say.Accepted) or answer.version != say.VERSION:
                raise DriverError(FailureKind.WRONG_ANSWER, "the receiver is of another version")
            self.interface, self.trouble = answer.interface, None
            self._backoff.succeeded()
            self._changed.set()
            while True:
                message = await _message(reader, QUIET_S)
                if not isinstance(message, say.Block | say.Silent):
                    raise frames.FrameError("the receiver speaks out of turn")
                self._taker(message)
        finally:
            writer.close()


async def _message(reader: asyncio.StreamReader, deadline_s: float) -> say.ToSubscriber:
    async with asyncio.timeout(deadline_s):
        size = frames.length(await reader.readexactly(frames.HEADER.size))
        return say.from_receiver(await reader.readexactly(size))
