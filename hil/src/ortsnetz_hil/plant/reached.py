"""How a meter or device is reached, and what the records know of it."""

from __future__ import annotations

from typing import Protocol

from ortsnetz_common.parameters.station import Connection
from ortsnetz_hil.plant import protocols
from ortsnetz_hil.plant.configuration import PlantConfiguration
from ortsnetz_hil.plant.devices.specs import Battery, ChargePoint, HeatPump, Inverter
from ortsnetz_hil.plant.records import Records
from ortsnetz_hil.plant.serial_numbers import serial_number

PROTOCOL = "modbus-tcp"
ROUNDING_W = 3.0  # watts, decivolts and scale factors of the register maps


class _Reached(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def port(self) -> int: ...


def connection(configuration: PlantConfiguration, spec: _Reached) -> Connection:
    """How a meter or device is reached: at its own Modbus server, or as a bay of another."""
    server = configuration.behind(spec.name)
    if server is not None:
        return protocols.connection(server, spec.name, configuration.host)
    return Connection(
        protocol=PROTOCOL,
        host=configuration.host,
        port=spec.port,
        identity=serial_number(spec.name),
    )


def profile(configuration: PlantConfiguration, name: str, own: str) -> str:
    """The profile of a meter or device, which depends on the protocol it is seen through."""
    server = configuration.behind(name)
    return own if server is None else protocols.PROFILES[server.protocol, own]


def known_phases(records: Records, spec: ChargePoint | Inverter | HeatPump | Battery) -> bool:
    """Whether the DSO knows a device's phases: three-phase ones, or at a metered customer.

    The order of a three-phase device's phases is in the fitter's report.
    """
    return len(spec.phases) == 3 or spec.node in records.metered
