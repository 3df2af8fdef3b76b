"""Ctrl-C and SIGTERM become an exception that stops everything in order."""

from __future__ import annotations

import signal
from types import FrameType


class Interrupted(Exception):  # noqa: N818 - a request, not an error
    """Ctrl-C or SIGTERM."""


class interruptible:  # noqa: N801 - reads as a phrase: `with interruptible():`
    """Raises `Interrupted` in the main thread at the first signal; further ones are ignored.

    Stopping has its own deadlines: a second Ctrl-C must not leave processes behind.
    """

    def __enter__(self) -> None:
        self._former = {
            number: signal.signal(number, self._interrupt)
            for number in (signal.SIGINT, signal.SIGTERM)
        }

    def __exit__(self, *_: object) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)

    @staticmethod
    def _interrupt(number: int, frame: FrameType | None) -> None:
        del number, frame
        for later in (signal.SIGINT, signal.SIGTERM):
            signal.signal(later, signal.SIG_IGN)
        raise Interrupted
