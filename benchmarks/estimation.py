"""State estimation: time of one estimate beside power-grid-model on the same cases, in one run.

Ours adds variances, observability and bad-data removal; `core.py` compares the solutions alone.
Prints one JSON line a network.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import power_grid_model as pgm
from power_grid_model.utils import json_deserialize

from ortsnetz_grid.functions.state_estimation import Estimator, Measurements, Settings
from ortsnetz_grid.network.model import Network

NETWORKS = ("1-LV-rural1--0-sw", "1-LV-rural2--0-sw", "1-LV-semiurb5--0-sw")
REPETITIONS = 30
METERED_SHARE = 0.25
LOAD, GENERATOR, BRANCH_TO = 4, 5, 1


def imported(code: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "network.json"
        ortsnetz = Path(sys.executable).with_name("ortsnetz")
        subprocess.run(
            [ortsnetz, "network", "import", code, "-o", path], check=True, capture_output=True
        )
        return dict(json.loads(path.read_text()))


def measured(document: dict[str, Any], seed: int) -> dict[str, Any]:
    """The case with sensors at truth plus noise; a quarter of the customers is metered."""
    rng = np.random.default_rng(seed)
    data = document["data"]
    flow = pgm.PowerGridModel(json_deserialize(json.dumps(document))).calculate_power_flow(
        symmetric=False
    )
    next_id = max(e["id"] for elements in data.values() for e in elements) + 1
    rows = {node["id"]: row for row, node in enumerate(data["node"])}
    voltage: list[dict[str, Any]] = []
    power: list[dict[str, Any]] = []

    def add_voltage(node: int) -> None:
        u = flow["node"]["u"][rows[node]]
        sigma = 0.002 * data["node"][rows[node]]["u_rated"]
        values = (u + rng.normal(0, sigma / np.sqrt(3), 3)).tolist()
        place = {"id": next_id + len(voltage) + len(power), "measured_object": node}
        voltage.append({**place, "u_sigma": sigma, "u_measured": values})

    def add_power(place: tuple[int, int], p: Any, q: Any, accuracy: tuple[float, float]) -> None:
        share, least = accuracy
        sigma = np.maximum(share * np.abs(p), least)
        power.append(
            {
                "id": next_id + len(voltage) + len(power),
                "measured_object": place[0],
                "measured_terminal_type": place[1],
                "power_sigma": 1.0,
                "p_sigma": sigma.tolist(),
                "q_sigma": sigma.tolist(),
                "p_measured": (p + rng.normal(0, sigma)).tolist(),
                "q_measured": (q + rng.normal(0, sigma)).tolist(),
            }
        )

    transformer = data["transformer"][0]
    add_voltage(transformer["from_node"])
    add_voltage(transformer["to_node"])
    found = flow["transformer"][0]
    add_power((transformer["id"], BRANCH_TO), found["p_to"], found["q_to"], (0.01, 50.0))
    for load in data["asym_load"]:
        metered = rng.random() < METERED_SHARE
        p, q = np.array(load["p_specified"]), np.array(load["q_specified"])
        add_power((load["id"], LOAD), p, q, (0.01, 2.0) if metered else (0.5, 50.0))
        if metered:
            add_voltage(load["node"])
    for generator in data.get("asym_gen", []):
        p, q = np.array(generator["p_specified"]), np.array(generator["q_specified"])
        add_power((generator["id"], GENERATOR), p, q, (0.01, 2.0))
    sensors = {"asym_voltage_sensor": voltage, "asym_power_sensor": power}
    return {**document, "data": {**data, **sensors}}


def median_ms(work: Callable[[], object]) -> float:
    work()
    taken = []
    for _ in range(REPETITIONS):
        begin = time.perf_counter()
        work()
        taken.append(1000 * (time.perf_counter() - begin))
    return round(statistics.median(taken), 3)


def main() -> None:
    for code in NETWORKS:
        case = measured(imported(code), seed=1)
        network = Network.from_json(json.dumps(case), code)
        estimator, measurements = Estimator.of(network), Measurements.of_case(network)
        model = pgm.PowerGridModel(json_deserialize(json.dumps(case)))
        ours = median_ms(lambda e=estimator, m=measurements: e.estimate(m, Settings()))
        theirs = median_ms(
            lambda m=model: m.calculate_state_estimation(
                symmetric=False,
                calculation_method=pgm.CalculationMethod.iterative_linear,
                error_tolerance=1e-5,
                max_iterations=400,
            )
        )
        print(
            json.dumps(
                {
                    "benchmark": "estimation",
                    "network": code,
                    "nodes": len(case["data"]["node"]),
                    "estimate_with_variances_ms": ours,
                    "power_grid_model_ms": theirs,
                    "ratio": round(ours / theirs, 1),
                }
            ),
            flush=True,
        )


if __name__ == "__main__":
    main()
