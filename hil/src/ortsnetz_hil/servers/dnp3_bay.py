"""One device of the plant as a bay of a DNP3 station, after docs/register-maps.md.

The station reads its devices as an RTU does: what their registers say is what it knows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from py1815.control import AnalogOutput, CommandStatus
from py1815.objects import AnalogPoint, AnalogQuality

from ortsnetz_hil.faults.devices import DeviceFailureError, DeviceFaults
from ortsnetz_hil.faults.meters import MeterFaults
from ortsnetz_hil.plant.devices.watchdog import RefusedValueError
from ortsnetz_hil.servers.commands import SETPOINT, BusyDeviceError, Commands
from ortsnetz_hil.servers.counters import DeviceCounters
from ortsnetz_hil.servers.devices import Served
from ortsnetz_hil.servers.maps import three
from ortsnetz_hil.servers.plant_clock import PlantClock
from ortsnetz_hil.servers.registers import Stamp
from ortsnetz_hil.servers.setpoint_log import SetpointLog, SetpointWrite

STRIDE = 20
"""Indexes of bay n begin at n times this, of inputs and of outputs alike."""
VOLTAGE, CURRENT, ACTIVE, REACTIVE, LIMIT, AVAILABLE, STATE = 0, 3, 6, 9, 12, 13, 14
INPUTS = 15
OUTPUTS = 3
"""Limit, fall-back time, fall-back limit: the order of `servers.commands`."""
SCALES = (100.0, 1000.0, 10.0, 10.0)
"""Counts of one V, A, W, var."""
LARGEST = 0xFFFF
ABSENT = 0xFFFF


@dataclass(frozen=True, slots=True)
class _Said:
    """Where a device's block says more: place of the register, and the counts of one."""

    available: int
    counts: float
    state: int | None = None
    signed: bool = False


_SAID = {
    "ev-controller": _Said(available=2, counts=1.0, state=0),
    "pv-inverter": _Said(available=17, counts=1.0),
    "heat-pump": _Said(available=19, counts=10.0),
    "home-battery": _Said(available=23, counts=10.0, signed=True),
}


class Owner(Protocol):
    """Who owns a device's counters, commands and faults: `servers.device_server.DeviceServer`."""

    device: Served
    counters: DeviceCounters
    log: SetpointLog
    clock: PlantClock
    meter_faults: MeterFaults
    device_faults: DeviceFaults

    def tick(self, now_s: float) -> None:
        """Live through a step of the plant."""

    def restart(self) -> None:
        """The device has restarted."""


@dataclass(slots=True)
class Bay:
    """A device behind the station.

    Attributes:
        number: of the bay, from 0.
        inputs: its analog inputs as they were last seen.
        time_ns: the device's own clock then.
        changed: whether it was looked at since its changes were pushed.
    """

    owner: Owner
    number: int
    inputs: list[AnalogPoint] = field(default_factory=list)
    time_ns: int = 0
    changed: bool = False
    _restarts: int = 0

    @property
    def name(self) -> str:
        """The device's name."""
        return self.owner.device.name

    @property
    def first(self) -> int:
        """Index of its first input and output."""
        return self.number * STRIDE

    @property
    def answers(self) -> bool:
        """Whether the station can reach the device now."""
        now_s, faults = self.owner.clock.now_s(), self.owner.device_faults
        there = faults.port(now_s, self.owner.device.port) is not None
        return there and self.owner.meter_faults.answers(now_s)

    def live(self, now_s: float) -> None:
        """Live through a step of the plant: restarts, what was delayed, what is measured.

        Args:
            now_s: instant of the step, plant seconds.
        """
        restarts = self.owner.device_faults.restarts(now_s)
        if restarts != self._restarts:
            self._restarts = restarts
            self.owner.restart()
        self.owner.tick(now_s)
        self.look()

    def look(self) -> None:
        """Read the device, or keep what it said last, marked as such, while it does not answer."""
        self.changed = True
        if self.answers:
            self._read()
            return
        self.time_ns = self.owner.device.scene.time_ns
        if self.inputs:
            self.inputs = [
                AnalogPoint(point.value, (point.flags & ~AnalogQuality.ONLINE) | _LOST)
                for point in self.inputs
            ]
        else:
            self.inputs = [AnalogPoint(0.0, _LOST)] * INPUTS

    def outputs(self) -> list[AnalogPoint]:
        """Analog output status: what the device says is in force; nothing for a meter."""
        commands = self.owner.device.commands
        if commands is None:
            return []
        flags = int(AnalogQuality.ONLINE) if self.answers else _LOST
        shown = commands.shown(self.owner.clock.now_s())[:OUTPUTS]
        return [AnalogPoint(float(value), flags) for value in shown]

    def would(self, place: int, command: AnalogOutput) -> CommandStatus:
        """Whether a command would be taken (select)."""
        commands, value = self.owner.device.commands, command.value
        if commands is None or not 0 <= place < commands.count:
            return CommandStatus.NOT_SUPPORTED
        if not math.isfinite(value) or value != round(value):
            return CommandStatus.FORMAT_ERROR
        if not self.answers:
            return CommandStatus.DOWNSTREAM_FAIL
        if self.owner.device_faults.rejecting(self.owner.clock.now_s()):
            return CommandStatus.HARDWARE_ERROR
        return _checked(commands, place, round(value))

    def operate(self, place: int, command: AnalogOutput) -> CommandStatus:
        """Take a command."""
        status = self.would(place, command)
        commands = self.owner.device.commands
        if status is CommandStatus.SUCCESS and commands is not None:
            value, before = round(command.value), commands.real
            try:
                commands.write(place, [value], self.owner.clock.now_s())
            except (RefusedValueError, DeviceFailureError, BusyDeviceError) as refusal:
                status = _REFUSALS[type(refusal)]
            else:
                if place == SETPOINT:
                    self._note(value, before)
                self.look()
        if status is not CommandStatus.SUCCESS:
            self.owner.counters.refused += 1
        return status

    def served(self) -> None:
        """The station has answered a poll: that was a read of each device that answers."""
        counters = self.owner.counters
        if self.answers:
            counters.reads += 1
            counters.values += self.owner.device.values
        else:
            counters.unanswered += 1

    def _note(self, value: int, before: int) -> None:
        time_ns = self.owner.clock.now_ns()
        self.owner.counters.writes += 1
        self.owner.counters.last_write_ns = time_ns
        self.owner.log.note(SetpointWrite(time_ns, self.name, value, before))

    def _read(self) -> None:
        device, faults = self.owner.device, self.owner.meter_faults
        scene = device.scene
        now_s = scene.truth().now_s
        shown = faults.show(device.measured(), now_s)
        self.time_ns = faults.stamp_ns(scene.time_ns, now_s)
        values: list[float] = []
        for terminals, scale in zip((shown.u, shown.i, shown.p, shown.q), SCALES, strict=True):
            values += _counts(terminals, scale)
        commands = device.commands
        limit = math.nan if commands is None else float(commands.setpoint(now_s))
        registers = device.image(shown, Stamp(0, self.time_ns))
        values += [limit, *_more(device.profile, registers)]
        self.inputs = [AnalogPoint(value, int(AnalogQuality.ONLINE)) for value in values]


_LOST = int(AnalogQuality.COMM_LOST)
_REFUSALS = {
    RefusedValueError: CommandStatus.OUT_OF_RANGE,
    DeviceFailureError: CommandStatus.HARDWARE_ERROR,
    BusyDeviceError: CommandStatus.TOO_MANY_OPS,
}


def _checked(commands: Commands, place: int, value: int) -> CommandStatus:
    if not 0 <= value <= LARGEST:  # its register has 16 bits
        return CommandStatus.OUT_OF_RANGE
    try:
        commands.settings.check(place, value)
    except RefusedValueError:
        return CommandStatus.OUT_OF_RANGE
    return CommandStatus.SUCCESS


def _counts(terminals: NDArray[np.float64], scale: float) -> list[float]:
    """Whole counts at terminals 1 to 3; NaN for what is not connected or not measured."""
    return [float(value) for value in np.round(three(terminals) * scale)]


def _more(profile: str, registers: list[int]) -> tuple[float, float]:
    """What is available or asked for, and the state; NaN for what the device does not say."""
    said = _SAID.get(profile)
    if said is None:
        return math.nan, math.nan
    raw = registers[said.available]
    if said.signed and raw > LARGEST // 2:
        raw -= LARGEST + 1
    available = math.nan if raw == ABSENT else raw * said.counts
    return available, math.nan if said.state is None else float(registers[said.state])
