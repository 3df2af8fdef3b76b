"""The plant's power flow beside OpenDSS and pandapower: same networks, same injections, one run.

Injections are those of a plant with devices over its day. Every solver is asked for the same ones,
in the same order, and gives its voltages of all nodes; the plant's also gives flows, currents and
the check of its balance. One JSON line a network and solver.

    python benchmarks/hil_peers.py DIRECTORY
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from hil_networks import Case, cases
from hil_pandapower import TOLERANCE_MVA, Pandapower
from hil_plants import SECONDS, prepared
from numpy.typing import NDArray

from ortsnetz_hil.plant.loader import load
from ortsnetz_hil.plant.network_file import PlantNetwork
from ortsnetz_hil.plant.opendss import OpenDss
from ortsnetz_hil.plant.power_flow import Injections, PowerFlow
from ortsnetz_hil.plant.solver import Solver

COPIES = (1, 3, 10)
DEVICES = 100
INSTANTS = 40
AT_MOST_S = 6.0
Voltages = NDArray[np.float64]


class Plain:
    """power-grid-model as the plant asks it, without what the plant makes of its answer."""

    def __init__(self, network: PlantNetwork) -> None:
        self._solver = Solver(network)

    def solve(self, injections: Injections) -> Voltages:
        """Voltages in per unit, shape (nodes, 3)."""
        powers = {
            "asym_load": injections.load_p + 1j * injections.load_q,
            "asym_gen": injections.gen_p + 1j * injections.gen_q,
        }
        self._solver.set_powers(powers)
        return np.asarray(self._solver.solve()["node"]["u_pu"])


class TimedOpenDss(OpenDss):
    """OpenDSS, which also says how long it solved.

    Attributes:
        alone_ms: of each solution, by OpenDSS's own clock: without the texts that set the loads
            and without reading voltages.
    """

    def __init__(self, network: PlantNetwork) -> None:
        super().__init__(network)
        self.alone_ms: list[float] = []

    def solve(self, injections: Injections) -> Voltages:
        """Voltages in per unit, shape (nodes, 3)."""
        found = super().solve(injections)
        self.alone_ms.append(float(self._circuit.Solution.Process_Time) / 1e3)
        return found


def day(run: Path) -> tuple[PlantNetwork, list[Injections]]:
    """The network of a plant, and what its elements drew at instants all over its day."""
    plant = load(run / "plant")
    window = plant.configuration.window
    steps = 5 * INSTANTS
    found = [
        plant.step(n * SECONDS / steps, window.after(n * SECONDS / steps)) for n in range(steps)
    ]
    return plant.network, [step.injections for step in found[4::5]]


def timed(
    solve: Callable[[Injections], Voltages], asked: Sequence[Injections], truth: Sequence[Voltages]
) -> dict[str, object]:
    """Median time of the solutions that there is time for; how far they are from the plant's."""
    solve(asked[0])
    taken, apart = [], 0.0
    for injections, expected in zip(asked, truth, strict=True):
        begin = time.perf_counter()
        found = solve(injections)
        taken.append(time.perf_counter() - begin)
        apart = max(apart, float(np.abs(found - expected).max()))
        if sum(taken) > AT_MOST_S:
            break
    return {
        "solutions": len(taken),
        "ms_median": round(1e3 * statistics.median(taken), 3),
        "largest_difference_pu": float(f"{apart:.1e}"),
    }


def compared(case: Case, run: Path) -> list[dict[str, object]]:
    """One line a solver."""
    prepared(case, DEVICES, run)
    network, asked = day(run)
    flow, dss, three_phase = PowerFlow(network), TimedOpenDss(network), Pandapower(network)
    truth = [flow.solve(injections).u_pu for injections in asked]
    solvers: list[tuple[str, str, Callable[[Injections], Voltages]]] = [
        ("plant", "power-grid-model, flows, balance", lambda i: flow.solve(i).u_pu),
        ("power-grid-model", "newton_raphson, 1e-8", Plain(network).solve),
        ("OpenDSS", "tolerance 1e-9", dss.solve),
        ("pandapower", f"runpp_3ph, {TOLERANCE_MVA:g} MVA, no numba", three_phase.solve),
    ]
    lines = []
    for name, how, solve in solvers:
        line: dict[str, object] = {
            "benchmark": "hil_peers",
            "network": case.name,
            "nodes": case.nodes,
            "loads_and_generators": len(asked[0].load_p) + len(asked[0].gen_p),
            "solver": name,
            "how": how,
            **timed(solve, asked, truth),
        }
        if name == "OpenDSS":
            # its clock ticks in milliseconds: only the mean of many says something
            line["solution_alone_ms_mean"] = round(statistics.fmean(dss.alone_ms), 3)
        lines.append(line)
    return lines


def main() -> None:
    directory = Path(sys.argv[1])
    for case in cases(directory / "networks", COPIES):
        for line in compared(case, directory / "runs" / f"{case.path.stem}-peers"):
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
