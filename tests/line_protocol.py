"""A small field protocol for tests of what is the same for all protocols: lines of text over TCP.

    >>> R holding/4        <<< V 230.5 0
    >>> R holding/9        <<< N
    >>> W holding/4 12     <<< OK
    >>> I                  <<< I maker|model|serial

References are those of Modbus, so that its profiles serve. It stands where the entry point
`modbus-tcp` would, by `installed`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint

import pytest

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.quality import Quality
from ortsnetz_common.measurement.time import TimeQuality, now_ns
from ortsnetz_common.parameters.station import Connection
from ortsnetz_edge.drivers import registry
from ortsnetz_edge.drivers.contract import (
    Diagnosis,
    DriverError,
    FailureKind,
    Found,
    Identity,
    LimitOnly,
    LimitResolution,
    Listener,
    Observation,
    Scan,
    Source,
    SourcePoint,
    Watchdog,
)
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.drivers.registry import GROUP
from ortsnetz_edge.profiles.identity import compile_identity
from ortsnetz_edge.profiles.point_map import compile_point_map
from ortsnetz_edge.profiles.references.modbus import ModbusSyntax
from ortsnetz_edge.profiles.setpoint import compile_setpoint

SYNTAX = ModbusSyntax()
BAD = int(Quality.INVALID | Quality.BAD_REFERENCE)


@dataclass
class Device:
    """A device that speaks it, in a thread of its own.

    Attributes:
        values: by reference; texts are identity.
        who: maker, model and serial number; None for a device that does not say.
        lines: everything that was asked.
    """

    values: dict[str, float | str]
    who: tuple[str, str, str] | None = ("Toys", "T1", "S-1")
    silent: bool = False
    lines: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"modbus-tcp://127.0.0.1:{self.port}/1?timeout=0.3"

    @property
    def written(self) -> list[str]:
        return [line for line in self.lines if line.startswith("W")]

    @contextmanager
    def serving(self) -> Iterator[Device]:
        ready, loop = threading.Event(), asyncio.new_event_loop()
        end = asyncio.Event()

        async def serve() -> None:
            server = await asyncio.start_server(self._client, "127.0.0.1", 0)
            self.port = server.sockets[0].getsockname()[1]
            ready.set()
            await end.wait()
            server.close()

        thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
        thread.start()
        assert ready.wait(10)
        try:
            yield self
        finally:
            loop.call_soon_threadsafe(end.set)
            thread.join(10)
            for task in asyncio.all_tasks(loop):
                task.cancel()
            loop.run_until_complete(asyncio.sleep(0))
            loop.close()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := (await reader.readline()).decode().strip():
                self.lines.append(line)
                if not self.silent:
                    writer.write(f"{self._answer(*line.split())}\n".encode())
        finally:
            writer.close()

    def _answer(self, verb: str, *words: str) -> str:
        if verb == "I":
            return "X" if self.who is None else f"I {'|'.join(self.who)}"
        if words[0] not in self.values:
            return "N"
        if verb == "W":
            self.values[words[0]] = float(words[1])
            return "OK"
        return f"V {self.values[words[0]]}"


class Line:
    """The client's side of a connection."""

    def __init__(self, where: Connection) -> None:
        self._where = where
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.answers = 0

    async def ask(self, line: str) -> str:
        place = f"{self._where.host}:{self._where.port}"
        try:
            async with asyncio.timeout(self._where.timeout_s):
                if self._streams is None:
                    self._streams = await asyncio.open_connection(
                        self._where.host, self._where.port
                    )
                reader, writer = self._streams
                writer.write(f"{line}\n".encode())
                answer = (await reader.readline()).decode().strip()
        except TimeoutError:
            await self.close()
            raise DriverError(
                FailureKind.TIMEOUT, f"{place}: no answer within {self._where.timeout_s} s"
            ) from None
        except OSError:
            raise DriverError(FailureKind.UNREACHABLE, f"{place}: no connection") from None
        self.answers += 1
        return answer

    async def identify(self) -> Identity:
        answer = await self.ask("I")
        if not answer.startswith("I "):
            raise DriverError(FailureKind.REFUSED, "it does not know the question")
        return Identity(*answer[2:].split("|"))

    async def value(self, reference: str) -> float | str | None:
        answer = await self.ask(f"R {reference}")
        if not answer.startswith("V "):
            return None
        try:
            return float(answer[2:])
        except ValueError:
            return answer[2:]

    async def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


class LineProbe:
    """Fulfils `contract.Probe`."""

    def __init__(self, where: Connection) -> None:
        self._line = Line(where)

    async def identify(self) -> Identity:
        return await self._line.identify()

    async def browse(self, start: str, most: int) -> tuple[Found, ...]:
        if start:
            _checked(start)
        found: list[Found] = []
        for address in range(20):
            reference = f"holding/{address}"
            value = await self._line.value(reference)
            if value is not None and len(found) < most:
                found.append(Found(reference, "register", value, writable=address >= 10))
        return tuple(found)

    async def read(self, references: Sequence[str]) -> tuple[Observation, ...]:
        for reference in references:
            _checked(reference)
        return tuple([await self._observed(reference) for reference in references])

    async def watch(self, references: Sequence[str], period_s: float) -> AsyncIterator[Observation]:
        while True:
            for observation in await self.read(references):
                yield observation
            await asyncio.sleep(period_s)

    async def write(self, reference: str, value: float) -> str:
        _checked(reference)
        if await self._line.ask(f"W {reference} {value}") != "OK":
            raise DriverError(FailureKind.REFUSED, f"{reference}: there is none")
        return f"is now {await self._line.value(reference)}"

    async def close(self) -> None:
        await self._line.close()

    async def _observed(self, reference: str) -> Observation:
        value = await self._line.value(reference)
        quality, why = (BAD, "there is none") if value is None else (0, "")
        return Observation(
            reference, value, quality, now_ns(), int(TimeQuality.SET_BY_RECEIVER), why
        )


class LineDriver(LimitOnly):
    """Fulfils `contract.Driver`."""

    def __init__(self, source: Source, environment: Environment) -> None:
        profile = environment.library.load(source.profile)
        self._map = compile_point_map(profile, source, SYNTAX)
        self._setpoint = compile_setpoint(profile, source, SYNTAX)
        self._identity = compile_identity(profile, source, SYNTAX)
        self._line = Line(source.connection)

    @property
    def points(self) -> tuple[SourcePoint, ...]:
        return self._map.points

    @property
    def resolution(self) -> LimitResolution | None:
        return None if self._setpoint is None else self._setpoint.resolution

    async def scan(self) -> Scan:
        if self._identity is not None:
            misfit = self._identity.misfit(await self.identify())
            if misfit is not None:
                raise DriverError(FailureKind.WRONG_DEVICE, misfit)
        raws = []
        for reference in self._map.references:
            value = await self._line.value(str(reference))
            raws.append(value if isinstance(value, float) else None)
        return self._map.scan(raws, now_ns())

    def subscribe(self, listener: Listener) -> bool:
        del listener
        return False

    async def write(self, limit: float, watchdog: Watchdog | None) -> None:
        raise AssertionError(f"a check never writes, not even {limit} with {watchdog}")

    async def identify(self) -> Identity:
        return await self._line.identify()

    def diagnose(self) -> Diagnosis:
        return Diagnosis(True, self._line.answers, {}, None)

    async def stop(self) -> None:
        await self._line.close()


class LineProtocol:
    """Fulfils `contract.DriverProtocol`; an entry point would name it."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def validate(self, source: Source) -> tuple[str, ...]:
        try:
            self.open(source)
        except InputError as error:
            return (str(error),)
        return ()

    def open(self, source: Source) -> LineDriver:
        return LineDriver(source, self._environment)

    def probe(self, connection: Connection) -> LineProbe:
        return LineProbe(connection)


def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the protocol the one that the machine has."""
    point = EntryPoint("modbus-tcp", "line_protocol:LineProtocol", GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: (point,) if group == GROUP else ())


def _checked(reference: str) -> None:
    try:
        SYNTAX.parse(reference)
    except ValueError as error:
        raise InputError(str(error)) from error
