"""One Modbus TCP server for one device."""

from __future__ import annotations

from dataclasses import dataclass, field

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.server.requesthandler import ServerRequestHandler
from pymodbus.simulator import DataType, SimData, SimDevice

from ortsnetz_hil.faults.connection import reset
from ortsnetz_hil.faults.devices import DeviceFailureError, DeviceFaults
from ortsnetz_hil.faults.meters import MeterFaults
from ortsnetz_hil.plant.devices.watchdog import RefusedValueError
from ortsnetz_hil.servers import identity_block, maps
from ortsnetz_hil.servers.commands import SETPOINT, BusyDeviceError, Commands
from ortsnetz_hil.servers.counters import DeviceCounters
from ortsnetz_hil.servers.devices import Served
from ortsnetz_hil.servers.instrument import Measured
from ortsnetz_hil.servers.plant_clock import PlantClock
from ortsnetz_hil.servers.registers import Stamp
from ortsnetz_hil.servers.setpoint_log import SetpointLog, SetpointWrite

UNIT = 1
READ_HOLDING = 3
WRITES = {6, 16}
REFUSALS = {
    RefusedValueError: ExcCodes.ILLEGAL_VALUE,
    DeviceFailureError: ExcCodes.DEVICE_FAILURE,
    BusyDeviceError: ExcCodes.DEVICE_BUSY,
}


@dataclass(slots=True)
class DeviceServer:
    """A device's registers, counters and commands behind a TCP port.

    Attributes:
        device: what is served.
        counters: counts what was answered, over restarts of the device.
        log: takes accepted setpoints.
        clock: plant time.
        meter_faults, device_faults: what is wrong with the device.
    """

    device: Served
    counters: DeviceCounters
    log: SetpointLog
    clock: PlantClock
    meter_faults: MeterFaults
    device_faults: DeviceFaults = field(default_factory=DeviceFaults)
    _reads_before: int = 0
    _written: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.device.commands is not None:
            self.device.commands.faults = self.device_faults

    def create(self, address: tuple[str, int]) -> ResettableServer:
        """The server, not yet listening; needs a running event loop."""
        block = maps.BLOCKS[self.device.profile]
        memory = [
            _memory(block.address, block.count),
            _memory(identity_block.ADDRESS, identity_block.COUNT),
        ]
        if self.device.commands is not None:
            memory.append(_memory(self.device.commands.address, self.device.commands.count))
        device = SimDevice(id=UNIT, simdata=memory, action=self.access)
        return ResettableServer(self, device, address)

    @property
    def answers(self) -> bool:
        """Whether the device answers now."""
        return self.meter_faults.answers(self.clock.now_s())

    def tick(self, now_s: float) -> None:
        """Live through a step of the plant.

        Args:
            now_s: instant of the step, plant seconds.
        """
        if self.device.commands is not None:
            self.device.commands.tick(now_s)
        if self.meter_faults.remembers:
            self._shown()

    def restart(self) -> None:
        """The device has restarted: factory settings, and its reads count from one again."""
        self._reads_before = self.counters.reads
        if self.device.commands is not None:
            self.device.commands.restart()

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
        commands = self.device.commands
        if values is not None:
            result = self._write(function, address, [int(v) for v in values])
        elif address >= identity_block.ADDRESS:
            result = self._read_identity(function, start, registers)
        elif commands is not None and address >= commands.address:
            result = self._read_commands(commands, function, start, registers)
        else:
            result = self._read(function, start, address, count, registers)
        if result is not None:
            self.counters.refused += 1
        return result

    def _read_identity(self, function: int, start: int, registers: list[int]) -> ExcCodes | None:
        if function != READ_HOLDING:
            return ExcCodes.ILLEGAL_FUNCTION
        first = identity_block.ADDRESS - start
        shown = identity_block.identity_block(self.device.profile, self.device.name)
        registers[first : first + identity_block.COUNT] = shown
        return None

    def _read_commands(
        self, commands: Commands, function: int, start: int, registers: list[int]
    ) -> ExcCodes | None:
        shown = commands.shown(self.clock.now_s())
        if function in WRITES:
            # pymodbus reads a single register back after writing it and answers that; a device
            # that confirms echoes what it was told, whatever is in force
            shown = [self._written.get(place, value) for place, value in enumerate(shown)]
        elif function != READ_HOLDING:
            return ExcCodes.ILLEGAL_FUNCTION
        first = commands.address - start
        registers[first : first + commands.count] = shown
        return None

    def _read(
        self, function: int, start: int, address: int, count: int, registers: list[int]
    ) -> ExcCodes | None:
        block = maps.BLOCKS[self.device.profile]
        if function != block.function:
            return ExcCodes.ILLEGAL_FUNCTION
        whole = address == block.address and count == block.count
        shown, time_ns = self._shown()
        reads = self.counters.reads - self._reads_before + (1 if whole else 0)
        first = block.address - start
        image = self.device.image(shown, Stamp(reads, time_ns))
        registers[first : first + block.count] = image
        if whole:
            self.counters.reads += 1
            self.counters.values += self.device.values
        return None

    def _shown(self) -> tuple[Measured, int]:
        """What the instrument shows of the last step, and its clock."""
        scene, faults = self.device.scene, self.meter_faults
        now_s = scene.truth().now_s
        shown = faults.show(self.device.measured(), now_s)
        return shown, faults.stamp_ns(scene.time_ns, now_s)

    def _write(self, function: int, address: int, values: list[int]) -> ExcCodes | None:
        commands = self.device.commands
        if commands is None or function not in WRITES:
            return ExcCodes.ILLEGAL_FUNCTION
        first = address - commands.address
        if not 0 <= first < commands.count:
            return ExcCodes.ILLEGAL_ADDRESS
        before = commands.real
        try:
            commands.write(first, values, self.clock.now_s())
        except (RefusedValueError, DeviceFailureError, BusyDeviceError) as refusal:
            return REFUSALS[type(refusal)]
        self._written = dict(enumerate(values, start=first))
        if first == SETPOINT:
            time_ns = self.clock.now_ns()
            self.counters.writes += 1
            self.counters.last_write_ns = time_ns
            self.log.note(SetpointWrite(time_ns, self.device.name, values[0], before))
        return None


def _memory(address: int, count: int) -> SimData:
    return SimData(address, count=count, values=0, datatype=DataType.REGISTERS)


class ResettableServer(ModbusTcpServer):
    """A server whose device can fall silent, and that can go down like a device that restarts."""

    def __init__(self, owner: DeviceServer, device: SimDevice, address: tuple[str, int]) -> None:
        super().__init__(device, address=address)
        self._owner = owner

    @property
    def port(self) -> int:
        """The port at which it listens."""
        return int(self.transport.sockets[0].getsockname()[1])  # type: ignore[attr-defined]

    def callback_new_connection(self) -> ServerRequestHandler:
        """A client has connected."""
        return _RequestHandler(self._owner, self)

    async def go_down(self) -> None:
        """Reset all connections and close the port."""
        for connection in list(self.active_connections.values()):
            reset(connection.transport)
        await self.shutdown()  # type: ignore[no-untyped-call]


class _RequestHandler(ServerRequestHandler):
    """Leaves requests without an answer while the device is silent."""

    def __init__(self, owner: DeviceServer, server: ModbusTcpServer) -> None:
        super().__init__(server, None, None, None)  # type: ignore[no-untyped-call]
        self._owner = owner

    async def handle_request(self) -> None:
        """Answer, or stay silent."""
        if not self._owner.answers:
            self._owner.counters.unanswered += 1
            return
        await super().handle_request()  # type: ignore[no-untyped-call]
