"""Command registers of an inverter: limit, fall-back, and a reactive power set point."""

from __future__ import annotations

from typing import Protocol

from ortsnetz_hil.plant.devices.limited import FULL
from ortsnetz_hil.plant.devices.watchdog import RefusedValueError
from ortsnetz_hil.servers.commands import Limited, LimitSettings

REACTIVE, TOLD = 3, 4


class Reactive(Limited, Protocol):
    """An inverter's model as its server needs it; reactive power in 0.1 %, inductive positive."""

    reactive: int
    reactive_told: bool


class InverterSettings(LimitSettings):
    """As of all devices with a limit, and two registers more; capacitive counts positive there."""

    def __init__(self, model: Reactive) -> None:
        """Take a model that nobody has commanded yet."""
        super().__init__(model)
        self.count = 5
        self._inverter = model

    def values(self) -> list[int]:
        """What is in force, by place; a negative number as its register has it."""
        model = self._inverter
        return [*super().values(), -model.reactive & 0xFFFF, int(model.reactive_told)]

    def check(self, place: int, value: int) -> None:
        """Raise RefusedValueError for a value that the inverter does not take."""
        if place == REACTIVE and abs(_signed(value)) > FULL:
            raise RefusedValueError(
                f"reactive power is -{FULL} to {FULL} (0.1 % of the rating), not {_signed(value)}"
            )
        if place == TOLD and value not in {0, 1}:
            raise RefusedValueError(f"the set point counts (1) or not (0), not {value}")
        if place < REACTIVE:
            super().check(place, value)

    def put(self, place: int, value: int, now_s: float) -> None:
        """Take a checked value."""
        if place == REACTIVE:
            self._inverter.reactive = -_signed(value)
        elif place == TOLD:
            self._inverter.reactive_told = bool(value)
        else:
            super().put(place, value, now_s)

    def restart(self) -> None:
        """Factory settings: its own characteristic."""
        super().restart()
        self._inverter.reactive, self._inverter.reactive_told = 0, False


def _signed(value: int) -> int:
    """A register with a sign."""
    return value - 0x10000 if value & 0x8000 else value
