"""One device in an OPC UA park: what it shows and which commands it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from asyncua import ua
from asyncua.ua.status_codes import StatusCodes

from ortsnetz_hil.faults.devices import DeviceFailureError, DeviceFaults
from ortsnetz_hil.faults.meters import MeterFaults
from ortsnetz_hil.plant.devices.watchdog import RefusedValueError
from ortsnetz_hil.servers.commands import SETPOINT, BusyDeviceError
from ortsnetz_hil.servers.counters import DeviceCounters
from ortsnetz_hil.servers.devices import Served
from ortsnetz_hil.servers.opcua_nodes import PREFIXES, measured_values, names_of, status_values
from ortsnetz_hil.servers.plant_clock import PlantClock
from ortsnetz_hil.servers.setpoint_log import SetpointLog, SetpointWrite

REFUSALS = {
    RefusedValueError: StatusCodes.BadOutOfRange,
    DeviceFailureError: StatusCodes.BadDeviceFailure,
    BusyDeviceError: StatusCodes.BadResourceUnavailable,
}
_LARGEST = 2**16 - 1


@dataclass(frozen=True, slots=True)
class Shot:
    """What a bay shows at an instant.

    Attributes:
        code: status code of all values; without a good one there are none.
        time_ns: the device's own clock, UTC.
        values: in the order of `Bay.variables`.
    """

    code: int
    time_ns: int
    values: list[float]


@dataclass(slots=True)
class Bay:
    """A device and its place.

    Attributes:
        place: within the park, e.g. `1`; node ids are `CP1.Voltage1`.
        counters: `reads` counts reports and reads that carried the device's values, `values` these.
        log: takes accepted setpoints.
        clock: plant time.
        meter_faults, device_faults: what is wrong with the device.
        variables: name, type and unit of what changes by itself.
    """

    device: Served
    place: str
    counters: DeviceCounters
    log: SetpointLog
    clock: PlantClock
    meter_faults: MeterFaults
    device_faults: DeviceFaults = field(default_factory=DeviceFaults)
    variables: list[tuple[str, ua.VariantType, str]] = field(init=False)
    _restarts: int = 0

    def __post_init__(self) -> None:
        if self.device.commands is not None:
            self.device.commands.faults = self.device_faults
        self.variables = list(names_of(self.device.profile, len(self.device.phases)))

    @property
    def stem(self) -> str:
        """Node id of the device's object."""
        return f"{PREFIXES[self.device.profile]}{self.place}"

    @property
    def setpoints(self) -> list[int]:
        """What the command nodes show after power-up."""
        commands = self.device.commands
        return [] if commands is None else commands.shown(self.clock.now_s())

    def tick(self, now_s: float) -> bool:
        """Live through a step of the plant; whether the device has restarted in it."""
        commands = self.device.commands
        if commands is not None:
            commands.tick(now_s)
        restarts = self.device_faults.restarts(now_s)
        if restarts == self._restarts:
            return False
        self._restarts = restarts
        if commands is not None:
            commands.restart()
        return True

    def shot(self) -> Shot:
        """What it shows of the last step."""
        scene, faults = self.device.scene, self.meter_faults
        now_s = scene.truth().now_s
        shown = faults.show(self.device.measured(), now_s)  # frozen meters look at each step
        time_ns = faults.stamp_ns(scene.time_ns, now_s)
        code = self._unreachable(now_s)
        if code:
            return Shot(code, scene.time_ns, [])
        values = measured_values(shown)
        said: Callable[[int, float], Any] | None = getattr(self.device, "status", None)
        if said is not None and self.device.commands is not None:
            limit = self.device.commands.setpoint(now_s)
            values += status_values(self.device.profile, said(limit, now_s))
        return Shot(0, time_ns, values)

    def command(self, place: int, value: int) -> int:
        """Take a command at the moment of its write.

        Args:
            place: of the command node, 0 is the setpoint.
            value: as written.

        Returns:
            The status code of the write.
        """
        commands = self.device.commands
        now_s = self.clock.now_s()
        code = self._unreachable(now_s)
        if commands is None or code:
            self.counters.unanswered += 1
            return code or int(StatusCodes.BadNotWritable)
        if not 0 <= value <= _LARGEST:
            self.counters.refused += 1
            return int(StatusCodes.BadOutOfRange)
        before = commands.real
        try:
            commands.write(place, [value], now_s)
        except (RefusedValueError, DeviceFailureError, BusyDeviceError) as refusal:
            self.counters.refused += 1
            return int(REFUSALS[type(refusal)])
        if place == SETPOINT:
            time_ns = self.clock.now_ns()
            self.counters.writes += 1
            self.counters.last_write_ns = time_ns
            self.log.note(SetpointWrite(time_ns, self.device.name, value, before))
        return 0

    def _unreachable(self, now_s: float) -> int:
        """Why the park's controller does not reach the device; 0 if it does."""
        if self.device_faults.port(now_s, 1) is None:
            return int(StatusCodes.BadNotConnected)
        if not self.meter_faults.answers(now_s):
            return int(StatusCodes.BadCommunicationError)
        return 0
