"""Command registers of a control box: it takes a limit at once, and its device has it later."""

from __future__ import annotations

from ortsnetz_hil.plant.devices.heat_pump import UNIT_W, HeatPumpModel
from ortsnetz_hil.servers.commands import FALLBACK_TIME, LimitSettings

BOX_UNIT_W = 100
"""Limits of a control box count in units of 100 W, those of a heat pump in `UNIT_W`."""
_FINER = BOX_UNIT_W // UNIT_W


class BoxSettings(LimitSettings):
    """Limit, fall-back time and fall-back of the heat pump behind a control box.

    What is in force is what the heat pump has taken: the box acknowledges nothing before. The time
    in between is `Commands.delay_s`.
    """

    def __init__(self, model: HeatPumpModel) -> None:
        super().__init__(model)

    def values(self) -> list[int]:
        """Limit that the heat pump has, fall-back time and fall-back."""
        limit, time_s, fallback = super().values()
        return [limit // _FINER, time_s, fallback // _FINER]

    def check(self, place: int, value: int) -> None:
        """Raise RefusedValueError for a value that the heat pump does not take."""
        super().check(place, self._finer(place, value))

    def put(self, place: int, value: int, now_s: float) -> None:
        """Take a checked value."""
        super().put(place, self._finer(place, value), now_s)

    @staticmethod
    def _finer(place: int, value: int) -> int:
        return value if place == FALLBACK_TIME else value * _FINER
