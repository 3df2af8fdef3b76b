"""What an operator has to know about the network's limits: conditions and words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ortsnetz_edge.control.alarms import Condition
from ortsnetz_edge.hosting.calls import LimitingResult
from ortsnetz_edge.hosting.missed import MOST_ELEMENTS, by_element, in_words, missed_by

MEANWHILE_AFTER_S = 15.0
"""An inverter takes about 10 s for its reactive power: what is over by then asks for nobody."""


def network_limits(result: LimitingResult | None) -> Iterable[Condition]:
    """Limits of the network that bind, cannot be kept, or are missed until something has followed.

    One alarm each, not one for every element: an overload that floors cannot end is seen at three
    phases of a transformer, the cables behind it and the voltages of a street, and asks for one
    action. Which elements they are, and how far beyond, is what renews it (`Condition.extent`).
    """
    if result is None:
        return
    if result.limits:
        binding = sorted({name for limit in result.limits for name in limit.binding})
        yield Condition(
            key="limits-binding",
            priority=1,
            cause=f"at its limit: {_some(binding) or 'the network'}",
            consequence="devices are held back; the setpoints say which, and how far",
            action="none now; consider reinforcement if this happens often",
            extent=dict.fromkeys(binding, 0.0),
        )
    if result.violated:
        missed = missed_by(result)
        yield Condition(
            key="floors-infeasible",
            priority=4,
            cause=f"no setting of the devices keeps this limit: {in_words(missed)}",
            consequence="whoever can ease it is held down, at most to the guaranteed floor; "
            "no limit is raised",
            action="relieve the network by switching, or agree on less than the floor",
            extent=by_element(missed),
        )
    if result.meanwhile:
        yield Condition(
            key="limit-missed-meanwhile",
            priority=3,
            cause=f"beyond its limit for now: {in_words(result.meanwhile)}",
            consequence="the others give up what they can meanwhile, at most to the guaranteed "
            "floor; no limit is raised",
            action="wait for the reaction time of what is named; if it does not follow, check it, "
            "or relieve the network by switching",
            after_s=MEANWHILE_AFTER_S,
            extent=by_element(result.meanwhile),
        )


def why_none_rises(result: LimitingResult | None) -> str:
    """Why a verified state raises no limit, in words for status and health; empty if it may."""
    if result is None:
        return ""
    reasons = []
    beyond = by_element(missed_by(result)) if result.violated else {}
    uncertain = [name for name in result.margins_given_up if name not in beyond]
    if uncertain:
        reasons.append(f"the margin cannot be kept at {_some(uncertain)}")
    waiting = dict.fromkeys(f"{one.element} until {one.until}" for one in result.meanwhile)
    if waiting:
        reasons.append(f"beyond its limit: {_some(list(waiting))}")
    if beyond:
        reasons.append(f"no setting of the devices keeps the limit of {_some(list(beyond))}")
    return f"no limit is raised: {'; '.join(reasons)}" if reasons else ""


def _some(names: Sequence[str]) -> str:
    """The first of many names, and how many are left."""
    left = len(names) - MOST_ELEMENTS
    more = [f"and {left} more"] if left > 0 else []
    return ", ".join([*names[:MOST_ELEMENTS], *more])
