"""Behaviour of a heat pump with a fixed-speed compressor, and of the building it heats."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError
from ortsnetz_hil.plant.devices.building import temperature_after
from ortsnetz_hil.plant.devices.following import Follower
from ortsnetz_hil.plant.devices.limited import Limited
from ortsnetz_hil.plant.devices.specs import HeatPump
from ortsnetz_hil.plant.devices.supply import Contactor, on_terminals, per_unit
from ortsnetz_hil.plant.devices.watchdog import RefusedValueError, Watchdog

POWER_FACTOR = 0.9
"""Of a loaded induction motor, inductive (project assumption; name plates say 0.8 to 0.95)."""
_TAN_PHI = math.tan(math.acos(POWER_FACTOR))
UNIT_W = 10
"""Limits count in units of 10 W."""


class HeatPumpModel(Limited):
    """A thermostat, a compressor that runs at rated power or not at all, and a building.

    A limit below rated power locks the compressor, since it cannot run at less: the guaranteed
    minimum (BNetzA BK6-22-300 for section 14a EnWG) says what the operator has to leave, and it is
    the customer's matter how to stay below it. Whoever wants the heat pump to run at its floor
    gives it a floor of at least its rated power. The device itself takes any limit from 0 on.

    The lock is a hard one: it acts after `reaction_s` whatever `min_on_s` says, as "Betriebszustand
    1" (the classic lock by the utility) of the SG-Ready label does (BWP, Regularium, 2.1 a).
    `min_off_s` is kept always: pressures have to settle before a compressor starts again (makers:
    up to 5 min that cannot be bypassed; Glen Dimplex, "Sperrung der Anforderungen").
    A lost phase opens the contactor at once.

    Temperature and minimum times pass in calendar seconds. Power holds during a step and the
    thermostat looks at its end, so the band is left by what one step heats or cools.

    Attributes:
        limit: limit in force, 10 W.
        active_w: power per terminal, consumption positive, shape (3,).
        reactive_var: the same, inductive positive.
        temperature_c: of the building.
        starts: how often the compressor has started.
        served_wh: electrical energy since the start.

    Raises:
        InputError: a building or compressor that cannot be.
    """

    def __init__(self, spec: HeatPump) -> None:
        _check(spec)
        self.spec = spec
        self.watchdog = Watchdog(fallback=math.ceil(spec.floor_w / UNIT_W))
        # after power-up nobody commands yet: the fall-back is in force
        self.limit = self.watchdog.fallback
        self.active_w: NDArray[np.float64] = np.zeros(3)
        self.reactive_var: NDArray[np.float64] = np.zeros(3)
        self.temperature_c = spec.start_c
        self.starts = 0
        self.served_wh = 0.0
        self._followed = Follower(self.limit, spec.reaction_s)
        self._contactor = Contactor()
        self._calls = False
        self._runs = False
        # it has been standing for long when the window begins
        self._state_s = math.inf

    @property
    def terminals(self) -> int:
        """Number of connected phases."""
        return len(self.spec.phases)

    @property
    def runs(self) -> bool:
        """Whether the compressor runs."""
        return self._runs

    @property
    def locked(self) -> bool:
        """Whether the limit that it obeys forbids the compressor to run."""
        return self._followed.value * UNIT_W < self.spec.rated_w

    @property
    def wanted_w(self) -> float:
        """What it would draw now without a limit, W."""
        ready = self._calls and self._state_s >= self.spec.min_off_s and self._contactor.closed
        return self.spec.rated_w if self._runs or ready else 0.0

    def checked(self, value: int) -> int:
        """A power in 10 W that it takes as limit or fall-back; raises RefusedValueError."""
        highest = max(math.ceil(self.spec.rated_w / UNIT_W), math.ceil(self.spec.floor_w / UNIT_W))
        if not 0 <= value <= highest:
            raise RefusedValueError(f"{self.spec.name} takes 0-{highest}, not {value}")
        return value

    def advance(
        self, now_s: float, passed_s: float, outdoor_c: float, voltage_v: NDArray[np.float64]
    ) -> None:
        """Live through one step.

        Args:
            now_s: wall time of the step.
            passed_s: calendar seconds since the last step.
            outdoor_c: outdoor temperature during them.
            voltage_v: phase-to-neutral voltage at the terminals, shape (terminals,); NaN is dead.

        Raises:
            InputError: the outdoor temperature is missing (NaN).
        """
        if math.isnan(outdoor_c):
            raise InputError(f"heat pump '{self.spec.name}': the outdoor temperature is missing")
        self._live(passed_s, outdoor_c)
        if self.watchdog.expired(now_s):
            self.limit = self.watchdog.fallback
        self._followed.follow(self.limit, now_s)
        self._call()
        self._switch(supplied=self._contactor.watch(float(per_unit(voltage_v).min())))
        drawn_w = self.spec.rated_w if self._runs else 0.0
        self.active_w = on_terminals(drawn_w, self.terminals)
        self.reactive_var = self.active_w * _TAN_PHI

    def _live(self, passed_s: float, outdoor_c: float) -> None:
        drawn_w = float(self.active_w.sum())
        self._state_s += passed_s
        self.served_wh += drawn_w * passed_s / 3600.0
        self.temperature_c = temperature_after(
            self.temperature_c,
            outdoor_c,
            drawn_w * self.spec.cop,
            passed_s / 3600.0,
            loss_w_per_k=self.spec.loss_w_per_k,
            capacity_wh_per_k=self.spec.capacity_wh_per_k,
        )

    def _call(self) -> None:
        """The thermostat calls for heat below its band and stops calling above it."""
        if self.temperature_c < self.spec.setpoint_c - self.spec.band_k:
            self._calls = True
        elif self.temperature_c > self.spec.setpoint_c + self.spec.band_k:
            self._calls = False

    def _switch(self, *, supplied: bool) -> None:
        if self._runs:
            forced = self.locked or not supplied
            if forced or (not self._calls and self._state_s >= self.spec.min_on_s):
                self._runs, self._state_s = False, 0.0
        elif self._calls and supplied and not self.locked and self._state_s >= self.spec.min_off_s:
            self._runs, self._state_s = True, 0.0
            self.starts += 1


def _check(spec: HeatPump) -> None:
    positive = {
        "rated power": spec.rated_w,
        "coefficient of performance": spec.cop,
        "heat capacity": spec.capacity_wh_per_k,
    }
    for what, value in positive.items():
        if not value > 0.0:
            raise InputError(f"heat pump '{spec.name}': its {what} is {value:g}; it is positive")
    if not (spec.loss_w_per_k >= 0.0 and spec.band_k >= 0.0):
        raise InputError(f"heat pump '{spec.name}': heat loss and band are not negative")
