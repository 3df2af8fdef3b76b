"""One case, judged: power-grid-model and ours, same sensors and weights, against the truth."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from power_grid_model import CalculationMethod, PowerGridModel
from power_grid_model.errors import PowerGridError
from studies.estimation_cases import Case
from studies.least_squares import fit

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.state_estimation import (
    Estimator,
    Measurements,
    Settings,
    StateEstimate,
)
from ortsnetz_grid.network.admittance import BASE_PHASE_VA, Admittance
from ortsnetz_grid.network.loading import RatedBranches
from ortsnetz_grid.network.model import Network

Array = NDArray[Any]
ATTEMPTS = ((1e-8, 2000), (1e-5, 2000))
"""power-grid-model's tolerance and largest number of iterations, one after the other."""
NORMAL_95 = 1.959964
COUNTS_FROM = 0.02
"""Loading from which intervals count: the magnitude of next to nothing has no normal error."""


@dataclass(frozen=True)
class Errors:
    """Mean absolute errors against the truth over energised nodes, phases and rated branches."""

    u_pu: float
    loading: float


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
        exact: its normalised residual in exact least squares.
        optimum: errors of the exact least squares with all sensors: what the weights allow.
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
    exact: float | None
    optimum: Errors | None

    @property
    def clean(self) -> bool:
        """Nothing but noise and ignorance."""
        return not self.impedance_error and not self.gross_error


def judged(case: Case, *, exact: bool = True) -> Judged:
    """Estimate a case in both ways; `exact`: by exact least squares, too, even without need."""
    rated = RatedBranches.of(case.network)
    live = case.truth["node"]["energized"] == 1
    u, loading = case.truth["node"]["u_pu"][live], rated.loading(case.truth)
    theirs, theirs_failed, tolerance = _theirs(case, rated, live, (u, loading))
    begin = time.perf_counter()
    state, ours_failed = _ours(case)
    took = time.perf_counter() - begin
    ours, u_covered, loading_covered = None, None, None
    if state is not None:
        apart = np.abs(state.u_pu[live] - u)
        off = np.abs(state.loading - loading)
        ours = Errors(float(apart.mean()), float(off.mean()))
        counts = loading > COUNTS_FROM
        u_covered = float((apart <= NORMAL_95 * state.u_sigma_pu[live]).mean())
        if counts.any():
            loading_covered = float((off <= NORMAL_95 * state.loading_sigma)[counts].mean())
    left_out = [] if state is None else [each.sensor for each in state.removed]
    residual, optimum = None, None
    if exact or case.wrong is not None:
        best = fit(case.network)
        residual = None if case.wrong is None else best.normalised[case.wrong]
        apart = np.abs(np.abs(best.voltage[live]) - u)
        off = np.abs(rated.loading(_output(case.network, best.voltage)) - loading)
        optimum = Errors(float(apart.mean()), float(off.mean()))
    return Judged(
        grid=case.grid,
        seed=case.seed,
        nodes=len(case.network.data["node"]),
        impedance_error=case.kind.impedance_error,
        gross_error=case.kind.gross_error,
        allocation=case.kind.allocation,
        normal=case.kind.normal,
        ours=ours,
        theirs=theirs,
        ours_failed=ours_failed,
        theirs_failed=theirs_failed,
        their_tolerance=tolerance,
        ours_s=took,
        u_covered=u_covered,
        loading_covered=loading_covered,
        removed=tuple(sensor for sensor in left_out if sensor not in case.beliefs),
        doubted=tuple(sensor for sensor in left_out if sensor in case.beliefs),
        wrong=case.wrong,
        exact=residual,
        optimum=optimum,
    )


def _ours(case: Case) -> tuple[StateEstimate | None, str]:
    try:
        estimator = Estimator.of(case.network)
        return estimator.estimate(Measurements.of_case(case.network), Settings()), ""
    except InputError as error:
        return None, str(error)
    except Exception as error:  # noqa: BLE001 (a study goes on and says so)
        return None, f"crashed: {type(error).__name__}: {error}"


def _theirs(
    case: Case, rated: RatedBranches, live: Array, truth: tuple[Array, Array]
) -> tuple[Errors | None, str, float | None]:
    reason = ""
    for tolerance, iterations in ATTEMPTS:
        try:
            found = PowerGridModel(dict(case.network.data)).calculate_state_estimation(
                symmetric=False,
                error_tolerance=tolerance,
                max_iterations=iterations,
                calculation_method=CalculationMethod.iterative_linear,
            )
        except PowerGridError as error:
            reason = " ".join(str(error).split(".")[0].split())
            continue
        output = {str(getattr(name, "value", name)): array for name, array in found.items()}
        u, loading = output["node"]["u_pu"][live], rated.loading(output)
        errors = Errors(
            float(np.abs(u - truth[0]).mean()), float(np.abs(loading - truth[1]).mean())
        )
        if np.isfinite([errors.u_pu, errors.loading]).all():
            return errors, "", tolerance
        reason = "answers with NaN"
    return None, reason, None


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
