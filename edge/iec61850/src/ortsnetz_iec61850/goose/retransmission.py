"""When a GOOSE message is sent again (IEC 61850-8-1, 18.1.2.5): soon, then ever later. Pure."""

from __future__ import annotations

from dataclasses import dataclass

SHORTEST_LIFE_S = 0.1
"""A message is allowed to live so long at least: between two of a burst lie milliseconds, and a
publisher that is not real-time misses them now and then."""
LIFE_IN_INTERVALS = 2.0


@dataclass(frozen=True, slots=True)
class Curve:
    """Intervals between the messages of a state: the shortest one, doubling, up to the longest.

    Attributes:
        shortest_s, longest_s: MinTime and MaxTime of SCL.
    """

    shortest_s: float = 0.004
    longest_s: float = 1.0

    def interval_s(self, sequence: int) -> float:
        """From message `sequence` of a state (0 is the first) to the next one."""
        doubled = self.shortest_s * 2.0 ** min(sequence, 64)
        return min(doubled, self.longest_s)

    def life_ms(self, sequence: int) -> int:
        """What message `sequence` says of the time until the next one."""
        interval_s = self.interval_s(sequence)
        return round(1000 * max(LIFE_IN_INTERVALS * interval_s, SHORTEST_LIFE_S))
