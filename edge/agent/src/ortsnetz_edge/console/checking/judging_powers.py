"""The powers of a source beside its currents, its phases beside each other, and its limit. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ortsnetz_common.measurement.quality import is_usable
from ortsnetz_edge.console.checking.apparent_power import Mismatch
from ortsnetz_edge.console.checking.findings import Finding, attention
from ortsnetz_edge.drivers.contract import Role, Scan, SourcePoint

_AGAINST_SHARE, _AGAINST_W = 0.1, 100.0
"""Less than that may well flow against the other phases."""
_OVER_SHARE, _OVER_W = 0.1, 100.0
"""A device keeps its limit as well as its meter and its steps allow."""


def powers(
    name: str, scan: Scan, points: tuple[SourcePoint, ...], off: Mismatch | None
) -> Iterator[Finding]:
    """What the powers of a source say.

    Args:
        name: of the source.
        scan: as the agent judges it.
        points: of the source.
        off: terminals whose power does not fit voltage and current; None if all do.
    """
    if off is not None:
        yield attention(name, "U*I beside |S|", off.sees, "equal within 5 %", off.advice)
    watts = _values(scan, points, Role.ACTIVE_POWER)
    yield from _directions(name, watts)
    for limit_w in _values(scan, points, Role.LIMIT):
        yield from _limit(name, watts, limit_w)


def _values(scan: Scan, points: tuple[SourcePoint, ...], role: Role) -> list[float]:
    return [
        value
        for point, value, quality in zip(points, scan.values, scan.qualities, strict=True)
        if point.role is role and value is not None and is_usable(quality)
    ]


def _directions(name: str, watts: list[float]) -> Iterator[Finding]:
    """One phase that flows against the two others."""
    if len(watts) < 3:
        return
    least_w = max(_AGAINST_SHARE * max(map(abs, watts)), _AGAINST_W)
    against = [
        n
        for n, value in enumerate(watts, start=1)
        if abs(value) > least_w
        and all(value * other < 0 for m, other in enumerate(watts, start=1) if m != n)
    ]
    if len(against) == 1:
        yield attention(
            name,
            "direction of phases",
            f"terminal {against[0]} flows against the other two",
            "one direction",
            "a current transformer the wrong way round, unless there is single-phase feed-in",
        )


def _limit(name: str, watts: list[float], limit_w: float) -> Iterator[Finding]:
    """More than the device itself says that it may take."""
    total_w = abs(sum(watts))
    if watts and total_w > limit_w * (1 + _OVER_SHARE) + _OVER_W:
        yield attention(
            name,
            "limit",
            f"{total_w:.0f} W at a limit of {limit_w:.0f} W",
            "at most the limit in force",
            "has it just been lowered? Else the device does not keep it, or its unit is wrong",
        )
