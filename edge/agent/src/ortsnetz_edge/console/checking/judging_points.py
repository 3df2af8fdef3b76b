"""The points of a source beside what was to be expected of them. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ortsnetz_common.measurement.quality import Quality, describe, is_usable
from ortsnetz_common.measurement.time import NS_PER_S, TimeQuality
from ortsnetz_edge.console.checking.apparent_power import Mismatch, Terminal
from ortsnetz_edge.console.checking.expectations import Expected, Place, expected
from ortsnetz_edge.console.checking.findings import Verdict
from ortsnetz_edge.console.checking.report import PointReport
from ortsnetz_edge.drivers.contract import Role, Scan, SourcePoint

_BESIDE = {Role.FURTHER, Role.STATE, Role.AVAILABLE}
"""Roles that a source may lack without being useless."""


def point_reports(
    points: tuple[SourcePoint, ...], scan: Scan, place: Place, off: Mismatch | None
) -> Iterator[PointReport]:
    """What each point says beside what was to be expected of it.

    Args:
        points: of the source.
        scan: as the agent judges it.
        place: of the source.
        off: terminals whose power does not fit; None if all do.
    """
    wrong_terminals = set(off.terminals) if off is not None else set()
    for number, point in enumerate(points):
        value, quality = scan.values[number], scan.qualities[number]
        found = _expected(point, value, quality, place)
        is_current = point.role is Role.CURRENT and point.terminal in wrong_terminals
        if found.verdict is Verdict.OK and is_current:
            found = Expected("|S| / U within 5 %", Verdict.ATTENTION, "see 'U*I beside |S|'")
        yield PointReport(
            name=point.point.name.rpartition("/")[2],
            value=value,
            unit=point.point.unit.value,
            quality=describe(quality),
            age_s=_age_s(scan, number),
            expects=found.words,
            band=found.band,
            verdict=found.verdict,
            advice=found.advice,
        )


def _expected(point: SourcePoint, value: float | None, quality: int, place: Place) -> Expected:
    if value is None:
        missing = "the device does not have it: check the profile's reference"
        advice = missing if quality & Quality.BAD_REFERENCE else "the device has no value for it"
        verdict = Verdict.ATTENTION if point.role in _BESIDE else Verdict.WRONG
        return Expected("a value", verdict, advice)
    found = expected(point, value, place)
    if found.verdict is not Verdict.OK:
        return found
    if quality & Quality.OUT_OF_RANGE and not point.low <= value <= point.high:
        words = f"{point.low:g} to {point.high:g}, the profile's range"
        advice = "questionable and not used: device, scale or range"
        return Expected(words, Verdict.WRONG, advice, (point.low, point.high))
    if not is_usable(quality):
        advice = f"{describe(quality)}: not used; see what the device has against it"
        return found.but(Verdict.ATTENTION, advice)
    return found


def terminals(scan: Scan, points: tuple[SourcePoint, ...]) -> dict[int, Terminal]:
    """Terminals whose voltage, current and active power can be used."""
    by: dict[tuple[Role, int], float] = {
        (point.role, point.terminal): value
        for point, value, quality in zip(points, scan.values, scan.qualities, strict=True)
        if point.terminal is not None and value is not None and is_usable(quality)
    }
    found: dict[int, Terminal] = {}
    for terminal in (1, 2, 3):
        u, i = by.get((Role.VOLTAGE, terminal)), by.get((Role.CURRENT, terminal))
        p, q = by.get((Role.ACTIVE_POWER, terminal)), by.get((Role.REACTIVE_POWER, terminal))
        if u is not None and i is not None and p is not None:
            found[terminal] = Terminal(u, i, p, q)
    return found


def _age_s(scan: Scan, number: int) -> float | None:
    if scan.value_times_ns is not None and scan.value_time_qualities is not None:
        time_ns, flags = scan.value_times_ns[number], scan.value_time_qualities[number]
    else:
        time_ns, flags = scan.time_ns, scan.time_quality
    if flags & TimeQuality.SET_BY_RECEIVER:
        return None
    return (scan.received_ns - time_ns) / NS_PER_S
