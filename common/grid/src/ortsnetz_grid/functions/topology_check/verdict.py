"""Which explanation counts, and whether it can be told from the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from ortsnetz_grid.functions.state_estimation import Measurements
from ortsnetz_grid.functions.topology_check.hypothesis import Hypothesis
from ortsnetz_grid.functions.topology_check.judging import Judgement
from ortsnetz_grid.functions.topology_check.meter_candidates import Seat, squares
from ortsnetz_grid.functions.topology_check.result import (
    Alternative,
    CheckSettings,
    Finding,
    Kind,
)
from ortsnetz_grid.functions.topology_check.words import in_words, sentences
from ortsnetz_grid.network.model import Network


@dataclass(frozen=True, slots=True)
class Case:
    """All that was computed.

    Attributes:
        stated: the stated network.
        tried: its alternatives.
        prices: 2 ln of the number of alternatives of a kind, for those that free nothing.
        sensors: number of sensors that are no assumptions.
        detected: whether something is wrong, whatever it is.
        untested: alternatives for which the budget did not reach.
        seats: where the sensors sit.
        settings: how to check.
    """

    stated: Judgement
    tried: dict[Hypothesis, Judgement]
    prices: dict[Kind, float]
    sensors: int
    detected: bool
    untested: tuple[Hypothesis, ...]
    seats: dict[int, Seat]
    settings: CheckSettings


def decide(case: Case, network: Network, snapshots: Sequence[Measurements]) -> Finding:
    """The finding of a case."""
    order, evidence = _ranked(case)
    convincing = bool(order) and evidence[order[0]] > 2 * np.log(1 / case.settings.false_alarm)
    if not (case.detected or convincing):
        return _finding(case, Kind.OK, (), len(snapshots))
    rivals = _rivals(case, order, evidence)
    alternatives = tuple(
        Alternative(
            kind=each.kind,
            elements=each.elements,
            sensors=each.sensors,
            closed=each.closed,
            phases="".join("abc"[phase] for phase in each.order)
            if each.kind is Kind.WRONG_PHASE
            else "",
            misfit=case.tried[each].misfit,
            evidence=evidence[each],
            words=in_words(each, network, snapshots),
        )
        for each in rivals
    )
    decided = rivals and len({_place(case, each) for each in rivals}) == 1
    kind = rivals[0].kind if decided else Kind.UNDECIDED
    return _finding(case, kind, alternatives, len(snapshots))


def _ranked(case: Case) -> tuple[list[Hypothesis], dict[Hypothesis, float]]:
    """Hypotheses by evidence, the best first."""
    left = min([case.stated.misfit, *(each.misfit for each in case.tried.values())])
    # what no alternative explains (impedances, profiles) makes all of them less certain
    spread = max(1.0, left / max(case.stated.values, 1))
    sums = squares(case.stated.snapshots)
    evidence = {}
    for each, judged in case.tried.items():
        gain = (case.stated.misfit - judged.misfit) / spread
        evidence[each] = gain - _price(case, each, gain, sums)
    return sorted(evidence, key=lambda each: -evidence[each]), evidence


def _price(
    case: Case, hypothesis: Hypothesis, gain: float, sums: dict[int, tuple[float, int]]
) -> float:
    """Price of a hypothesis: 2 ln of the alternatives of its kind, and what its freedom is worth.

    A sensor whose errors spread over `gross_error` deviations explains each value that it frees
    with a likelihood smaller by sqrt(1 + gross_error**2 * w), where w is the share of the sensor's
    own variance in what the others leave open; w is the squared residual over what its removal
    gains. A value that nothing else checks costs nothing and gains nothing.
    """
    if not hypothesis.removed:
        return case.prices[hypothesis.kind]
    mine = [sums[each] for each in hypothesis.sensors if each in sums]
    squared, values = sum(each[0] for each in mine), sum(each[1] for each in mine)
    share = min(1.0, squared / gain) if gain > 0 else 1.0
    freedom = values * np.log(1 + case.settings.gross_error**2 * share)
    return float(freedom + 2 * len(hypothesis.sensors) * np.log(max(case.sensors, 1)))


def _rivals(
    case: Case, order: list[Hypothesis], evidence: dict[Hypothesis, float]
) -> list[Hypothesis]:
    """The best hypothesis and those that are hardly worse, without those that only add to it."""
    if not order:
        return []
    best = order[0]
    found = [best]
    for each in order[1:]:
        if evidence[each] < evidence[best] - case.settings.decisive:
            break
        nested = each.removed and best.removed and each.removed > best.removed
        if not nested:
            found.append(each)
    return found


def _place(case: Case, hypothesis: Hypothesis) -> tuple[Kind, frozenset[int]]:
    """What makes explanations the same: the kind, and the node or the elements."""
    if hypothesis.kind is Kind.WRONG_PHASE:
        nodes = {case.seats[each].node for each in hypothesis.sensors}
        return hypothesis.kind, frozenset(nodes)
    if hypothesis.removed:
        return hypothesis.kind, frozenset(hypothesis.sensors)
    return hypothesis.kind, frozenset(hypothesis.elements)


def _finding(
    case: Case,
    kind: Kind,
    alternatives: tuple[Alternative, ...],
    snapshots: int,
) -> Finding:
    decided = kind not in (Kind.OK, Kind.UNDECIDED)
    shown = alternatives[:1] if decided else alternatives
    left = alternatives[0].misfit if alternatives else case.stated.misfit
    unexplained = chi2.sf(left, max(case.stated.values, 1)) < case.settings.false_alarm
    return Finding(
        kind=kind,
        elements=shown[0].elements if decided else (),
        sensors=shown[0].sensors if decided else (),
        alternatives=shown,
        misfit=case.stated.misfit,
        values=case.stated.values,
        snapshots=snapshots,
        words=sentences(
            kind, alternatives, unexplained=bool(unexplained), untested=len(case.untested)
        ),
    )
