"""Watching: values as they come, until it is enough or Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from ortsnetz_edge.console.probing.through_profile import Lens, Seen
from ortsnetz_edge.drivers.contract import Observation, Probe

Show = Callable[[Observation, Sequence[Seen]], None]


@dataclass
class Watched:
    """What came.

    Attributes:
        values: how many came.
        without: how many of them without a value.
        lasted_s: how long it took.
    """

    values: int = 0
    without: int = 0
    lasted_s: float = 0.0
    newest: dict[str, Observation] = field(default_factory=dict)

    def __str__(self) -> str:
        lost = f", {self.without} of them without a value" if self.without else ""
        return f"{self.values} values in {self.lasted_s:.1f} s{lost}"


async def watch(
    probe: Probe,
    references: Sequence[str],
    *,
    period_s: float,
    seconds: float | None,
    lens: Lens | None,
    show: Show,
    watched: Watched,
) -> None:
    """Show values as they come.

    Args:
        probe: of the device.
        references: of the values.
        period_s: how often values are asked for, where the protocol has no subscription.
        seconds: so long; None until Ctrl-C.
        lens: profile that the values are seen through as well.
        show: called with each value, and the points that rest on it.
        watched: counts what came, so that it is known even after a failure.

    Raises:
        DriverError: the device has failed.
        InputError: a reference that the protocol does not know.
    """
    begin = time.monotonic()
    try:
        with _interruptible() as told:
            values = probe.watch(references, period_s)
            until = None if seconds is None else begin + seconds
            async with contextlib.aclosing(_until(values, told, until)) as bounded:
                async for value in bounded:
                    _take(value, lens, show, watched)
    finally:
        watched.lasted_s = time.monotonic() - begin


def _take(value: Observation, lens: Lens | None, show: Show, watched: Watched) -> None:
    watched.values += 1
    watched.without += value.value is None
    watched.newest[value.reference] = value
    seen: tuple[Seen, ...] = ()
    if lens is not None:
        touched = lens.touched((value.reference,))
        seen = tuple(
            point
            for point in lens.points(watched.newest)
            if point.point.point.name in touched and point.is_complete
        )
    show(value, seen)


async def _until(
    values: AsyncIterator[Observation], told: asyncio.Event, until: float | None
) -> AsyncGenerator[Observation]:
    """Values until somebody tells to stop, or until a time; the source is closed in any case."""
    stop = asyncio.ensure_future(told.wait())
    following: asyncio.Future[Observation] | None = None
    try:
        while True:
            following = asyncio.ensure_future(anext(values))
            left_s = None if until is None else max(0.0, until - time.monotonic())
            await asyncio.wait({stop, following}, timeout=left_s, return_when="FIRST_COMPLETED")
            if not following.done():
                return
            try:
                yield following.result()
            except StopAsyncIteration:
                return
            if stop.done() or (until is not None and time.monotonic() >= until):
                return
    finally:
        stop.cancel()
        if following is not None and not following.done():
            following.cancel()
            await asyncio.wait({following})
        if hasattr(values, "aclose"):
            await values.aclose()


@contextmanager
def _interruptible() -> Iterator[asyncio.Event]:
    """An event that Ctrl-C sets, where signals can be had (the main thread)."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    try:
        loop.add_signal_handler(signal.SIGINT, told.set)
    except (NotImplementedError, RuntimeError, ValueError):
        yield told
        return
    try:
        yield told
    finally:
        loop.remove_signal_handler(signal.SIGINT)
