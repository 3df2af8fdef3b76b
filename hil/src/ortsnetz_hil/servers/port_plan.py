"""Which TCP ports a plant needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from ortsnetz_hil.faults.specs import ChangesAddress, Fault
from ortsnetz_hil.plant.configuration import PlantConfiguration


class Reachable(Protocol):
    """What has a name and a port of its own."""

    @property
    def name(self) -> str:
        """The device's name."""
        ...

    @property
    def port(self) -> int:
        """Its port while nothing is wrong."""
        ...


def wanted_ports(
    devices: Iterable[Reachable], faults: Iterable[Fault] = ()
) -> list[tuple[str, int]]:
    """Every public port that a device has at any time of a run, with the device's name.

    Devices behind a station server have its port.
    """
    moves = [(f.device, f.port) for f in faults if isinstance(f, ChangesAddress)]
    return [*((device.name, device.port) for device in devices), *moves]


def ports(configuration: PlantConfiguration) -> list[tuple[str, int]]:
    """Name and port of every device and station server of a plant."""
    return wanted_ports(_devices(configuration))


def ports_to_listen(configuration: PlantConfiguration) -> list[tuple[str, int]]:
    """The same of those that have a port of their own, and where faults move them to."""
    own = (d for d in _devices(configuration) if configuration.behind(d.name) is None)
    return wanted_ports(own, configuration.faults)


def _devices(configuration: PlantConfiguration) -> Iterator[Reachable]:
    yield from configuration.meters
    yield from configuration.charge_points
    yield from configuration.inverters
    yield from configuration.heat_pumps
    yield from configuration.batteries
    yield from configuration.tap_changers
    yield from configuration.station_servers
