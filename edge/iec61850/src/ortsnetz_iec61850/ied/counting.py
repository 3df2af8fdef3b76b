"""What an IED has served; handlers of several threads count."""

from __future__ import annotations

import threading

from ortsnetz_common.link.bench_ied import Counts


class Counting:
    """Numbers by the names of `Counts`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = dict.fromkeys(Counts.__struct_fields__, 0)

    def add(self, name: str, number: int = 1) -> None:
        """Count.

        Args:
            name: a field of `Counts`.
            number: below zero for what has ended.
        """
        with self._lock:
            self._numbers[name] += number

    def counts(self) -> Counts:
        """All of them."""
        with self._lock:
            return Counts(**self._numbers)
