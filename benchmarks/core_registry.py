"""Who takes part in the numerical core's benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TOLERANCE = 1e-8


@dataclass(frozen=True)
class Solver:
    """A participant.

    Attributes:
        module: where it is prepared.
        job: function there: `flow` or one for state estimation.
        how: in words.
        threads: numbers of threads that it is asked with.
        arguments: of the function.
    """

    module: str
    job: str
    how: str
    threads: tuple[int, ...] = (1,)
    arguments: Mapping[str, Any] = field(default_factory=dict)


def _pgm(job: str, method: str, tolerance: float, threads: tuple[int, ...] = (1,)) -> Solver:
    arguments = {"method": method, "tolerance": tolerance}
    return Solver("core_power_grid_model", job, f"{method}, {tolerance:g}", threads, arguments)


SOLVERS = {
    "ours": Solver(
        "core_ours", "flow", f"compiled, {TOLERANCE:g}", (1, 2), {"tolerance": TOLERANCE}
    ),
    "ours, numpy": Solver(
        "core_ours",
        "flow",
        f"numpy alone, {TOLERANCE:g}",
        (1,),
        {"tolerance": TOLERANCE, "kernels": False},
    ),
    "pgm linear": _pgm("flow", "linear", TOLERANCE, (1, 2)),
    "pgm iterative current": _pgm("flow", "iterative_current", TOLERANCE, (1, 2)),
    "pgm newton": _pgm("flow", "newton_raphson", TOLERANCE, (1, 2)),
    "OpenDSS": Solver(
        "core_opendss", "flow", "set loads, solve, read; 1e-9", (1,), {"alone": False}
    ),
    "OpenDSS, alone": Solver("core_opendss", "flow", "solution alone; 1e-9", (1,), {"alone": True}),
    "pandapower": Solver("core_pandapower", "flow", "runpp_3ph, no numba"),
    "estimation ours, core": Solver("core_ours", "solution", "solution, weights rebuilt"),
    "estimation ours": Solver("core_ours", "estimation", "with deviations and bad-data test"),
    "estimation pgm 1e-5": _pgm("estimation", "iterative_linear", 1e-5),
    "estimation pgm 1e-8": _pgm("estimation", "iterative_linear", 1e-8),
    "estimation pgm newton": _pgm("estimation", "newton_raphson", 1e-8),
    "estimation pandapower": Solver("core_pandapower", "estimation", "WLS, balanced, 1e-6"),
}
