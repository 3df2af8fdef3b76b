"""Throttling of log-in attempts, with bounded memory."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable

MAX_KEYS = 4096
FREE_PER_ACCOUNT = 5
FREE_PER_ADDRESS = 30
LONGEST_WAIT_S = 300.0
FORGET_AFTER_S = 3600.0


class Throttle:
    """After some failures each further one doubles the wait.

    Counted per (user, address), so that a stranger elsewhere cannot lock a user out, and per
    address.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        # key -> (failures, time of the last one); oldest first
        self._failures: OrderedDict[tuple[str, str], tuple[int, float]] = OrderedDict()

    def wait_s(self, user: str, address: str) -> float:
        """Seconds until the next attempt may be made; 0 when it may be made now."""
        with self._lock:
            return max(
                self._wait((user, address), FREE_PER_ACCOUNT),
                self._wait(("", address), FREE_PER_ADDRESS),
            )

    def failed(self, user: str, address: str) -> None:
        """Note a failure."""
        with self._lock:
            for key in ((user, address), ("", address)):
                count, _ = self._recent(key)
                self._failures[key] = (count + 1, self._clock())
                self._failures.move_to_end(key)
            while len(self._failures) > MAX_KEYS:
                self._failures.popitem(last=False)

    def succeeded(self, user: str, address: str) -> None:
        """Forget the failures of this user at this address."""
        with self._lock:
            self._failures.pop((user, address), None)

    def _recent(self, key: tuple[str, str]) -> tuple[int, float]:
        count, last = self._failures.get(key, (0, -math.inf))
        return (0, last) if self._clock() - last > FORGET_AFTER_S else (count, last)

    def _wait(self, key: tuple[str, str], free: int) -> float:
        count, last = self._recent(key)
        if count < free:
            return 0.0
        pause = min(2.0 ** min(count - free, 16), LONGEST_WAIT_S)
        return max(0.0, last + pause - self._clock())
