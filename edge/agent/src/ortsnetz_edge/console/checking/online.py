"""The on-line check: all sources at once, reads only, within a bounded time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.parameter_set import Timing
from ortsnetz_common.parameters.station import NOMINAL_PHASE_V, Meter
from ortsnetz_edge.console.checking.addresses import line_of
from ortsnetz_edge.console.checking.expectations import Place
from ortsnetz_edge.console.checking.findings import Finding, wrong
from ortsnetz_edge.console.checking.judging import Case, judge_source
from ortsnetz_edge.console.checking.measuring import Measured, measure, open_driver, stop
from ortsnetz_edge.console.checking.node_files import Node, Placed
from ortsnetz_edge.console.checking.offline import source_of
from ortsnetz_edge.console.checking.report import SourceReport
from ortsnetz_edge.console.checking.station_sums import station_sums
from ortsnetz_edge.console.progress import progress
from ortsnetz_edge.console.protocols import Protocols
from ortsnetz_edge.console.syntaxes import syntax_of
from ortsnetz_edge.drivers.contract import Driver, LimitUnit
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.network_index import NetworkIndex
from ortsnetz_edge.profiles.identity import IdentityMap, compile_identity

_SAME_LEVEL = 0.05


async def check_online(
    node: Node, environment: Environment, protocols: Protocols, only: Collection[str]
) -> tuple[tuple[SourceReport, ...], list[Finding]]:
    """Reports of all sources, and what is to be said of the station as a whole.

    Args:
        node: whose parameter set could be read.
        environment: of its drivers.
        protocols: that are installed.
        only: names of the sources to ask; empty for all.
    """
    chosen = [placed for placed in node.placed if not only or placed.name in only]
    cases = [_case(placed, node, environment) for placed in chosen]
    opened = [open_driver(case.source, protocols) for case in cases]
    lines = Counter(line_of(case.source.connection) for case in cases)
    done = 0

    async def one(case: Case, driver: Driver | str) -> Measured:
        nonlocal done
        try:
            if isinstance(driver, str):
                return Measured(unusable=driver)
            return await measure(
                driver,
                asks_identity=case.identity is not None,
                sharing=lines[line_of(case.source.connection)] - 1,
            )
        finally:
            done += 1

    async with progress(lambda: f"asking {len(cases)} sources: {done} done"):
        measured = await asyncio.gather(*map(one, cases, opened), return_exceptions=True)
        # only now: sources behind one address share their connection
        await asyncio.gather(*(stop(driver) for driver in opened if not isinstance(driver, str)))
    reports = tuple(map(_judged, cases, measured))
    meters = [placed for placed in node.placed if isinstance(placed, Meter)]
    return reports, list(station_sums(meters, {report.name: report for report in reports}))


def _judged(case: Case, measured: Measured | BaseException) -> SourceReport:
    """A driver that breaks its promises costs its own source the check, and no other."""
    if isinstance(measured, Measured):
        return judge_source(case, measured)
    report = judge_source(case, Measured())
    broken = wrong(
        case.source.name,
        "driver",
        f"{type(measured).__name__}: {measured}",
        "an answer, or a failure in words",
        "this is a mistake of the driver: report it",
    )
    return SourceReport(
        report.name,
        report.profile,
        report.address,
        report.says,
        report.expected,
        report.manner,
        (),
        (broken,),
    )


def _case(placed: Placed, node: Node, environment: Environment) -> Case:
    source = source_of(placed)
    timing = Timing() if node.parameters is None else node.parameters.timing
    identity: IdentityMap[object] | None = None
    unit: LimitUnit | None = None
    try:
        profile = environment.library.load(placed.profile)
        identity = compile_identity(profile, source, syntax_of(profile))
        unit = None if profile.setpoint is None else profile.setpoint.unit
    except (InputError, ValueError):
        pass  # the off-line check says it
    return Case(
        source, Place(placed, _nominal_v(placed, node.network)), identity, timing.cycle_s, unit
    )


def _nominal_v(placed: Placed, network: NetworkIndex | None) -> float:
    """Nominal voltage at a source, phase to neutral; a meter may sit at medium voltage."""
    if not isinstance(placed, Meter) or network is None or placed.side is None:
        return NOMINAL_PHASE_V
    rating = network.rating(placed.element, placed.side)
    if rating is None or abs(rating.phase_v / NOMINAL_PHASE_V - 1) < _SAME_LEVEL:
        return NOMINAL_PHASE_V  # networks state 400 V, which is 230.9 V to neutral
    return rating.phase_v
