"""Time of decisions on one place, ours and the peers', in a process of its own.

    python benchmarks/limiting_timing.py NUMBER_OF_SIZE

Prints one JSON line a solver. Garbage is collected between decisions, not in them: the agent's
worker process does the same.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
from limiting_cases import SIZES, Moment, Size, moments, place
from limiting_ours import Prepared, Taken, taken
from limiting_peers import PEERS, Answer, asked
from studies.optimum_cases import LimitCase

from ortsnetz_grid.functions.congestion.problem import Objective

SEED = 7
WARM = 5
"""First decisions load code and are not counted; the agent takes them at start-up."""


def measured(number: int) -> Iterator[dict[str, Any]]:
    """Lines of one size."""
    size = SIZES[number]
    whole = place(size)
    for objective in Objective:
        ours, limiter = _ours(whole, size, objective)
        yield {
            **_line(whole, size),
            "solver": f"ours, {objective}",
            "prepare_ms": 1e3 * limiter.seconds,
            **_times([each.seconds for each in ours]),
            "cpu_median_ms": _median([1e3 * each.cpu_seconds for each in ours]),
            "cpu_worst_ms": 1e3 * max(each.cpu_seconds for each in ours),
            "binds": float(np.mean([each.binds for each in ours])),
            "infeasible": sum(each.status == "infeasible" for each in ours),
            "not_kept": sum(not each.kept for each in ours if each.status != "infeasible"),
            "bind_median_ms": _median([1e3 * each.seconds for each in ours if each.binds]),
        }
    least = _costs(whole, size)
    for name in PEERS:
        answers = [(m, asked(name, m.case, m.judge)) for m in _binding(whole, size)]
        yield {**_line(whole, size), "solver": name, **_peer(answers, least)}


def _line(whole: LimitCase, size: Size) -> dict[str, Any]:
    return {
        "benchmark": "limiting, time",
        "network": size.network,
        "nodes": len(whole.network.data["node"]),
        "devices": size.devices,
    }


def _ours(whole: LimitCase, size: Size, objective: Objective) -> tuple[list[Taken], Prepared]:
    limiter = Prepared(whole)
    for moment in moments(whole, WARM, SEED + 1):
        taken(limiter, moment, objective)
    count = size.decisions if objective is Objective.LEAST_SQUARES else size.decisions // 3
    found = []
    gc.freeze()  # what was loaded before is not looked at again
    for moment in moments(whole, count, SEED):
        gc.collect()
        gc.disable()
        found.append(taken(limiter, moment, objective))
        gc.enable()
    return found, limiter


def _binding(whole: LimitCase, size: Size) -> Iterator[Moment]:
    """Moments whose requests are beyond the limits: the others need no solver."""
    every = (each for each in moments(whole, 20 * size.of_peers, SEED) if each.binds)
    return islice(every, size.of_peers)


def _costs(whole: LimitCase, size: Size) -> list[tuple[float, float]]:
    """Seconds and cost of ours on the peers' moments."""
    limiter = Prepared(whole)
    found = []
    for moment in _binding(whole, size):
        each = taken(limiter, moment, Objective.LEAST_SQUARES)
        cost = _cost(each.factors) if each.status == "limited" else np.nan
        found.append((each.seconds, cost))
    return found


def _peer(answers: list[tuple[Moment, Answer]], ours: list[tuple[float, float]]) -> dict[str, Any]:
    """A peer's figures; its times beside ours on the same moments."""
    solved = [answer for _, answer in answers if answer.factors is not None]
    ratios = [
        answer.seconds / seconds for (_, answer), (seconds, _) in zip(answers, ours, strict=True)
    ]
    more = [
        cost / max(_cost(answer.factors), 1e-6) - 1
        for (_, answer), (_, cost) in zip(answers, ours, strict=True)
        if answer.kept and answer.factors is not None and np.isfinite(cost)
    ]
    return {
        **_times([answer.seconds for _, answer in answers]),
        "rounds": float(np.mean([answer.rounds for _, answer in answers])),
        "unsolved": len(answers) - len(solved),
        "not_kept": sum(not answer.kept for answer in solved),
        "times_ours": _median(ratios),
        "ours_costs_more": max(more, default=None),
    }


def _cost(factors: Any) -> float:
    return float(((1 - factors) ** 2).sum())


def _times(seconds: list[float]) -> dict[str, Any]:
    each = 1e3 * np.array(seconds)
    return {
        "decisions": len(each),
        "median_ms": float(np.median(each)),
        "p99_ms": float(np.quantile(each, 0.99)),
        "worst_ms": float(each.max()),
    }


def _median(values: list[float]) -> float | None:
    return float(np.median(values)) if values else None


if __name__ == "__main__":
    for said in measured(int(sys.argv[1])):
        print(json.dumps(said), flush=True)
