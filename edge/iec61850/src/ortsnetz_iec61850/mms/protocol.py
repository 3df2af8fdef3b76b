"""Drivers that share one session for each device; fulfils `contract.DriverProtocol`."""

from __future__ import annotations

from dataclasses import dataclass

from ortsnetz_common.drivers.values import Source
from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.station import Connection
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.profiles.schema import Profile, ProtocolFamily
from ortsnetz_iec61850.library.tls import Tls
from ortsnetz_iec61850.mms.driver import MmsDriver
from ortsnetz_iec61850.mms.probe import MmsProbe
from ortsnetz_iec61850.mms.reporting import Reporting
from ortsnetz_iec61850.mms.session import Endpoint, Session
from ortsnetz_iec61850.mms.source import SourceMaps, compiled

LATE_FACTOR = 4.0
"""A whole answer is still taken until this many time-outs; the cycle does not wait for it."""
CONNECT_FACTOR, CONNECT_AT_LEAST_S = 8.0, 5.0
"""Several layers of connections, and signatures that take a small controller a second each."""


@dataclass(slots=True)
class _Device:
    session: Session
    reporting: Reporting


class Iec61850:
    """Opens drivers and probes."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._devices: dict[tuple[str, int, str | None, float], _Device] = {}

    def validate(self, source: Source) -> tuple[str, ...]:
        """What is wrong with a source's configuration; nothing is connected."""
        try:
            self._compiled(source)
            self._endpoint(source.connection, source.name)
        except InputError as error:
            return (str(error),)
        return ()

    def open(self, source: Source) -> MmsDriver:
        """A driver for a source. Raises InputError."""
        _, maps = self._compiled(source)
        device = self._device(source)
        device.session.enter(source.name)
        reports = maps.options.reports and not self._environment.clock.stepped
        if reports:
            device.reporting.ask_within(maps.options.integrity_s)
        return MmsDriver(maps, device.session, device.reporting if reports else None)

    def probe(self, connection: Connection) -> MmsProbe:
        """A probe for whatever is at an address. Raises InputError."""
        endpoint = self._endpoint(connection, connection.address)
        return MmsProbe(Session(endpoint, self._environment.clock))

    def _device(self, source: Source) -> _Device:
        where = source.connection
        key = (where.host, where.port, where.credentials, where.timeout_s)
        if key not in self._devices:
            session = Session(self._endpoint(where, source.name), self._environment.clock)
            self._devices[key] = _Device(session, Reporting(session))
        return self._devices[key]

    def _compiled(self, source: Source) -> tuple[Profile, SourceMaps]:
        try:
            profile = self._environment.library.load(source.profile)
        except InputError as error:
            raise InputError(f"'{source.name}': {error}") from error
        if profile.protocol is not ProtocolFamily.IEC61850:
            raise InputError(
                f"'{source.name}': profile '{profile.kind}' is one of {profile.protocol}, the "
                f"connection one of iec61850"
            )
        return profile, compiled(profile, source)

    def _endpoint(self, where: Connection, name: str) -> Endpoint:
        if not where.host or not 1 <= where.port <= 65535 or where.timeout_s <= 0:
            raise InputError(
                f"'{name}': host '{where.host}', port {where.port}, time-out {where.timeout_s} s: "
                "not an IEC 61850 connection"
            )
        return Endpoint(
            host=where.host,
            port=where.port,
            request_s=where.timeout_s * LATE_FACTOR,
            connect_s=max(
                where.timeout_s * LATE_FACTOR,
                min(where.timeout_s * CONNECT_FACTOR, CONNECT_AT_LEAST_S),
            ),
            tls=self._tls(where, name),
        )

    def _tls(self, where: Connection, name: str) -> Tls | None:
        if where.credentials is None:
            return None
        try:
            files = self._environment.credentials(where.credentials)
        except InputError as error:
            raise InputError(f"'{name}': {error}") from error
        peer = files.ca.parent / "peer.pem"
        return Tls(files.ca, files.certificate, files.key, peer if peer.is_file() else None)
