"""Entry point `opcua`: drivers that share one session for each server."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.station import Connection
from ortsnetz_edge.drivers.contract import Source
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.drivers.opcua import security
from ortsnetz_edge.drivers.opcua.channel import Endpoint
from ortsnetz_edge.drivers.opcua.driver import OpcUaDriver
from ortsnetz_edge.drivers.opcua.library_log import be_quiet
from ortsnetz_edge.drivers.opcua.monitoring import Member
from ortsnetz_edge.drivers.opcua.probe import OpcUaProbe
from ortsnetz_edge.drivers.opcua.session import Session
from ortsnetz_edge.drivers.opcua.source import SYNTAX, SourceMaps, compiled
from ortsnetz_edge.drivers.opcua.subscription import Subscription
from ortsnetz_edge.profiles.point_map import reference_of
from ortsnetz_edge.profiles.references.opcua import NodeReference
from ortsnetz_edge.profiles.schema import Profile, ProtocolFamily

LATE_FACTOR = 4.0
"""A whole answer is still taken until this many time-outs; the cycle does not wait for it."""
CONNECT_AT_LEAST_S = 5.0
"""Several steps, and signatures that take a small controller a second each."""
LARGEST_BROWSED = 4 * 1024 * 1024
"""A probe takes long answers: some servers list all that they have at once."""


@dataclass(slots=True)
class _Server:
    session: Session
    subscription: Subscription


class OpcUa:
    """Fulfils `contract.DriverProtocol`."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._servers: dict[tuple[str, int, str, str | None, float], _Server] = {}
        be_quiet()

    def validate(self, source: Source) -> tuple[str, ...]:
        """What is wrong with a source's configuration."""
        try:
            self._compiled(source)
            self._endpoint(source.connection, source.name)
            self._security(source.connection, source.name)
        except InputError as error:
            return (str(error),)
        return ()

    def open(self, source: Source) -> OpcUaDriver:
        """A driver for a source. Raises InputError."""
        profile, maps = self._compiled(source)
        server = self._server(source)
        server.session.enter(source.name)
        options = profile.opcua
        if not options.subscribe or self._environment.clock.stepped:
            return OpcUaDriver(maps, server.session, None, None)
        references = maps.points.references
        smooth = _smooth(profile, source) if options.deadband else frozenset()
        member = Member(
            nodes=references,
            deadbands=[options.deadband if node in smooth else 0.0 for node in references],
            sampling_s=[max(period, options.publishing_s) for period in maps.points.periods_s],
        )
        server.subscription.join(member, options.publishing_s)
        return OpcUaDriver(maps, server.session, server.subscription, member)

    def probe(self, connection: Connection) -> OpcUaProbe:
        """A probe for whatever is at an address. Raises InputError."""
        endpoint = replace(
            self._endpoint(connection, connection.address), largest_message=LARGEST_BROWSED
        )
        certificates = self._security(connection, connection.address)
        return OpcUaProbe(
            Session(endpoint, certificates, self._environment.clock, connection.address)
        )

    def _server(self, source: Source) -> _Server:
        where = source.connection
        key = (where.host, where.port, where.path, where.credentials, where.timeout_s)
        if key not in self._servers:
            endpoint = self._endpoint(where, source.name)
            certificates = self._security(where, source.name)
            session = Session(endpoint, certificates, self._environment.clock, source.name)
            self._servers[key] = _Server(session, Subscription(session))
        return self._servers[key]

    def _compiled(self, source: Source) -> tuple[Profile, SourceMaps]:
        try:
            profile = self._environment.library.load(source.profile)
        except InputError as error:
            raise InputError(f"'{source.name}': {error}") from error
        if profile.protocol is not ProtocolFamily.OPCUA:
            raise InputError(
                f"'{source.name}': profile '{profile.kind}' is one of {profile.protocol}, the "
                f"connection one of opcua"
            )
        return profile, compiled(profile, source)

    def _endpoint(self, where: Connection, name: str) -> Endpoint:
        if not where.host or not 1 <= where.port <= 65535 or where.timeout_s <= 0:
            raise InputError(
                f"'{name}': host '{where.host}', port {where.port}, time-out {where.timeout_s} s: "
                "not an OPC UA connection"
            )
        path = where.path if not where.path or where.path.startswith("/") else f"/{where.path}"
        # as for Modbus, silence is silence in stepped time, too
        return Endpoint(
            host=where.host,
            port=where.port,
            path=path,
            answer_s=where.timeout_s * LATE_FACTOR,
            connect_s=max(where.timeout_s * LATE_FACTOR, CONNECT_AT_LEAST_S),
        )

    def _security(self, where: Connection, name: str) -> security.Security | None:
        if where.credentials is None:
            return None
        try:
            return security.load(self._environment.credentials(where.credentials))
        except InputError as error:
            raise InputError(f"'{name}': {error}") from error


def _smooth(profile: Profile, source: Source) -> frozenset[NodeReference]:
    """Nodes that a deadband is for: what is measured; states, clocks and limits jump."""
    found: set[NodeReference] = set()
    for quantity in (
        profile.voltage,
        profile.current,
        profile.active_power,
        profile.reactive_power,
    ):
        if quantity is None:
            continue
        texts = quantity.at if quantity.at is not None else (str(quantity.total),)
        found |= {reference_of(text, profile, source, SYNTAX) for text in texts}
    return frozenset(found)
