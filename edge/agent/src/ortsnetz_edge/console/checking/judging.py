"""What a source has said beside what was to be expected of it. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass

from ortsnetz_common.measurement.time import NS_PER_S, TimeQuality
from ortsnetz_edge.acquisition.plausibility import MAX_CLOCK_ERROR_S
from ortsnetz_edge.console.advice import ADVICE, advice, in_place
from ortsnetz_edge.console.checking.apparent_power import mismatch
from ortsnetz_edge.console.checking.expectations import Place
from ortsnetz_edge.console.checking.findings import Finding, attention, wrong
from ortsnetz_edge.console.checking.judging_points import point_reports, terminals
from ortsnetz_edge.console.checking.judging_powers import powers
from ortsnetz_edge.console.checking.measuring import Measured
from ortsnetz_edge.console.checking.report import Manner, SourceReport
from ortsnetz_edge.console.words import seconds
from ortsnetz_edge.drivers.contract import FailureKind, LimitUnit, Source
from ortsnetz_edge.profiles.identity import IdentityMap

_SLOW_SHARE = 0.8


@dataclass(frozen=True)
class Case:
    """A source and what is known of it.

    Attributes:
        identity: what it has to say; None if its profile asks nothing.
        cycle_s: of the node.
        limit_unit: of its limit; None for what takes none.
    """

    source: Source
    place: Place
    identity: IdentityMap[object] | None
    cycle_s: float
    limit_unit: LimitUnit | None = None


def judge_source(case: Case, measured: Measured) -> SourceReport:
    """The report of a source."""
    scan = measured.judged[-1].scan if measured.judged else None
    off = None if scan is None else mismatch(terminals(scan, measured.points))
    points = () if scan is None else tuple(point_reports(measured.points, scan, case.place, off))
    findings = [
        *_answers(case, measured),
        *_identity(case, measured),
        *_behaviour(case, measured),
        *(() if scan is None else powers(case.source.name, scan, measured.points, off)),
    ]
    return SourceReport(
        name=case.source.name,
        profile=case.source.profile,
        address=case.source.connection.address,
        says=_says(case, measured),
        expected="anything" if case.identity is None else case.identity.expects,
        manner=_manner(case, measured),
        points=points,
        findings=tuple(findings),
    )


def _says(case: Case, measured: Measured) -> str:
    if measured.identity is not None:
        return str(measured.identity)
    return "nothing" if case.identity is not None else "nothing: its profile does not ask"


def _answers(case: Case, measured: Measured) -> Iterator[Finding]:
    name = case.source.name
    if measured.unusable:
        yield wrong(name, "driver", measured.unusable, "", "see the off-line check")
        return
    if measured.failure is None:
        return
    where = case.source.connection
    sees, what_to_do = in_place(where, measured.failure), advice(where, measured.failure)
    answered, asked = len(measured.judged), measured.asked
    if not measured.judged:
        if not any(_identity(case, measured)):  # else that says it
            yield wrong(name, "connection", sees, "an answer", what_to_do)
    elif answered < asked:
        sees = f"{answered} of {asked} scans answered; {sees}"
        yield attention(name, "connection", sees, "all", what_to_do)


def _identity(case: Case, measured: Measured) -> Iterator[Finding]:
    if case.identity is None or measured.unusable:
        return
    name, expects = case.source.name, case.identity.expects
    if measured.identity is not None:
        misfit = case.identity.misfit(measured.identity)
        if misfit is not None:
            yield wrong(
                name,
                "identity",
                misfit,
                expects,
                f"{ADVICE[FailureKind.WRONG_DEVICE]}; nothing is taken from it or written to it",
            )
    elif measured.silence is not None and measured.judged:
        sees = f"it does not say what it is: {measured.silence}"
        yield wrong(name, "identity", sees, expects, "nothing will be written to it")


def _behaviour(case: Case, measured: Measured) -> Iterator[Finding]:
    name = case.source.name
    if any(judged.frozen for judged in measured.judged):
        sees = "its own counter stands still: it repeats an old answer"
        yield wrong(name, "answers", sees, "a new answer to each scan", "restart the device")
    if any(judged.restarted for judged in measured.judged):
        yield attention(
            name, "answers", "its counter went back", "it grows", "has it just restarted?"
        )
    clock_s = _clock_s(measured)
    if clock_s is not None and abs(clock_s) > MAX_CLOCK_ERROR_S:
        sees = f"{seconds(abs(clock_s))} {'ahead' if clock_s > 0 else 'behind'}"
        expects = f"within {MAX_CLOCK_ERROR_S:g} s"
        advice = "set the device's clock (UTC); the agent uses its own time meanwhile"
        yield attention(name, "clock", sees, expects, advice)
    slowest_s = max(measured.round_trips_s, default=0.0)
    if slowest_s > _SLOW_SHARE * case.cycle_s:
        yield attention(
            name,
            "round trip",
            seconds(slowest_s),
            f"at most {seconds(_SLOW_SHARE * case.cycle_s)} of a cycle of {case.cycle_s:g} s",
            "the cycle does not wait for it: its values are a cycle older",
        )
    if case.limit_unit and measured.raw is not None and measured.raw.limit_in_force is None:
        yield wrong(
            name,
            "limit",
            "cannot be read back",
            "the limit in force",
            "no limit is raised without it: check the profile's 'limit'",
        )


def _manner(case: Case, measured: Measured) -> Manner:
    trips = measured.round_trips_s
    limit = None if measured.raw is None else measured.raw.limit_in_force
    return Manner(
        scans_asked=measured.asked,
        scans_answered=len(measured.judged),
        round_trip_s=statistics.median(trips) if trips else None,
        round_trip_max_s=max(trips) if trips else None,
        reads_per_scan=measured.requests / measured.timed if measured.timed else None,
        clock_s=_clock_s(measured),
        limit="" if limit is None else _limit(limit, case.limit_unit),
    )


def _limit(limit: float, unit: LimitUnit | None) -> str:
    if unit is LimitUnit.SHARE:
        return f"{limit * 100:.4g} %"
    return f"{limit:.7g} {'' if unit is None else unit.value}".strip()


def _clock_s(measured: Measured) -> float | None:
    scan = measured.raw
    if scan is None or scan.time_quality & TimeQuality.SET_BY_RECEIVER:
        return None
    ahead_s = (scan.time_ns - scan.received_ns) / NS_PER_S
    if scan.value_times_ns is not None and ahead_s <= 0:
        return None  # the newest value may be old: it says nothing of the clock
    return ahead_s
