"""The table of limiting beside the accurate optimum, from the lines of all cases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

Line = Mapping[str, Any]
TARGET = 0.985
_STATE = 1e-6


def summary(lines: Sequence[Line]) -> Iterator[str]:
    """Who serves how much how evenly, then the target and what does not fit."""
    feasible = {_case(line) for line in lines if line.get("feasible")}
    cases = {_case(line) for line in lines}
    inside = {_case(line) for line in lines if line["asked_inside"]}
    yield (
        f"{len(cases)} cases: {len(inside)} keep all limits at the requests, "
        f"{len(feasible - inside)} bind, {len(cases - feasible)} no setting keeps"
    )
    every = [line for line in lines if _case(line) in feasible - inside]
    binding = [line for line in every if not line["reactive"]]
    yield "\nCases that bind, inverters without reactive power; shares in %, over all of them"
    yield (
        "| who | objective | served, mean | of optimum, mean | of optimum, least | Jain, mean | "
        "Jain, least | limits missed | worst loading / limit | lowest, highest pu |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|"
    for who, objective in dict.fromkeys((line["who"], line.get("objective")) for line in binding):
        own = [line for line in binding if (line["who"], line.get("objective")) == (who, objective)]
        yield _row(who, objective, own, _best(lines))
    yield ""
    yield from _verdicts(lines, binding, "")
    yield from _verdicts(lines, [each for each in every if each["reactive"]], " and reactive power")
    yield from _doubts(lines, feasible)


def _case(line: Line) -> tuple[str, int, bool]:
    return line["network"], line["seed"], line["reactive"]


def _best(lines: Sequence[Line]) -> dict[Any, Line]:
    return {(*_case(line), line["objective"]): line for line in lines if line["who"] == "optimum"}


def _ratios(own: Sequence[Line], best: Mapping[Any, Line], objective: str) -> list[float]:
    """Served over what the optimum serves."""
    pairs = ((line, best.get((*_case(line), objective))) for line in own)
    return [line["served"] / other["served"] for line, other in pairs if other is not None]


def _row(who: str, objective: str | None, own: Sequence[Line], best: Mapping[Any, Line]) -> str:
    """Policies have no objective: they are set beside the optimum of least squares."""
    ratios = _ratios(own, best, objective or "least-squares")
    served, even = ([line[name] for line in own] for name in ("served", "jain"))
    lowest = min(line["u_low_pu"] for line in own)
    highest = max(line["u_high_pu"] for line in own)
    cells = [
        who,
        objective or "-",
        f"{100 * np.mean(served):.1f}",
        f"{100 * np.mean(ratios):.2f}",
        f"{100 * np.min(ratios):.2f}",
        f"{np.mean(even):.3f}",
        f"{np.min(even):.3f}",
        f"{sum(not line['kept'] for line in own)} of {len(own)}",
        f"{max(line['loading_of_limit'] for line in own):.5f}",
        f"{lowest:.3f}, {highest:.3f}",
    ]
    return f"| {' | '.join(cells)} |"


def _verdicts(lines: Sequence[Line], binding: Sequence[Line], more: str) -> Iterator[str]:
    best = _best(lines)
    for objective in dict.fromkeys(key[-1] for key in best):
        own = [line for line in binding if line["who"] == "ours" and line["objective"] == objective]
        ratios = _ratios(own, best, objective)
        if not ratios:
            yield f"* {objective}{more}: not judged, no case binds"
            continue
        least, failures = min(ratios), list(_failures(own, best, objective))
        met = "NOT MET" if failures else "met"
        yield (
            f"* {objective}{more}: serves at least {100 * TARGET:g} % of what the optimum serves: "
            f"{100 * least:.2f} % at worst, {100 * np.mean(ratios):.2f} % on average: {met}"
        )
        yield from failures


def _failures(own: Sequence[Line], best: Mapping[Any, Line], objective: str) -> Iterator[str]:
    for line in own:
        other = best[(*_case(line), objective)]
        short = line["served"] < TARGET * other["served"]
        low = other["level"] is not None and line["least_factor"] < TARGET * other["level"]
        if short or low or not line["kept"]:
            yield (
                f"  {line['network']} seed {line['seed']}: serves {line['served']:.4f} of "
                f"{other['served']:.4f}, least factor {line['least_factor']:.4f} of "
                f"{other['level'] or other['least_factor']:.4f}, limits "
                f"{'kept' if line['kept'] else 'MISSED'}"
            )


def _doubts(lines: Sequence[Line], feasible: set[tuple[str, int, bool]]) -> Iterator[str]:
    """What speaks against the reference or against us where the two cannot both be right."""
    states = [line["state_apart"] for line in lines if "state_apart" in line]
    yield f"* IPOPT's states differ from power-grid-model's by at most {max(states, default=0):.1e}"
    best = _best(lines)
    for line in lines:
        if line["who"] != "ours":
            continue
        where = f"{line['network']} seed {line['seed']} {line['objective']}"
        if line["status"] != "infeasible" and not line["feasible"]:
            yield f"* {where}: IPOPT found no setting, ours did (kept: {line['kept']})"
        if line["status"] == "infeasible" and _case(line) in feasible:
            yield f"* {where}: ours found no setting, IPOPT did"
        other = best.get((*_case(line), line["objective"]))
        if other is None or not line["kept"]:
            continue
        if line["objective"] == "energy" and line["served"] > 1.001 * other["served"]:
            yield f"* {where}: ours serves more than IPOPT: a local optimum of IPOPT's"
        if (
            line["objective"] == "least-squares"
            and line["squares"] < 0.99 * other["squares"] - 1e-4
        ):
            yield f"* {where}: ours costs less than IPOPT's: a local optimum of IPOPT's"
