"""The sliding mean that a protection relay forms of a voltage."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray


class SlidingMean:
    """Mean over the last `window_s` seconds of values that each hold until the next.

    Before the first value the window is full of that value: the device has been there before the
    window of the simulation began.
    """

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._parts: deque[tuple[float, NDArray[np.float64]]] = deque()
        self._sum: NDArray[np.float64] = np.zeros(0)

    def add(self, values: NDArray[np.float64], passed_s: float) -> NDArray[np.float64]:
        """Let `values` have held for `passed_s` seconds; returns the mean, shape of `values`."""
        if not self._parts:
            self._parts.append((self._window_s, values))
            self._sum = values * self._window_s
        elif passed_s > 0.0:
            self._parts.append((passed_s, values))
            self._sum = self._sum + values * passed_s
            self._forget(passed_s)
        return self._sum / self._window_s

    def _forget(self, surplus_s: float) -> None:
        """Drop the oldest `surplus_s` seconds."""
        while surplus_s > 0.0:
            length_s, values = self._parts[0]
            taken_s = min(length_s, surplus_s)
            self._sum = self._sum - values * taken_s
            surplus_s -= taken_s
            self._parts.popleft()
            if taken_s < length_s:
                self._parts.appendleft((length_s - taken_s, values))
