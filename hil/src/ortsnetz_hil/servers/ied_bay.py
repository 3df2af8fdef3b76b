"""One device of the plant as a logical device of an IED."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ortsnetz_common.link.bench_ied import INVALID, OLD_DATA, TAKEN, Command
from ortsnetz_common.link.bench_ied import Bay as Template
from ortsnetz_hil.faults.devices import DeviceFailureError
from ortsnetz_hil.plant.devices.watchdog import RefusedValueError
from ortsnetz_hil.servers import ied_points
from ortsnetz_hil.servers.breaker import SWITCHING_HIERARCHY, Breaker
from ortsnetz_hil.servers.commands import SETPOINT, BusyDeviceError, Commands
from ortsnetz_hil.servers.device_server import DeviceServer
from ortsnetz_hil.servers.ied_points import Commanded
from ortsnetz_hil.servers.setpoint_log import SetpointWrite

NOT_SUPPORTED, IN_EXECUTION, BLOCKED_BY_HEALTH = 1, 12, 13
COMMUNICATION_LOSS, INCONSISTENT = 23, 26
"""Additional causes (IEC 61850-7-2, 20.5.2.9)."""
REFUSALS = {
    RefusedValueError: INCONSISTENT,
    DeviceFailureError: BLOCKED_BY_HEALTH,
    BusyDeviceError: IN_EXECUTION,
}
SECONDS_AN_HOUR = 3600.0


@dataclass(slots=True)
class Row:
    """A value as the IED shows it."""

    value: float
    quality: int
    time_ns: int


@dataclass(slots=True)
class IedBay:
    """A device and its place.

    Attributes:
        number: of the bay, from 1; its logical device is `FD1`, `CP2`, ...
        rows: what it shows, in the order of `references`.
    """

    owner: DeviceServer
    number: int
    kind: str = field(init=False)
    rows: list[Row] = field(default_factory=list)
    _energy_wh: list[float] = field(default_factory=lambda: [0.0, 0.0])
    _looked_s: float | None = None
    _restarts: int = 0

    def __post_init__(self) -> None:
        self.kind = ied_points.KINDS[self.owner.device.profile]

    @property
    def instance(self) -> str:
        """Name of its logical device."""
        return f"{self.kind}{self.number}"

    @property
    def template(self) -> Template:
        """What the IED makes its logical device of."""
        device = self.owner.device
        return Template(self.kind, self.instance, device.profile, device.name)

    @property
    def references(self) -> tuple[str, ...]:
        """What it shows."""
        found = ied_points.references(self.kind, len(self.owner.device.phases))
        if self.owner.device.breaker is not None:
            found += ied_points.BREAKER
        return tuple(f"{self.instance}/{reference}" for reference in found)

    @property
    def settings(self) -> tuple[str, ...]:
        """What clients may write."""
        commands = ied_points.COMMANDS.get(self.kind, ())
        return tuple(f"{self.instance}/{c.reference}" for c in commands if c.is_setting)

    @property
    def answers(self) -> bool:
        """Whether the IED can reach the device now."""
        now_s, faults = self.owner.clock.now_s(), self.owner.device_faults
        there = faults.port(now_s, 1) is not None
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
        """Read the device; while it does not answer, what it said last is invalid and old."""
        device, faults = self.owner.device, self.owner.meter_faults
        scene = device.scene
        now_s = scene.truth().now_s
        shown = faults.show(device.measured(), now_s)  # frozen meters look at each step
        values = [*ied_points.measured(shown)]
        self._count_energy(values[-2], now_s)
        if not self.answers:
            lost = INVALID | OLD_DATA
            known = self.rows or [Row(0.0, 0, scene.time_ns)] * len(self.references)
            self.rows = [Row(row.value, lost, row.time_ns) for row in known]
            return
        time_ns = faults.stamp_ns(scene.time_ns, now_s)
        if self.kind == "FD":
            values += [math.floor(energy) for energy in self._energy_wh]
        values += self._said(now_s)
        self.rows = [_row(value, time_ns) for value in values]
        if device.breaker is not None:
            shown_there = device.breaker.shown(time_ns, local=self._local(now_s))
            self.rows += [Row(value, 0, since_ns) for value, since_ns in shown_there]

    def command(self, command: Command) -> int:
        """What becomes of a command: `TAKEN` or an additional cause."""
        take = self._way_of(command)
        if take is None:
            return self._refused(NOT_SUPPORTED)
        if not self.answers:
            self.owner.counters.unanswered += 1
            return COMMUNICATION_LOSS
        if command.value is None:  # a client selects without saying what it will operate
            return TAKEN
        cause = take()
        return TAKEN if cause == TAKEN else self._refused(cause)

    def _way_of(self, command: Command) -> Callable[[], int] | None:
        """What takes a command; None if the device has nothing that does."""
        device, part = self.owner.device, command.reference.partition("/")[2]
        if device.breaker is not None and part in {ied_points.POSITION, *ied_points.BLOCKS}:
            return partial(self._operate, device.breaker, part, command)
        place = self._place(command.reference)
        if device.commands is None or place is None:
            return None
        return partial(self._set, device.commands, place, command)

    def _set(self, commands: Commands, place: Commanded, command: Command) -> int:
        try:
            self._take(commands, place.place, _number(place, command), command)
        except (RefusedValueError, DeviceFailureError, BusyDeviceError) as refusal:
            return REFUSALS[type(refusal)]
        return TAKEN

    def served(self) -> None:
        """Its values have been shown while somebody was connected."""
        counters = self.owner.counters
        counters.reads += 1
        counters.values += self.owner.device.values

    def _take(self, commands: Commands, place: int, value: int, command: Command) -> None:
        now_s = self.owner.clock.now_s()
        if command.step == "check" or command.test:
            if self.owner.device_faults.rejecting(now_s):
                raise DeviceFailureError
            commands.settings.check(place, value)
            return
        before = commands.real
        commands.write(place, [value], now_s)
        if place == SETPOINT:
            time_ns = self.owner.clock.now_ns()
            self.owner.counters.writes += 1
            self.owner.counters.last_write_ns = time_ns
            self.owner.log.note(SetpointWrite(time_ns, self.owner.device.name, value, before))
        self.look()

    def _operate(self, breaker: Breaker, part: str, command: Command) -> int:
        """Move a breaker, or forbid it to move; `TAKEN` or an additional cause."""
        now_s, wanted = self.owner.clock.now_s(), command.value
        if not isinstance(wanted, bool):
            return INCONSISTENT
        local, moves = self._local(now_s), part == ied_points.POSITION
        cause = SWITCHING_HIERARCHY if local else TAKEN
        if moves:
            cause = breaker.refusal(close=wanted, local=local)
        if cause != TAKEN or command.step == "check" or command.test:
            return cause
        if moves:
            breaker.move(now_s, close=wanted)
        else:
            breaker.block(opening=part == ied_points.OPENING, blocked=wanted)
        self.owner.counters.writes += 1
        self.owner.counters.last_write_ns = self.owner.clock.now_ns()
        self.look()
        return TAKEN

    def _local(self, now_s: float) -> bool:
        """Whether a breaker is operated on the spot only: the fault that takes no set points."""
        return self.owner.device_faults.rejecting(now_s)

    def _place(self, reference: str) -> Commanded | None:
        for command in ied_points.COMMANDS.get(self.kind, ()):
            if reference == f"{self.instance}/{command.reference}":
                return command
        return None

    def _refused(self, cause: int) -> int:
        self.owner.counters.refused += 1
        return cause

    def _said(self, now_s: float) -> list[float]:
        device: Any = self.owner.device
        commands = self.owner.device.commands
        if commands is None:
            return []
        said = device.status(commands.setpoint(now_s), now_s)
        in_force = commands.shown(now_s)
        values = [float(each.of(said)) for each in ied_points.STATUS.get(self.kind, ())]
        values += [
            each.value(in_force[each.place]) for each in ied_points.COMMANDS.get(self.kind, ())
        ]
        return values

    def _count_energy(self, power_w: float, now_s: float) -> None:
        """Count what flows to the feeder, and what comes back; consumption is positive."""
        since_s = 0.0 if self._looked_s is None else now_s - self._looked_s
        self._looked_s = now_s
        if since_s > 0.0 and math.isfinite(power_w):
            self._energy_wh[power_w < 0.0] += abs(power_w) * since_s / SECONDS_AN_HOUR


def _row(value: float, time_ns: int) -> Row:
    """What is not measured is invalid; it has no number."""
    return Row(0.0, INVALID, time_ns) if math.isnan(value) else Row(value, 0, time_ns)


def _number(place: Commanded, command: Command) -> int:
    """The register's number of a command. Raises RefusedValueError."""
    wanted = command.value
    found = None if isinstance(wanted, str | None) else ied_points.register(place, float(wanted))
    if found is None:
        raise RefusedValueError(f"{command.reference} cannot be {wanted}")
    return found
