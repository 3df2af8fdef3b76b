"""Asks one source a few times. Reads only, within a deadline."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from ortsnetz_common.errors import InputError
from ortsnetz_edge.acquisition.plausibility import Judgement, judge
from ortsnetz_edge.console.protocols import Protocols
from ortsnetz_edge.drivers.contract import (
    Driver,
    DriverError,
    FailureKind,
    Identity,
    Scan,
    Source,
    SourcePoint,
)

SCANS = 6
"""The first one connects and is not timed."""
PAUSE_S = 0.25
ATTEMPTS = 3
"""A source that fails so often before its first answer is given up."""
DEADLINE_S = 20.0
SHARED_S = 3.0
"""So much longer for each source that shares the line: on a serial line they wait in turn."""
LONGEST_S = 120.0
STOP_DEADLINE_S = 3.0


@dataclass
class Measured:
    """What a source has said.

    Attributes:
        identity: what it says it is; None if it did not answer the question.
        silence: why it did not answer that question; None if it did or was not asked.
        failure: the last failure; None if all scans were answered.
        unusable: why there is no driver; empty if there is one.
        raw: the newest scan as the driver delivered it.
        judged: all scans, judged as the agent judges them.
        round_trips_s: of the timed scans that were answered.
    """

    points: tuple[SourcePoint, ...] = ()
    identity: Identity | None = None
    silence: DriverError | None = None
    failure: DriverError | None = None
    unusable: str = ""
    raw: Scan | None = None
    judged: list[Judgement] = field(default_factory=list)
    round_trips_s: list[float] = field(default_factory=list)
    asked: int = 0
    requests: int = 0
    timed: int = 0


def open_driver(source: Source, protocols: Protocols) -> Driver | str:
    """The driver of a source, or why there is none.

    Args:
        source: of the station.
        protocols: shared by all sources, so that they share connections like in the agent.
    """
    try:
        named = protocols.named(source.connection.protocol, needed_by=f"'{source.name}'")
        return named.open(source)
    except InputError as error:
        return str(error)


async def measure(driver: Driver, *, asks_identity: bool, sharing: int) -> Measured:
    """Ask a source who it is, and for a few scans.

    Args:
        driver: of the source; it stays open, as others may share its connection.
        asks_identity: whether its profile knows where it says what it is.
        sharing: how many other sources share its line.
    """
    measured = Measured(points=driver.points)
    deadline_s = min(LONGEST_S, DEADLINE_S + SHARED_S * sharing)
    try:
        async with asyncio.timeout(deadline_s):
            await _scans(driver, measured)
            if asks_identity:
                await _identify(driver, measured)
    except TimeoutError:
        measured.failure = measured.failure or DriverError(
            FailureKind.TIMEOUT, f"not done after {deadline_s:.0f} s"
        )
    return measured


async def stop(driver: Driver) -> None:
    """Close a driver, within a deadline."""
    try:
        async with asyncio.timeout(STOP_DEADLINE_S):
            await driver.stop()
    except (DriverError, TimeoutError):
        return


async def _scans(driver: Driver, measured: Measured) -> None:
    failed = 0
    while measured.asked < SCANS and (measured.judged or failed < ATTEMPTS):
        if measured.asked:
            await asyncio.sleep(PAUSE_S)
        measured.asked += 1
        before = driver.diagnose().answers
        begin = time.monotonic()
        try:
            scan = await driver.scan()
        except DriverError as error:
            failed += 1
            # a failure says more than that the next attempt has to wait
            if measured.failure is None or error.kind is not FailureKind.WAITING:
                measured.failure = error
            if error.kind is FailureKind.WRONG_DEVICE:
                return
            continue
        if measured.judged:
            measured.round_trips_s.append(time.monotonic() - begin)
            measured.requests += driver.diagnose().answers - before
            measured.timed += 1
        previous = measured.raw
        measured.raw = scan
        measured.judged.append(judge(scan, previous, measured.points))


async def _identify(driver: Driver, measured: Measured) -> None:
    try:
        measured.identity = await driver.identify()
    except DriverError as error:
        measured.silence = error
