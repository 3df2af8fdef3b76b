"""OpenDSS in the numerical core's benchmark: the bench's bridge, scenario by scenario."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from core_cases import Array, Case
from core_scenarios import one_by_one

from ortsnetz_hil.plant.network_file import parse
from ortsnetz_hil.plant.opendss import OpenDss

MULTIPLIERS = (0.5, 1.0)


def flow(case: Case, _threads: int, *, alone: bool) -> Callable[[], Array]:
    """Power flows of the first scenarios: voltages (b, n, 3).

    Args:
        case: the case.
        alone: time the solution alone: no text that sets loads, no voltages read. All loads are
            halved and doubled in turn, because asked the same again OpenDSS has little to do.
    """
    network = parse(case.network.read_text(), case.name)
    lines = network.data["line"]
    closed = (lines["from_status"] == 1) & (lines["to_status"] == 1)
    # the bridge takes no line that is open at one end; only its charging is missed
    network = replace(network, data={**network.data, "line": lines[closed]})
    circuit = OpenDss(network)
    asked = one_by_one(case, circuit.solve)
    if not alone:
        return asked
    solution = circuit._circuit.Solution  # noqa: SLF001
    found = asked()

    def solve() -> Array:
        for place in range(len(found)):
            solution.LoadMult = MULTIPLIERS[place % 2]
            solution.Solve()
        return np.asarray(found)

    return solve
