"""One Modbus TCP server for one device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.server.requesthandler import ServerRequestHandler
from pymodbus.simulator import DataType, SimData, SimDevice

from ortsnetz_common.measurement.time import now_ns
from ortsnetz_hil.plant.devices.watchdog import RefusedValueError
from ortsnetz_hil.servers import maps
from ortsnetz_hil.servers.counters import DeviceCounters
from ortsnetz_hil.servers.devices import Served
from ortsnetz_hil.servers.setpoint_log import SetpointLog, SetpointWrite

UNIT = 1
READ_HOLDING = 3
WRITES = {6, 16}
SETTINGS = 3


@dataclass(slots=True)
class DeviceServer:
    """A device's registers, counters and commands behind a TCP port.

    Attributes:
        device: what is served.
        counters: counts what was answered.
        log: takes accepted setpoints.
        elapsed_s: wall seconds of an instant, in the plant's scale.
        silent: whether the device does not answer at the moment.
    """

    device: Served
    counters: DeviceCounters
    log: SetpointLog
    elapsed_s: Callable[[int], float]
    silent: Callable[[], bool]

    def create(self, host: str) -> ModbusTcpServer:
        """The server, not yet listening; needs a running event loop."""
        block = maps.BLOCKS[self.device.profile]
        memory = [_memory(block.address, block.count)]
        if self.device.commands is not None:
            memory.append(_memory(self.device.commands.address, SETTINGS))
        device = SimDevice(id=UNIT, simdata=memory, action=self.access)
        return _Server(self, device, (host, self.device.port))

    async def access(  # noqa: PLR0917 - pymodbus' signature
        self,
        function: int,
        start: int,
        address: int,
        count: int,
        registers: list[int],
        values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        """Called by pymodbus before it answers: fills registers, or takes a command."""
        if values is not None:
            result = self._write(function, address, [int(v) for v in values])
        else:
            result = self._read(function, start, address, count, registers)
        if result is not None:
            self.counters.refused += 1
        return result

    def _read(
        self, function: int, start: int, address: int, count: int, registers: list[int]
    ) -> ExcCodes | None:
        block, commands = maps.BLOCKS[self.device.profile], self.device.commands
        if commands is not None and address >= commands.address:
            # pymodbus reads a single register back after writing it, under the write's function
            if function not in {READ_HOLDING, *WRITES}:
                return ExcCodes.ILLEGAL_FUNCTION
            first = commands.address - start
            registers[first : first + SETTINGS] = commands.settings()
            return None
        if function != block.function:
            return ExcCodes.ILLEGAL_FUNCTION
        whole = address == block.address and count == block.count
        image = self.device.registers(self.counters.reads + (1 if whole else 0))
        first = block.address - start
        registers[first : first + block.count] = image
        if whole:
            self.counters.reads += 1
            self.counters.values += self.device.values
        return None

    def _write(self, function: int, address: int, values: list[int]) -> ExcCodes | None:
        commands = self.device.commands
        if commands is None or function not in WRITES:
            return ExcCodes.ILLEGAL_FUNCTION
        first = address - commands.address
        if first < 0:
            return ExcCodes.ILLEGAL_ADDRESS
        time_ns, before = now_ns(), commands.settings()[0]
        try:
            commands.write(first, values, self.elapsed_s(time_ns))
        except RefusedValueError:
            return ExcCodes.ILLEGAL_VALUE
        if first == 0:
            self.counters.writes += 1
            self.counters.last_write_ns = time_ns
            self.log.note(SetpointWrite(time_ns, self.device.name, values[0], before))
        return None


def _memory(address: int, count: int) -> SimData:
    return SimData(address, count=count, values=0, datatype=DataType.REGISTERS)


class _Server(ModbusTcpServer):
    """A server whose device can fall silent."""

    def __init__(self, owner: DeviceServer, device: SimDevice, address: tuple[str, int]) -> None:
        super().__init__(device, address=address)
        self._owner = owner

    def callback_new_connection(self) -> ServerRequestHandler:
        """A client has connected."""
        return _RequestHandler(self._owner, self)


class _RequestHandler(ServerRequestHandler):
    """Leaves requests without an answer while the device is silent."""

    def __init__(self, owner: DeviceServer, server: ModbusTcpServer) -> None:
        super().__init__(server, None, None, None)  # type: ignore[no-untyped-call]
        self._owner = owner

    async def handle_request(self) -> None:
        """Answer, or stay silent."""
        if self._owner.silent():
            self._owner.counters.unanswered += 1
            return
        await super().handle_request()  # type: ignore[no-untyped-call]
