"""A charging park behind one OPC UA server: devices of the plant as objects in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from asyncua import ua
from asyncua.crypto.permission_rules import UserRole
from asyncua.server.user_managers import CertificateUserManager

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_hil.servers.opcua_bay import Bay
from ortsnetz_hil.servers.opcua_nodes import MAKER, NAMESPACE
from ortsnetz_hil.servers.opcua_server import BenchServer
from ortsnetz_hil.servers.opcua_space import EPOCH, BayNodes, built

APPLICATION_URI = "urn:ortsnetz:bench:server"
PATH = "/park"


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
        self._nodes: list[BayNodes] = []

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
        for nodes in self._nodes:
            await nodes.show_setpoints()
            self.pushed += await nodes.show()
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
        self._running()
        for nodes in self._nodes:
            if nodes.bay.tick(now_s):
                await nodes.show_setpoints()
            self.pushed += await nodes.show()

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
            APPLICATION_URI, MAKER, "charging park", "1", "1", EPOCH.replace(tzinfo=None)
        )
        await self._secure(server)
        for uri in self._before:
            await server.register_namespace(uri)
        namespace = await server.register_namespace(NAMESPACE)
        folder = await server.nodes.objects.add_folder(
            ua.NodeId("Park", namespace), ua.QualifiedName("Park", namespace)
        )
        self._nodes = [await built(server, folder, bay, namespace) for bay in self._bays]
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
