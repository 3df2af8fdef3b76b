"""Limiting beside the accurate optimum and beside what others do: one table.

    python -m studies.optimum_comparison [--network NAME]... [--seeds 9] [--devices 25] [-o LINES]

Exact network and state, no margin, no steps, for everybody. Nine seeds go once round evening, noon
and both, and round what binds: the most loaded element, weakened cables, voltage. Where sun meets a
voltage, the case comes a second time with inverters that take reactive power. `make study-optimum`
calls this.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from studies.optimum import Solver
from studies.optimum_cases import BINDS, TIMES, LimitCase, drawn, with_reactive
from studies.optimum_judge import KEPT, Judge
from studies.optimum_summary import summary
from studies.policies import POLICIES, jain

from ortsnetz_grid.functions.congestion.decision import decide
from ortsnetz_grid.functions.congestion.problem import Objective, Settings

NETWORKS = (
    "1-LV-rural1--0-sw",
    "voltage-control-lv",
    "1-LV-semiurb4--0-sw",
    "1-LV-urban6--0-sw",
    "1-LV-rural2--0-sw",
    "1-LV-semiurb5--0-sw",
    "kerber-dorfnetz",
)


def compared(
    name: str, seed: int, devices: int, *, reactive: bool = False
) -> Iterator[dict[str, Any]]:
    """Lines of one case: each objective by ours and by the optimum, and each policy."""
    case = drawn(name, seed, devices=devices)
    if reactive:
        case = with_reactive(case)
    judge = Judge(case.network, case.devices)
    common = {
        "benchmark": "limiting, optimum",
        "network": name,
        "nodes": len(case.network.data["node"]),
        "seed": seed,
        "reactive": reactive,
        "devices": devices,
        "asked_inside": bool(judge.room(np.ones(devices), case.limits)[0] >= 0),
    }
    for objective in Objective:
        best = Solver(judge, case.devices, case.limits).optimum(objective)
        ours = decide(
            case.network, case.devices, case.limits, settings=Settings(objective=objective)
        )
        setting = answered(ours)
        about = {**common, "objective": str(objective), "feasible": best is not None}
        yield {**about, "who": "ours", "status": str(ours.status), **_judged(case, judge, *setting)}
        if best is not None:
            apart = np.abs(judge.voltages(best.factors, best.q_var)[0] - best.voltages).max()
            yield {**about, "who": "optimum", "state_apart": float(apart), "level": best.level,
                   **_judged(case, judge, best.factors, best.q_var)}  # fmt: skip
    if reactive:
        return
    for policy, choose in POLICIES.items():
        yield {**common, "who": policy, **_judged(case, judge, choose(case, judge))}


def answered(result: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Factors (d,) and told reactive power (d,) of a decision."""
    told = [0.0 if device.q_var is None else sum(device.q_var) for device in result.devices]
    return np.array([device.k for device in result.devices]), np.array(told)


def _judged(
    case: LimitCase,
    judge: Judge,
    factors: NDArray[np.float64],
    q_var: NDArray[np.float64] | None = None,
) -> dict[str, Any]:
    """What a setting serves, and what the network says to it."""
    loading, low, high = judge.extremes(factors, q_var)
    movable = case.lowest < 1
    return {
        "served": float(case.asked_w @ factors / case.asked_w.sum()),
        "jain": jain(factors),
        "squares": float(((1 - factors) ** 2).sum()),
        "least_factor": float(factors[movable].min()) if movable.any() else 1.0,
        "loading_of_limit": loading / case.limits.loading,
        "u_low_pu": low,
        "u_high_pu": high,
        "kept": bool(judge.room(factors, case.limits, q_var)[0] >= -KEPT),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", action="append", help="only these; SimBench codes too")
    parser.add_argument("--seeds", type=int, default=9)
    parser.add_argument("--devices", type=int, default=25)
    parser.add_argument("-o", "--output", type=Path, help="file of JSON lines")
    chosen = parser.parse_args()
    lines = []
    for name in chosen.network or NETWORKS:
        for seed in range(chosen.seeds):
            lines += compared(name, seed, chosen.devices)
            if TIMES[seed % 3] != "evening" and BINDS[seed // 3 % 3] == "voltage":
                lines += compared(name, seed, chosen.devices, reactive=True)
        print(f"# {name}", flush=True)
        if chosen.output is not None:
            chosen.output.parent.mkdir(parents=True, exist_ok=True)
            chosen.output.write_text("".join(json.dumps(line) + "\n" for line in lines))
    print("\n".join(summary(lines)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
