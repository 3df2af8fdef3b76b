"""Behaviour of a PV inverter that takes a power limit."""

from __future__ import annotations

from ortsnetz_hil.plant.devices.specs import Inverter
from ortsnetz_hil.plant.devices.watchdog import RefusedValueError, Watchdog

FULL = 1000
"""The rating in the unit of limits, 0.1 %."""
FALLBACK = 300


class InverterModel:
    """An inverter: available power from the sun, a limit in force that acts late.

    Attributes:
        limit: limit in force, 0.1 % of the rating.
        available_w: what the sun offers, total, not more than the rating.
        power_w: feed-in, total, positive.
        served_wh: energy fed in since the start; offered_wh: what was available.
    """

    def __init__(self, spec: Inverter) -> None:
        self.spec = spec
        self.watchdog = Watchdog(fallback=FALLBACK)
        # after power-up nobody commands yet: the fall-back is in force
        self.limit = FALLBACK
        self.available_w = 0.0
        self.power_w = 0.0
        self.served_wh = 0.0
        self.offered_wh = 0.0
        self._followed = FALLBACK
        self._follow_at: float | None = None

    def write_limit(self, permille: int, now_s: float) -> None:
        """Command a limit.

        Raises:
            RefusedValueError: above the rating; nothing changes.
        """
        self.limit = self.checked(permille)
        self.watchdog.fed(now_s)

    def write_fallback(self, permille: int) -> None:
        """Set the fall-back limit.

        Raises:
            RefusedValueError: above the rating; nothing changes.
        """
        self.watchdog.fallback = self.checked(permille)

    def checked(self, permille: int) -> int:
        """A share that the inverter takes as limit or fall-back; raises RefusedValueError."""
        if not 0 <= permille <= FULL:
            raise RefusedValueError(f"{self.spec.name} takes 0-{FULL}, not {permille}")
        return permille

    def advance(self, now_s: float, passed_s: float, share: float) -> None:
        """Live through one step.

        Args:
            now_s: wall time of the step.
            passed_s: calendar seconds since the last step.
            share: available power now as a share of the rating.
        """
        self.served_wh += self.power_w * passed_s / 3600.0
        self.offered_wh += self.available_w * passed_s / 3600.0
        if self.watchdog.expired(now_s):
            self.limit = self.watchdog.fallback
        self._follow(now_s)
        self.available_w = self.spec.rated_w * min(max(share, 0.0), 1.0)
        self.power_w = min(self.available_w, self.spec.rated_w * self._followed / FULL)

    def _follow(self, now_s: float) -> None:
        if self._followed == self.limit:
            self._follow_at = None
        elif self._follow_at is None:
            self._follow_at = now_s + self.spec.reaction_s
        elif now_s >= self._follow_at:
            self._followed, self._follow_at = self.limit, None
