"""Answers the agent's questions with a driver; knows no socket."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from ortsnetz_common.drivers.contract import Driver, DriverProtocol, Probe
from ortsnetz_common.drivers.values import DriverError, FailureKind, Observation, Scan, Source
from ortsnetz_common.errors import InputError
from ortsnetz_common.link import driver_process as say

log = logging.getLogger(__name__)

CLOSE_DEADLINE_S = 2.0


@dataclass
class _OpenSource:
    """An open source; the contract says that its coroutines never run concurrently."""

    source: Source
    driver: Driver
    subscribed: bool = False
    reports: bool = False
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Desk:
    """All open sources and probes of one driver process."""

    def __init__(
        self,
        protocol: DriverProtocol,
        report: Callable[[str, Scan], None],
        watched: Callable[[int, Observation], None],
    ) -> None:
        """Args: the driver; what takes reports of sources, and values that watches bring."""
        self.reports_dropped = 0
        self._protocol = protocol
        self._report = report
        self._watched = watched
        self._sources: dict[str, _OpenSource] = {}
        self._probes: dict[int, Probe] = {}
        self._complained: set[str] = set()

    async def answer(self, number: int, ask: say.Ask) -> say.Answer:
        """The answer to a call; a driver's mistake is an answer, too."""
        try:
            return await self._handlers[type(ask)](self, number, ask)
        except DriverError as error:
            return say.Failed(error.kind, str(error))
        except InputError as error:
            return say.Misconfigured(str(error))
        except Exception as error:  # a mistake at one source is not the others'
            words = f"the driver made a mistake: {type(error).__name__}: {error}"
            if words not in self._complained and len(self._complained) < 100:
                self._complained.add(words)
                log.exception("%s", words)
            return say.Failed(FailureKind.WRONG_ANSWER, words)

    async def close(self) -> None:
        """Stop everything; within a deadline."""
        closing = [
            *(opened.driver.stop() for opened in self._sources.values()),
            *(probe.close() for probe in self._probes.values()),
        ]
        self._sources, self._probes = {}, {}
        try:
            async with asyncio.timeout(CLOSE_DEADLINE_S):
                await asyncio.gather(*closing, return_exceptions=True)
        except TimeoutError:
            log.warning("not all connections could be closed within %.0f s", CLOSE_DEADLINE_S)

    async def _validate(self, _number: int, ask: say.Validate) -> say.Answer:
        return say.Validated(self._protocol.validate(ask.source))

    async def _open(self, _number: int, ask: say.Open) -> say.Answer:
        name = ask.source.name
        opened = self._sources.get(name)
        if opened is None or opened.source != ask.source:
            if opened is not None:
                await opened.driver.stop()
            opened = _OpenSource(ask.source, self._protocol.open(ask.source))
            self._sources[name] = opened
        if ask.subscribe and not opened.subscribed:
            opened.subscribed = True
            opened.reports = opened.driver.subscribe(lambda scan: self._report(name, scan))
        driver = opened.driver
        return say.Opened(driver.points, driver.resolution, opened.reports, driver.adjustable)

    async def _read(self, _number: int, ask: say.Read) -> say.Answer:
        opened = self._source(ask.source)
        async with opened.lock:
            return say.Scanned(await opened.driver.scan())

    async def _write(self, _number: int, ask: say.WriteLimit) -> say.Answer:
        opened = self._source(ask.source)
        async with opened.lock:
            await opened.driver.write(ask.limit, ask.watchdog)
        return say.Done()

    async def _adjust(self, _number: int, ask: say.Adjust) -> say.Answer:
        opened = self._source(ask.source)
        async with opened.lock:
            await opened.driver.adjust(ask.quantity, ask.value)
        return say.Done()

    async def _who_is(self, _number: int, ask: say.WhoIs) -> say.Answer:
        opened = self._source(ask.source)
        async with opened.lock:
            return say.Identified(await opened.driver.identify())

    async def _close(self, _number: int, ask: say.Close) -> say.Answer:
        opened = self._sources.pop(ask.source, None)
        if opened is not None:
            await opened.driver.stop()
        return say.Done()

    async def _beat(self, _number: int, _ask: say.Beat) -> say.Answer:
        found = {name: opened.driver.diagnose() for name, opened in self._sources.items()}
        return say.Beaten(found, self.reports_dropped)

    async def _open_probe(self, _number: int, ask: say.OpenProbe) -> say.Answer:
        earlier = self._probes.pop(ask.probe, None)
        if earlier is not None:
            await earlier.close()
        self._probes[ask.probe] = self._protocol.probe(ask.connection)
        return say.Done()

    async def _probe_who(self, _number: int, ask: say.ProbeWho) -> say.Answer:
        return say.Identified(await self._probe(ask.probe).identify())

    async def _browse(self, _number: int, ask: say.Browse) -> say.Answer:
        return say.Browsed(await self._probe(ask.probe).browse(ask.start, ask.most))

    async def _read_values(self, _number: int, ask: say.ReadValues) -> say.Answer:
        return say.Observed(await self._probe(ask.probe).read(ask.references))

    async def _write_value(self, _number: int, ask: say.WriteValue) -> say.Answer:
        return say.Said(await self._probe(ask.probe).write(ask.reference, ask.value))

    async def _watch(self, number: int, ask: say.Watch) -> say.Answer:
        async for observation in self._probe(ask.probe).watch(ask.references, ask.period_s):
            self._watched(number, observation)
        return say.Done()

    async def _close_probe(self, _number: int, ask: say.CloseProbe) -> say.Answer:
        probe = self._probes.pop(ask.probe, None)
        if probe is not None:
            await probe.close()
        return say.Done()

    def _source(self, name: str) -> _OpenSource:
        if name not in self._sources:
            raise InputError(f"'{name}' is not open in the driver process")
        return self._sources[name]

    def _probe(self, number: int) -> Probe:
        if number not in self._probes:
            raise InputError("the probe is not open in the driver process")
        return self._probes[number]

    _handlers: dict[type, Callable[[Any, int, Any], Awaitable[say.Answer]]] = {  # noqa: RUF012
        say.Validate: _validate,
        say.Open: _open,
        say.Read: _read,
        say.WriteLimit: _write,
        say.Adjust: _adjust,
        say.WhoIs: _who_is,
        say.Close: _close,
        say.Beat: _beat,
        say.OpenProbe: _open_probe,
        say.ProbeWho: _probe_who,
        say.Browse: _browse,
        say.ReadValues: _read_values,
        say.WriteValue: _write_value,
        say.Watch: _watch,
        say.CloseProbe: _close_probe,
    }
