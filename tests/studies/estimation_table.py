"""What the study of state estimation found, as a table for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import fmean

import numpy as np
from scipy.stats import ttest_rel
from studies.judging import Judged

WORST_SINGLE_CASE = 1.10
CONDITION = 5.0
"""Normalised residual in exact least squares from which a gross error has to be found (issue 4)."""
_QUANTITY = (
    "ratio",
    "optimum",
    ">1.1 : <1/1.1",
    "equal weights",
    "p worse",
    "worst (seed)",
    ">1.1 : <1/1.1",
)
HEAD = (
    "network",
    "nodes",
    "cases",
    *(f"|V| {name}" for name in _QUANTITY),
    *(f"loading {name}" for name in _QUANTITY),
    "apart",
    "in 95 %: |V|/loading",
    "not normal",
    "gross found + only named",
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
        beyond: cases in which ours is more than 10 % worse than theirs.
        behind: cases in which theirs is more than 10 % worse than ours.
    """

    mean: float
    worst: float
    worst_seed: int
    beyond: int
    behind: int


def ratios(cases: Iterable[Judged], quantity: str, *, equal: bool = False) -> Ratios | None:
    """Ratios of errors of `u_pu` or `loading`; None where not one case was answered by both.

    Single cases are those without gross error: that spoils theirs, and chance decides how.

    Args:
        cases: to be compared.
        quantity: `u_pu` or `loading`.
        equal: with the same sensors and weights, instead of each with the file as it is.
    """
    sums = np.zeros(2)
    single: list[tuple[float, int]] = []
    for case in cases:
        pair = case.equal if equal else case
        if pair is None or pair.ours is None or pair.theirs is None:
            continue
        errors = [getattr(pair.ours, quantity), getattr(pair.theirs, quantity)]
        sums += errors
        if not case.gross_error:
            single.append((errors[0] / errors[1], case.seed))
    if not sums.any():
        return None
    worst, seed = max(single, default=(np.nan, -1))
    beyond = sum(ratio > WORST_SINGLE_CASE for ratio, _ in single)
    behind = sum(1 / ratio > WORST_SINGLE_CASE for ratio, _ in single)
    return Ratios(float(sums[0] / sums[1]), worst, seed, beyond, behind)


def worse_than_chance(cases: Iterable[Judged], quantity: str) -> float | None:
    """Probability of means at least so much worse than theirs, if both were equally good.

    Two estimators that are equally good differ by noise, one way or the other: only a difference
    that noise does not explain says that one is worse. Paired t-test, one-sided, with the same
    sensors and weights, cases without gross error; None for fewer than three of them.
    """
    pairs = [
        (getattr(case.equal.ours, quantity), getattr(case.equal.theirs, quantity))
        for case in cases
        if not case.gross_error
        and case.equal is not None
        and case.equal.ours is not None
        and case.equal.theirs is not None
    ]
    if len(pairs) < 3:
        return None
    ours, theirs = np.array(pairs).T
    return float(ttest_rel(ours, theirs, alternative="greater").pvalue)


@dataclass(frozen=True)
class Detection:
    """Gross errors.

    Attributes:
        due: had to be found.
        found: of these, found and left out.
        named: of these, found and named, but kept: the case is not observable without them.
        outside: outside the condition.
    """

    due: int
    found: int
    named: int
    outside: int


def detection(cases: Iterable[Judged]) -> Detection:
    """Over the cases with a gross error."""
    gross = [case for case in cases if case.gross_error and case.exact is not None]
    due = [case for case in gross if (case.exact or 0) > CONDITION]
    return Detection(
        due=len(due),
        found=sum(case.wrong in case.removed for case in due),
        named=sum(case.named for case in due),
        outside=len(gross) - len(due),
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
    quantities = [cell for name in ("u_pu", "loading") for cell in _quantity(cases, name)]
    gross = detection(cases)
    return (
        name,
        str(sizes.pop()) if len(sizes) == 1 else "",
        str(len(cases)),
        *quantities,
        _apart(cases),
        _shares(covered(everything, normal=True)),
        _shares(covered(cases, normal=False)),
        f"{gross.found} + {gross.named} of {gross.due}",
        str(gross.outside),
        _alarms([case for case in everything if case.clean]),
        _alarms([case for case in cases if case.impedance_error]),
        str(sum(bool(case.doubted) for case in cases)),
        f"{sum(case.ours is None for case in cases)}/{sum(case.theirs is None for case in cases)}",
    )


def _quantity(cases: Sequence[Judged], quantity: str) -> Iterator[str]:
    """Cells of one quantity, as `_QUANTITY` names them."""
    stated, equal = ratios(cases, quantity), ratios(cases, quantity, equal=True)
    yield "-" if stated is None else f"{stated.mean:.3f}"
    yield _best(cases, quantity)
    yield "-" if stated is None else f"{stated.beyond} : {stated.behind}"
    yield "-" if equal is None else f"{equal.mean:.3f}"
    chance = worse_than_chance(cases, quantity)
    yield "-" if chance is None else f"{chance:.2f}"
    yield "-" if equal is None else f"{equal.worst:.3f} ({equal.worst_seed})"
    yield "-" if equal is None else f"{equal.beyond} : {equal.behind}"


def _apart(cases: Sequence[Judged]) -> str:
    """Mean and largest difference of |V| with the same sensors and weights, in deviations."""
    found = apart(cases)
    return f"{fmean(found):.3f}, {max(found):.3f}" if found else "-"


def apart(cases: Iterable[Judged]) -> list[float]:
    """Of each case in which both answered with the same sensors and weights."""
    return [
        case.equal.apart
        for case in cases
        if case.equal is not None and case.equal.apart is not None
    ]


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
