"""Time-limited ratings: so much for so long, then a rest. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ortsnetz_common.parameters.ratings import TimeLimitedRating

LEAD_S = 30.0
"""So long before its time is over a rating is taken back: devices need time to follow."""


@dataclass(frozen=True, slots=True)
class Use:
    """How much of a time-limited rating has been used.

    Attributes:
        above_s: time above the continuous rating since the last full rest.
        rested_s: time at or below it since it was last above.
        spent: whether it has to rest before it may be used again.
    """

    above_s: float = 0.0
    rested_s: float = 0.0
    spent: bool = False


def used(use: Use, rating: TimeLimitedRating, loading: float | None, dt_s: float) -> Use:
    """A branch's use after so much more time.

    Args:
        use: before.
        rating: of the branch.
        loading: meanwhile; 1.0 is the continuous rating; None is unknown and counts as above.
        dt_s: time passed.
    """
    if loading is None or not loading <= 1.0:
        above_s = use.above_s + dt_s
        return Use(above_s, spent=use.spent or above_s + LEAD_S >= rating.for_s)
    rested_s = use.rested_s + dt_s
    if rested_s >= rating.rest_s:
        return Use(rested_s=rested_s)
    return replace(use, rested_s=rested_s)


def admissible(use: Use, rating: TimeLimitedRating, continuous: float) -> float:
    """Highest loading now: the rating while it is not spent, else the continuous limit.

    Args:
        use: of the branch.
        rating: of the branch.
        continuous: limit that holds without a time-limited rating.
    """
    return continuous if use.spent else max(continuous, rating.loading)
