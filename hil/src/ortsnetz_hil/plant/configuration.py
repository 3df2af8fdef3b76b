"""The plant's configuration as it lies in `plant/plant.json`."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.station import Side
from ortsnetz_hil.faults.specs import Fault
from ortsnetz_hil.plant.calendar import Window
from ortsnetz_hil.plant.devices.specs import (
    Battery,
    ChargePoint,
    HeatPump,
    Inverter,
    TapChanger,
)
from ortsnetz_hil.plant.events import Event
from ortsnetz_hil.plant.weather import Weather

FORMAT = "ortsnetz.plant/2"
CONFIGURATION_FILE = "plant.json"
NETWORK_FILE = "network.json"
PROFILES_FILE = "profiles.json"
SIGNING_KEY_FILE = "signing-key.pem"


class PlantMeter(Struct, frozen=True, forbid_unknown_fields=True):
    """A meter.

    Attributes:
        port: where it is reached: its own Modbus server, or the station server that it is behind.
        profile: register map: `meter-transformer`, `meter-feeder` or `meter-customer`.
        element: branch (transformer, line) or node that it watches.
        side: end of the branch, None for customers.
        loads: ids of the loads that a customer meter adds up.
        phases: network phases at its terminals: three letters, or one for a single-phase customer.
    """

    name: str
    profile: str
    port: int
    element: int
    side: Side | None
    loads: tuple[int, ...]
    phases: str


class StationServer(Struct, frozen=True, forbid_unknown_fields=True):
    """A server before several devices: the RTU of a substation, the controller of a charging park.

    Attributes:
        name: faults of the whole server are played under it.
        protocol: `dnp3` or `opcua`.
        bays: names of the devices behind it, in the order of their bays.
        credentials: name of the folder of certificates by which it is reached; None for a server
            without security.
        goose: interface on which an IED multicasts its data sets; "" for none.
    """

    name: str
    protocol: str
    port: int
    bays: tuple[str, ...]
    credentials: str | None = None
    goose: str = ""


class MeterClass(Struct, frozen=True, forbid_unknown_fields=True):
    """Accuracy of a kind of meter: standard deviations relative to the reading."""

    profile: str
    u: float
    power: float


class Pace(Struct, frozen=True, forbid_unknown_fields=True):
    """How plant time passes.

    Attributes:
        step_s: length of a step of the simulation, 0.1 to 1 s.
        cycle_s: cycle of the device under test.
        stepped: whether plant time waits after each cycle until the device under test has finished
            its own (`ortsnetz_common.link.bench_clock`); else plant time is wall time.
        clock_port: TCP port at which the device under test gets its time; stepped time only.
        factor: highest number of plant seconds a wall second in stepped time, None for as fast as
            the device under test can.
        deadline_s: wall seconds that a cycle of the device under test may take in stepped time.
    """

    step_s: float = 0.2
    cycle_s: float = 1.0
    stepped: bool = False
    clock_port: int | None = None
    factor: float | None = None
    deadline_s: float = 60.0


class PlantConfiguration(Struct, frozen=True, forbid_unknown_fields=True):
    """All that makes one plant. The same file gives the same plant, to the last bit of a replay.

    Attributes:
        seconds: length of the run in wall seconds, None for an endless one.
        host: address at which the device servers listen.
        u_pu, loading: the limits by which a run is judged (planning band, ratings).
        assumptions: what the source does not say and the bench therefore assumes, for people.
        weather: clouds on top of the sun's profiles, and the outdoor temperature.
        station_servers: servers that stand before several devices; every other device has a Modbus
            server of its own.
    """

    format: str
    node: str
    seed: int
    seconds: float | None
    host: str
    window: Window
    u_pu: tuple[float, float]
    loading: float
    meters: tuple[PlantMeter, ...]
    charge_points: tuple[ChargePoint, ...]
    inverters: tuple[Inverter, ...]
    meter_classes: tuple[MeterClass, ...]
    assumptions: tuple[str, ...]
    pace: Pace = Pace()
    heat_pumps: tuple[HeatPump, ...] = ()
    batteries: tuple[Battery, ...] = ()
    tap_changers: tuple[TapChanger, ...] = ()
    events: tuple[Event, ...] = ()
    faults: tuple[Fault, ...] = ()
    weather: Weather = Weather()
    station_servers: tuple[StationServer, ...] = ()

    def behind(self, device: str) -> StationServer | None:
        """The station server that a device is behind; None for one with a server of its own."""
        return next((s for s in self.station_servers if device in s.bays), None)

    def meter_class(self, profile: str) -> MeterClass:
        """Accuracy of a kind of meter or device.

        Raises:
            InputError: the configuration does not state one.
        """
        for known in self.meter_classes:
            if known.profile == profile:
                return known
        raise InputError(f"the plant states no accuracy for '{profile}'")


def read(directory: Path) -> PlantConfiguration:
    """Read the configuration of a plant directory.

    Raises:
        InputError: names the file and the reason.
    """
    path = directory / CONFIGURATION_FILE
    try:
        configuration = msgspec.json.decode(path.read_bytes(), type=PlantConfiguration)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise InputError(f"{path}: not a plant configuration: {error}") from error
    if configuration.format != FORMAT:
        raise InputError(f"{path}: format is '{configuration.format}', '{FORMAT}' is needed")
    return configuration


def write(configuration: PlantConfiguration, directory: Path) -> None:
    """Write the configuration into a plant directory."""
    payload = msgspec.json.format(msgspec.json.encode(configuration), indent=1)
    (directory / CONFIGURATION_FILE).write_bytes(payload)
