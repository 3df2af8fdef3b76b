"""One solver on one case, in a process of its own; prints one JSON line.

    python benchmarks/core_solver.py SOLVER THREADS DIRECTORY

Times of power flows are of whole batches divided by their scenarios, powers prepared; solvers
without batches are asked scenario by scenario. Only voltages are asked for.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
from core_cases import Array, Case
from core_registry import SOLVERS
from core_timing import Measured, repeated, resident_mb


def measure(name: str, threads: int, case: Case) -> Measured:
    """Prepare, solve again and again, compare."""
    solver = SOLVERS[name]
    module = importlib.import_module(solver.module)
    prepare: Callable[..., Callable[[], Array]] = getattr(module, solver.job)
    before = resident_mb()
    solve = partial(prepare, case, threads, **solver.arguments)()
    found = solve()
    if solver.job == "flow":
        difference = np.abs(found - case.truth()[: len(found)])
        count, apart = len(found), float(difference.max())
    else:
        seen = case.seen()
        count, apart = 1, float(np.abs(found - seen).mean()) if found.shape == seen.shape else 0.0
    if not np.isfinite(apart):
        raise SystemExit("answers with something that is not a number")
    if found.shape[-1] == 1:
        apart = float(np.abs(found[:, 0] - case.seen().mean(axis=1)).mean())
    median, best = repeated(solve)
    return Measured(median / count, best / count, resident_mb() - before, apart)


def main() -> None:
    name, threads, directory = sys.argv[1:]
    try:
        print(json.dumps(asdict(measure(name, int(threads), Case.at(Path(directory))))))
    except SystemExit as reason:
        print(json.dumps({"failed": str(reason)}))
    except Exception as error:  # noqa: BLE001 (whatever a peer fails with is a result)
        said = " ".join(str(error).split())[:160]
        print(json.dumps({"failed": f"{type(error).__name__}: {said}"}))


if __name__ == "__main__":
    main()
