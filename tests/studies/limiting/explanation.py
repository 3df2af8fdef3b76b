"""What happened around the excesses of one evening, second by second."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from studies.limiting.evening import CYCLE_S, Played
from studies.limiting.judging import counted, grace_s, over
from studies.limiting.outcome import CLASSES, classes, outcome_of

BEFORE, AFTER = 8, 6
HEADER = (
    "     s   true  estim   sure status     mode     worst  cars kW  allow kW  roofs kW  allow kW  "
)


def lines(played: Played, *, raw: bool = False) -> Iterator[str]:
    """In words and tables.

    Args:
        played: the evening.
        raw: also excesses that do not count.
    """
    yield played.case.words
    outcome = outcome_of(played)
    for name, found in zip(CLASSES, outcome.excesses, strict=True):
        yield f"{name}: {found}"
    yield f"{outcome.changes_max:.0f} changes of a limit at most, {outcome.counts}"
    devices = played.node.parameters.station.devices
    slowest_s = max((device.reaction_s for device in devices), default=0.0)
    grace = grace_s(CYCLE_S, slowest_s, played.case.wires.late_s)
    helpable = over(played.ratio) & played.keep
    flags = helpable if raw else counted(helpable, CYCLE_S, grace)
    for name, own in zip(CLASSES, classes(played), strict=True):
        for element in np.flatnonzero(own & flags.any(axis=0)).tolist():
            yield f"\n{name}: {played.elements.names[element]}"
            yield from _around(played, element, flags[:, element], helpable[:, element])


def _around(played: Played, element: int, flags: np.ndarray, helpable: np.ndarray) -> Iterator[str]:
    yield HEADER
    shown = np.zeros(len(flags), bool)
    for second in np.flatnonzero(flags).tolist():
        first = second
        while first > 0 and helpable[first - 1]:
            first -= 1
        shown[max(0, first - BEFORE) : second + AFTER] = True
    points = len(played.plant.charge_points)
    for second in np.flatnonzero(shown).tolist():
        yield _row(played, element, second, points) + (
            " counts" if flags[second] else " above" if helpable[second] else ""
        )


def _row(played: Played, element: int, second: int, points: int) -> str:
    decided = played.decided[second]
    limits = decided.limits
    setpoints = {one.device: one.limit_w for one in decided.verdict.setpoints}
    devices = played.node.parameters.station.devices
    allowed = [setpoints.get(device.name, float("nan")) for device in devices]
    cars, roofs = played.power_w[second, :points].sum(), played.power_w[second, points:].sum()
    worst = limits.worst_loading if limits else None
    sure = "" if limits is None else "giv" if limits.reserve_given_up else "ok"
    return (
        f"{second:6d} {played.ratio[second, element]:6.3f} {_estimated(played, element, second)}"
        f" {sure:>6} {limits.status if limits else 'none':10} {decided.verdict.mode.value:8} "
        f"{worst if worst is not None else float('nan'):5.3f} {cars / 1000:8.1f} "
        f"{sum(allowed[:points]) / 1000:9.1f} {roofs / 1000:9.1f} "
        f"{sum(allowed[points:]) / 1000:9.1f}"
    )


def _estimated(played: Played, element: int, second: int) -> str:
    """The estimated loading of the element, or the estimated worst voltage over its band."""
    estimate = played.decided[second].estimate
    if estimate is None:
        return "   -  "
    kind, name = played.elements.names[element].split()
    if kind != "node":
        found = next(one.loading for one in estimate.branches if one.branch == int(name))
        return f"{found:6.3f}"
    volts = np.array(next(one.voltage_v for one in estimate.nodes if one.node == int(name)))
    low, high = played.configuration.u_pu
    u = volts / 230.94
    ratio = max((u.max() - 1.0) / (high - 1.0), (1.0 - u.min()) / (1.0 - low))
    return f"{ratio:6.3f}"
