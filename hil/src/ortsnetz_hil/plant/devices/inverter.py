"""Behaviour of a PV inverter that takes a power limit and supports the grid."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError
from ortsnetz_hil.plant.devices import characteristics
from ortsnetz_hil.plant.devices.characteristics import share_at
from ortsnetz_hil.plant.devices.following import Elapsed, Follower, Lag
from ortsnetz_hil.plant.devices.limited import FULL, ShareLimited
from ortsnetz_hil.plant.devices.protection import GridConnection
from ortsnetz_hil.plant.devices.specs import Inverter
from ortsnetz_hil.plant.devices.supply import on_terminals, per_unit
from ortsnetz_hil.plant.devices.watchdog import Watchdog

FALLBACK = 300


class InverterModel(ShareLimited):
    """An inverter: available power from the sun, a limit in force that acts late.

    Power is spread evenly over its terminals. Q(U) acts on the mean voltage of the terminals, P(U)
    on the highest one (project assumption: VDE-AR-N 4105 speaks of the connection point). Where
    apparent power runs out, reactive power comes first and active power gives way (the
    project's reading of VDE-AR-N 4105, 5.7.2: less is fed in for the sake of reactive power).

    A reactive power set point takes the place of Q(U), and of unity power factor; it falls away
    with the watchdog.

    Attributes:
        limit: limit in force, 0.1 % of the rating.
        reactive: reactive power set point, 0.1 % of the rating, inductive positive.
        reactive_told: whether that set point counts.
        available_w: what the sun offers, total, not more than the rating.
        power_w: feed-in, total, positive.
        active_w: power per terminal, load convention (feed-in negative), shape (3,).
        reactive_var: the same, inductive (voltage-lowering) positive.
        served_wh: energy fed in since the start; offered_wh: what was available.

    Raises:
        InputError: characteristics that cannot be followed.
    """

    def __init__(self, spec: Inverter) -> None:
        characteristics.check(spec.control, spec.name)
        self.spec = spec
        self.watchdog = Watchdog(fallback=FALLBACK)
        # after power-up nobody commands yet: the fall-back is in force
        self.limit = FALLBACK
        self.reactive = 0
        self.reactive_told = False
        self.available_w = 0.0
        self.power_w = 0.0
        self.active_w: NDArray[np.float64] = np.zeros(3)
        self.reactive_var: NDArray[np.float64] = np.zeros(3)
        self.served_wh = 0.0
        self.offered_wh = 0.0
        self._followed = Follower(FALLBACK, spec.reaction_s)
        self._reactive_followed = Follower(0, spec.reaction_s)
        self._connection = GridConnection(spec.control)
        self._elapsed = Elapsed()
        self._q_share = Lag(0.0, spec.control.time_constant_s)
        self._p_share = Lag(1.0, spec.control.time_constant_s)

    @property
    def terminals(self) -> int:
        """Number of connected phases."""
        return len(self.spec.phases)

    @property
    def tripped(self) -> bool:
        """Whether its protection holds it off the grid."""
        return self._connection.tripped

    @property
    def trip_reason(self) -> str | None:
        """Why it is off the grid; None while it is connected."""
        return self._connection.reason

    def advance(
        self, now_s: float, passed_s: float, share: float, voltage_v: NDArray[np.float64]
    ) -> None:
        """Live through one step.

        Args:
            now_s: wall time of the step.
            passed_s: calendar seconds since the last step.
            share: available power now as a share of the rating.
            voltage_v: phase-to-neutral voltage at the terminals, shape (terminals,); NaN is dead.

        Raises:
            InputError: the available power is missing (NaN).
        """
        if math.isnan(share):
            raise InputError(f"inverter '{self.spec.name}': nobody says how the sun shines")
        self.served_wh += self.power_w * passed_s / 3600.0
        self.offered_wh += self.available_w * passed_s / 3600.0
        if self.watchdog.expired(now_s):
            self.limit, self.reactive_told = self.watchdog.fallback, False
        limit = self._followed.follow(self.limit, now_s)
        u_pu = per_unit(voltage_v)
        connected = self._connection.advance(now_s, u_pu)
        self.available_w = self.spec.rated_w * min(max(share, 0.0), 1.0)
        self._reactive_followed.follow(self.reactive, now_s)
        self._support(u_pu, self._elapsed.until(now_s))
        self._feed_in(self.spec.rated_w * limit / FULL, min(connected, self._p_share.value))

    def _support(self, u_pu: NDArray[np.float64], passed_s: float) -> None:
        """Follow both characteristics; off the grid there is nothing to follow."""
        control = self.spec.control
        if self.tripped:
            self._q_share.value, self._p_share.value = 0.0, 1.0
            return
        if self.reactive_told:
            self._q_share.follow(self._reactive_followed.value / FULL, passed_s)
        elif control.q_of_u:
            self._q_share.follow(share_at(control.q_of_u, float(u_pu.mean())), passed_s)
        else:
            self._q_share.follow(0.0, passed_s)
        if control.p_of_u:
            self._p_share.follow(share_at(control.p_of_u, float(u_pu.max())), passed_s)

    def _feed_in(self, limit_w: float, ceiling: float) -> None:
        rated = self.spec.rated_w
        wanted_var = self._q_share.value * rated
        room_w = math.sqrt(max(rated**2 - wanted_var**2, 0.0)) if wanted_var else rated
        self.power_w = min(self.available_w, limit_w, rated * ceiling, room_w)
        lowest = self.spec.control.lowest_power_factor
        most_var = self.power_w * math.tan(math.acos(lowest)) if lowest > 0.0 else rated
        reactive_var = math.copysign(min(abs(wanted_var), most_var), wanted_var)
        self.active_w = on_terminals(-self.power_w, self.terminals)
        self.reactive_var = on_terminals(reactive_var, self.terminals)
