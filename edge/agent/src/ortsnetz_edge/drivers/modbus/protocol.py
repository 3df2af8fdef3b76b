"""Entry points `modbus-tcp`, `modbus-rtu`, `modbus-tls`."""

from __future__ import annotations

from abc import ABC, abstractmethod

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.station import Connection, SerialLine
from ortsnetz_edge.drivers.contract import Source
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.drivers.modbus.compiled import ModbusMap, compile_modbus
from ortsnetz_edge.drivers.modbus.driver import ModbusDriver
from ortsnetz_edge.drivers.modbus.link import Link
from ortsnetz_edge.drivers.modbus.probe import ModbusProbe
from ortsnetz_edge.drivers.modbus.unit import Unit
from ortsnetz_edge.drivers.modbus.wire import LineWire, TcpWire, TlsWire, Wire

_LAST_PORT = 65535
_LONGEST_TIMEOUT_S = 60.0


class ModbusProtocol(ABC):
    """Opens drivers; those behind one address share its link, those of one unit the unit."""

    units = range(256)
    """0 and 255 are what devices without a unit number take (Modbus on TCP/IP 1.0b, 4.4.1.2)."""

    def __init__(self, environment: Environment | None = None) -> None:
        self._environment = environment or Environment()
        self._links: dict[Wire, Link] = {}
        self._units: dict[tuple[Wire, int], Unit] = {}

    @abstractmethod
    def wire(self, connection: Connection) -> Wire:
        """What a connection runs over. Raises InputError."""

    def validate(self, source: Source) -> tuple[str, ...]:
        """What is wrong with a source's configuration; see `contract.DriverProtocol.validate`."""
        complaints = []
        try:
            self._checked_wire(source.connection)
        except InputError as error:
            complaints.append(f"'{source.name}': {error}")
        try:
            self._compiled(source)
        except InputError as error:
            complaints.append(str(error))
        return tuple(complaints)

    def open(self, source: Source) -> ModbusDriver:
        """A driver for a source; see `contract.DriverProtocol.open`."""
        try:
            wire = self._checked_wire(source.connection)
        except InputError as error:
            raise InputError(f"'{source.name}': {error}") from error
        compiled = self._compiled(source)
        unit = self._unit(wire, source.connection, source.name)
        unit.shared_by(compiled.options.registers, compiled.options.gap)
        return ModbusDriver(source, compiled, unit, self._environment.clock)

    def probe(self, connection: Connection) -> ModbusProbe:
        """A probe for whatever is at an address; see `contract.DriverProtocol.probe`."""
        clock = self._environment.clock
        link = Link(self._checked_wire(connection), connection.timeout_s, clock)
        return ModbusProbe(Unit(link, connection.unit, connection.timeout_s, clock), clock)

    def _compiled(self, source: Source) -> ModbusMap:
        try:
            profile = self._environment.library.load(source.profile)
        except InputError as error:
            raise InputError(f"'{source.name}': {error}") from error
        return compile_modbus(profile, source)

    def _checked_wire(self, connection: Connection) -> Wire:
        if connection.unit not in self.units:
            first, last = self.units[0], self.units[-1]
            raise InputError(f"unit {connection.unit}: {first} to {last} are possible")
        if not 0 < connection.timeout_s <= _LONGEST_TIMEOUT_S:
            raise InputError(
                f"time-out {connection.timeout_s} s: more than 0 and at most "
                f"{_LONGEST_TIMEOUT_S:.0f} s are possible"
            )
        return self.wire(connection)

    def _unit(self, wire: Wire, connection: Connection, name: str) -> Unit:
        clock = self._environment.clock
        self._check_one_line(wire, name)
        if wire not in self._links:
            self._links[wire] = Link(wire, connection.timeout_s, clock, name=name)
        key = (wire, connection.unit)
        if key not in self._units:
            self._units[key] = Unit(self._links[wire], connection.unit, connection.timeout_s, clock)
        return self._units[key]

    def _check_one_line(self, wire: Wire, name: str) -> None:
        """All units of a line speak at the same rate."""
        for other in self._links:
            if isinstance(wire, LineWire) and wire.where == other.where and wire != other:
                raise InputError(
                    f"'{name}': serial line {wire.where} has other settings elsewhere in the "
                    "station: baud, parity and stop bits are those of the line"
                )


class ModbusTcp(ModbusProtocol):
    """Entry point `modbus-tcp`."""

    def wire(self, connection: Connection) -> Wire:
        """A TCP connection."""
        _check_host(connection)
        return TcpWire(connection.host, connection.port)


class ModbusTls(ModbusProtocol):
    """Entry point `modbus-tls`: never falls back to plain text."""

    def wire(self, connection: Connection) -> Wire:
        """A TLS connection with the credentials that the connection names."""
        _check_host(connection)
        if not connection.credentials:
            raise InputError("modbus-tls needs 'credentials': the folder of the certificates")
        credentials = self._environment.credentials(connection.credentials)
        return TlsWire(connection.host, connection.port, credentials)


class ModbusRtu(ModbusProtocol):
    """Entry point `modbus-rtu`: a serial line of the node, or one behind a serial server."""

    units = range(1, 248)  # Modbus over serial line 1.02, 2.2: 0 is broadcast, 248 on reserved

    def wire(self, connection: Connection) -> Wire:
        """A line."""
        line = connection.serial
        if line is None:
            raise InputError("modbus-rtu needs 'serial': the line")
        _check_line(line)
        host, colon, port = line.device.rpartition(":")
        if not colon or "/" in line.device:
            return LineWire(line)
        if not (port.isascii() and port.isdigit() and host and 1 <= int(port) <= _LAST_PORT):
            raise InputError(f"serial.device '{line.device}': a device file or host:port is needed")
        return TcpWire(host, int(port), serial=True)


def _check_host(connection: Connection) -> None:
    if not connection.host or not 1 <= connection.port <= _LAST_PORT:
        raise InputError(
            f"host '{connection.host}', port {connection.port}: a host and a port from 1 to "
            f"{_LAST_PORT} are needed"
        )


def _check_line(line: SerialLine) -> None:
    if not line.device:
        raise InputError("serial.device: a device file or host:port is needed")
    if line.parity not in {"N", "E", "O"}:
        raise InputError(f"serial.parity '{line.parity}': N, E or O are possible")
    if not 300 <= line.baud <= 4_000_000:
        raise InputError(f"serial.baud {line.baud}: 300 to 4000000 are possible")
    if line.stop_bits not in {1, 2}:
        raise InputError(f"serial.stop_bits {line.stop_bits}: 1 or 2 are possible")
