"""A thread for calls that block: one a connection, given up when a call does not come back."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")
LONGEST_QUEUE_S = 60.0
"""So long a call may wait for those before it."""


@dataclass(slots=True)
class _Work:
    """A call, and who waits for it."""

    work: Callable[[], Any]
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop
    begun: threading.Event = field(default_factory=threading.Event)


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

        What has not begun when its caller gives up is never called: a command that nobody waits
        for any more is not sent.

        Args:
            work: the function.
            deadline_s: how long it may take, once it has begun.

        Raises:
            TimeoutError: it did not come back: the worker is stuck from then on; or it did not
                begin within `LONGEST_QUEUE_S`.
        """
        if self.stuck:
            raise TimeoutError
        loop = asyncio.get_running_loop()
        item = _Work(work, loop.create_future(), loop)
        self._work.put(item)
        waited_s = 0.0
        try:
            while True:
                begun = item.begun.is_set()
                try:
                    async with asyncio.timeout(deadline_s):
                        result: T = await asyncio.shield(item.future)
                        return result
                except TimeoutError:
                    if item.future.done():
                        continue
                    waited_s += deadline_s
                    if begun:
                        self.stuck = True
                        raise
                    if not item.begun.is_set() and waited_s >= LONGEST_QUEUE_S:
                        raise
        finally:
            item.future.cancel()

    def last(self, work: Callable[[], Any]) -> None:
        """Call a function when all others are done, wait for nothing, and end."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._work.put(_Work(work, future, loop))
        self._work.put(None)

    def _run(self) -> None:
        while (item := self._work.get()) is not None:
            item.begun.set()
            if item.future.cancelled():
                continue
            try:
                result, error = item.work(), None
            except BaseException as raised:  # noqa: BLE001 - handed on to who waits
                result, error = None, raised
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                item.loop.call_soon_threadsafe(_settle, item.future, result, error)


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)
