"""Judges an answer before it enters the process image. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ortsnetz_common.measurement.quality import Quality, worst
from ortsnetz_common.measurement.time import NS_PER_S, TimeQuality
from ortsnetz_edge.acquisition.frozen import as_old
from ortsnetz_edge.drivers.contract import Scan, SourcePoint

_OUT_OF_RANGE = int(Quality.QUESTIONABLE | Quality.OUT_OF_RANGE)
MAX_CLOCK_ERROR_S = 5.0
"""A device clock further off than this is not used for time stamps."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """An answer with its qualities settled, and what was found.

    Attributes:
        out_of_range: names of the points outside their plausible range.
        frozen: the device repeats an old answer: its own counter has not moved.
        missed: answers that the device counted and that never arrived here.
        restarted: the device counts from the beginning again.
        clock_error_s: how far the device's clock is off, if too far; else None.
    """

    scan: Scan
    out_of_range: tuple[str, ...]
    frozen: bool
    missed: int
    restarted: bool
    clock_error_s: float | None


def judge(scan: Scan, previous: Scan | None, points: tuple[SourcePoint, ...]) -> Judgement:
    """Settle the quality of an answer.

    Out of its plausible range, a value becomes questionable; it is kept for people to see and not
    used in decisions. A repeated answer makes everything in it invalid, old data. A wrong clock
    leaves the values good (they have just been read) and takes the agent's time instead, saying so.

    Args:
        scan: the answer.
        previous: the answer before it from the same source; None for the first.
        points: points of the source, as the values are ordered.
    """
    qualities = list(scan.qualities)
    out_of_range: list[str] = []
    for index, (value, point) in enumerate(zip(scan.values, points, strict=True)):
        if value is not None and not point.low <= value <= point.high:
            qualities[index] = worst(qualities[index], _OUT_OF_RANGE)
            out_of_range.append(point.point.name)
    settled = replace(scan, qualities=tuple(qualities))
    step = _step(scan, previous)
    frozen = step == 0
    if frozen:
        settled = as_old(settled)
    clock_error_s = _clock_error_s(scan)
    if clock_error_s is not None:
        settled = _with_agents_time(settled)
    return Judgement(
        scan=settled,
        out_of_range=tuple(out_of_range),
        frozen=frozen,
        missed=max(0, step - 1) if step is not None else 0,
        restarted=step is not None and step < 0,
        clock_error_s=clock_error_s,
    )


def _clock_error_s(scan: Scan) -> float | None:
    """How far the device's clock is off, if too far.

    Where values have times of their own, they may be old: nothing has changed since. None of them
    can be from the future.
    """
    if scan.value_times_ns is None:
        error_s = (scan.time_ns - scan.received_ns) / NS_PER_S
        return error_s if abs(error_s) > MAX_CLOCK_ERROR_S else None
    newest = max((*scan.value_times_ns, scan.time_ns))
    error_s = (newest - scan.received_ns) / NS_PER_S
    return error_s if error_s > MAX_CLOCK_ERROR_S else None


def _with_agents_time(scan: Scan) -> Scan:
    """The agent's time for the device's; of values with times of their own, where wrong."""
    flags = int(TimeQuality.SET_BY_RECEIVER | TimeQuality.CLOCK_NOT_SYNCHRONISED)
    if scan.value_times_ns is None or scan.value_time_qualities is None:
        return replace(scan, time_ns=scan.received_ns, time_quality=flags)
    latest = scan.received_ns + round(MAX_CLOCK_ERROR_S * NS_PER_S)
    times = [
        (time_ns, quality) if time_ns <= latest else (scan.received_ns, flags)
        for time_ns, quality in zip(scan.value_times_ns, scan.value_time_qualities, strict=True)
    ]
    wrong = scan.time_ns > latest
    return replace(
        scan,
        time_ns=scan.received_ns if wrong else scan.time_ns,
        time_quality=flags if wrong else scan.time_quality,
        value_times_ns=tuple(time_ns for time_ns, _ in times),
        value_time_qualities=tuple(quality for _, quality in times),
    )


def _step(scan: Scan, previous: Scan | None) -> int | None:
    """How far the device's own counter has moved; None where it does not count."""
    if previous is None or scan.read_count is None or previous.read_count is None:
        return None
    return scan.read_count - previous.read_count
