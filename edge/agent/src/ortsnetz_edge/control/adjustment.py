"""One set point besides the limit: what is asked, what is in force, when it is written. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from ortsnetz_edge.drivers.contract import Adjustable, Quantity

WORTH_SHARE = 0.01
"""Changes below this share of the range are not worth a write: noise of the voltage."""
UNCONFIRMED_S = 30.0
"""So long a set point may be due without being confirmed; then somebody has to know."""
FAILED_FOR_S = 600.0
"""So long nobody counts on a source that did not take its set point."""


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A set point that has to be written now; value in the quantity's unit."""

    device: str
    quantity: Quantity
    value: float
    reason: str


@dataclass(slots=True)
class AdjustmentControl:
    """State of one set point of one source.

    Attributes:
        place: of this set point among those of the source's driver.
        refresh_s: written again this often, to feed watchdogs; None for never.
        follows_s: longest time until the source says that it has taken it.
        in_force: as the source says; None while it follows its own mind, or does not say.
        said: the last thing that it was told and has confirmed.
    """

    device: str
    adjustable: Adjustable
    place: int
    refresh_s: float | None
    follows_s: float
    in_force: float | None = None
    said: float | None = None
    _said_at: float = field(default=-math.inf)
    _differs_at: float | None = None
    _due_at: float | None = None
    _failed_at: float | None = None

    def observe(self, in_force: float | None, *, now: float) -> None:
        """Take in what the source says in this cycle, if it says anything."""
        self.in_force = in_force
        if self.said is None or self._agrees(self.said):
            self._differs_at = None
        elif self._differs_at is None:
            self._differs_at = now

    def due(self, value: float, reason: str, *, now: float) -> Adjustment | None:
        """What has to be written for a value; None where it stands, or the change is not worth it.

        Args:
            value: in the quantity's unit; kept within the bounds of the profile.
            reason: in words.
            now: monotonic time, s.
        """
        bounded = min(max(value, self.adjustable.low), self.adjustable.high)
        stands = self.said is not None and abs(bounded - self.said) < self._worth
        lost = self._differs_at is not None and now - self._said_at >= self.follows_s
        old = self.refresh_s is not None and now - self._said_at >= self.refresh_s
        if stands and not lost and not old:
            self._due_at = None
            return None
        self._due_at = now if self._due_at is None else self._due_at
        return Adjustment(self.device, self.adjustable.quantity, bounded, reason)

    def written(self, adjustment: Adjustment, *, now: float) -> bool:
        """It was confirmed; whether it is another one than before."""
        is_new = self.said is None or abs(self.said - adjustment.value) > 1e-9
        self.said, self._said_at, self._due_at = adjustment.value, now, None
        if is_new:
            self._differs_at = None
        return is_new

    def ignored(self, *, now: float) -> bool:
        """Whether the source says another set point than it has confirmed, for too long."""
        return self._differs_at is not None and now - self._differs_at > self.follows_s

    def unconfirmed(self, *, now: float) -> bool:
        """Whether a set point has been due for too long and the source has confirmed none."""
        return self._due_at is not None and now - self._due_at > UNCONFIRMED_S

    def fails(self, *, now: float) -> bool:
        """Whether it has lately not taken what it was told; to be asked once a cycle."""
        if self.ignored(now=now) or self.unconfirmed(now=now):
            self._failed_at = now
        return self._failed_at is not None and now - self._failed_at < FAILED_FOR_S

    @property
    def _worth(self) -> float:
        span = self.adjustable.high - self.adjustable.low
        return max(self.adjustable.step / 2, WORTH_SHARE * span / 2)

    def _agrees(self, value: float) -> bool:
        """Whether what is in force is that, but for the step in which the source counts."""
        return self.in_force is not None and abs(self.in_force - value) <= max(
            self.adjustable.step, 1e-9
        )
