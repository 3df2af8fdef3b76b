"""Writes the cases of the numerical core's benchmark: scenarios drawn from a seed, truth solved."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from core_cases import COMPONENTS, Array, Case, input_data, updates
from power_grid_model import CalculationMethod, DatasetType, PowerGridModel
from power_grid_model.errors import PowerGridError
from power_grid_model.utils import json_serialize
from studies.estimation_cases import Kind, make_case
from studies.grids import register

NETWORKS = (
    "1-LV-rural1--0-sw",
    "1-LV-rural2--0-sw",
    "1-LV-semiurb5--0-sw",
    "ieee-european-lv",
    "1-MVLV-rural-all-0-sw",
)
SCENARIOS = 200
MANY_NODES = 2000
SCENARIOS_OF_MANY = 24
SEED = 4
MEDIUM_VOLTAGE_V = 1000.0
TRUTH = (
    (CalculationMethod.newton_raphson, 1e-10),
    (CalculationMethod.iterative_current, 1e-10),
    (CalculationMethod.iterative_current, 1e-9),
)
"""Newton does not come below 1e-8 behind a stiff source at 110 kV; iterative current does."""


def prepare(name: str, root: Path) -> Case:
    """Import a network, draw scenarios, solve them as exactly as power-grid-model can."""
    directory = root / name
    directory.mkdir(parents=True)
    program = Path(sys.executable).with_name("ortsnetz")
    network = directory / "network.json"
    subprocess.run(
        [program, "network", "import", name, "-o", network], check=True, capture_output=True
    )
    data = input_data(network)
    nodes = len(data["node"])
    count = SCENARIOS if nodes < MANY_NODES else SCENARIOS_OF_MANY
    rng = np.random.default_rng(SEED)
    powers = {}
    for component in COMPONENTS:
        if component in data:
            factor = _factors(data, component, count, rng)
            for part in "pq":
                powers[f"{component}_{part}"] = data[component][f"{part}_specified"] * factor
    np.savez(directory / "scenarios.npz", **powers)
    np.save(directory / "truth.npy", _truth(data, updates(data, powers)))
    (directory / "case.json").write_text(json.dumps({"name": name, "nodes": nodes}))
    _prepare_estimation(name, directory)
    return Case.at(directory)


def _factors(data: dict[str, Array], component: str, count: int, rng: np.random.Generator) -> Array:
    """Of powers (count, k, 3): low voltage uneven, medium voltage even over the phases.

    Nothing earths the medium voltage, where an uneven star would move the neutral point.
    """
    volts = dict(zip(data["node"]["id"].tolist(), data["node"]["u_rated"].tolist(), strict=True))
    low = np.array([volts[int(node)] < MEDIUM_VOLTAGE_V for node in data[component]["node"]])
    factor = rng.uniform(0.0, 1.2, (count, len(low), 3))
    return np.where(low[None, :, None], factor, factor[..., :1])


def _truth(data: dict[str, Array], scenarios: dict[str, Array]) -> Array:
    """Voltages (b, n, 3), per unit."""
    for method, tolerance in TRUTH:
        try:
            found = PowerGridModel(data).calculate_power_flow(
                symmetric=False,
                update_data=scenarios,
                error_tolerance=tolerance,
                max_iterations=100,
                calculation_method=method,
                output_component_types={"node": ["u_pu"]},
            )
        except PowerGridError:
            continue
        return np.asarray(found["node"]["u_pu"])
    raise SystemExit("power-grid-model does not solve the scenarios to 1e-9")


def _prepare_estimation(name: str, directory: Path) -> None:
    register(name)
    case = make_case(name, SEED, Kind())
    text = json_serialize(dict(case.network.data), DatasetType.input)
    (directory / "estimation.json").write_text(text)
    np.save(directory / "estimation.npy", case.truth["node"]["u_pu"])
