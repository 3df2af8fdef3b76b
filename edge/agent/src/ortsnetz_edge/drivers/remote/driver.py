"""One source behind a driver process; fulfils `contract.Driver`."""

from __future__ import annotations

import math
from collections.abc import Awaitable
from typing import TypeVar

from ortsnetz_common.drivers.tally import Tally
from ortsnetz_common.errors import InputError
from ortsnetz_common.link import driver_process as say
from ortsnetz_common.link import frames
from ortsnetz_edge.clock import Clock
from ortsnetz_edge.drivers.contract import (
    Adjustable,
    Diagnosis,
    DriverError,
    FailureKind,
    Identity,
    LimitResolution,
    Listener,
    Quantity,
    Scan,
    Source,
    SourcePoint,
    Watchdog,
)
from ortsnetz_edge.drivers.remote.session import Session

TIMEOUTS = 10
"""The process gives its own requests up after their time-outs; a scan may need several of them."""
SLACK_S = 2.0
T = TypeVar("T")


class RemoteDriver:
    """Asks the process; judges whether what comes is an answer at all."""

    def __init__(self, source: Source, opened: say.Opened, session: Session, clock: Clock) -> None:
        self._source, self._session, self._clock = source, session, clock
        self._opened = opened
        self._misfit = ""
        self._listener: Listener | None = None
        self._tally = Tally()
        session.sources[source.name] = self

    @property
    def points(self) -> tuple[SourcePoint, ...]:
        """Points of the source; the order of every scan's values."""
        return self._opened.points

    @property
    def resolution(self) -> LimitResolution | None:
        """How the device takes its limit; None for what takes none."""
        return self._opened.resolution

    @property
    def adjustable(self) -> tuple[Adjustable, ...]:
        """What the device may be told besides its limit."""
        return self._opened.adjustable

    async def scan(self) -> Scan:
        """Read all points; see `contract.Driver.scan`."""
        answer = await self._ask(say.Read(self._source.name))
        if not isinstance(answer, say.Scanned):
            raise self._tally.noted(self._session.broke("no scan where one was asked for"))
        try:
            scan = self._whole(answer.scan)
        except frames.FrameError as error:
            raise self._tally.noted(self._session.broke(str(error))) from None
        self._tally.answered()
        return scan

    def subscribe(self, listener: Listener) -> bool:
        """Hand over what the device reports by itself; see `contract.Driver.subscribe`."""
        self._listener = listener
        return self._opened.reports

    async def write(self, limit: float, watchdog: Watchdog | None) -> None:
        """Write a limit; see `contract.Driver.write`."""
        await self._expect(say.WriteLimit(self._source.name, limit, watchdog), say.Done)

    async def adjust(self, quantity: Quantity, value: float) -> None:
        """Write a set point other than the limit; see `contract.Driver.adjust`."""
        if not math.isfinite(value):
            words = f"'{self._source.name}': {quantity.value} {value} is no number"
            raise self._tally.noted(DriverError(FailureKind.REFUSED, words))
        await self._expect(say.Adjust(self._source.name, quantity, value), say.Done)

    async def identify(self) -> Identity:
        """Ask the device what it is; see `contract.Driver.identify`."""
        return (await self._expect(say.WhoIs(self._source.name), say.Identified)).identity

    def diagnose(self) -> Diagnosis:
        """How the driver is; whether it is connected is as old as the last heart-beat."""
        beaten = self._session.beaten if self._session.ready else None
        theirs = None if beaten is None else beaten.diagnoses.get(self._source.name)
        return self._tally.diagnosis(
            connected=theirs is not None and theirs.connected,
            counters={} if theirs is None else theirs.counters,
        )

    async def stop(self) -> None:
        """Close the source; the last one ends the process."""
        self._session.sources.pop(self._source.name, None)
        if not self._session.sources:
            await self._session.stop()
        elif self._session.ready:
            await self._forgiving(self._session.ask(say.Close(self._source.name), SLACK_S))

    @property
    def wanted(self) -> say.Open:
        """What a new process is asked; in stepped time nothing is subscribed."""
        return say.Open(self._source, subscribe=not self._clock.stepped)

    def opened(self, answer: say.Opened | None, why: str) -> None:
        """Compare what a new process offers with what the agent was started with."""
        if answer is None:
            self._misfit = why
        elif (answer.points, answer.resolution, answer.adjustable) != (
            self.points,
            self.resolution,
            self.adjustable,
        ):
            self._misfit = "has other points or limits than at the agent's start: restart the agent"
        else:
            self._misfit = ""

    def reported(self, report: say.Report) -> None:
        """Take what the device reports. Raises FrameError: it does not fit the points."""
        scan = self._whole(report.scan)
        if self._listener is not None:
            self._listener(scan)

    async def _ask(self, ask: say.Ask) -> say.Answer:
        seconds = TIMEOUTS * self._source.connection.timeout_s + SLACK_S
        if self._misfit and self._session.ready:
            words = f"'{self._source.name}': {self._misfit}"
            raise self._tally.noted(DriverError(FailureKind.WRONG_ANSWER, words))
        try:
            return await self._session.ask(ask, self._clock.patience(seconds))
        except DriverError as error:
            raise self._tally.noted(error) from None
        except InputError as error:
            raise self._tally.noted(DriverError(FailureKind.WRONG_ANSWER, str(error))) from None

    async def _expect(self, ask: say.Ask, kind: type[T]) -> T:
        answer = await self._ask(ask)
        if not isinstance(answer, kind):
            raise self._tally.noted(
                self._session.broke(f"answers {type(ask).__name__} with another")
            )
        return answer

    def _whole(self, scan: Scan) -> Scan:
        """The scan, if it is one of this source.

        Raises:
            FrameError: it has other values than the source has points, or some that are no numbers.
        """
        count = len(self.points)
        columns = (scan.values, scan.qualities, scan.value_times_ns, scan.value_time_qualities)
        if any(column is not None and len(column) != count for column in columns):
            raise frames.FrameError(f"a scan of '{self._source.name}' has not {count} values")
        if scan.adjusted and len(scan.adjusted) != len(self.adjustable):
            raise frames.FrameError(
                f"a scan of '{self._source.name}' has not {len(self.adjustable)} set points"
            )
        numbers = (*scan.values, *scan.adjusted)
        if any(value is not None and not math.isfinite(value) for value in numbers):
            raise frames.FrameError(
                f"a scan of '{self._source.name}' has a value that is no number"
            )
        return scan

    async def _forgiving(self, waiting: Awaitable[say.Answer]) -> None:
        try:
            await waiting
        except (DriverError, InputError) as error:
            self._tally.last_failure = str(error)
