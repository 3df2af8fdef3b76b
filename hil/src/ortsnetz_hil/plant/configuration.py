"""The plant's configuration as it lies in `plant/plant.json`."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.station import Side
from ortsnetz_hil.plant.calendar import Window

FORMAT = "ortsnetz.plant/1"
CONFIGURATION_FILE = "plant.json"
NETWORK_FILE = "network.json"
PROFILES_FILE = "profiles.json"
SIGNING_KEY_FILE = "signing-key.pem"


class Session(Struct, frozen=True, forbid_unknown_fields=True):
    """One stay of a car; the same each day of the calendar.

    Attributes:
        arrival_s, departure_s: calendar seconds since the beginning of the window.
        energy_wh: what its battery takes.
        max_a: highest current that the car takes, per phase.
    """

    arrival_s: float
    departure_s: float
    energy_wh: float
    max_a: float


class ChargePoint(Struct, frozen=True, forbid_unknown_fields=True):
    """An EV charge point.

    Attributes:
        element: id of its asym_load.
        phases: network phases at its terminals: three letters, or one if it is single-phase.
        rated_a: rated current per phase.
        floor_a: guaranteed minimum, whole amperes.
        reaction_s: time until the car follows a new limit.
    """

    name: str
    element: int
    node: int
    port: int
    phases: str
    rated_a: int
    floor_a: int
    reaction_s: float
    sessions: tuple[Session, ...]


class Inverter(Struct, frozen=True, forbid_unknown_fields=True):
    """A three-phase PV inverter.

    Attributes:
        element: id of its asym_gen.
        profile: name of its SimBench profile, here scaled to 1 at its best instant of the year.
        rated_w: rated power, total.
        reaction_s: time until it follows a new limit.
    """

    name: str
    element: int
    node: int
    port: int
    profile: str
    rated_w: float
    reaction_s: float


class PlantMeter(Struct, frozen=True, forbid_unknown_fields=True):
    """A meter.

    Attributes:
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


class MeterClass(Struct, frozen=True, forbid_unknown_fields=True):
    """Accuracy of a kind of meter: standard deviations relative to the reading."""

    profile: str
    u: float
    power: float


class PlantConfiguration(Struct, frozen=True, forbid_unknown_fields=True):
    """All that makes one plant. The same file gives the same plant, to the last bit of a replay.

    Attributes:
        seconds: length of the run in wall seconds, None for an endless one.
        u_pu, loading: the limits by which a run is judged (planning band, ratings).
        assumptions: what the source does not say and the bench therefore assumes, for people.
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
