"""Which explanation counts, and whether it can be told from the next."""

from __future__ import annotations

from collections.abc import Sequence

from scipy.stats import chi2

from ortsnetz_grid.functions.state_estimation import Measurements
from ortsnetz_grid.functions.topology_check.case import Case
from ortsnetz_grid.functions.topology_check.hypothesis import Hypothesis
from ortsnetz_grid.functions.topology_check.result import Alternative, Finding, Kind
from ortsnetz_grid.functions.topology_check.words import in_words, sentences
from ortsnetz_grid.network.model import Network


def decide(case: Case, network: Network, snapshots: Sequence[Measurements]) -> Finding:
    """The finding of a case."""
    evidence = case.evidence()
    order = sorted(evidence, key=lambda each: -evidence[each])
    best = evidence[order[0]] if order else 0.0
    # a suspicion counts if anything explains it better than chance
    wrong = case.contradicted or (case.suspicious and best > 0)
    if not (wrong or best > case.settings.convincing):
        return _finding(case, Kind.OK, (), len(snapshots))
    rivals = _rivals(case, order, evidence) if best > 0 else []
    alternatives = tuple(
        _alternative(case, variant, each, evidence[each], in_words(variant, network, snapshots))
        for each in rivals
        for variant in each.variants
    )
    places = {_place(case, variant) for each in rivals for variant in each.variants}
    kind = rivals[0].kind if len(places) == 1 else Kind.UNDECIDED
    return _finding(case, kind, alternatives, len(snapshots))


def _alternative(
    case: Case, variant: Hypothesis, tried: Hypothesis, evidence: float, words: str
) -> Alternative:
    phases = "".join("abc"[phase] for phase in variant.order)
    return Alternative(
        kind=variant.kind,
        elements=variant.elements,
        sensors=variant.sensors,
        closed=variant.closed,
        phases=phases if variant.kind is Kind.WRONG_PHASE else "",
        misfit=case.tried[tried].misfit,
        evidence=evidence,
        words=words,
    )


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
        # the same sensors in other instants, or others besides, are no other explanation
        nested = each.removed and best.removed and each.removed >= best.removed
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
        words=sentences(kind, alternatives, unexplained=bool(unexplained), untested=case.untested),
    )
