"""A thread for calls that block: one a connection, given up when a call does not come back."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
_Work = tuple[Callable[[], Any], asyncio.Future[Any], asyncio.AbstractEventLoop]


class Worker:
    """Calls functions one after the other, away from the loop. A daemon: it holds up no end.

    Attributes:
        stuck: whether a call did not come back in time; nothing more is called then.
    """

    def __init__(self, name: str) -> None:
        self.stuck = False
        self._work: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    async def call(self, work: Callable[[], T], deadline_s: float) -> T:
        """What a function returns or raises.

        Raises:
            TimeoutError: it did not come back; the worker is stuck from then on.
        """
        if self.stuck:
            raise TimeoutError
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._work.put((work, future, loop))
        try:
            async with asyncio.timeout(deadline_s):
                return await asyncio.shield(future)
        except TimeoutError:
            if not future.done():
                self.stuck = True
            raise

    def last(self, work: Callable[[], Any]) -> None:
        """Call a function when all others are done, wait for nothing, and end."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._work.put((work, future, asyncio.get_running_loop()))
        self._work.put(None)

    def _run(self) -> None:
        while (item := self._work.get()) is not None:
            work, future, loop = item
            try:
                result, error = work(), None
            except BaseException as raised:  # noqa: BLE001 - handed on to who waits
                result, error = None, raised
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(_settle, future, result, error)


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)
