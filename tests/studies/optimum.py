"""The accurate optimum of limiting: three-phase AC optimal power flow, casadi and IPOPT.

Unknowns are the voltages of all nodes and phases, in rectangular coordinates, the factor of each
device and, where it takes one, its reactive power. The equations are exact (`optimum_network`); no
margin, no steps. Rows far from their bounds are left out and looked at afterwards: those that are
exceeded enter, and it is solved again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import casadi
import numpy as np
from numpy.typing import NDArray
from studies.optimum_judge import Judge
from studies.optimum_programme import Level, Programme, Rows, Solved, Start

from ortsnetz_grid.functions.congestion.problem import Objective

Floats = NDArray[np.float64]
_NEAR = 0.75
"""Share of a loading limit from which on its row is in the programme from the start."""
_NEAR_PU = 0.02
_ROUNDS = 6
_EXCEEDED = 1e-7
_BLOCKED = 0.03
"""Share of the largest price from which on a device counts as holding the level down."""
_YIELD = 5e-3
"""By which a level gives way to the next. Every device moves every current a little, through the
voltage: without it, whoever shares a transformer would stand at the level of the worst cable."""
_TOP = 1 - 1e-7


@dataclass(frozen=True)
class Optimum:
    """What IPOPT found.

    Attributes:
        factors: (d,)
        q_var: (d,) told reactive power.
        voltages: (3n,) of its state, per unit.
        level: largest smallest factor, max-min only.
    """

    factors: Floats
    q_var: Floats
    voltages: NDArray[np.complex128]
    level: float | None = None


class Solver:
    """Optima of one case."""

    def __init__(self, judge: Judge, devices: Any, limits: Any) -> None:
        self._judge, self._devices, self._limits = judge, devices, limits
        self._e = judge.equations
        self._lowest = np.array([device.lowest_factor for device in devices])
        volts = judge.voltages(np.array([self._lowest, np.ones(len(devices))]))
        volts = np.where(np.isfinite(volts), volts, self._e.fixed)
        self._rows = self._near(volts)
        self._start = Start(volts[0], self._lowest, np.zeros(len(devices)))
        self._programme = Programme(judge, devices, limits, self._rows)

    def optimum(self, objective: Objective) -> Optimum | None:
        """The optimum of an objective; None where IPOPT finds no setting inside the limits."""
        if objective is Objective.MAX_MIN:
            return self._max_min()
        if objective is Objective.ENERGY:
            worth = np.array([d.price * sum(map(abs, d.request_w)) for d in self._devices])
            return self._least(lambda k: -casadi.dot(worth / worth.mean(), k))
        weight = np.array([device.weight for device in self._devices])
        return self._least(lambda k: casadi.dot(weight, (1 - k) ** 2))

    def _max_min(self) -> Optimum | None:
        """Largest smallest factor, then the next smallest, and so on: one programme a level."""
        level = np.zeros(len(self._devices))
        free = self._lowest < 1
        found, first = None, None
        while free.any():
            solved = self._solved(None, Level(free.copy(), level.copy()))
            if solved is None:
                break
            found = solved
            first = solved.level if first is None else first
            blocked = free & (solved.price > _BLOCKED * solved.price.max())
            if solved.level >= _TOP or not blocked.any():
                break
            level[blocked] = (1 - _YIELD) * solved.level
            free &= ~blocked
        if found is None:
            return None if free.any() else self._least(casadi.sum1)
        return Optimum(found.at.factors, found.at.q_var, found.at.voltages, first)

    def _least(self, cost: Any) -> Optimum | None:
        found = self._solved(cost, None)
        return found and Optimum(found.at.factors, found.at.q_var, found.at.voltages)

    def _solved(self, cost: Any, level: Level | None) -> Solved | None:
        """Solve until no row that was left out is exceeded."""
        for _ in range(_ROUNDS):
            solved = self._programme.solve(cost, level, self._start)
            if solved is None:
                return None
            self._start = solved.at
            exceeded = self._exceeded(solved.at.voltages)
            if exceeded is None:
                return solved
            self._rows = exceeded
            self._programme = Programme(self._judge, self._devices, self._limits, exceeded)
        return None

    def _near(self, volts: NDArray[np.complex128]) -> Rows:
        """Rows near their bounds in some of the states (s, 3n)."""
        ratios = self._e.ratios(volts).max(axis=0) > _NEAR * self._limits.loading
        size = np.abs(volts[:, self._e.low_voltage])
        low, high = self._limits.u_pu
        near = (size.min(axis=0) < low + _NEAR_PU) | (size.max(axis=0) > high - _NEAR_PU)
        amps = self._e.currents.shape[0]
        return Rows(ratios[:amps], ratios[amps:], near)

    def _exceeded(self, voltages: NDArray[np.complex128]) -> Rows | None:
        """The rows and those that are exceeded; None if all of these are there."""
        ratios = self._e.ratios(voltages) - self._limits.loading > _EXCEEDED
        size = np.abs(voltages[self._e.low_voltage])
        low, high = self._limits.u_pu
        beyond = (size < low - _EXCEEDED) | (size > high + _EXCEEDED)
        amps, rows = self._e.currents.shape[0], self._rows
        new = Rows(rows.current | ratios[:amps], rows.apparent | ratios[amps:],
                   rows.voltage | beyond)  # fmt: skip
        grown = sum(int(each.sum()) for each in (new.current, new.apparent, new.voltage))
        before = sum(int(each.sum()) for each in (rows.current, rows.apparent, rows.voltage))
        return new if grown > before else None
