"""A probe behind a driver process; fulfils `contract.Probe`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import TypeVar

from ortsnetz_common.link import driver_process as say
from ortsnetz_common.parameters.station import Connection
from ortsnetz_edge.drivers.contract import Found, Identity, Observation
from ortsnetz_edge.drivers.remote.driver import SLACK_S, TIMEOUTS
from ortsnetz_edge.drivers.remote.session import Session

BROWSE_DEADLINE_S = 120.0
T = TypeVar("T")


class RemoteProbe:
    """Asks the process; opens itself again in a process that is new."""

    def __init__(
        self, number: int, connection: Connection, session: Session, closed: Callable[[int], bool]
    ) -> None:
        """Args: `closed` is told of the end; says whether nobody needs the process any more."""
        self._number, self._connection, self._session = number, connection, session
        self._closed = closed
        self._seconds = TIMEOUTS * connection.timeout_s + SLACK_S
        self._generation = 0

    async def identify(self) -> Identity:
        """Ask the device what it is. Raises DriverError."""
        return (await self._expect(say.ProbeWho(self._number), say.Identified)).identity

    async def browse(self, start: str, most: int) -> tuple[Found, ...]:
        """What the device holds; see `contract.Probe.browse`."""
        ask = say.Browse(self._number, start, most)
        return (await self._expect(ask, say.Browsed, BROWSE_DEADLINE_S)).found

    async def read(self, references: Sequence[str]) -> tuple[Observation, ...]:
        """Read values; see `contract.Probe.read`."""
        ask = say.ReadValues(self._number, tuple(references))
        return (await self._expect(ask, say.Observed)).observations

    async def watch(self, references: Sequence[str], period_s: float) -> AsyncIterator[Observation]:
        """Values as they come; see `contract.Probe.watch`."""
        await self._open()
        link = await self._session.linked(self._seconds)
        async for observation in link.watch(say.Watch(self._number, tuple(references), period_s)):
            yield observation

    async def write(self, reference: str, value: float) -> str:
        """Write one raw value; see `contract.Probe.write`."""
        return (await self._expect(say.WriteValue(self._number, reference, value), say.Said)).words

    async def close(self) -> None:
        """Close what is open; the last one ends the process."""
        if self._closed(self._number):
            await self._session.stop()
        elif self._generation == self._session.generation and self._session.ready:
            await self._session.ask(say.CloseProbe(self._number), self._seconds)

    async def _open(self) -> None:
        await self._session.linked(self._seconds)
        if self._generation != self._session.generation:
            await self._session.ask(say.OpenProbe(self._number, self._connection), self._seconds)
            self._generation = self._session.generation

    async def _expect(self, ask: say.Ask, kind: type[T], seconds: float | None = None) -> T:
        await self._open()
        answer = await self._session.ask(ask, seconds or self._seconds)
        if not isinstance(answer, kind):
            raise self._session.broke(f"answers {type(ask).__name__} with another")
        return answer
