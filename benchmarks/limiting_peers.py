"""HiGHS, OSQP and Clarabel on the whole linearised problem; what counts is setting up and solving.

The linearisation, its matrices, and the power flow that verifies are theirs for nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import clarabel
import highspy
import numpy as np
import osqp
import scipy.sparse as sp
from limiting_linear import Whole, linearised
from numpy.typing import NDArray
from studies.optimum_cases import LimitCase
from studies.optimum_judge import Judge
from studies.policies import uniform_scaling

Floats = NDArray[np.float64]
MOST_S = 10.0
ROUNDS = 6
KEPT = 1e-5
"""By which a limit may be missed after the last round."""


def highs(whole: Whole) -> Floats | None:
    """HiGHS, its active-set method for quadratic programmes."""
    devices, rows = len(whole.lowest), len(whole.bounds)
    model = highspy.HighsModel()
    lp, hessian, matrix = model.lp_, model.hessian_, whole.rows
    lp.num_col_, lp.num_row_ = devices, rows
    lp.col_cost_ = np.full(devices, -2.0)
    lp.col_lower_, lp.col_upper_ = whole.lowest, np.ones(devices)
    lp.row_lower_, lp.row_upper_ = np.full(rows, -highspy.kHighsInf), whole.bounds
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_, lp.a_matrix_.index_ = matrix.indptr, matrix.indices
    lp.a_matrix_.value_ = matrix.data
    hessian.dim_, hessian.format_ = devices, highspy.HessianFormat.kTriangular
    hessian.start_ = np.arange(devices + 1)
    hessian.index_, hessian.value_ = np.arange(devices), np.full(devices, 2.0)
    solver = highspy.Highs()
    solver.silent()
    for name, value in (("threads", 1), ("time_limit", MOST_S)):
        solver.setOptionValue(name, value)
    solver.passModel(model)
    solver.run()
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        return None
    return np.asarray(solver.getSolution().col_value)


def by_osqp(whole: Whole) -> Floats | None:
    """OSQP, operator splitting with polishing."""
    devices = len(whole.lowest)
    solver = osqp.OSQP()
    solver.setup(
        P=sp.identity(devices, format="csc") * 2.0,
        q=np.full(devices, -2.0),
        A=whole.two_sided,
        l=np.r_[np.full(len(whole.bounds), -np.inf), whole.lowest],
        u=np.r_[whole.bounds, np.ones(devices)],
        verbose=False,
        polishing=True,
        eps_abs=1e-6,
        eps_rel=1e-6,
        max_iter=20_000,
        time_limit=MOST_S,
    )
    found = solver.solve(raise_error=False)
    return np.asarray(found.x) if found.info.status == "solved" else None


def by_clarabel(whole: Whole) -> Floats | None:
    """Clarabel, interior point."""
    devices = len(whole.lowest)
    settings = clarabel.DefaultSettings()
    settings.verbose, settings.time_limit, settings.max_threads = False, MOST_S, 1
    stacked = np.r_[whole.bounds, np.ones(devices), -whole.lowest]
    found = clarabel.DefaultSolver(
        sp.identity(devices, format="csc") * 2.0,
        np.full(devices, -2.0),
        whole.one_sided,
        stacked,
        [clarabel.NonnegativeConeT(len(stacked))],
        settings,
    ).solve()
    return np.asarray(found.x) if str(found.status) == "Solved" else None


PEERS: dict[str, Callable[[Whole], Floats | None]] = {
    "HiGHS": highs,
    "OSQP": by_osqp,
    "Clarabel": by_clarabel,
}


@dataclass(frozen=True)
class Answer:
    """What a peer needed and gave.

    Attributes:
        seconds: of all rounds, setting up and solving.
        rounds: linearise and solve, until a power flow shows that the limits are kept.
        factors: None where the peer found no solution.
        kept: whether a power flow has shown that the limits are kept.
    """

    seconds: float
    rounds: int
    factors: Floats | None
    kept: bool


def asked(peer: str, case: LimitCase, judge: Judge) -> Answer:
    """A decision by a peer: linearised at uniform scaling, then at its own answers."""
    solve = PEERS[peer]
    factors: Floats = uniform_scaling(case, judge)
    seconds = 0.0
    for number in range(1, ROUNDS + 1):
        whole = linearised(case, judge, factors)
        if whole is None:
            return Answer(seconds, number, None, kept=False)
        begin = time.perf_counter()
        found = solve(whole)
        seconds += time.perf_counter() - begin
        if found is None:
            return Answer(seconds, number, None, kept=False)
        factors = np.clip(found, case.lowest, 1.0)
        if judge.room(factors, case.limits)[0] >= -KEPT:
            return Answer(seconds, number, factors, kept=True)
    return Answer(seconds, ROUNDS, factors, kept=False)
