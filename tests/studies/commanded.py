"""Cases through the command `ortsnetz estimate`, beside the same through the library."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from power_grid_model import DatasetType
from power_grid_model.utils import json_deserialize, json_serialize
from studies.estimation_cases import Case

from ortsnetz_grid.functions.state_estimation import Estimator, Measurements, Settings


def apart(case: Case) -> str:
    """How far the command's answer is from the library's, in words."""
    measurements = Measurements.of_case(case.network)
    settings = Settings(largest_removals=sum(map(len, measurements.sensors.values())))
    state = Estimator.of(case.network).estimate(measurements, settings)
    with tempfile.TemporaryDirectory() as directory:
        path, result, bad = (Path(directory) / f"{name}.json" for name in ("case", "out", "bad"))
        path.write_text(json_serialize(dict(case.network.data), DatasetType.input))
        program = Path(sys.executable).with_name("ortsnetz")
        done = subprocess.run(
            [program, "estimate", path, "-o", result, "--bad-data", bad],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            return f"{case.grid} ({case.seed}): the command says: {done.stderr.strip()[:200]}"
        u = np.asarray(json_deserialize(result.read_text())["node"]["u_pu"])
        removed = sorted(each["sensor"] for each in json.loads(bad.read_text()))
    same = removed == sorted(each.sensor for each in state.removed)
    words = "the same sensors left out" if same else f"it leaves out {removed}"
    return f"{case.grid} ({case.seed}): {np.abs(u - state.u_pu).max():.1e} pu apart, {words}"
