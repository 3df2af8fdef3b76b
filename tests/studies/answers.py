"""What the two estimators say about a case, and how far that is from the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from power_grid_model import CalculationMethod, PowerGridModel
from power_grid_model.errors import PowerGridError
from studies.estimation_cases import Case

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.state_estimation import (
    Estimator,
    Measurements,
    Settings,
    StateEstimate,
)
from ortsnetz_grid.network.loading import RatedBranches
from ortsnetz_grid.network.model import Network

Array = NDArray[Any]
DEFAULT = Settings()
ATTEMPTS = ((1e-8, 2000), (1e-5, 2000))
"""power-grid-model's tolerance and largest number of iterations, one after the other."""


@dataclass(frozen=True)
class Errors:
    """Mean absolute errors against the truth over energised nodes, phases and rated branches."""

    u_pu: float
    loading: float


@dataclass(frozen=True)
class Truth:
    """What a case's answers are compared with.

    Attributes:
        live: (n,) nodes that are energised.
        u_pu: voltages of all nodes, (n, 3).
        loading: of the rated branches, (b,).
        rated: gives loadings from an output in power-grid-model's names.
    """

    live: Array
    u_pu: Array
    loading: Array
    rated: RatedBranches

    @classmethod
    def of(cls, case: Case) -> Truth:
        """The power flow that the case was made from."""
        nodes = case.truth["node"]
        rated = RatedBranches.of(case.network)
        return cls(nodes["energized"] == 1, nodes["u_pu"], rated.loading(case.truth), rated)

    def errors(self, u_pu: Array, loading: Array) -> Errors:
        """Of voltages (n, 3) and loadings (b,)."""
        apart = np.abs(u_pu - self.u_pu)[self.live]
        return Errors(float(apart.mean()), float(np.abs(loading - self.loading).mean()))


@dataclass(frozen=True)
class Theirs:
    """power-grid-model's answer.

    Attributes:
        u_pu: (n, 3).
        errors: against the truth.
        tolerance: at which it converged.
    """

    u_pu: Array
    errors: Errors
    tolerance: float


def ours(network: Network, settings: Settings = DEFAULT) -> tuple[StateEstimate | None, str]:
    """Our estimate of a network with sensors, or why there is none."""
    try:
        estimator = Estimator.of(network)
        return estimator.estimate(Measurements.of_case(network), settings), ""
    except InputError as error:
        return None, str(error)
    except Exception as error:  # noqa: BLE001 (a study goes on and says so)
        return None, f"crashed: {type(error).__name__}: {error}"


def theirs(data: Mapping[str, Array], truth: Truth) -> tuple[Theirs | None, str]:
    """power-grid-model's estimate of its own input, or why there is none."""
    reason = ""
    for tolerance, iterations in ATTEMPTS:
        try:
            found = PowerGridModel(dict(data)).calculate_state_estimation(
                symmetric=False,
                error_tolerance=tolerance,
                max_iterations=iterations,
                calculation_method=CalculationMethod.iterative_linear,
            )
        except PowerGridError as error:
            reason = " ".join(str(error).split(".")[0].split())
            continue
        output = {str(getattr(name, "value", name)): array for name, array in found.items()}
        u_pu = output["node"]["u_pu"]
        errors = truth.errors(u_pu, truth.rated.loading(output))
        if np.isfinite([errors.u_pu, errors.loading]).all():
            return Theirs(u_pu, errors, tolerance), ""
        reason = "answers with NaN"
    return None, reason
