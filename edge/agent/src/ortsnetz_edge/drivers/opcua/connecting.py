"""Connecting: socket, hello, secure channel, session; or why there is none."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from asyncua import Client, ua
from asyncua.ua.uaerrors import UaStatusCodeError
from cryptography import x509

from ortsnetz_edge.drivers.contract import DriverError, FailureKind
from ortsnetz_edge.drivers.opcua import security as certificates
from ortsnetz_edge.drivers.opcua.channel import Channel, Endpoint, is_being_cancelled
from ortsnetz_edge.drivers.opcua.failures import explained
from ortsnetz_edge.drivers.opcua.framing import GuardedClient
from ortsnetz_edge.drivers.opcua.security import Security
from ortsnetz_edge.drivers.system_errors import system_words

Answer = TypeVar("Answer")
APPLICATION_URI = "urn:ortsnetz:edge"
"""What a node without certificates calls itself."""
SESSION_S = 60.0
"""So long a server keeps a session, and with it a subscription, for a node that is away."""
CHANNEL_S = 3600.0


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
        if isinstance(error, asyncio.CancelledError) and is_being_cancelled():
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
        channel.start()
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
                FailureKind.UNREACHABLE, f"no connection: {system_words(error)}"
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
