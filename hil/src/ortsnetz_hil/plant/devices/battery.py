"""Behaviour of a home battery that keeps its customer's power at zero."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError
from ortsnetz_hil.plant.devices.following import Elapsed, Follower, Lag
from ortsnetz_hil.plant.devices.limited import FULL, ShareLimited
from ortsnetz_hil.plant.devices.protection import GridConnection
from ortsnetz_hil.plant.devices.specs import Battery, InverterControl
from ortsnetz_hil.plant.devices.supply import on_terminals, per_unit
from ortsnetz_hil.plant.devices.watchdog import Watchdog

FALLBACK = FULL
"""Without commands the battery serves its customer with full power: following the customer to zero
it never makes what the grid sees larger."""
SETTLED = 3.0
"""Time constants within which it has followed its customer: 95 % after `reaction_s`."""


class BatteryModel(ShareLimited):
    """A battery, the inverter in front of it and the control that follows the customer's power.

    It charges from surplus and discharges into consumption (self-consumption), never from or into
    the grid; a new power is reached like a first-order lag, 95 % after `reaction_s`. A limit holds
    for both directions and acts after `reaction_s`. It leaves a dead grid like any inverter and
    comes back after VDE-AR-N 4105's minute. Power factor one.

    Energy is conserved exactly: what passed at the terminals times (charging) or over (discharging)
    the efficiency is what the state of charge changed by. The last step before full, or before the
    reserve, takes what fits into a step as long as the one before; were it longer, the bound is
    passed by the difference and the battery stops.

    Attributes:
        limit: limit in force, 0.1 % of the rating, for charging and discharging.
        active_w: power per terminal, charging positive, shape (3,).
        reactive_var: zero.
        wanted_w: what it would draw now without a limit (discharging negative).
        soc_wh: energy in the battery.
        charged_wh, discharged_wh: energy at the terminals since the start, both positive.

    Raises:
        InputError: a battery that cannot be.
    """

    def __init__(self, spec: Battery) -> None:
        _check(spec)
        self.spec = spec
        self.watchdog = Watchdog(fallback=FALLBACK)
        # after power-up nobody commands yet: the fall-back is in force
        self.limit = FALLBACK
        self.active_w: NDArray[np.float64] = np.zeros(3)
        self.reactive_var: NDArray[np.float64] = np.zeros(3)
        self.wanted_w = 0.0
        self.soc_wh = spec.start_share * spec.capacity_wh
        self.charged_wh = 0.0
        self.discharged_wh = 0.0
        self._power_w = 0.0
        self._followed = Follower(FALLBACK, spec.reaction_s)
        self._connection = GridConnection(InverterControl())
        self._elapsed = Elapsed()
        self._lag = Lag(0.0, spec.reaction_s / SETTLED)
        self._step_s = 0.0

    @property
    def terminals(self) -> int:
        """Number of connected phases."""
        return len(self.spec.phases)

    @property
    def tripped(self) -> bool:
        """Whether it is off the grid."""
        return self._connection.tripped

    @property
    def reserve_wh(self) -> float:
        """Energy below which it does not discharge."""
        return self.spec.reserve_share * self.spec.capacity_wh

    def advance(
        self, now_s: float, passed_s: float, household_w: float, voltage_v: NDArray[np.float64]
    ) -> None:
        """Live through one step.

        Args:
            now_s: wall time of the step.
            passed_s: calendar seconds since the last step.
            household_w: its customer's power without it, consumption positive; NaN while its meter
                says nothing: then it stands still.
            voltage_v: phase-to-neutral voltage at the terminals, shape (terminals,); NaN is dead.
        """
        self._store(passed_s)
        if self.watchdog.expired(now_s):
            self.limit = self.watchdog.fallback
        limit_w = self.spec.rated_w * self._followed.follow(self.limit, now_s) / FULL
        connected = self._connection.advance(now_s, per_unit(voltage_v))
        ceiling_w = self.spec.rated_w * connected
        plant_s = self._elapsed.until(now_s)
        target_w = 0.0 if math.isnan(household_w) or self.tripped else -household_w
        followed_w = self._lag.follow(_within(target_w, self.spec.rated_w), plant_s)
        if self.tripped:
            followed_w = self._lag.value = 0.0
        self.wanted_w = self._possible(_within(followed_w, ceiling_w))
        self._power_w = _within(self.wanted_w, limit_w)
        self.active_w = on_terminals(self._power_w, self.terminals)

    def _store(self, passed_s: float) -> None:
        energy_wh = self._power_w * passed_s / 3600.0
        if energy_wh >= 0.0:
            self.charged_wh += energy_wh
            self.soc_wh += energy_wh * self.spec.efficiency
        else:
            self.discharged_wh -= energy_wh
            self.soc_wh += energy_wh / self.spec.efficiency
        if passed_s > 0.0:  # a jump of the calendar tells nothing about the next step
            self._step_s = passed_s

    def _possible(self, power_w: float) -> float:
        """What of a power the state of charge allows during the next step."""
        if power_w >= 0.0:
            most_wh = (self.spec.capacity_wh - self.soc_wh) / self.spec.efficiency
        else:
            most_wh = (self.soc_wh - self.reserve_wh) * self.spec.efficiency
        if most_wh <= 0.0:
            return 0.0
        hours = self._step_s / 3600.0
        return (
            power_w if abs(power_w) * hours <= most_wh else math.copysign(most_wh / hours, power_w)
        )


def _within(power_w: float, bound_w: float) -> float:
    return min(max(power_w, -bound_w), bound_w)


def _check(spec: Battery) -> None:
    if not 0.0 < spec.efficiency <= 1.0:
        raise InputError(
            f"battery '{spec.name}': efficiency is {spec.efficiency:g}; it is above 0, at most 1"
        )
    if not (spec.rated_w > 0.0 and spec.capacity_wh > 0.0):
        raise InputError(f"battery '{spec.name}': rated power and capacity are positive")
    if not (0.0 <= spec.start_share <= 1.0 and 0.0 <= spec.reserve_share <= 1.0):
        raise InputError(f"battery '{spec.name}': start and reserve are shares from 0 to 1")
