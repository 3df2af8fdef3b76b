"""power-grid-model in the numerical core's benchmark."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from core_cases import Array, Case, input_data, updates
from power_grid_model import CalculationMethod, PowerGridModel

ITERATIONS = 1000
ITERATIONS_OF_FLOWS = 100


def flow(case: Case, threads: int, method: str, tolerance: float) -> Callable[[], Array]:
    """Batch power flow of all scenarios: voltages (b, n, 3)."""
    data = input_data(case.network)
    model, batch = PowerGridModel(data), updates(data, case.scenarios())

    def solve() -> Array:
        found = model.calculate_power_flow(
            symmetric=False,
            update_data=batch,
            error_tolerance=tolerance,
            max_iterations=ITERATIONS_OF_FLOWS,
            calculation_method=CalculationMethod[method],
            threading=-1 if threads == 1 else threads,
            output_component_types={"node": ["u_pu"]},
        )
        return np.asarray(found["node"]["u_pu"])

    return solve


def estimation(case: Case, _threads: int, method: str, tolerance: float) -> Callable[[], Array]:
    """One estimate: voltages (n, 3), nothing else asked for."""
    model = PowerGridModel(input_data(case.estimation))

    def solve() -> Array:
        found = model.calculate_state_estimation(
            symmetric=False,
            error_tolerance=tolerance,
            max_iterations=ITERATIONS,
            calculation_method=CalculationMethod[method],
            output_component_types={"node": ["u_pu"]},
        )
        return np.asarray(found["node"]["u_pu"])

    return solve
