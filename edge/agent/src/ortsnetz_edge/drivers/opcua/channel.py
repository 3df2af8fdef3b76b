"""An open session with one server: connecting, requests with deadlines, closing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from asyncua import Client, ua
from asyncua.client.ua_client import UaClientState
from asyncua.ua.ua_binary import struct_from_binary
from asyncua.ua.uaerrors import UaStatusCodeError
from cryptography import x509

from ortsnetz_edge.drivers.contract import DriverError, FailureKind
from ortsnetz_edge.drivers.opcua import security as certificates
from ortsnetz_edge.drivers.opcua.failures import KEEP, explained
from ortsnetz_edge.drivers.opcua.framing import LARGEST_MESSAGE, GuardedClient
from ortsnetz_edge.drivers.opcua.security import Security

Answer = TypeVar("Answer")
APPLICATION_URI = "urn:ortsnetz:edge"
"""What a node without certificates calls itself."""
SESSION_S = 60.0
"""So long a server keeps a session, and with it a subscription, for a node that is away."""
CHANNEL_S = 3600.0
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
            if _is_being_cancelled():
                raise
        except Exception:  # noqa: BLE001, S110 - whoever leaves does not mind how
            pass
        self._drop()

    def _start(self) -> None:
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


async def connect(
    endpoint: Endpoint,
    security: Security | None,
    now_ns: int,
    on_failure: Callable[[], None] = lambda: None,
    former: Client | None = None,
) -> Channel:
    """Connect, secure the channel, and open a session.

    Args:
        endpoint: where.
        security: certificates; None for a connection without security.
        now_ns: wall clock, UTC ns, by which certificates are checked.
        on_failure: called once when the channel has failed.
        former: the client of the connection before, whose session the server may still have (part
            4, 6.7: that comes first, for servers have few).

    Raises:
        DriverError: there is no such connection; says at which step and why.
    """
    try:
        async with asyncio.timeout(endpoint.connect_s):
            client = former or _client(endpoint)
            if security is None:
                return await _opened(endpoint, client, None, on_failure)
            security.check_own(now_ns)
            server = await _certificate(endpoint, security.pinned)
            security.check_server(server, endpoint.host, now_ns)
            client.application_uri = security.application_uri
            client.security_policy = security.policy(server)
            client.uaclient.set_security(client.security_policy)
            client.user_certificate = security.certificate
            client.user_private_key = security.key
            return await _opened(endpoint, client, server, on_failure)
    except (TimeoutError, asyncio.CancelledError) as error:
        if isinstance(error, asyncio.CancelledError) and _is_being_cancelled():
            raise
        seconds = f"{endpoint.connect_s:.1f} s"
        raise DriverError(
            FailureKind.UNREACHABLE, f"{endpoint}: no connection within {seconds}"
        ) from error
    except DriverError as error:
        text = str(error)
        if not text.startswith(str(endpoint)):
            text = f"{endpoint}: {text}"
        raise DriverError(error.kind, text) from error


def _is_being_cancelled() -> bool:
    """Whether somebody else has cancelled this task.

    The library's `wait_for` raises a `CancelledError` of its own kind where an answer and a
    deadline come at once; `asyncio.timeout` does not take that for its own.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _client(endpoint: Endpoint) -> Client:
    """The library's client on our own framing, with the library's reconnection left off."""
    client = Client(endpoint.url, timeout=endpoint.connect_s)
    client.uaclient = GuardedClient(endpoint.connect_s, endpoint.largest_message)
    client.name = client.description = "ortsnetz"
    client.application_uri = client.product_uri = APPLICATION_URI
    client.session_timeout = round(SESSION_S * 1000)
    client.secure_channel_timeout = round(CHANNEL_S * 1000)
    return client


async def _opened(
    endpoint: Endpoint,
    client: Client,
    server: x509.Certificate | None,
    on_failure: Callable[[], None],
) -> Channel:
    async def steps() -> Channel:
        await client.open_secure_channel()
        resumed = await _resumed(client)
        if not resumed:
            created = await client.create_session()
            if server is not None:
                certificates.check_application(server, _application_of(created, client))
            await client.activate_session(certificate=client.user_certificate)
        channel = Channel(endpoint, client, on_failure, resumed=resumed)
        channel._start()  # noqa: SLF001 - its own module makes it
        return channel

    return await _guarded(endpoint, client, steps)


async def _resumed(client: Client) -> bool:
    """Go on with the session of the connection before; whether the server still has it."""
    session = client.uaclient.session
    if not client.uaclient.has_session:
        return False
    session.rebind_authentication_token()
    try:
        await client.activate_session(certificate=client.user_certificate)
    except UaStatusCodeError:
        session.reset_authentication_token()
        return False
    return True


async def _certificate(endpoint: Endpoint, pinned: x509.Certificate | None) -> x509.Certificate:
    """The server's certificate.

    One that is pinned would do without asking; a server that shows another one would then be
    silent, and nobody would know why. Some show theirs to nobody: then the pinned one it is.
    """
    try:
        return await _shown_certificate(endpoint)
    except DriverError as error:
        if pinned is None or error.kind in {FailureKind.UNREACHABLE, FailureKind.INSECURE}:
            raise
        return pinned


async def _shown_certificate(endpoint: Endpoint) -> x509.Certificate:
    """The certificate that a server shows; asked for without security, and nothing else is."""
    client = _client(endpoint)

    async def steps() -> x509.Certificate:
        await client.open_secure_channel()
        for offer in await client.get_endpoints():
            if (
                offer.SecurityPolicyUri == certificates.POLICY.URI
                and offer.SecurityMode is ua.MessageSecurityMode.SignAndEncrypt
            ):
                return certificates.from_der(offer.ServerCertificate)
        raise DriverError(
            FailureKind.INSECURE, "the server offers no Basic256Sha256 with SignAndEncrypt"
        )

    try:
        return await _guarded(endpoint, client, steps)
    finally:
        _close(client)


async def _guarded(
    endpoint: Endpoint, client: Client, steps: Callable[[], Awaitable[Answer]]
) -> Answer:
    """Connect and go through some steps; whatever goes wrong closes the connection."""
    try:
        try:
            await client.connect_socket()
        except OSError as error:
            raise DriverError(
                FailureKind.UNREACHABLE, f"no connection: {error.strerror or error}"
            ) from error
        await client.send_hello()
        return await steps()
    except asyncio.CancelledError:
        _close(client)
        raise
    except Exception as error:  # the library's parser raises whatever it stumbles over
        misfit = getattr(client.uaclient.protocol, "misfit", None)
        _close(client)
        if isinstance(error, (DriverError, TimeoutError)):
            raise
        raise explained(error, str(endpoint), misfit) from error


def _close(client: Client) -> None:
    protocol = client.uaclient.protocol
    if protocol is not None:
        protocol.closing = True
        if protocol.transport is not None:
            protocol.transport.abort()
    client.disconnect_socket()


def _application_of(created: ua.CreateSessionResult, client: Client) -> str:
    """What the server calls itself at the endpoint that is used."""
    policy = client.security_policy
    offer = Client.find_endpoint(created.ServerEndpoints, policy.Mode, policy.URI)
    return str(offer.Server.ApplicationUri)
