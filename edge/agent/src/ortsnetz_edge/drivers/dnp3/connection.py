"""One TCP or TLS connection to an outstation: deadlines, bounds, one request at a time."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from py1815.application import FunctionCode
from py1815.master.association import Exchange, Unsolicited
from py1815.master.operations import Steps

from ortsnetz_common.link.reads import read_little
from ortsnetz_edge.drivers.contract import DriverError, FailureKind
from ortsnetz_edge.drivers.dnp3.association import StrictAssociation
from ortsnetz_edge.drivers.system_errors import system_words

READ_OCTETS = 4096
MOST_OCTETS = 1_000_000
"""Of one answer: enough for 65,536 points with index and time."""
MOST_UNSOLICITED = 2000
"""Responses between two requests that nobody asked for; more is babble."""
MOST_UNSENT = 65_536
"""Octets that the peer may leave unread."""
WHOLE_ANSWER = 10.0
"""Deadlines that all fragments of an answer may take together."""


@dataclass(frozen=True)
class Endpoint:
    """Where an outstation is and how long it is waited for.

    Attributes:
        outstation, own: link addresses.
        connect_s: until the connection stands, with its handshake.
        answer_s: until an answer, and then until each further fragment.
        tls: how the peer is checked, and what it is shown; None for plain TCP.
    """

    host: str
    port: int
    outstation: int
    own: int
    connect_s: float
    answer_s: float
    tls: ssl.SSLContext | None = None

    @property
    def where(self) -> str:
        """For people."""
        return f"{self.host}:{self.port}/{self.outstation}"


class Dnp3Connection:
    """A connection that stands until something about it is wrong; then it is closed for good."""

    def __init__(
        self,
        endpoint: Endpoint,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        on_unsolicited: Callable[[Unsolicited], None],
    ) -> None:
        self._endpoint = endpoint
        self._reader, self._writer = reader, writer
        self._on_unsolicited = on_unsolicited
        self._association = StrictAssociation(endpoint.outstation, endpoint.own)
        self._lock = asyncio.Lock()
        self._answer: asyncio.Future[Exchange] | None = None
        self._deadline: asyncio.Timeout | None = None
        self._fragments = 0
        self._broken: DriverError | None = None
        self._pump = asyncio.create_task(self._receive())

    @classmethod
    async def open(
        cls, endpoint: Endpoint, on_unsolicited: Callable[[Unsolicited], None]
    ) -> Dnp3Connection:
        """Connect.

        Raises:
            DriverError: there is no connection, or no secure one.
        """
        name = endpoint.host if endpoint.tls is not None else None
        try:
            async with asyncio.timeout(endpoint.connect_s):
                reader, writer = await asyncio.open_connection(
                    endpoint.host, endpoint.port, ssl=endpoint.tls, server_hostname=name
                )
        except ssl.SSLError as error:
            raise DriverError(
                FailureKind.INSECURE, f"{endpoint.where}: {_secure_words(error)}"
            ) from error
        except TimeoutError as error:
            raise DriverError(
                FailureKind.UNREACHABLE,
                f"{endpoint.where}: no connection within {endpoint.connect_s:g} s",
            ) from error
        except OSError as error:
            raise DriverError(
                FailureKind.UNREACHABLE, f"{endpoint.where}: no connection: {system_words(error)}"
            ) from error
        read_little(writer.transport)
        return cls(endpoint, reader, writer, on_unsolicited)

    @property
    def broken(self) -> DriverError | None:
        """Why it is closed; None while it stands."""
        return self._broken

    async def request(self, function: FunctionCode, body: bytes = b"") -> Exchange:
        """Ask, and wait for the whole answer.

        Raises:
            DriverError: there is none that fits; the connection is then closed.
        """
        async with self._lock:
            return await self._exchange(function, body)

    async def carry_out(self, plan: Steps) -> list[Exchange]:
        """Requests of which each follows from the answers before it; nothing comes in between.

        Raises:
            DriverError: an answer is missing.
        """
        done: list[Exchange] = []
        async with self._lock:
            while (step := plan.next(done)) is not None:
                done.append(await self._exchange(*step))
        return done

    def abandon(self) -> None:
        """Close it at once, without waiting for anybody."""
        self._break(FailureKind.DISCONNECTED, "closed by the agent")

    async def close(self) -> None:
        """Close it; a request that is under way fails."""
        self.abandon()
        await asyncio.wait([self._pump])
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(1.0):
                await self._writer.wait_closed()

    async def _exchange(self, function: FunctionCode, body: bytes) -> Exchange:
        if self._broken is not None:
            raise self._again(self._broken)
        loop = asyncio.get_running_loop()
        association, patience = self._association, self._endpoint.answer_s
        association.forget_unsolicited()
        self._answer, self._fragments = loop.create_future(), 0
        try:
            async with asyncio.timeout(patience * WHOLE_ANSWER):
                async with asyncio.timeout(patience) as self._deadline:
                    self._writer.write(association.request(function, body))
                    return await self._answer
        except TimeoutError:
            raise self._break(FailureKind.TIMEOUT, f"no answer within {patience:.1f} s") from None
        except asyncio.CancelledError:
            # its answer may be on the way: the next request must not take it
            self._break(FailureKind.DISCONNECTED, "given up by the agent")
            raise
        finally:
            self._answer = self._deadline = None

    async def _receive(self) -> None:
        try:
            while self._broken is None:
                data = await self._reader.read(READ_OCTETS)
                if not data:
                    self._break(FailureKind.DISCONNECTED, "the outstation closed the connection")
                    return
                self._acknowledge()
                self._take(data)
                await asyncio.sleep(0)  # whoever babbles delays nobody else
        except ssl.SSLError as error:
            self._break(FailureKind.INSECURE, _secure_words(error))
        except OSError as error:
            self._break(FailureKind.DISCONNECTED, system_words(error))
        finally:  # also where the library could not bear what came
            self._break(FailureKind.WRONG_ANSWER, "what came could not be read")

    def _acknowledge(self) -> None:
        """Let TCP acknowledge at once.

        An outstation that sends a fragment frame by frame under Nagle's algorithm waits 40 ms for
        each acknowledgement otherwise: opendnp3 took 5.6 s for a class 0 of 24,000 points.
        """
        end: socket.socket | None = self._writer.get_extra_info("socket")
        if end is not None and hasattr(socket, "TCP_QUICKACK"):
            with contextlib.suppress(OSError):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def _take(self, data: bytes) -> None:
        association = self._association
        reply = association.receive(data)
        if reply:
            self._writer.write(reply)
        misfit = association.misfit or self._babble()
        if misfit is not None:
            self._break(FailureKind.WRONG_ANSWER, misfit)
            return
        for unsolicited in association.take_unsolicited():
            self._on_unsolicited(unsolicited)
        if self._deadline is not None and association.fragments > self._fragments:
            self._fragments = association.fragments
            now = asyncio.get_running_loop().time()
            self._deadline.reschedule(now + self._endpoint.answer_s)
        exchange = association.take()
        if exchange is not None and self._answer is not None and not self._answer.done():
            self._answer.set_result(exchange)

    def _babble(self) -> str | None:
        association = self._association
        if association.octets > MOST_OCTETS:
            return f"an answer of more than {MOST_OCTETS} octets"
        if association.unsolicited_count > MOST_UNSOLICITED:
            return f"more than {MOST_UNSOLICITED} responses that nobody asked for"
        if self._writer.transport.get_write_buffer_size() > MOST_UNSENT:
            return "reads nothing"
        return None

    def _break(self, kind: FailureKind, reason: str) -> DriverError:
        """Close for good; the first reason is the one that counts."""
        if self._broken is None:
            self._broken = DriverError(kind, f"{self._endpoint.where}: {reason}")
            self._writer.transport.abort()
            if asyncio.current_task() is not self._pump:
                self._pump.cancel()
            if self._answer is not None and not self._answer.done():
                self._answer.set_exception(self._again(self._broken))
        return self._again(self._broken)

    @staticmethod
    def _again(error: DriverError) -> DriverError:
        """The same failure for another caller: an exception is raised once."""
        return DriverError(error.kind, str(error))


def _secure_words(error: ssl.SSLError) -> str:
    detail = getattr(error, "verify_message", "") or error.reason or str(error)
    return f"no secure connection: {str(detail).replace('_', ' ').lower()}"
