"""The entry points `dnp3` and `dnp3-tls`: one session for each outstation."""

from __future__ import annotations

import ssl

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.station import Connection
from ortsnetz_edge.drivers.contract import Source
from ortsnetz_edge.drivers.dnp3.connection import Endpoint
from ortsnetz_edge.drivers.dnp3.driver import Dnp3Driver, SourceMaps
from ortsnetz_edge.drivers.dnp3.probe import Dnp3Probe
from ortsnetz_edge.drivers.dnp3.session import Dnp3Session
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.drivers.tls import client_context
from ortsnetz_edge.profiles.adjustment import compile_adjustments
from ortsnetz_edge.profiles.identity import compile_identity
from ortsnetz_edge.profiles.point_map import compile_point_map
from ortsnetz_edge.profiles.references.dnp3 import Dnp3Syntax
from ortsnetz_edge.profiles.schema import Dnp3Options, ProtocolFamily, SourceTime
from ortsnetz_edge.profiles.setpoint import compile_setpoint

LATE_FACTOR = 4.0
"""A whole answer is taken until this many time-outs: the outstation has given it."""
LAST_ADDRESS = 65519  # IEEE 1815-2012, 9.2.4.1.2: those above are the protocol's own
SYNTAX = Dnp3Syntax()

_Key = tuple[str, int, int, int]


class Dnp3Tcp:
    """Entry point `dnp3`."""

    protocol = "dnp3"

    def __init__(self, environment: Environment | None = None) -> None:
        self._environment = environment or Environment()
        self._sessions: dict[_Key, tuple[Dnp3Session, str | None]] = {}

    def validate(self, source: Source) -> tuple[str, ...]:
        """What is wrong with a source's configuration, in words; nothing is connected."""
        try:
            self._endpoint(source.connection, source.name)
            self._compiled(source)
        except InputError as error:
            return (str(error),)
        return ()

    def open(self, source: Source) -> Dnp3Driver:
        """A driver for a source; nothing is connected yet.

        Raises:
            InputError: names the source and what is wrong with its configuration.
        """
        where = source.connection
        endpoint = self._endpoint(where, source.name)
        maps, options = self._compiled(source)
        key = (where.host, where.port, where.unit, where.own_address)
        if key not in self._sessions:
            session = Dnp3Session(
                endpoint,
                self._environment.clock,
                name=source.name,
                observing=self._environment.observing,
            )
            self._sessions[key] = (session, where.credentials)
        session, credentials = self._sessions[key]
        if credentials != where.credentials:
            raise InputError(
                f"'{source.name}': another bay of {endpoint.where} has credentials "
                f"'{credentials}', this one '{where.credentials}'; they share one connection"
            )
        session.attach(maps.points.references, options)
        return Dnp3Driver(source, maps, session)

    def probe(self, connection: Connection) -> Dnp3Probe:
        """A probe for whatever is at an address; nothing is connected yet.

        Raises:
            InputError: the address does not work with this protocol.
        """
        endpoint = self._endpoint(connection, connection.address)
        return Dnp3Probe(Dnp3Session(endpoint, self._environment.clock), self._environment.clock)

    def _endpoint(self, where: Connection, name: str) -> Endpoint:
        if where.serial is not None or not where.host:
            raise InputError(f"'{name}': {self.protocol} needs host and port")
        if not 1 <= where.port <= 65535 or where.timeout_s <= 0:
            raise InputError(f"'{name}': port {where.port}, time-out {where.timeout_s} s")
        for what, address in (("unit", where.unit), ("own_address", where.own_address)):
            if not 0 <= address <= LAST_ADDRESS:
                raise InputError(
                    f"'{name}': {what} {address}: link addresses are 0 to {LAST_ADDRESS}"
                )
        if where.unit == where.own_address:
            raise InputError(
                f"'{name}': outstation and node have the same link address {where.unit}: say both, "
                f"{self.protocol}://{where.host}:{where.port}/OUTSTATION?own=NODE"
            )
        clock = self._environment.clock
        # as for Modbus, silence is silence in stepped time, too: only connecting may take long
        return Endpoint(
            where.host,
            where.port,
            where.unit,
            where.own_address,
            connect_s=clock.patience(where.timeout_s),
            answer_s=where.timeout_s * LATE_FACTOR,
            tls=self._tls(where, name),
        )

    def _tls(self, where: Connection, name: str) -> ssl.SSLContext | None:
        if where.credentials is not None:
            raise InputError(f"'{name}': {self.protocol} is not encrypted; dnp3-tls is")
        return None

    def _compiled(self, source: Source) -> tuple[SourceMaps, Dnp3Options]:
        try:
            profile = self._environment.library.load(source.profile)
        except InputError as error:
            raise InputError(f"'{source.name}': {error}") from error
        if profile.protocol is not ProtocolFamily.DNP3:
            raise InputError(
                f"'{source.name}': profile '{profile.kind}' is one of {profile.protocol}, and the "
                f"connection one of {self.protocol}"
            )
        maps = SourceMaps(
            points=compile_point_map(profile, source, SYNTAX),
            setpoint=compile_setpoint(profile, source, SYNTAX),
            identity=compile_identity(profile, source, SYNTAX),
            own_clock=profile.time != SourceTime(),
            reports=profile.dnp3.unsolicited,
            adjustments=compile_adjustments(profile, source, SYNTAX),
        )
        return maps, profile.dnp3


class Dnp3Tls(Dnp3Tcp):
    """Entry point `dnp3-tls`: TLS 1.2 or later, both ends show certificates; never plain."""

    protocol = "dnp3-tls"

    def _tls(self, where: Connection, name: str) -> ssl.SSLContext | None:
        if where.credentials is None:
            raise InputError(f"'{name}': dnp3-tls needs 'credentials', a folder of certificates")
        try:
            return client_context(self._environment.credentials(where.credentials))
        except InputError as error:
            raise InputError(f"'{name}': {error}") from error
