"""Driver protocol `goose`: drivers that share one packet socket for each interface."""

from __future__ import annotations

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.station import Connection
from ortsnetz_edge.drivers.contract import Source
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.profiles.point_map import compile_point_map
from ortsnetz_edge.profiles.references.iec61850 import Iec61850Syntax
from ortsnetz_edge.profiles.schema import Profile, ProtocolFamily
from ortsnetz_iec61850.goose.driver import GooseDriver
from ortsnetz_iec61850.goose.from_profile import places_of, subscriptions_of
from ortsnetz_iec61850.goose.listening import Listening
from ortsnetz_iec61850.goose.probe import GooseProbe
from ortsnetz_iec61850.goose.stream import Stream

FIRST_AT_LEAST_S = 2.5
"""The first scan waits so long for messages: quiet publishers repeat each second or two."""
_LONGEST_NAME = 15  # of an interface (IFNAMSIZ, linux/if.h)


class Goose:
    """Fulfils `contract.DriverProtocol`."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._interfaces: dict[str, Listening] = {}

    def validate(self, source: Source) -> tuple[str, ...]:
        """What is wrong with a source's configuration; nothing is opened."""
        try:
            self._driver(source, Listening("validation"))
        except InputError as error:
            return (str(error),)
        return ()

    def open(self, source: Source) -> GooseDriver:
        """A driver for a source. Raises InputError."""
        name = source.connection.host
        return self._driver(source, self._interfaces.setdefault(name, Listening(name)))

    def probe(self, connection: Connection) -> GooseProbe:
        """A probe for an interface. Raises InputError."""
        _check_interface(connection.host, connection.address)
        return GooseProbe(Listening(connection.host))

    def _driver(self, source: Source, listening: Listening) -> GooseDriver:
        _check_interface(source.connection.host, f"'{source.name}'")
        profile = self._profile(source)
        points = compile_point_map(profile, source, Iec61850Syntax())
        subscriptions, place = subscriptions_of(profile, source)
        try:
            places = places_of(points.references, subscriptions, place.ied)
        except ValueError as error:
            raise InputError(f"'{source.name}': profile '{profile.kind}': {error}") from error
        return GooseDriver(
            source.name,
            points,
            tuple(
                Stream(each, accepts_simulation=place.accepts_simulation) for each in subscriptions
            ),
            places,
            listening=listening,
            clock=self._environment.clock,
            first_s=max(source.connection.timeout_s, FIRST_AT_LEAST_S),
        )

    def _profile(self, source: Source) -> Profile:
        try:
            profile = self._environment.library.load(source.profile)
        except InputError as error:
            raise InputError(f"'{source.name}': {error}") from error
        words = None
        if profile.protocol is not ProtocolFamily.IEC61850:
            words = f"is one of {profile.protocol}, the connection one of iec61850 (GOOSE)"
        elif profile.setpoint is not None or profile.further_setpoints:
            words = "takes set points: GOOSE only tells, nothing can be written"
        elif source.connection.identity is not None:
            words = "cannot be asked for a serial number over GOOSE: leave 'identity' out"
        if words is not None:
            raise InputError(f"'{source.name}': profile '{profile.kind}' {words}")
        return profile


def _check_interface(name: str, whose: str) -> None:
    if not name or len(name) > _LONGEST_NAME or "/" in name or not name.isprintable():
        raise InputError(f"{whose}: 'host' is the name of an interface (eth1), not '{name}'")
