"""What a driver has answered and where it failed: the same count in every driver."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from ortsnetz_common.drivers.values import Diagnosis, DriverError, FailureKind


class Tally:
    """Counts of one driver since its start.

    Attributes:
        last_failure: the last reason in words; a driver may say what is no failure of a request.
    """

    def __init__(self) -> None:
        self.last_failure: str | None = None
        self._answers = 0
        self._failures: Counter[FailureKind] = Counter()

    def answered(self) -> None:
        """Count a request that was answered well."""
        self._answers += 1

    def noted(self, error: DriverError) -> DriverError:
        """Count a failure, and hand it back to be raised.

        To wait before the next attempt is no reason: the one before it is kept in words.
        """
        self._failures[error.kind] += 1
        if error.kind is not FailureKind.WAITING:
            self.last_failure = str(error)
        return error

    def diagnosis(
        self, *, connected: bool, counters: Mapping[str, int] | None = None, gaps: int = 0
    ) -> Diagnosis:
        """How the driver is.

        Args:
            connected: whether there is a connection at this moment.
            counters: what else the protocol counts, by name.
            gaps: what was reported and lost on its way.
        """
        failures = self._failures + Counter({FailureKind.GAP: gaps})
        return Diagnosis(
            connected, self._answers, dict(failures), self.last_failure, dict(counters or {})
        )
