"""The product's own power flow and state estimation in the numerical core's benchmark."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from core_cases import COMPONENTS, Array, Case

from ortsnetz_grid.functions.state_estimation import Estimator, Measurements, Settings, block_fit
from ortsnetz_grid.functions.state_estimation.quantities import gather
from ortsnetz_grid.functions.state_estimation.sensors import read_sensors
from ortsnetz_grid.kernels.native import library
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.power_flow import Appliances, PowerFlow
from ortsnetz_grid.network.power_flow import Settings as FlowSettings

_SIGNS = {"asym_load": 1.0, "asym_gen": -1.0}


def flow(
    case: Case, threads: int, *, tolerance: float, kernels: bool = True
) -> Callable[[], Array]:
    """Power flow of all scenarios: voltages (b, n, 3)."""
    _require_kernels(wanted=kernels)
    network = Network.from_json(case.network.read_text(), case.name)
    solver, appliances = PowerFlow.of(network), Appliances.of(network)
    powers = case.scenarios()
    present = [component for component in COMPONENTS if component in network.data]
    ids = np.concatenate([network.data[component]["id"] for component in present])
    power = [
        _SIGNS[component] * (powers[f"{component}_p"] + 1j * powers[f"{component}_q"])
        for component in present
    ]
    asked = appliances.powers_with(ids, np.concatenate(power, axis=1))
    injections = appliances.injections(asked)
    settings = FlowSettings(tolerance=tolerance, threads=threads, newton=False)

    def solve() -> Array:
        flows = solver.solve(injections, settings)
        if not flows.converged.all():
            raise RuntimeError(f"{(~flows.converged).sum()} scenarios do not converge")
        return np.asarray(np.abs(flows.voltage))

    return solve


def solution(case: Case, _threads: int) -> Callable[[], Array]:
    """The state alone: weights rebuilt each time, arrays of values and deviations prepared."""
    kernels = _require_kernels(wanted=True)
    network = Network.from_json(case.estimation.read_text(), case.name)
    passes = Estimator.of(network)._passes  # noqa: SLF001 (what a host never does separately)
    quantities = gather(read_sensors(Measurements.of_case(network), passes.places), passes.places)
    plan = passes._plan(kernels, quantities)  # noqa: SLF001
    no_load, settings = passes._driven.no_load, Settings()  # noqa: SLF001

    def solve() -> Array:
        measured = passes._measured(plan, quantities, settings)  # noqa: SLF001
        settled = block_fit.settle(plan, measured, no_load)
        if settled.report.code:
            raise RuntimeError("does not converge")
        return np.asarray(np.abs(plan.whole(settled.voltage, len(no_load))))

    return solve


def estimation(case: Case, _threads: int) -> Callable[[], Array]:
    """What the agent asks for each second: state, deviations, loadings, test for bad data."""
    _require_kernels(wanted=True)
    network = Network.from_json(case.estimation.read_text(), case.name)
    estimator, measurements = Estimator.of(network), Measurements.of_case(network)
    return lambda: estimator.estimate(measurements, Settings()).u_pu


def _require_kernels(*, wanted: bool) -> Any:
    """See that the compiled kernels serve, or do not."""
    os.environ["ORTSNETZ_KERNELS"] = "required" if wanted else "none"
    found = library()
    if (found is not None) != wanted:
        raise SystemExit("the compiled kernels are not there" if wanted else "kernels not disabled")
    return found
