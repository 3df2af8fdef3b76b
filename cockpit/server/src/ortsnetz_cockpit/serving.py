"""Runs a cockpit as a process: address first, then the parts, then the page; signals end it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import signal
import socket
import ssl
from collections.abc import Generator

import click
import uvicorn

from ortsnetz_cockpit.apps.tso_exchange.exchange import TsoExchange
from ortsnetz_cockpit.apps.tso_exchange.profile import Interface, load_profile
from ortsnetz_cockpit.assembly import Cockpit
from ortsnetz_cockpit.core.api.application import create_application
from ortsnetz_cockpit.core.configuration import CockpitConfiguration
from ortsnetz_cockpit.hosting import AppHost
from ortsnetz_cockpit.sdk.contract import App
from ortsnetz_common.errors import InputError, OrtsnetzError

LOGGER = logging.getLogger("ortsnetz.cockpit")
BACKLOG = 256
MAX_FRAME_BYTES = 64 * 1024
SHUTDOWN_S = 3
CONNECTIONS = 500


class _Server(uvicorn.Server):
    """Says when it serves, and ends with exit code 0 when asked to by a signal."""

    def __init__(self, config: uvicorn.Config, address: str) -> None:
        super().__init__(config)
        self._address = address

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve, then tell whoever waits for it."""
        await super().startup(sockets)
        if self.started:
            click.echo(f"cockpit: ready {self._address}")

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """End at SIGTERM and SIGINT; uvicorn's own would raise them again at the end."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    def _end(self) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True


def listen(host: str, port: int) -> socket.socket:
    """Take the address before anything else is touched.

    Raises:
        OrtsnetzError: the port is taken or the address is not this machine's.
    """
    try:
        return socket.create_server(
            (host, port),
            family=socket.AF_INET6 if ":" in host else socket.AF_INET,
            backlog=BACKLOG,
        )
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise OrtsnetzError(
                f"port {port} on {host} is taken: stop the program that uses it, or set another "
                "'port' in the cockpit's configuration"
            ) from error
        raise OrtsnetzError(f"cannot listen on {host} port {port}: {error}") from error


def serve(configuration: CockpitConfiguration) -> None:
    """Serve until a signal.

    Raises:
        OrtsnetzError: the cockpit cannot start, or must end because its store failed.
    """
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    listener = listen(configuration.host, configuration.port)
    fatal: list[str] = []
    server: _Server | None = None

    def on_fatal(reason: str) -> None:
        fatal.append(reason)
        if server is not None:
            server.should_exit = True

    with contextlib.closing(listener):
        interfaces = _profile(configuration)
        cockpit = Cockpit(configuration, on_fatal)
        apps = [_tso_exchange(cockpit, interfaces)] if interfaces else []
        try:
            server = _make_server(cockpit, apps)
            _invite(cockpit)
            cockpit.start()
            for app in apps:
                app.start()
            if not fatal:
                asyncio.run(server.serve(sockets=[listener]))
        finally:
            for app in apps:
                app.stop()
            cockpit.stop()
    if fatal:
        raise OrtsnetzError(f"the cockpit ends so that it is started anew: {fatal[0]}")


def _profile(configuration: CockpitConfiguration) -> tuple[Interface, ...]:
    """The exchange profile; its nodes must be this cockpit's."""
    path = configuration.tso_profile
    if path is None:
        return ()
    interfaces = load_profile(path)
    for interface in interfaces:
        if interface.node not in configuration.nodes:
            raise InputError(
                f"{path}: interface '{interface.name}': node '{interface.node}' is not among the "
                "nodes of the cockpit's configuration"
            )
    return interfaces


def _tso_exchange(cockpit: Cockpit, interfaces: tuple[Interface, ...]) -> App:
    directory = cockpit.configuration.data_dir / "apps" / "tso_exchange"
    directory.mkdir(parents=True, exist_ok=True)
    host = AppHost(cockpit.store, cockpit.sites, directory, cockpit.publish)
    return TsoExchange(interfaces, host)


def _make_server(cockpit: Cockpit, apps: list[App]) -> _Server:
    configuration = cockpit.configuration
    application = create_application(cockpit.context, [app.router for app in apps])
    tls = configuration.tls
    config = uvicorn.Config(
        application,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws_max_size=MAX_FRAME_BYTES,
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=SHUTDOWN_S,
        ssl_certfile=None if tls is None else str(tls.certificate),
        ssl_keyfile=None if tls is None else str(tls.key),
    )
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        raise InputError(f"tls: certificate or key cannot be used: {error}") from error
    scheme = "http" if tls is None else "https"
    host = f"[{configuration.host}]" if ":" in configuration.host else configuration.host
    return _Server(config, f"{scheme}://{host}:{configuration.port}")


def _invite(cockpit: Cockpit) -> None:
    """Print the first account's one-time password until it has one of its own."""
    name = cockpit.configuration.operator
    password = cockpit.context.accounts.ensure_operator(name)
    if password is not None:
        click.echo(f"one-time password for {name}: {password}")
