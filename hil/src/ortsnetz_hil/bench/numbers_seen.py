"""Which running numbers have been heard: in stretches, so that a day of reads takes no memory."""

from __future__ import annotations

from bisect import bisect_right


class NumbersSeen:
    """A set of whole numbers that mostly come one after the other.

    Memory grows with the number of gaps, not with the numbers.

    Attributes:
        distinct: different numbers so far.
        doubled: numbers that came again.
    """

    def __init__(self) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        self.distinct = 0
        self.doubled = 0

    def add(self, number: int) -> None:
        """Note a number."""
        place = bisect_right(self._firsts, number) - 1
        if place >= 0 and number <= self._lasts[place]:
            self.doubled += 1
            return
        self.distinct += 1
        follows = place >= 0 and self._lasts[place] == number - 1
        precedes = place + 1 < len(self._firsts) and self._firsts[place + 1] == number + 1
        if follows and precedes:  # the gap between two stretches is closed
            self._lasts[place] = self._lasts.pop(place + 1)
            del self._firsts[place + 1]
        elif follows:
            self._lasts[place] = number
        elif precedes:
            self._firsts[place + 1] = number
        else:
            self._firsts.insert(place + 1, number)
            self._lasts.insert(place + 1, number)

    @property
    def stretches(self) -> int:
        """How many stretches without a gap there are."""
        return len(self._firsts)
