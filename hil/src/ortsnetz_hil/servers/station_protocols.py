"""The protocols in which station servers speak; a plant without one does not load its library."""

from __future__ import annotations

from pathlib import Path

from ortsnetz_common.errors import InputError
from ortsnetz_hil.plant import protocols
from ortsnetz_hil.plant.configuration import PlantConfiguration, StationServer
from ortsnetz_hil.servers.device_server import DeviceServer
from ortsnetz_hil.servers.station_device import Bays


def bays(
    spec: StationServer,
    owners: tuple[DeviceServer, ...],
    configuration: PlantConfiguration,
    directory: Path | None,
) -> Bays:
    """The server of a protocol for the devices behind it.

    Args:
        spec: which server.
        owners: the devices in the order of their bays.
        configuration: the plant's.
        directory: plant directory with the server's certificates.

    Raises:
        InputError: there is no such protocol, or no place for the certificates.
    """
    if spec.protocol == protocols.DNP3:
        from ortsnetz_hil.servers.rtu import rtu  # noqa: PLC0415 - see above

        return rtu(spec, owners, stepped=configuration.pace.stepped)
    if spec.protocol == protocols.OPCUA:
        from ortsnetz_hil.servers.park import park  # noqa: PLC0415 - 70 MB of address space

        return park(spec, owners, directory)
    if spec.protocol == protocols.IEC61850:
        from ortsnetz_hil.servers.ied import ied  # noqa: PLC0415 - see above

        return ied(spec, owners, directory, configuration)
    raise InputError(f"station server '{spec.name}': there is no protocol '{spec.protocol}'")
