"""Behaviour of an EV charge point and the cars at it (IEC 61851-1 states)."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.station import NOMINAL_PHASE_V
from ortsnetz_hil.plant.calendar import Instant
from ortsnetz_hil.plant.devices.charging import asked_current_a
from ortsnetz_hil.plant.devices.limited import Limited
from ortsnetz_hil.plant.devices.specs import ChargePoint, Session
from ortsnetz_hil.plant.devices.supply import Contactor, at_terminals
from ortsnetz_hil.plant.devices.watchdog import RefusedValueError, Watchdog

POWER_FACTOR = 0.99
_TAN_PHI = float(np.tan(np.arccos(POWER_FACTOR)))
LOWEST_A = 6
SLOWEST_S = 5.0
"""A car follows the pilot's duty cycle within 5 s (IEC 61851-1:2017, Annex A, Table A.6)."""
STOP_S = 3.0
"""A car stops within 3 s when the pilot offers no current any more (the project's reading of the
sequences in the same table)."""


class ControlPilot(IntEnum):
    """IEC 61851-1 vehicle states, as numbered in the register map."""

    A = 1
    B = 2
    C = 3


class ChargePointModel(Limited):
    """A charge point: a limit in force, a car that follows it late, a battery that fills.

    The control electronics live from terminal 1: without it the contactor drops out and nothing is
    drawn, whatever the other terminals have; when it is back the car starts again. A car that loses
    another of its phases goes on with what is left. Network phases are at the terminals in the
    order of `spec.phases`, so a car with one phase loads the first letter.

    Attributes:
        limit: limit in force, whole amperes per phase.
        active_w: power per terminal, consumption positive; three entries, unused ones zero.
        reactive_var: the same, inductive positive.
        current_a: current per phase that the car uses.
        served_wh: energy delivered since the start.

    Raises:
        InputError: a car slower than IEC 61851-1 allows, or a session that no car can have.
    """

    def __init__(self, spec: ChargePoint) -> None:
        _check(spec)
        self.spec = spec
        self.watchdog = Watchdog(fallback=spec.floor_a)
        # after power-up nobody commands yet: the fall-back is in force
        self.limit = spec.floor_a
        self.served_wh = 0.0
        self.current_a = 0.0
        self.active_w: NDArray[np.float64] = np.zeros(3)
        self.reactive_var: NDArray[np.float64] = np.zeros(3)
        self._contactor = Contactor()
        self._session: Session | None = None
        self._missing_wh = 0.0
        self._day = 0
        self._pilot_a = 0
        self._follow_at: float | None = None

    @property
    def wanted_a(self) -> float:
        """Current the car asks for, per phase; 0 without a car that wants to charge."""
        return asked_current_a(self._session, self._missing_wh) if self._session else 0.0

    @property
    def state(self) -> ControlPilot:
        """State of the control pilot."""
        if self._session is None:
            return ControlPilot.A
        return ControlPilot.C if self.current_a > 0 else ControlPilot.B

    @property
    def terminals(self) -> int:
        """Number of connected phases."""
        return len(self.spec.phases)

    @property
    def used_terminals(self) -> int:
        """Number of phases that the car uses, from terminal 1 on; 0 without a car."""
        return min(self._session.phases, self.terminals) if self._session else 0

    def checked(self, value: int) -> int:
        """A current that the charge point takes as limit or fall-back; raises RefusedValueError."""
        # the pilot cannot offer less than 6 A (IEC 61851-1, Table A.7); 0 is a pause
        if value != 0 and not LOWEST_A <= value <= self.spec.rated_a:
            raise RefusedValueError(
                f"{self.spec.name} takes 0 or {LOWEST_A}-{self.spec.rated_a} A, not {value} A"
            )
        return value

    def advance(
        self, now_s: float, passed_s: float, instant: Instant, voltage_v: NDArray[np.float64]
    ) -> None:
        """Live through one step.

        Args:
            now_s: wall time of the step.
            passed_s: calendar seconds since the last step.
            instant: calendar instant of the step.
            voltage_v: phase-to-neutral voltage at the terminals, shape (terminals,); NaN is dead.
        """
        volts = at_terminals(voltage_v)
        self._charge(passed_s)
        self._come_and_go(instant)
        if self.watchdog.expired(now_s):
            self.limit = self.watchdog.fallback
        if self._contactor.watch(float(volts[0]) / NOMINAL_PHASE_V):
            self._follow(now_s)
        else:
            self._pilot_a, self._follow_at = 0, None
        self._draw(passed_s, volts)

    def _charge(self, passed_s: float) -> None:
        energy = float(self.active_w.sum()) * passed_s / 3600.0
        self.served_wh += energy
        self._missing_wh -= energy

    def _come_and_go(self, instant: Instant) -> None:
        here = next(
            (s for s in self.spec.sessions if s.arrival_s <= instant.second < s.departure_s), None
        )
        if here is self._session and instant.day == self._day:
            return
        self._session, self._day = here, instant.day
        self._missing_wh = here.energy_wh if here else 0.0
        self._pilot_a, self._follow_at = 0, None

    def _follow(self, now_s: float) -> None:
        """The car takes over the pilot's value `reaction_s` after it first differed."""
        if self.wanted_a == 0.0:
            self._pilot_a, self._follow_at = 0, None
        elif self._pilot_a == self.limit:
            self._follow_at = None
        elif self._follow_at is None:
            self._follow_at = now_s + self._reaction_s()
        else:
            # a pause acts in its own time, also if the car is about to follow a reduction
            self._follow_at = min(self._follow_at, now_s + self._reaction_s())
            if now_s >= self._follow_at:
                self._pilot_a, self._follow_at = self.limit, None

    def _reaction_s(self) -> float:
        return self.spec.reaction_s if self.limit else min(self.spec.reaction_s, STOP_S)

    def _draw(self, passed_s: float, volts: NDArray[np.float64]) -> None:
        self.current_a = min(float(self._pilot_a), self.wanted_a)
        active = self.current_a * POWER_FACTOR * volts[: self.used_terminals]
        total = float(active.sum())
        if total > 0 and passed_s > 0:  # the last step takes what still fits into the battery
            share = min(1.0, self._missing_wh * 3600.0 / (total * passed_s))
            active = active * share
            self.current_a *= share
        self.active_w = np.zeros(3)
        self.active_w[: self.used_terminals] = active
        self.reactive_var = self.active_w * _TAN_PHI


def _check(spec: ChargePoint) -> None:
    if not 0.0 <= spec.reaction_s <= SLOWEST_S:
        raise InputError(
            f"charge point '{spec.name}': its car follows a new limit after {spec.reaction_s:g} s; "
            f"IEC 61851-1 allows {SLOWEST_S:g} s; for a slower device use a fault"
        )
    for session in spec.sessions:
        if session.phases not in {1, 2, 3} or not 0.0 <= session.tail_share <= 1.0:
            raise InputError(
                f"charge point '{spec.name}': a session has {session.phases} phases and a tail of "
                f"{session.tail_share:g}; a car uses 1, 2 or 3 phases and a tail of 0 to 1"
            )
