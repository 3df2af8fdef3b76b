"""One connection to a device, shared by all sources behind it: opened, given up, opened again."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from ortsnetz_common.drivers.values import DriverError, FailureKind
from ortsnetz_common.scl.object_reference import ObjectReference
from ortsnetz_edge.clock import Clock
from ortsnetz_edge.drivers.backoff import Backoff
from ortsnetz_edge.drivers.system_errors import system_words
from ortsnetz_iec61850.library.connection import associated
from ortsnetz_iec61850.library.errors import LibraryError
from ortsnetz_iec61850.library.tls import Tls, TlsFilesError
from ortsnetz_iec61850.library.values import Value
from ortsnetz_iec61850.mms.directory import Directory
from ortsnetz_iec61850.mms.failures import ends_connection, failure_of
from ortsnetz_iec61850.mms.life import Life
from ortsnetz_iec61850.mms.places import Variable
from ortsnetz_iec61850.mms.samples import Sample, missing, sample_of
from ortsnetz_iec61850.mms.worker import Worker

log = logging.getLogger(__name__)
T = TypeVar("T")
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 15.0
MOST_ABANDONED = 8
"""Threads that never came back; with more the process ends, to be started anew."""
LONGEST_CALL_S = 60.0
NOT_CONNECTED = 1
WHY_NOT_S = 0.2
SLACK_S = 2.0
"""Beyond the library's own time-outs, before a call is taken for stuck."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A device's address.

    Attributes:
        request_s: deadline of one request.
        connect_s: of the connection and its first answer.
        tls: certificates; None for plain MMS.
    """

    host: str
    port: int
    request_s: float
    connect_s: float
    tls: Tls | None = None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer.

    Attributes:
        samples: by reference, all that were asked for.
        variables: what was read, as it came.
        generation: number of the connection over which it came.
    """

    samples: Mapping[ObjectReference, Sample]
    variables: Mapping[Variable, Value]
    received_ns: int
    generation: int


class Session:
    """See the module.

    Attributes:
        generation: counts connections: what holds for one must be asked of the next.
        opened_over: called with each new life, before anybody else uses it.
    """

    abandoned = 0  # of the whole process

    def __init__(self, endpoint: Endpoint, clock: Clock) -> None:
        self.endpoint, self.clock = endpoint, clock
        self.generation = 0
        self._life: Life | None = None
        self._users: set[str] = set()
        self._backoff = Backoff(FIRST_WAIT_S, LONGEST_WAIT_S)
        self._not_before = 0.0
        self._opening = asyncio.Lock()
        self._wanted: tuple[set[ObjectReference], set[Variable]] = (set(), set())
        self._gathering: asyncio.Task[Reading] | None = None

    @property
    def connected(self) -> bool:
        """Whether the connection stands."""
        return self._life is not None and self._life.association.connected

    def enter(self, name: str) -> None:
        """One more source."""
        self._users.add(name)

    async def leave(self, name: str) -> bool:
        """One source less; whether it was the last, with which the connection is closed."""
        self._users.discard(name)
        if not self._users:
            self.close()
        return not self._users

    async def opened(self) -> Life:
        """The connection, made if there is none.

        Raises:
            DriverError: there is none; `WAITING` while nothing was tried.
        """
        if self._life is not None and self._life.association.connected:
            return self._life
        async with self._opening:
            if self._life is not None and self._life.association.connected:
                return self._life
            if self._life is not None:
                self.close()
                raise self._broke(FailureKind.DISCONNECTED, "the device closed the connection")
            wait = self._not_before - self.clock.monotonic()
            if wait > 0:
                raise DriverError(
                    FailureKind.WAITING, f"{self.endpoint}: next attempt in {wait:.1f} s"
                )
            self._life = await self._connected()
            return self._life

    async def read(
        self, references: Iterable[ObjectReference], variables: Iterable[Variable] = ()
    ) -> Reading:
        """Values, each with quality and time; what is asked for at the same time is one request.

        Raises:
            DriverError: there is no answer. What the device does not have is a sample without
                value.
        """
        await self.opened()
        self._wanted[0].update(references)
        self._wanted[1].update(variables)
        if self._gathering is None:
            self._gathering = asyncio.create_task(self._gathered())
            self._gathering.add_done_callback(_looked_at)
        return await asyncio.shield(self._gathering)

    async def call(
        self,
        work: Callable[[Life], T],
        *,
        generation: int | None = None,
        requests: int = 1,
    ) -> T:
        """What some work in the connection's thread returns.

        Args:
            work: called with the connection.
            generation: of the connection over which alone it may be done; None for any.
            requests: most requests that it makes, for the deadline.

        Raises:
            DriverError: the library's error in the agent's words; the connection is closed unless
                the device itself has refused.
        """
        life = await self.opened()
        if generation is not None and life.generation != generation:
            raise DriverError(
                FailureKind.DISCONNECTED,
                f"{self.endpoint}: a new connection, and nobody knows yet who is there",
            )
        deadline_s = min(requests * self.endpoint.request_s, LONGEST_CALL_S) + SLACK_S

        def unless_over() -> T:
            if life.over:  # whoever waited behind a request without an answer waits for no other
                raise LibraryError(NOT_CONNECTED, "call")
            return work(life)

        try:
            result = await life.worker.call(unless_over, deadline_s)
        except LibraryError as error:
            failure = failure_of(error, str(self.endpoint))
            if ends_connection(error) or not life.association.connected:
                raise self._broke(failure.kind, str(error), life) from None
            raise failure from None
        except TimeoutError:
            raise self._broke(FailureKind.TIMEOUT, "a call did not come back", life) from None
        self._backoff.succeeded()
        return result

    def give_up(self, kind: FailureKind, reason: str, generation: int) -> DriverError:
        """Close a connection over which something may still come too late; the error to raise."""
        life = self._life
        if life is not None and life.generation == generation:
            return self._broke(kind, reason, life)
        return DriverError(kind, f"{self.endpoint}: {reason}")

    def close(self) -> None:
        """Close the connection, if there is one; nobody waits for it."""
        life, self._life = self._life, None
        if life is None:
            return
        life.over = True
        life.worker.last(life.end)
        if life.worker.stuck:
            _abandon()

    async def _gathered(self) -> Reading:
        await asyncio.sleep(0)  # whoever asks in the same round of the loop comes along
        (references, variables), self._wanted = self._wanted, (set(), set())
        self._gathering = None

        def work(life: Life) -> tuple[dict[ObjectReference, Sample], dict[Variable, Value], int]:
            places = life.directory.places(references)
            found = life.read(
                {place.variable for place in places.values() if not isinstance(place, str)}
                | variables
            )
            samples = {
                reference: missing(place)
                if isinstance(place, str)
                else sample_of(place, found[place.variable])
                for reference, place in places.items()
            }
            return samples, found, life.generation

        requests = 2 * (len(references) + len(variables)) + 2
        samples, found, generation = await self.call(work, requests=requests)
        return Reading(samples, found, self.clock.now_ns(), generation)

    async def _connected(self) -> Life:
        where = self.endpoint
        worker, made = Worker(f"iec61850 {where}"), list[Life]()

        def work() -> Life:
            association, domains = associated(
                where.host,
                where.port,
                connect_s=where.connect_s,  # as for Modbus, silence is silence in stepped time, too
                request_s=where.request_s,
                tls=where.tls,
            )
            directory = Directory(association, domains)
            made.append(Life(association, worker, directory, self.generation + 1))
            return made[0]

        try:
            life = await worker.call(work, where.connect_s + where.request_s + SLACK_S)
        except BaseException as error:
            # what is made though nobody waits for it any more is closed: devices have few places
            worker.last(lambda: _end(made))
            if isinstance(error, LibraryError):
                raise await self._not_connected(error) from None
            if isinstance(error, TlsFilesError):
                raise self._broke(FailureKind.INSECURE, str(error)) from None
            if isinstance(error, TimeoutError):
                _abandon()
                raise self._broke(FailureKind.TIMEOUT, "no connection in time") from None
            raise
        self.generation = life.generation
        return life

    async def _not_connected(self, error: LibraryError) -> DriverError:
        """Why there is no connection: the library knows too little of it."""
        kind = failure_of(error, "").kind
        if kind in (FailureKind.DISCONNECTED, FailureKind.REFUSED):
            kind = FailureKind.UNREACHABLE
        if kind is not FailureKind.UNREACHABLE:
            return self._broke(kind, str(error))
        words = await asyncio.to_thread(_why_not, self.endpoint)
        if words is None and self.endpoint.tls is not None:
            words = f"{error}: the certificates do not fit, or it speaks no TLS 1.2"
            return self._broke(FailureKind.INSECURE, words)
        if words is None:  # somebody is there
            words = f"{error}: it may want TLS, or has no place left for a client"
        return self._broke(kind, words)

    def _broke(self, kind: FailureKind, reason: str, life: Life | None = None) -> DriverError:
        if life is None or life is self._life:
            self.close()
            self._not_before = self.clock.monotonic() + self._backoff.failed()
        return DriverError(kind, f"{self.endpoint}: {reason}")


def _end(lives: list[Life]) -> None:
    for life in lives:
        life.end()


def _why_not(where: Endpoint) -> str | None:
    """Why there is no connection, in the system's words; None where there would be one. Blocks."""
    try:
        with socket.create_connection((where.host, where.port), WHY_NOT_S):
            return None
    except OSError as error:
        return f"no connection: {system_words(error)}"


def _looked_at(task: asyncio.Task[Reading]) -> None:
    """An error that nobody waits for any more is no surprise."""
    if not task.cancelled():
        task.exception()


def _abandon() -> None:
    """Count a thread that never came back; too many end the process, which is started anew."""
    Session.abandoned += 1
    log.error("a call of libiec61850 did not come back (%d so far)", Session.abandoned)
    if Session.abandoned > MOST_ABANDONED:
        os._exit(70)
