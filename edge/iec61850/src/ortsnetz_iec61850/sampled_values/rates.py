"""The rate of a stream as its counts show it: most streams after 9-2LE do not say it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ortsnetz_iec61850.sampled_values.template import Whole

SAME_ENDS = 2
"""So often a second has to end where the one before did, to be of another rate than the wanted; in
so many seconds in succession counts have to be beyond the rate."""
LEAST_EARLY = 0.01
"""Of a second; a source whose clock is a little slow begins anew a sample or two early."""
MOST_BEYOND = 0.01
"""Of a second's samples; with more of them beyond the rate one second is enough."""


@dataclass(slots=True, eq=False)
class Seconds:
    """At which counts seconds end.

    A source of 4,000 samples a second, taken for one of 4,800, loses the last sixth of each second;
    the rest looks whole, and its frequency is 60 Hz instead of 50. One of 4,800, taken for one of
    4,000, loses nothing: what it has beyond the rate is no sample of the wanted, and its frequency
    is 41.7 Hz.

    Attributes:
        rate: that is wanted.
        proven: whether a second has ended where the rate says, and nothing since has contradicted.
        second: that runs.
        highest: count in it.
        before: highest count of the second before.
        same: how often in succession a second has ended where the one before did, too early.
        beyond: samples of the second that runs with a count that the rate does not have.
        exceeded: seconds in succession with such samples; only a whole second ends them.
    """

    rate: int
    proven: bool = False
    second: int = -1
    highest: int = -1
    before: int = -1
    same: int = 0
    beyond: int = 0
    exceeded: int = 0

    def take(self, numbers: Whole, beyond: Whole) -> bool:
        """Take samples of one batch; whether they are of another rate.

        Args:
            numbers: of the samples whose count the rate has, in the order in which they came.
            beyond: of each sample whose count it does not have, how many of `numbers` came before.
        """
        seconds, counts = np.divmod(numbers, self.rate)
        seconds_beyond = np.concatenate(([self.second], seconds))[beyond]
        for second in np.union1d(seconds, seconds_beyond).tolist():
            if second > self.second:
                self._end(second)
            if second == self.second:
                self.highest = max(self.highest, int(counts[seconds == second].max(initial=-1)))
                self._exceed(int((seconds_beyond == second).sum()))
        if self.highest > self.before:
            self.same = 0
        refused = self.same >= SAME_ENDS or self.exceeded >= SAME_ENDS
        self.proven = self.proven and not refused
        return refused

    def _end(self, following: int) -> None:
        """Judge the second that has run; another one begins."""
        early = self.highest < self.rate * (1 - LEAST_EARLY)
        whole = not early and not self.beyond
        self.same = self.same + 1 if early and 0 <= self.highest == self.before else 0
        if whole:
            self.exceeded = 0
        # a source that was silent for a second may be another one
        self.proven = (self.proven or whole) and following == self.second + 1
        self.before, self.second, self.highest, self.beyond = self.highest, following, -1, 0

    def _exceed(self, number: int) -> None:
        """Count samples beyond the rate in the second that runs."""
        if number and not self.beyond:
            self.exceeded += 1
        self.beyond += number
        if self.beyond > MOST_BEYOND * self.rate:
            self.exceeded = max(self.exceeded, SAME_ENDS)
