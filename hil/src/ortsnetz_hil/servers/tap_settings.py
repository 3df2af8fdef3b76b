"""Command registers of a tap changer's controller."""

from __future__ import annotations

from typing import Protocol

import msgspec

from ortsnetz_hil.plant.devices.specs import TapChanger
from ortsnetz_hil.plant.devices.watchdog import RefusedValueError

VOLTAGE, BLOCKED = range(2)
PERMILLE = 1000.0
LOWEST, HIGHEST = 900, 1100
"""Set points it takes: the band of EN 50160 for the supply voltage, 0.1 % of nominal."""


class Tap(Protocol):
    """A tap changer's model as its server needs it; its budget of steps is read from its spec."""

    spec: TapChanger
    setpoint_pu: float
    position: int
    operations: int

    @property
    def blocked(self) -> bool:
        """Whether it stays where it is, for whatever reason."""
        ...


class TapSettings:
    """Voltage set point and blocking of a tap changer; it has no watchdog."""

    def __init__(self, model: Tap) -> None:
        """Take a model; as its specification is now it comes back after a restart.

        Args:
            model: the tap changer.
        """
        self.count = 2
        self._model = model
        self._spec, self._setpoint_pu = model.spec, model.setpoint_pu
        self._blocked = False

    def values(self) -> list[int]:
        """Set point in 0.1 % of nominal, and whether it was told to stay where it is."""
        return [round(self._model.setpoint_pu * PERMILLE), int(self._blocked)]

    def check(self, place: int, value: int) -> None:
        """Raise RefusedValueError for a value that the controller does not take."""
        if place == BLOCKED and value not in {0, 1}:
            raise RefusedValueError(f"blocked is 0 or 1, not {value}")
        if place == VOLTAGE and not LOWEST <= value <= HIGHEST:
            raise RefusedValueError(f"a set point is between {LOWEST} and {HIGHEST}, not {value}")

    def put(self, place: int, value: int, now_s: float) -> None:  # noqa: ARG002 - as for limits
        """Take a checked value."""
        if place == VOLTAGE:
            self._model.setpoint_pu = value / PERMILLE
            return
        self._blocked = bool(value)
        # who may not make any step stays where it is
        self._model.spec = (
            msgspec.structs.replace(self._spec, steps_a_day=0) if value else self._spec
        )

    def keep(self, now_s: float) -> None:
        """Go on; nothing has to be fed."""

    def restart(self) -> None:
        """Factory settings."""
        self._model.spec, self._model.setpoint_pu = self._spec, self._setpoint_pu
        self._blocked = False
