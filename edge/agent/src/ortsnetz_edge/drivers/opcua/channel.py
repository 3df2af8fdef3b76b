"""An open session with one server: requests with deadlines, closing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from asyncua import Client
from asyncua.client.ua_client import UaClientState
from asyncua.ua.ua_binary import struct_from_binary

from ortsnetz_edge.drivers.contract import DriverError, FailureKind
from ortsnetz_edge.drivers.opcua.failures import KEEP, explained
from ortsnetz_edge.drivers.opcua.framing import LARGEST_MESSAGE

RENEW_AFTER = 0.75  # of the channel's lifetime (part 4, 5.5.2.1)
CLOSING_S = 1.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a server is and how long its answers may take.

    Attributes:
        answer_s: deadline of one request, wall seconds.
        connect_s: deadline of connecting, all steps together.
        largest_message: bytes of the longest answer that is taken.
    """

    host: str
    port: int
    path: str
    answer_s: float
    connect_s: float
    largest_message: int = LARGEST_MESSAGE

    @property
    def url(self) -> str:
        """The endpoint's address."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"opc.tcp://{host}:{self.port}{self.path}"

    def __str__(self) -> str:
        return f"{self.host}:{self.port}{self.path}"


class Channel:
    """A connection that stands, with its session; of no use any more once it has failed.

    Attributes:
        endpoint: where it leads.
        failure: why it is of no use any more; None while it is.
        namespaces: URIs by number, as this server has them since it started.
        client: the library's; its session may be gone on with over another connection.
        resumed: whether the session is that of the connection before.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        client: Client,
        on_failure: Callable[[], None],
        *,
        resumed: bool = False,
    ) -> None:
        self.endpoint = endpoint
        self.failure: DriverError | None = None
        self.namespaces: tuple[str, ...] = ()
        self.generation = 0
        self.client = client
        self.resumed = resumed
        self._on_failure = on_failure
        self._renewing: asyncio.Task[None] | None = None

    @property
    def alive(self) -> bool:
        """Whether it is of use."""
        return self.failure is None and self.client.uaclient.state is UaClientState.CONNECTED

    async def request(self, request: Any, answer: Any, seconds: float | None = None) -> Any:
        """Ask for a service.

        Args:
            request: the library's request.
            answer: the library's type of the answer.
            seconds: deadline; 0 for none; None for the endpoint's.

        Raises:
            DriverError: no answer, or none that fits; the channel has then failed, unless the
                server understood and refused.
        """
        protocol = self.client.uaclient.protocol
        if self.failure is not None or protocol is None:
            raise self._again()
        deadline = self.endpoint.answer_s if seconds is None else seconds
        try:
            data = await protocol.send_request(request, deadline)
            found = struct_from_binary(answer, data)
            found.ResponseHeader.ServiceResult.check()
        except Exception as error:  # the library's parser raises whatever it stumbles over
            found_error = explained(error, str(self.endpoint), self._misfit())
            if found_error.kind in KEEP:
                raise found_error from error
            raise self.fail(found_error) from error
        if found.TypeId != answer().TypeId:  # the library takes any answer for the one asked for
            raise self.wrong("answers something else than was asked")
        return found

    def fail(self, error: DriverError) -> DriverError:
        """Close after a failure; the error, to be raised."""
        if self.failure is None:
            self.failure = error
            self._drop()
            self._on_failure()
        return error

    def wrong(self, reason: str) -> DriverError:
        """Close after an answer that does not fit; the error, to be raised."""
        return self.fail(self._wrong(reason))

    async def close(self) -> None:
        """Say goodbye, in bounded time."""
        if self.failure is not None:
            return
        self.failure = DriverError(FailureKind.DISCONNECTED, f"{self.endpoint}: closed")
        if self._renewing is not None:
            self._renewing.cancel()
        self._mark_closing()
        try:
            async with asyncio.timeout(CLOSING_S):
                await self.client.disconnect()
        except asyncio.CancelledError:
            if is_being_cancelled():
                raise
        except Exception:  # noqa: BLE001, S110 - whoever leaves does not mind how
            pass
        self._drop()

    def start(self) -> None:
        """Watch the connection and renew its token from now on."""
        self._renewing = asyncio.create_task(self._renew())
        self.client.uaclient.protocol.on_connection_lost = self._lost

    def _lost(self, _: Exception | None) -> None:
        misfit = self._misfit()
        error = (
            DriverError(FailureKind.DISCONNECTED, f"{self.endpoint}: the server closed the line")
            if misfit is None
            else self._wrong(misfit)
        )
        self.fail(error)

    async def _renew(self) -> None:
        """Renew the security token before its time is over."""
        while True:
            await asyncio.sleep(self.client.secure_channel_timeout / 1000 * RENEW_AFTER)
            try:
                await self.client.open_secure_channel(renew=True)
                self.client.uaclient.revolve_security_token()
            except Exception as error:  # noqa: BLE001 - whatever it is, the channel is of no use
                self.fail(explained(error, str(self.endpoint), self._misfit()))
                return

    def _misfit(self) -> str | None:
        protocol = self.client.uaclient.protocol
        return getattr(protocol, "misfit", None)

    def _mark_closing(self) -> None:
        protocol = self.client.uaclient.protocol
        if protocol is not None:
            protocol.closing = True

    def _drop(self) -> None:
        if self._renewing is not None and self._renewing is not asyncio.current_task():
            self._renewing.cancel()
        self._mark_closing()
        self.client.uaclient.disconnect_socket()

    def _wrong(self, reason: str) -> DriverError:
        return DriverError(FailureKind.WRONG_ANSWER, f"{self.endpoint}: {reason}")

    def _again(self) -> DriverError:
        failure = self.failure
        if failure is None:
            return DriverError(FailureKind.DISCONNECTED, f"{self.endpoint}: not connected")
        return DriverError(failure.kind, str(failure))


def is_being_cancelled() -> bool:
    """Whether somebody else has cancelled this task.

    The library's `wait_for` raises a `CancelledError` of its own kind where an answer and a
    deadline come at once; `asyncio.timeout` does not take that for its own.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
