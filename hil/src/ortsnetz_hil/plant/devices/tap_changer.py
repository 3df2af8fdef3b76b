"""Behaviour of the voltage controller of an on-load tap changer."""

from __future__ import annotations

from ortsnetz_common.errors import InputError
from ortsnetz_hil.plant.devices.specs import TapChanger

BLOCKED_BELOW_PU = 0.7
"""Undervoltage blocking: at such a voltage the grid is disturbed, not badly set (makers' habit)."""
ROUNDING_S = 1e-9
"""Plant time adds up steps; a delay that is over but for rounding is over."""


class TapChangerModel:
    """Dead band, delay, and a motor that takes its time for each step.

    Sign: `position` is power-grid-model's `tap_pos` with the taps on the high-voltage side
    (`tap_side` from, `tap_min < tap_max`): a higher position has more turns there and a **lower**
    voltage on the low-voltage side. A step of -1 therefore raises the busbar, +1 lowers it.

    The voltage has to be beyond the band, on the same side, for the whole delay; each step waits
    for it anew. A step that has begun is completed although the voltage came back: tap changers
    move step by step (IEC 60214-1).

    Attributes:
        setpoint_pu: wanted voltage; may be changed.
        position: tap position, between `tap_min` and `tap_max`.
        operations: completed steps since the start.
        operations_today: completed steps of the calendar day.

    Raises:
        InputError: a position outside the range, or a band or time below zero.
    """

    def __init__(self, spec: TapChanger, tap_min: int, tap_max: int, position: int) -> None:
        if not tap_min <= position <= tap_max:
            raise InputError(
                f"tap changer '{spec.name}': position {position} is outside {tap_min} to {tap_max}"
            )
        if min(spec.band_pu, spec.delay_s, spec.step_s, spec.steps_a_day) < 0:
            raise InputError(f"tap changer '{spec.name}': band, times and steps are not negative")
        self.spec = spec
        self.setpoint_pu = spec.setpoint_pu
        self.position = position
        self.operations = 0
        self.operations_today = 0
        self._tap_min, self._tap_max = tap_min, tap_max
        self._day: int | None = None
        self._disturbed = False
        self._wanted = 0
        self._since_s = 0.0
        self._moving = 0
        self._done_s = 0.0

    @property
    def moving(self) -> bool:
        """Whether a step is under way."""
        return self._moving != 0

    @property
    def blocked(self) -> bool:
        """Whether it stays where it is: today's steps are used up, or the grid is disturbed."""
        return self._disturbed or self.operations_today >= self.spec.steps_a_day

    def advance(self, now_s: float, busbar_pu: float, day: int = 0) -> int | None:
        """Live through one step of the simulation.

        Args:
            now_s: plant seconds.
            busbar_pu: voltage of the low-voltage busbar, mean of the phases; NaN is a dead busbar.
            day: number of the calendar day; another one starts a new count of operations.

        Returns:
            The change of the tap position that was completed now (-1 raises the low-voltage
            side, +1 lowers it), or None.
        """
        if day != self._day:
            self._day, self.operations_today = day, 0
        # NaN compares false with everything: a dead busbar is a disturbed one
        self._disturbed = not busbar_pu >= BLOCKED_BELOW_PU
        if not self.moving:
            self._decide(now_s, busbar_pu)
        return self._finish(now_s)

    def _decide(self, now_s: float, busbar_pu: float) -> None:
        wanted = 0 if self.blocked else self._needed(busbar_pu)
        if wanted != self._wanted:
            self._wanted, self._since_s = wanted, now_s
        if wanted and now_s - self._since_s >= self.spec.delay_s - ROUNDING_S:
            self._moving, self._done_s = wanted, now_s + self.spec.step_s
            self._wanted = 0

    def _needed(self, busbar_pu: float) -> int:
        """Step that brings the voltage towards the band; 0 inside it and at the end stops."""
        deviation = busbar_pu - self.setpoint_pu
        if deviation > self.spec.band_pu and self.position < self._tap_max:
            return 1
        if deviation < -self.spec.band_pu and self.position > self._tap_min:
            return -1
        return 0

    def _finish(self, now_s: float) -> int | None:
        if not self.moving or now_s < self._done_s - ROUNDING_S:
            return None
        step, self._moving = self._moving, 0
        self.position += step
        self.operations += 1
        self.operations_today += 1
        return step
