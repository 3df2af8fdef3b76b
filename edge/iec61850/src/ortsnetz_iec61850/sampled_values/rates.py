"""The rate of a stream as its counts show it: most streams after 9-2LE do not say it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ortsnetz_iec61850.sampled_values.template import Whole

SAME_ENDS = 2
"""So often a second has to end where the one before did, to be of another rate than the wanted."""
LEAST_EARLY = 0.01
"""Of a second; a source whose clock is a little slow begins anew a sample or two early."""


@dataclass(slots=True, eq=False)
class Ends:
    """At which counts seconds end.

    A source of 4,000 samples a second, taken for one of 4,800, loses the last sixth of each second;
    the rest looks whole, and its frequency is 60 Hz instead of 50.

    Attributes:
        rate: that is wanted.
        second: that runs.
        highest: count in it.
        before: highest count of the second before.
        same: how often in succession a second has ended where the one before did, too early.
    """

    rate: int
    second: int = -1
    highest: int = -1
    before: int = -1
    same: int = 0

    def take(self, numbers: Whole) -> bool:
        """Take numbers of samples; whether they are of another rate."""
        seconds, counts = np.divmod(numbers, self.rate)
        for second in np.unique(seconds).tolist():
            highest = int(counts[seconds == second].max())
            if second > self.second:
                early = 0 <= self.highest == self.before < self.rate * (1 - LEAST_EARLY)
                self.same = self.same + 1 if early else 0
                self.before, self.second, self.highest = self.highest, second, highest
            elif second == self.second:
                self.highest = max(self.highest, highest)
        if self.highest > self.before:
            self.same = 0
        return self.same >= SAME_ENDS
