"""What branches with time-limited or thermal ratings may carry now, from cycle to cycle. Pure.

It only knows what the estimate said. While nothing is known, time counts as used and a transformer
is taken to be as loaded as it was allowed to be: not knowing makes nothing admissible. Nothing is
known either of what was before the start: a restart gives no time anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ortsnetz_common.parameters.parameter_set import Limits
from ortsnetz_common.parameters.ratings import ThermalRating
from ortsnetz_grid.functions.congestion import ratings, thermal

_HALVINGS = 20


@dataclass(slots=True)
class _Hot:
    """A transformer and its temperatures; it starts as hot as it may have been made."""

    rating: ThermalRating
    now: thermal.Temperatures = field(init=False)
    allowed: float = field(init=False)

    def __post_init__(self) -> None:
        self.now = thermal.steady(self.rating, max(1.0, _borne_for_ever(self.rating)))
        self.allowed = thermal.admissible(self.now, self.rating)

    def step(self, loading: float | None, dt_s: float) -> None:
        known = loading is not None and 0 <= loading < float("inf")
        carried = loading if known and loading is not None else max(self.allowed, 1.0)
        self.now = thermal.after(self.now, self.rating, carried, dt_s)
        self.allowed = thermal.admissible(self.now, self.rating)


def _borne_for_ever(rating: ThermalRating) -> float:
    """Highest loading whose final temperatures keep the limits."""

    def borne(loading: float) -> bool:
        final = thermal.steady(rating, loading)
        return final.top_oil_c <= rating.top_oil_c and final.hot_spot_c <= rating.hot_spot_c

    if borne(rating.most):
        return rating.most
    low, high = 0.0, rating.most
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if borne(middle) else (low, middle)
    return low


class BranchRatings:
    """States of all branches whose rating depends on time."""

    def __init__(self, limits: Limits) -> None:
        """Begin with transformers as hot as they may be, and ratings that have to rest first."""
        self._continuous = limits.loading
        self._limited = {rating.element: rating for rating in limits.ratings}
        self._uses = dict.fromkeys(self._limited, ratings.Use(spent=True))
        self._hot = {rating.element: _Hot(rating) for rating in limits.thermal}
        self._previous: float | None = None

    @property
    def temperatures(self) -> Mapping[int, thermal.Temperatures]:
        """Of the transformers with a thermal rating, by element."""
        return {element: hot.now for element, hot in self._hot.items()}

    def step(self, loadings: Mapping[int, float], *, now: float) -> dict[int, float]:
        """Take in what branches carried since the last step; highest loading of each from now on.

        Args:
            loadings: estimated, by element; who is not in it is unknown.
            now: monotonic time, s.
        """
        dt_s = 0.0 if self._previous is None else max(0.0, now - self._previous)
        self._previous = now
        for element, rating in self._limited.items():
            use = self._uses[element]
            self._uses[element] = ratings.used(use, rating, loadings.get(element), dt_s)
        for element, hot in self._hot.items():
            hot.step(loadings.get(element), dt_s)
        return self.allowed()

    def allowed(self) -> dict[int, float]:
        """Highest loading of each branch, by element."""
        return {
            **{
                element: ratings.admissible(self._uses[element], rating, self._continuous)
                for element, rating in self._limited.items()
            },
            **{element: hot.allowed for element, hot in self._hot.items()},
        }
