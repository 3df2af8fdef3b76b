"""One programme of the accurate optimum: equations, bounds and start, handed to IPOPT."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import casadi
import numpy as np
from numpy.typing import NDArray
from studies.optimum_judge import Judge
from studies.optimum_network import BASE_VA

Floats = NDArray[np.float64]
_OPTIONS = {
    "print_time": False,
    "ipopt": {"print_level": 0, "sb": "yes", "tol": 1e-9, "constr_viol_tol": 1e-9,
              "acceptable_tol": 1e-7, "max_iter": 400, "mu_strategy": "adaptive"},
}  # fmt: skip


@dataclass(frozen=True)
class Rows:
    """Which bounds are in the programme, of all there are."""

    current: NDArray[np.bool_]
    apparent: NDArray[np.bool_]
    voltage: NDArray[np.bool_]


@dataclass(frozen=True)
class Level:
    """Max-min: who must still rise, and what the others keep."""

    free: NDArray[np.bool_]
    fixed: Floats


@dataclass(frozen=True)
class Start:
    """Where to start: voltages (3n,), factors (d,), told reactive power (d,) var."""

    voltages: NDArray[np.complex128]
    factors: Floats
    q_var: Floats


@dataclass(frozen=True)
class Solved:
    """What IPOPT found.

    Attributes:
        at: unknowns.
        level: of a max-min programme.
        price: (d,) of the level, by device.
    """

    at: Start
    level: float
    price: Floats


class Programme:
    """Unknowns and equations of one case with some of its bounds."""

    def __init__(self, judge: Judge, devices: Any, limits: Any, rows: Rows) -> None:
        self._judge, self._devices, self._limits, self._rows = judge, devices, limits, rows
        self._e = judge.equations
        self._lowest = np.array([device.lowest_factor for device in devices])
        self._most_q = np.array([device.reactive_var for device in devices])
        free, count = len(self._e.free), len(devices)
        self._re, self._im = casadi.SX.sym("re", free), casadi.SX.sym("im", free)
        self._k, self._q = casadi.SX.sym("k", count), casadi.SX.sym("q", count)
        self._t = casadi.SX.sym("t", 1)
        ur, ui = self._full(self._re, self._e.fixed.real), self._full(self._im, self._e.fixed.imag)
        self._equal = self._balance(ur, ui)
        self._bounds, self._low, self._high = self._bounded(ur, ui)
        self._rating = self._capability()

    def solve(self, cost: Any, level: Level | None, start: Start) -> Solved | None:
        """Least cost of the factors, or the highest level; None if IPOPT finds no solution."""
        e, count, free = self._e, len(self._devices), len(self._e.free)
        apart = casadi.vertcat(*([] if level is None else [self._k - self._t]))
        lower, held = self._lowest, np.zeros(0)
        if level is not None:
            lower = np.maximum(lower, level.fixed)
            held = np.where(level.free, 0.0, -np.inf)
        solver = casadi.nlpsol(
            "optimum",
            "ipopt",
            {
                "x": casadi.vertcat(self._re, self._im, self._k, self._q, self._t),
                "f": -self._t if cost is None else cost(self._k),
                "g": casadi.vertcat(self._equal, self._bounds, self._rating, apart),
            },
            _OPTIONS,
        )
        zeros, circles = np.zeros(self._equal.shape[0]), self._rating.shape[0]
        volts = start.voltages[e.free]
        solution = solver(
            x0=np.r_[volts.real, volts.imag, start.factors, start.q_var / BASE_VA, 0],
            lbx=np.r_[np.full(2 * free, -2.0), lower, -self._most_q / BASE_VA, 0.0],
            ubx=np.r_[np.full(2 * free, 2.0), np.ones(count), self._most_q / BASE_VA, 1.0],
            lbg=np.r_[zeros, self._low, np.full(circles, -np.inf), held],
            ubg=np.r_[zeros, self._high, np.ones(circles), np.full(len(held), np.inf)],
        )
        if not solver.stats()["success"]:
            return None
        x = np.asarray(solution["x"]).ravel()
        voltages = e.fixed.copy()
        voltages[e.free] = x[:free] + 1j * x[free : 2 * free]
        told = BASE_VA * x[2 * free + count : -1]
        found = Start(voltages, x[2 * free : 2 * free + count], told)
        price = np.abs(np.asarray(solution["lam_g"]).ravel()[-count:])
        return Solved(found, float(x[-1]), price)

    def _full(self, part: Any, fixed: Floats) -> Any:
        full = casadi.SX(fixed)
        full[self._e.free.tolist()] = part
        return full

    def _times(self, matrix: Any, ur: Any, ui: Any) -> tuple[Any, Any]:
        """Real and imaginary part of a complex matrix times the voltages."""
        g, b = casadi.DM(matrix.real.tocsc()), casadi.DM(matrix.imag.tocsc())
        return casadi.mtimes(g, ur) - casadi.mtimes(b, ui), casadi.mtimes(g, ui) + casadi.mtimes(
            b, ur
        )

    def _balance(self, ur: Any, ui: Any) -> Any:
        """Zero: power drawn, or current at places where nothing is drawn."""
        e, judge = self._e, self._judge
        ir, ii = self._times(e.admittance[e.free], ur, ui)
        vr, vi = ur[e.free.tolist()], ui[e.free.tolist()]
        p, r = casadi.SX(judge.fixed.real), casadi.SX(judge.fixed.imag)
        shares = judge.shares()
        for device, at in enumerate(judge.places):
            for phase, place in enumerate(at.tolist()):
                p[place] += self._k[device] * judge.active[device, phase] / BASE_VA
                r[place] += self._k[device] * judge.reactive[device, phase] / BASE_VA
                if self._most_q[device]:
                    r[place] += self._q[device] * shares[device, phase]
        taken = judge.fixed != 0
        taken[judge.places[(judge.active != 0)]] = True
        loaded = np.flatnonzero(taken[e.free]).tolist()
        empty = np.flatnonzero(~taken[e.free]).tolist()
        at = e.free[loaded].tolist()
        return casadi.vertcat(
            p[at] + (vr * ir + vi * ii)[loaded],
            r[at] + (vi * ir - vr * ii)[loaded],
            ir[empty],
            ii[empty],
        )

    def _bounded(self, ur: Any, ui: Any) -> tuple[Any, Floats, Floats]:
        """Squares of loading terms, then of voltages, with lower and upper bounds."""
        e, rows = self._e, self._rows
        cr, ci = self._times(e.currents[rows.current], ur, ui)
        ar, ai = self._times(e.apparent[rows.apparent], ur, ui)
        at = e.apparent_of[rows.apparent].tolist()
        low = e.low_voltage[rows.voltage].tolist()
        squares = casadi.vertcat(
            cr**2 + ci**2,
            (ur[at] ** 2 + ui[at] ** 2) * (ar**2 + ai**2),
            ur[low] ** 2 + ui[low] ** 2,
        )
        terms = int(rows.current.sum() + rows.apparent.sum())
        least, most = (np.full(len(low), bound**2) for bound in self._limits.u_pu)
        lower = np.r_[np.full(terms, -np.inf), least]
        return squares, lower, np.r_[np.full(terms, self._limits.loading**2), most]

    def _capability(self) -> Any:
        """Circles of inverters: active and reactive power over the rating, squared."""
        rows = []
        for place, device in enumerate(self._devices):
            if device.apparent_va is not None and device.reactive_var:
                active = self._k[place] * sum(device.request_w) / device.apparent_va
                rows.append(active**2 + (self._q[place] * BASE_VA / device.apparent_va) ** 2)
        return casadi.vertcat(*rows)
