"""One case, judged: power-grid-model and ours, from the same file, against the truth."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from studies.answers import Errors, Truth, ours, theirs
from studies.equal_weights import Equal, judged_equally
from studies.estimation_cases import Case
from studies.least_squares import fit

from ortsnetz_grid.functions.state_estimation import StateEstimate
from ortsnetz_grid.network.admittance import BASE_PHASE_VA, Admittance
from ortsnetz_grid.network.model import Network

Array = NDArray[Any]
NORMAL_95 = 1.959964
COUNTS_FROM = 0.02
"""Loading from which intervals count: the magnitude of next to nothing has no normal error."""


@dataclass(frozen=True)
class Judged:
    """What came of one case.

    Attributes:
        grid, seed, nodes: which.
        impedance_error, gross_error, allocation, normal: `Kind`.
        ours, theirs: errors; None where there is no answer, which `ours_failed` or `theirs_failed`
            explain.
        their_tolerance: at which power-grid-model converged.
        ours_s: wall seconds of our estimate.
        u_covered, loading_covered: shares of the truth in our 95 % intervals.
        removed: meters that ours left out.
        doubted: beliefs that ours left out. Customers exceed a belief by five deviations more often
            than a normal distribution: only where beliefs are normal this is wrong.
        wrong: the one with the gross error.
        named: whether ours says that this one is wrong and keeps it, for nothing can replace it.
        exact: its normalised residual in exact least squares.
        optimum: errors of the exact least squares with all sensors: what the weights allow.
        equal: both again with the same sensors and weights, where no meter has a gross error.
    """

    grid: str
    seed: int
    nodes: int
    impedance_error: float
    gross_error: float
    allocation: str
    normal: bool
    ours: Errors | None
    theirs: Errors | None
    ours_failed: str
    theirs_failed: str
    their_tolerance: float | None
    ours_s: float
    u_covered: float | None
    loading_covered: float | None
    removed: tuple[int, ...]
    doubted: tuple[int, ...]
    wrong: int | None
    named: bool
    exact: float | None
    optimum: Errors | None
    equal: Equal | None

    @property
    def clean(self) -> bool:
        """Nothing but noise and ignorance."""
        return not self.impedance_error and not self.gross_error


def judged(case: Case, *, exact: bool = True) -> Judged:
    """Estimate a case in both ways, with the sensors as they are and with the same weights.

    Args:
        case: to be judged.
        exact: by exact least squares, too, even without need, and with the same weights.
    """
    truth = Truth.of(case)
    answer, theirs_failed = theirs(case.network.data, truth)
    begin = time.perf_counter()
    state, ours_failed = ours(case.network)
    took = time.perf_counter() - begin
    found, u_covered, loading_covered = None, None, None
    if state is not None:
        found = truth.errors(state.u_pu, state.loading)
        apart = np.abs(state.u_pu - truth.u_pu)[truth.live]
        off = np.abs(state.loading - truth.loading)
        counts = truth.loading > COUNTS_FROM
        u_covered = float((apart <= NORMAL_95 * state.u_sigma_pu[truth.live]).mean())
        if counts.any():
            loading_covered = float((off <= NORMAL_95 * state.loading_sigma)[counts].mean())
    left_out = [] if state is None else [each.sensor for each in state.removed]
    residual, optimum = None, None
    if exact or case.wrong is not None:
        best = fit(case.network)
        residual = None if case.wrong is None else best.normalised[case.wrong]
        loading = truth.rated.loading(_output(case.network, best.voltage))
        optimum = truth.errors(np.abs(best.voltage), loading)
    equal = exact and case.wrong is None
    return Judged(
        grid=case.grid,
        seed=case.seed,
        nodes=len(case.network.data["node"]),
        impedance_error=case.kind.impedance_error,
        gross_error=case.kind.gross_error,
        allocation=case.kind.allocation,
        normal=case.kind.normal,
        ours=found,
        theirs=None if answer is None else answer.errors,
        ours_failed=ours_failed,
        theirs_failed=theirs_failed,
        their_tolerance=None if answer is None else answer.tolerance,
        ours_s=took,
        u_covered=u_covered,
        loading_covered=loading_covered,
        removed=tuple(sensor for sensor in left_out if sensor not in case.beliefs),
        doubted=tuple(sensor for sensor in left_out if sensor in case.beliefs),
        wrong=case.wrong,
        named=_named(case.network, case.wrong, state),
        exact=residual,
        optimum=optimum,
        equal=judged_equally(case.network, truth) if equal else None,
    )


def _named(network: Network, wrong: int | None, state: StateEstimate | None) -> bool:
    """Whether a sensor is named as wrong without being left out."""
    if wrong is None or state is None:
        return False
    begin = f"{network.label(wrong)} seems wrong"
    return any(
        problem.startswith(begin) and problem.endswith("nothing can replace it")
        for problem in state.problems
    )


def _output(network: Network, voltage: Array) -> dict[str, Any]:
    """What loading is computed from, as power-grid-model names it, for voltages (n, 3)."""
    model = Admittance.of(network)
    power = model.branch_powers(voltage) * BASE_PHASE_VA
    found: dict[str, Any] = {
        "node": {
            "u": np.abs(voltage) * model.node_volts[:, None],
            "u_angle": np.angle(voltage),
            "energized": model.energised.astype(int),
        }
    }
    for component in ("line", "asym_line", "transformer"):
        if component in network.data:
            rows = np.isin(model.branch_ids, network.data[component]["id"])
            found[component] = {
                f"{name}_{side}": getattr(power[rows, end], part)
                for end, side in enumerate(("from", "to"))
                for name, part in (("p", "real"), ("q", "imag"))
            }
    return found
