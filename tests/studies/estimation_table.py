"""What the study of state estimation found, as a table for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import fmean

import numpy as np
from studies.judging import Judged

WORST_SINGLE_CASE = 1.10
CONDITION = 5.0
"""Normalised residual in exact least squares from which a gross error has to be found (issue 4)."""
HEAD = (
    "network",
    "nodes",
    "cases",
    "|V| ratio",
    "worst (seed)",
    ">1.1 (ours alone)",
    "optimum",
    "loading ratio",
    "worst (seed)",
    ">1.1 (ours alone)",
    "optimum",
    "in 95 %: |V|/loading",
    "not normal",
    "gross found",
    "outside",
    "alarms: clean",
    "impedance",
    "beliefs left out",
    "no answer ours/theirs",
)


@dataclass(frozen=True)
class Ratios:
    """Our mean error over theirs.

    Attributes:
        mean: of the sums over all cases that both answered.
        worst: of the worst single case.
        worst_seed: which that was.
    """

    mean: float
    worst: float
    worst_seed: int


def ratios(cases: Iterable[Judged], quantity: str) -> Ratios | None:
    """Ratios of errors of `u_pu` or `loading`; None where not one case was answered by both.

    The worst is of a case without gross error: that spoils theirs, and chance decides how.
    """
    both = [case for case in cases if case.ours is not None and case.theirs is not None]
    if not both:
        return None
    sums = [sum(getattr(getattr(c, who), quantity) for c in both) for who in ("ours", "theirs")]
    single = [(_ratio(case, quantity), case.seed) for case in both if not case.gross_error]
    worst, seed = max(single, default=(np.nan, -1))
    return Ratios(sums[0] / sums[1], worst, seed)


def beyond(cases: Iterable[Judged], quantity: str) -> tuple[int, int]:
    """Cases without gross error that are more than 10 % worse than power-grid-model.

    Returns:
        How many, and in how many of these exact least squares are more than 10 % better than ours.
    """
    worse = [
        case
        for case in cases
        if not case.gross_error
        and case.ours is not None
        and case.theirs is not None
        and _ratio(case, quantity) > WORST_SINGLE_CASE
    ]
    ours_alone = [
        case
        for case in worse
        if case.optimum is not None
        and getattr(case.ours, quantity) > WORST_SINGLE_CASE * getattr(case.optimum, quantity)
    ]
    return len(worse), len(ours_alone)


def _ratio(case: Judged, quantity: str) -> float:
    return float(getattr(case.ours, quantity) / getattr(case.theirs, quantity))


@dataclass(frozen=True)
class Detection:
    """Gross errors: how many had to be found, were found, and were outside the condition."""

    due: int
    found: int
    outside: int


def detection(cases: Iterable[Judged]) -> Detection:
    """Over the cases with a gross error."""
    gross = [case for case in cases if case.gross_error and case.exact is not None]
    due = [case for case in gross if (case.exact or 0) > CONDITION]
    return Detection(
        len(due), sum(case.wrong in case.removed for case in due), len(gross) - len(due)
    )


def false_alarm(case: Judged) -> bool:
    """Whether a case without gross error lost a meter, or a belief although beliefs are normal."""
    return bool(case.removed) or (case.normal and bool(case.doubted))


def covered(cases: Iterable[Judged], *, normal: bool) -> tuple[float, float] | None:
    """Coverage of |V| and loading in the clean cases: with normal beliefs, or with customers."""
    clean = [
        case for case in cases if case.clean and case.normal == normal and case.ours is not None
    ]
    loadings = [case.loading_covered for case in clean if case.loading_covered is not None]
    if not loadings:
        return None
    return fmean(case.u_covered or 0.0 for case in clean), fmean(loadings)


def lines(cases: Sequence[Judged]) -> Iterator[str]:
    """The table, a row a network and one for all."""
    rows = [HEAD]
    rows += [_row(name, list(those)) for name, those in groupby(cases, lambda case: case.grid)]
    rows.append(_row("all", cases))
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
    for row in rows:
        yield "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )


def _row(name: str, everything: Sequence[Judged]) -> tuple[str, ...]:
    cases = [case for case in everything if not case.normal]
    sizes = {case.nodes for case in cases}
    quantities: list[str] = []
    for quantity in ("u_pu", "loading"):
        ratio = ratios(cases, quantity)
        if ratio is None:
            quantities += ["-", "-", "-", "-"]
        else:
            quantities += [f"{ratio.mean:.3f}", f"{ratio.worst:.3f} ({ratio.worst_seed})"]
            many, alone = beyond(cases, quantity)
            quantities.append(f"{many} ({alone})")
            quantities.append(_best(cases, quantity))
    gross = detection(cases)
    return (
        name,
        str(sizes.pop()) if len(sizes) == 1 else "",
        str(len(cases)),
        *quantities,
        _shares(covered(everything, normal=True)),
        _shares(covered(cases, normal=False)),
        f"{gross.found} of {gross.due}",
        str(gross.outside),
        _alarms([case for case in everything if case.clean]),
        _alarms([case for case in cases if case.impedance_error]),
        str(sum(bool(case.doubted) for case in cases)),
        f"{sum(case.ours is None for case in cases)}/{sum(case.theirs is None for case in cases)}",
    )


def _shares(shares: tuple[float, float] | None) -> str:
    return "-" if shares is None else f"{100 * shares[0]:.1f}/{100 * shares[1]:.1f}"


def _best(cases: Sequence[Judged], quantity: str) -> str:
    """Error of exact least squares with all sensors over power-grid-model's; cases without errors.

    A gross error spoils it like power-grid-model, so only the others say what weights allow.
    """
    sums = [
        (getattr(case.optimum, quantity), getattr(case.theirs, quantity))
        for case in cases
        if not case.gross_error and case.optimum is not None and case.theirs is not None
    ]
    if not sums:
        return "-"
    return f"{sum(best for best, _ in sums) / sum(theirs for _, theirs in sums):.3f}"


def _alarms(cases: Sequence[Judged]) -> str:
    return f"{sum(false_alarm(case) for case in cases)} of {len(cases)}"
