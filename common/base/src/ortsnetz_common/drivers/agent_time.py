"""The agent's clock as a driver process sees it: the machine's own, or the one that calls bring."""

from __future__ import annotations

import time

from ortsnetz_common.measurement.time import now_ns

STEPPED_PATIENCE_S = 30.0
"""In stepped time nothing is given up because the machine is slow, only because it hangs."""


class AgentTime:
    """Fulfils what drivers ask of a clock.

    Attributes:
        stepped: whether time stands still while the agent works.
    """

    def __init__(self, *, stepped: bool) -> None:
        self.stepped = stepped
        self._time_ns, self._monotonic_s = now_ns(), 0.0

    def called(self, time_ns: int, monotonic_s: float) -> None:
        """Take the time that a call brings."""
        self._time_ns, self._monotonic_s = time_ns, monotonic_s

    def now_ns(self) -> int:
        """Wall clock, UTC ns."""
        return self._time_ns if self.stepped else now_ns()

    def monotonic(self) -> float:
        """Seconds that never jump."""
        return self._monotonic_s if self.stepped else time.monotonic()

    def patience(self, seconds: float) -> float:
        """Wall seconds that a wait of so many seconds may take."""
        return max(seconds, STEPPED_PATIENCE_S) if self.stepped else seconds
