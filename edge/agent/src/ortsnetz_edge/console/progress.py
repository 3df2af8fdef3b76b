"""One line on the terminal that says that something is going on, and nothing elsewhere."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

TURN_S = 0.25
_ERASE = "\r\x1b[K"


@asynccontextmanager
async def progress(words: Callable[[], str]) -> AsyncIterator[None]:
    """Show words and elapsed seconds on standard error while the block runs, if it is a terminal.

    Args:
        words: what is being done, asked anew each turn.
    """
    if not sys.stderr.isatty():
        yield
        return
    task = asyncio.create_task(_turn(words))
    try:
        yield
    finally:
        task.cancel()
        sys.stderr.write(_ERASE)
        sys.stderr.flush()


async def _turn(words: Callable[[], str]) -> None:
    begin = time.monotonic()
    while True:
        await asyncio.sleep(TURN_S)
        sys.stderr.write(f"{_ERASE}{words()} ({time.monotonic() - begin:.0f} s)")
        sys.stderr.flush()
