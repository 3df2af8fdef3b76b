"""A DNP3 station of the bench with devices that a test sets by hand, and our master before it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from ortsnetz_common.drivers.values import Source
from ortsnetz_common.parameters.station import Connection
from ortsnetz_hil.faults.meters import MeterFaults
from ortsnetz_hil.faults.specs import Fault
from ortsnetz_hil.plant.devices.charge_point import ChargePointModel
from ortsnetz_hil.plant.devices.specs import ChargePoint
from ortsnetz_hil.servers.commands import Commands, LimitSettings
from ortsnetz_hil.servers.counters import DeviceCounters
from ortsnetz_hil.servers.device_server import DeviceServer
from ortsnetz_hil.servers.dnp3_station import Dnp3Station
from ortsnetz_hil.servers.instrument import Measured
from ortsnetz_hil.servers.registers import Stamp
from ortsnetz_hil.servers.scene import Scene
from ortsnetz_hil.servers.setpoint_log import SetpointLog

HOST = "127.0.0.1"


@dataclass
class HandClock:
    """Plant time as a test sets it; its wall clock is the real one."""

    seconds: float = 0.0

    def now_s(self) -> float:
        return self.seconds

    def now_ns(self) -> int:
        import time

        return time.time_ns()


@dataclass
class HandDevice:
    """A device whose instrument shows what a test puts there."""

    name: str
    profile: str
    clock: HandClock
    phases: str = "abc"
    commands: Commands | None = None
    model: ChargePointModel | None = None
    port: int = 1
    values: int = 13
    scene: Scene = field(default_factory=Scene)
    shown: Measured | None = None

    def set(self, u: float, p: float, q: float = 0.0) -> None:
        """Every terminal shows the same; powers a third each."""
        self.put([u] * 3, [p / 3] * 3, [q / 3] * 3)

    def put(self, u: Iterable[float], p: Iterable[float], q: Iterable[float]) -> None:
        volts, watts, vars_ = np.array(list(u)), np.array(list(p)), np.array(list(q))
        amperes = np.hypot(watts, vars_) / volts
        self.shown = Measured(volts, watts, vars_, amperes)
        self.scene.step = cast("Any", SimpleNamespace(now_s=self.clock.now_s()))
        self.scene.time_ns = self.clock.now_ns()

    def measured(self) -> Measured:
        assert self.shown is not None
        return self.shown

    def image(self, _: Measured, __: Stamp) -> list[int]:
        return [3, 160, 250, *[0] * 22]  # state C, a limit of 16 A, the car asks for 25 A


def meter(name: str, clock: HandClock) -> HandDevice:
    device = HandDevice(name, "meter-feeder", clock)
    device.set(230.0, 3000.0)
    return device


def charge_point(name: str, clock: HandClock) -> HandDevice:
    model = ChargePointModel(
        ChargePoint(name, 1, 2, 15000, "abc", 32, 7, reaction_s=1.0, sessions=())
    )
    commands = Commands(2000, LimitSettings(model))
    device = HandDevice(name, "ev-controller", clock, commands=commands, model=model)
    device.set(230.0, 6900.0)
    return device


def owner(device: HandDevice, directory: Path, faults: tuple[Fault, ...] = ()) -> DeviceServer:
    return DeviceServer(
        cast("Any", device),
        DeviceCounters(device.profile, device.port, device.values),
        SetpointLog(directory),
        device.clock,
        MeterFaults(faults, device.name, 1),
    )


@dataclass
class Bench:
    """A station with two feeders and a charge point."""

    directory: Path
    faults: tuple[Fault, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.clock = HandClock()
        self.feeders = [meter("feeder-1", self.clock), meter("feeder-2", self.clock)]
        self.ev = charge_point("ev-1", self.clock)
        self.devices = [*self.feeders, self.ev]
        self.owners = [owner(each, self.directory, self.faults) for each in self.devices]
        self.station = Dnp3Station(self.owners, **{"name": "rtu-7", **self.options})

    def step(self, seconds: float = 1.0) -> None:
        """Plant time goes on, and the station looks at its devices."""
        self.clock.seconds += seconds
        for device in self.devices:
            device.scene.step = cast("Any", SimpleNamespace(now_s=self.clock.seconds))
            device.scene.time_ns = self.clock.now_ns()
        self.station.tick(self.clock.seconds)


def connection(port: int, bay: str = "", **options: Any) -> Connection:
    return Connection(
        **{
            "protocol": "dnp3",
            "host": HOST,
            "port": port,
            "unit": 1024,
            "own_address": 1,
            "timeout_s": 2.0,
            "bay": bay,
            **options,
        }
    )


def feeder(port: int, bay: int, profile: str = "rtu-feeder", **options: Any) -> Source:
    return Source(f"feeder-{bay + 1}", profile, connection(port, str(bay), **options), 10 + bay, 3)


def ev(port: int, profile: str = "rtu-charge-point", **options: Any) -> Source:
    return Source("ev-1", profile, connection(port, "2", **options), 20, 3, rated_w=22_080.0)


def close(value: float | None, to: float, within: float = 0.06) -> bool:
    return value is not None and math.isclose(value, to, abs_tol=within)
