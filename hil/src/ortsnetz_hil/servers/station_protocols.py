"""The protocols in which station servers speak."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ortsnetz_common.errors import InputError
from ortsnetz_hil.plant.configuration import StationServer
from ortsnetz_hil.servers.device_server import DeviceServer
from ortsnetz_hil.servers.plant_clock import PlantClock
from ortsnetz_hil.servers.station_device import Bays


def bays(
    spec: StationServer,
    owners: Sequence[DeviceServer],
    clock: PlantClock,
    directory: Path | None,
) -> Bays:
    """The server of a protocol for the devices behind it.

    Args:
        spec: which server.
        owners: the devices in the order of their bays.
        clock: plant time.
        directory: plant directory with the server's certificates.

    Raises:
        InputError: there is no such protocol.
    """
    del owners, clock, directory
    raise InputError(f"station server '{spec.name}': there is no protocol '{spec.protocol}'")
