"""A charging park behind one OPC UA server: devices of the plant as objects in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from asyncua import ua
from asyncua.crypto.permission_rules import UserRole
from asyncua.server.user_managers import CertificateUserManager

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_hil.servers.opcua_bay import Bay
from ortsnetz_hil.servers.opcua_nodes import MAKER, NAMESPACE, SETPOINTS
from ortsnetz_hil.servers.opcua_server import BenchServer

APPLICATION_URI = "urn:ortsnetz:bench:server"
PATH = "/park"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Shown(ua.DataValue):  # type: ignore[misc]
    """A value that nobody changes any more.

    asyncua 2.1 copies each value deeply for each subscription, which takes three quarters of what a
    changed value costs.
    """

    def __deepcopy__(self, _: object) -> _Shown:
        return self


@dataclass(frozen=True)
class ParkCredentials:
    """Certificates of a secured park.

    Attributes:
        certificate, key: the server's own, PEM; the certificate names `APPLICATION_URI`.
        users: certificates of the nodes that may read and write, PEM.
    """

    certificate: Path
    key: Path
    users: tuple[Path, ...]


@dataclass(slots=True)
class _Variables:
    """A bay's nodes in the address space, and what they show.

    Attributes:
        values: attributes that hold the values, in the order of the bay's variables.
    """

    bay: Bay
    nodes: list[ua.NodeId]
    clock: ua.NodeId
    setpoints: list[ua.NodeId]
    kinds: list[ua.VariantType]
    shown: list[float | None] = field(default_factory=list)
    code: int = -1
    time_ns: int = -1


class OpcUaPark:
    """Serves bays; nothing listens before `start`.

    Attributes:
        pushed: values that were put into the address space because they had changed.
    """

    def __init__(
        self,
        owners: Iterable[Bay],
        *,
        credentials: ParkCredentials | None = None,
        before: Sequence[str] = (),
    ) -> None:
        """Prepare a park.

        Args:
            owners: its bays.
            credentials: makes it take Basic256Sha256 with user certificates only; None for no
                security: loopback only.
            before: namespaces that the server has before the park's own, which makes its number
                another one.
        """
        self.pushed = 0
        self._bays = list(owners)
        self._credentials, self._before = credentials, before
        self._built: BenchServer | None = None  # an address space takes a second of computing
        self._server: BenchServer | None = None
        self._variables: list[_Variables] = []

    @property
    def port(self) -> int:
        """The port at which it listens."""
        return self._running().port

    async def start(self, host: str, port: int) -> None:
        """Listen; again after a stop, then with no session and no subscription from before.

        Raises:
            OrtsnetzError: the port cannot be had.
        """
        if self._built is None:
            self._built = await self._created()
        server = self._built
        # the address that clients are told is the one they came to
        server.set_endpoint(f"opc.tcp://{host}:{port}{PATH}")
        server.socket_address = (host, port)
        for variables in self._variables:
            await self._show_setpoints(server, variables)
            await self._show(server, variables)
        try:
            await server.start()
        except OSError as error:
            raise OrtsnetzError(
                f"port {port} on {host}, wanted for the OPC UA park, cannot be used: "
                f"{error.strerror or error}"
            ) from error
        self._server = server

    async def tick(self, now_s: float) -> None:
        """Live through a step of the plant: let act what was delayed, show what has changed.

        Args:
            now_s: instant of the step, plant seconds.
        """
        server = self._running()
        for variables in self._variables:
            if variables.bay.tick(now_s):
                await self._show_setpoints(server, variables)
            await self._show(server, variables)

    async def stop(self) -> None:
        """Close the port and reset what is still connected."""
        server, self._server = self._server, None
        if server is not None:
            server.gate.silent = False
            server.cut()
            await server.forget()
            await server.stop()

    def reset_connections(self) -> None:
        """Cut the line: clients come back, and find sessions and subscriptions as they were."""
        self._running().cut()

    async def restart(self) -> None:
        """Cut the line and forget all sessions and subscriptions."""
        server = self._running()
        server.cut()
        await server.forget()

    def fall_silent(self, *, silent: bool) -> None:
        """Answer nothing while connections stay open; afterwards connections are reset."""
        server = self._running()
        server.gate.silent = silent
        if not silent:
            server.cut()

    def _running(self) -> BenchServer:
        if self._server is None:
            raise RuntimeError("the OPC UA park has not been started")
        return self._server

    async def _created(self) -> BenchServer:
        """The library's server with its address space and its security."""
        users = None
        if self._credentials is not None:
            users = CertificateUserManager()
            for path in self._credentials.users:
                await users.add_role(path, UserRole.User, path.stem)
        server = BenchServer(users)
        await server.init()
        await server.set_application_uri(APPLICATION_URI)
        server.name = MAKER
        await server.set_build_info(
            APPLICATION_URI, MAKER, "charging park", "1", "1", _EPOCH.replace(tzinfo=None)
        )
        await self._secure(server)
        for uri in self._before:
            await server.register_namespace(uri)
        namespace = await server.register_namespace(NAMESPACE)
        folder = await server.nodes.objects.add_folder(
            _id("Park", namespace), _name("Park", namespace)
        )
        self._variables = [await _built(server, folder, bay, namespace) for bay in self._bays]
        return server

    async def _secure(self, server: BenchServer) -> None:
        credentials = self._credentials
        if credentials is None:
            server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
            server.set_identity_tokens([ua.AnonymousIdentityToken])
            return
        server.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt])
        server.set_identity_tokens([ua.X509IdentityToken])
        await server.load_certificate(str(credentials.certificate))
        await server.load_private_key(str(credentials.key))

    async def _show(self, server: BenchServer, variables: _Variables) -> None:
        """Put into the address space what has changed."""
        shot = variables.bay.shot()
        stamp = _date(shot.time_ns)
        new_code = shot.code != variables.code
        if new_code:
            variables.shown = [None] * len(variables.nodes)
        write = server.iserver.aspace.write_attribute_value
        status = ua.StatusCode(shot.code)
        offered = 0
        for place, node in enumerate(variables.nodes):
            if shot.code:
                if not new_code:
                    break
                value = _Shown(StatusCode=status, SourceTimestamp=stamp)
            else:
                number = shot.values[place]
                if number == variables.shown[place]:
                    continue
                variables.shown[place] = number
                value = _Shown(
                    ua.Variant(number, variables.kinds[place]), status, SourceTimestamp=stamp
                )
            await write(node, ua.AttributeIds.Value, value)
            offered += 1
        if new_code or shot.time_ns != variables.time_ns:
            content = None if shot.code else ua.Variant(stamp, ua.VariantType.DateTime)
            clock = _Shown(content, status, SourceTimestamp=stamp)
            await write(variables.clock, ua.AttributeIds.Value, clock)
        variables.code, variables.time_ns = shot.code, shot.time_ns
        self.pushed += offered
        counters = variables.bay.counters
        counters.values += offered
        counters.reads += bool(offered)

    async def _show_setpoints(self, server: BenchServer, variables: _Variables) -> None:
        """Command nodes as after power-up."""
        for node, value in zip(variables.setpoints, variables.bay.setpoints, strict=True):
            await server.iserver.aspace.write_attribute_value(
                node,
                ua.AttributeIds.Value,
                ua.DataValue(ua.Variant(value, ua.VariantType.UInt16)),
            )


async def _built(server: BenchServer, folder: Any, bay: Bay, namespace: int) -> _Variables:
    """The object of a bay with its variables."""
    stem = bay.stem
    owner = await folder.add_object(_id(stem, namespace), _name(bay.device.name, namespace))

    async def variable(name: str, content: ua.Variant, unit: str = "") -> Any:
        node = await owner.add_variable(
            _id(f"{stem}.{name}", namespace), _name(name, namespace), content
        )
        if unit:
            text = ua.DataValue(ua.Variant(ua.LocalizedText(unit), ua.VariantType.LocalizedText))
            await node.write_attribute(ua.AttributeIds.Description, text)
        return node

    nodes = [(await variable(name, _zero(kind), unit)).nodeid for name, kind, unit in bay.variables]
    clock = await variable("Time", ua.Variant(_EPOCH, ua.VariantType.DateTime), "UTC")
    for name, text in (
        ("Maker", MAKER),
        ("Model", bay.device.profile),
        ("Serial", bay.device.name),
    ):
        await variable(name, ua.Variant(text, ua.VariantType.String))
    setpoints = []
    for place, value in enumerate(bay.setpoints):
        node = await variable(SETPOINTS[place], ua.Variant(value, ua.VariantType.UInt16))
        await node.set_writable()
        server.commands[node.nodeid] = partial(bay.command, place)
        setpoints.append(node.nodeid)
    kinds = [kind for _, kind, _ in bay.variables]
    return _Variables(bay, nodes, clock.nodeid, setpoints, kinds)


def _zero(kind: ua.VariantType) -> ua.Variant:
    return ua.Variant(0.0 if kind is ua.VariantType.Double else 0, kind)


def _id(text: str, namespace: int) -> ua.NodeId:
    return ua.NodeId(text, namespace)


def _name(text: str, namespace: int) -> ua.QualifiedName:
    return ua.QualifiedName(text, namespace)


def _date(time_ns: int) -> datetime:
    return _EPOCH + timedelta(microseconds=time_ns // 1000)
