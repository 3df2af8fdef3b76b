"""Findings in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from ortsnetz_grid.functions.state_estimation import Measurements
from ortsnetz_grid.functions.topology_check.hypothesis import Hypothesis
from ortsnetz_grid.functions.topology_check.result import Alternative, Kind
from ortsnetz_grid.network.model import Network


def in_words(hypothesis: Hypothesis, network: Network, snapshots: Sequence[Measurements]) -> str:
    """What a hypothesis says."""
    if hypothesis.kind is Kind.WRONG_SWITCH:
        return " and ".join(
            f"{network.label(element)} is {'closed' if closed else 'open (or its fuse is blown)'}"
            for element, closed in zip(hypothesis.elements, hypothesis.closed, strict=True)
        )
    names = _names(hypothesis.sensors, network, snapshots)
    if hypothesis.kind is Kind.WRONG_PHASE:
        phases = ", ".join("abc"[phase] for phase in hypothesis.order)
        return f"{names}: terminals 1, 2, 3 are connected to phases {phases} instead of a, b, c"
    if hypothesis.kind is Kind.WRONG_ASSUMPTION:
        return f"{names}: the assumption does not hold"
    return f"{names}: measures wrong"


def sentences(
    kind: Kind, alternatives: tuple[Alternative, ...], *, unexplained: bool, untested: int
) -> tuple[str, ...]:
    """The finding for people."""
    found: list[str] = []
    if kind is Kind.OK:
        found.append("the stated network explains the measurements")
    elif kind is not Kind.UNDECIDED:
        best = alternatives[0]
        found.append(f"{best.words} (evidence {best.evidence:.0f})")
        orders = {each.phases for each in alternatives}
        if len(orders) > 1:
            ways = " or ".join(sorted(orders))
            found.append(f"the order of the phases is not certain: {ways}")
    elif not alternatives:
        found.append("the measurements contradict each other, and no single cause explains it")
    else:
        found.append("one of these is the case, which one cannot be told from the measurements:")
        found += [f"{each.words} (evidence {each.evidence:.0f})" for each in alternatives]
    if unexplained and kind is not Kind.OK and alternatives:
        found.append("even so the measurements contradict each other: something else is wrong too")
    if untested:
        found.append(f"{untested} alternatives were not computed: the limit was reached")
    return tuple(found)


def _names(ids: tuple[int, ...], network: Network, snapshots: Sequence[Measurements]) -> str:
    words: dict[int, str] = {}
    for snapshot in snapshots:
        words.update(snapshot.words)
    names = []
    for sensor in ids:
        place = _measured(sensor, network, snapshots)
        names.append(words.get(sensor) or (f"sensor {sensor}{place}"))
    return " and ".join(names)


def _measured(sensor: int, network: Network, snapshots: Sequence[Measurements]) -> str:
    """Where a sensor without words sits."""
    for snapshot in snapshots:
        for array in snapshot.sensors.values():
            for target in array["measured_object"][array["id"] == sensor].tolist():
                return f" at {network.label(target)}"
    return ""
