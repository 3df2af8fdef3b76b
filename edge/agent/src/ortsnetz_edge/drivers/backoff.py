"""Back-off with full jitter and a cap, so that a whole region does not reconnect at once."""

from __future__ import annotations

import random


class Backoff:
    """Delay before the next attempt: uniform between zero and a bound that doubles to a cap."""

    def __init__(self, first_s: float, cap_s: float, seed: int | None = None) -> None:
        self._first_s = first_s
        self._cap_s = cap_s
        self._random = random.Random(seed)  # noqa: S311 - spreads load, keeps no secret
        self.failures = 0

    def succeeded(self) -> None:
        """Start from the beginning next time."""
        self.failures = 0

    def failed(self) -> float:
        """Note one more failure; seconds to wait."""
        bound = min(self._cap_s, self._first_s * 2.0 ** min(self.failures, 16))
        self.failures += 1
        return self._random.uniform(0.0, bound)
