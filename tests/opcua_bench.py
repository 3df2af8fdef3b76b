"""OPC UA servers and sources for tests: a server on a free port, nodes by name, and a profile."""

from __future__ import annotations

import asyncio
import contextlib
import copy
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from asyncua import ua
from asyncua.crypto.permission_rules import UserRole
from asyncua.server.user_managers import CertificateUserManager

from ortsnetz_common.parameters.station import Connection
from ortsnetz_edge.drivers.contract import DriverError, FailureKind, Scan, Source
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.drivers.opcua.driver import OpcUaDriver
from ortsnetz_edge.drivers.opcua.protocol import OpcUa
from ortsnetz_edge.profiles.library import Library
from ortsnetz_hil.plant.application_certificates import SERVER_URI, Application, self_signed
from ortsnetz_hil.servers.opcua_server import BenchServer

NAMESPACE = "urn:test:meter"
HOST = "127.0.0.1"
DEVICE: Mapping[str, ua.Variant] = {
    "U1": ua.Variant(230.0, ua.VariantType.Double),
    "U2": ua.Variant(231.0, ua.VariantType.Float),
    "U3": ua.Variant(232, ua.VariantType.UInt16),
    "Limit": ua.Variant(1000.0, ua.VariantType.Double),
    "Setpoint": ua.Variant(16, ua.VariantType.UInt16),
    "After": ua.Variant(0, ua.VariantType.UInt32),
    "Then": ua.Variant(0.0, ua.VariantType.Double),
    "Maker": ua.Variant("Acme", ua.VariantType.String),
    "Serial": ua.Variant("4711", ua.VariantType.String),
}
WRITABLE = ("Setpoint", "After", "Then")
PROFILE = """
format: ortsnetz.profile/2
kind: test-device
version: 1
describes: a device of the tests
protocol: opcua
direction: consumption
voltage:
  at: ['nsu=urn:test:meter;s=U1', 'nsu=urn:test:meter;s=U2', 'nsu=urn:test:meter;s=U3']
  range: [0, 400]
limit: {value: {at: 'nsu=urn:test:meter;s=Limit'}, unit: A}
identity:
  maker_at: nsu=urn:test:meter;s=Maker
  serial_at: nsu=urn:test:meter;s=Serial
  maker: Acme
setpoint:
  at: nsu=urn:test:meter;s=Setpoint
  kind: steps
  unit: A
  step: 1
  smallest: 6
  reaction_s: 5
  fallback:
    time_at: nsu=urn:test:meter;s=After
    limit_at: nsu=urn:test:meter;s=Then
opcua: {subscribe: SUBSCRIBE, publishing_s: 0.1}
"""
POLLED = PROFILE.replace("SUBSCRIBE", "false")
SUBSCRIBED = PROFILE.replace("SUBSCRIBE", "true")


_STANDARD: dict[ua.NodeId, Any] = {}
"""The standard's own nodes, the same for all servers of a test run: they take a second to make."""


def _share_the_standards_nodes(server: BenchServer) -> None:
    internal, load = server.iserver, server.iserver.load_standard_address_space
    objects = ua.NodeId(ua.ObjectIds.ObjectsFolder)

    async def shared(_: object = None) -> None:
        if not _STANDARD:
            await load()
            _STANDARD.update(internal.aspace._nodes)
        own = copy.copy(_STANDARD[objects])
        own.references = list(own.references)
        internal.aspace._nodes = {**_STANDARD, objects: own}

    internal.load_standard_address_space = shared


class TestServer:
    """A server with one device.

    Attributes:
        server: the library's, with a line that can fall silent.
    """

    __test__ = False

    def __init__(self, server: BenchServer, number: int) -> None:
        self.server, self.number = server, number

    @property
    def port(self) -> int:
        return self.server.port

    def node(self, name: str) -> ua.NodeId:
        return ua.NodeId(name, self.number)

    async def show(
        self, name: str, value: Any, *, code: int = 0, at: datetime | None = None
    ) -> None:
        """Give a variable a value, a status and a source time."""
        kind = DEVICE[name].VariantType
        shown = ua.DataValue(
            None if value is None else ua.Variant(value, kind),
            ua.StatusCode(code),
            SourceTimestamp=at or datetime.now(UTC),
        )
        await self.server.write_attribute_value(self.node(name), shown)

    def value(self, name: str) -> Any:
        found = self.server.read_attribute_value(self.node(name)).Value
        assert found is not None
        return found.Value


@asynccontextmanager
async def serving(
    nodes: Mapping[str, ua.Variant] = DEVICE,
    *,
    before: Sequence[str] = (),
    port: int = 0,
    credentials: tuple[Path, Path] | None = None,
    users: Sequence[Path] = (),
    uri: str = SERVER_URI,
) -> AsyncIterator[TestServer]:
    """A server that listens; its namespace is the one after those in `before`."""
    manager = None
    if credentials is not None:
        manager = CertificateUserManager()
        for path in users:
            await manager.add_role(path, UserRole.User, str(path))
    server = BenchServer(manager)
    _share_the_standards_nodes(server)
    await server.init()
    await server.set_application_uri(uri)
    if credentials is None:
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        server.set_identity_tokens([ua.AnonymousIdentityToken])
    else:
        server.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt])
        server.set_identity_tokens([ua.X509IdentityToken])
        await server.load_certificate(str(credentials[0]))
        await server.load_private_key(str(credentials[1]))
    for other in before:
        await server.register_namespace(other)
    number = await server.register_namespace(NAMESPACE)
    for name, variant in nodes.items():
        made = await server.nodes.objects.add_variable(
            ua.NodeId(name, number), ua.QualifiedName(name, number), variant
        )
        if name in WRITABLE:
            await made.set_writable()
    server.set_endpoint(f"opc.tcp://{HOST}:{port}/test")
    server.socket_address = (HOST, port)
    await server.start()
    try:
        yield TestServer(server, number)
    finally:
        server.cut()
        await server.forget()
        await server.stop()


def source(port: int, name: str = "x", **of_connection: Any) -> Source:
    where = Connection("opcua", HOST, port, **{"path": "/test", "timeout_s": 0.5, **of_connection})
    return Source(name, "test-device", where, element=1, terminals=3, rated_w=11_000.0)


def protocol(profile: str = POLLED, **environment: Any) -> OpcUa:
    return OpcUa(Environment(library=Library({"test-device": profile}), **environment))


@asynccontextmanager
async def driving(
    port: int, profile: str = POLLED, **of_connection: Any
) -> AsyncIterator[OpcUaDriver]:
    """A driver of one source, stopped afterwards."""
    driver = protocol(profile).open(source(port, **of_connection))
    try:
        yield driver
    finally:
        await driver.stop()


def run(check: Callable[[], Awaitable[None]], seconds: float = 30.0) -> None:
    """Run a test that ends in bounded time."""

    async def bounded() -> None:
        await asyncio.wait_for(check(), seconds)

    asyncio.run(bounded())


async def scanned(
    driver: OpcUaDriver, seconds: float = 15.0, wanted: Callable[[Scan], bool] = lambda _: True
) -> Scan:
    """The next scan that succeeds and shows what is wanted."""
    async with asyncio.timeout(seconds):
        while True:
            with contextlib.suppress(DriverError):
                scan = await driver.scan()
                if wanted(scan):
                    return scan
            await asyncio.sleep(0.02)


async def failed(driver: OpcUaDriver, kind: FailureKind, seconds: float = 10.0) -> str:
    """Scan until it fails in a certain way; why it does."""
    return await insists(driver.scan, kind, seconds)


async def insists(
    ask: Callable[[], Awaitable[object]], kind: FailureKind, seconds: float = 10.0
) -> str:
    """Ask until it fails in a certain way; why it does."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                await ask()
            except DriverError as error:
                if error.kind is kind:
                    return str(error)
            await asyncio.sleep(0.02)


async def until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - whatever it is, it has no event
            await asyncio.sleep(0.01)


def certify(folder: Path, application: Application) -> tuple[Path, Path]:
    """Certificate and key of an application, as files."""
    folder.mkdir(parents=True, exist_ok=True)
    made = self_signed(application)
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.certificate)
    key.write_bytes(made.key)
    return certificate, key
