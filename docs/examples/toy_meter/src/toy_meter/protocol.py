"""Entry point `toy-meter`; fulfils `contract.DriverProtocol`."""

from __future__ import annotations

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.station import Connection
from ortsnetz_edge.drivers.contract import Source
from ortsnetz_edge.drivers.environment import Environment
from toy_meter.driver import ToyDriver
from toy_meter.line import Line
from toy_meter.probe import ToyProbe


class ToyMeter:
    """Opens drivers and probes; each has a connection of its own."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def validate(self, source: Source) -> tuple[str, ...]:
        """What is wrong with a source's configuration; nothing is connected."""
        try:
            self.open(source)
        except InputError as error:
            return (str(error),)
        return ()

    def open(self, source: Source) -> ToyDriver:
        """A driver for a source. Raises InputError."""
        _check(source.connection, f"'{source.name}': ")
        profile = self._environment.library.load(source.profile)
        return ToyDriver(source, profile, self._environment.clock)

    def probe(self, connection: Connection) -> ToyProbe:
        """A probe for an address. Raises InputError."""
        _check(connection)
        return ToyProbe(Line(connection, self._environment.clock), self._environment.clock)


def _check(where: Connection, whose: str = "") -> None:
    if not where.host or not 1 <= where.port <= 65535:
        raise InputError(f"{whose}host and port (1 to 65535) are needed, not {where.address}")
