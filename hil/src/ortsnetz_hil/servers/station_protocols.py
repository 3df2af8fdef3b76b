"""The protocols in which station servers speak."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ortsnetz_common.errors import InputError, OrtsnetzError
from ortsnetz_hil.faults.wire import Address
from ortsnetz_hil.plant import protocols
from ortsnetz_hil.plant.application_certificates import CA, CERTIFICATE, FOLDER, KEY
from ortsnetz_hil.plant.configuration import PlantConfiguration, StationServer
from ortsnetz_hil.servers.device_server import DeviceServer
from ortsnetz_hil.servers.dnp3_station import Dnp3Station
from ortsnetz_hil.servers.network_devices import Listening
from ortsnetz_hil.servers.opcua_bay import Bay
from ortsnetz_hil.servers.opcua_park import OpcUaPark, ParkCredentials
from ortsnetz_hil.servers.station_device import Bays


@dataclass(frozen=True, slots=True)
class Rtu:
    """A DNP3 outstation with several devices; it is `Bays` and `Listening` at once."""

    station: Dnp3Station

    @property
    def port(self) -> int:
        """The port at which it listens."""
        port = self.station.port
        if port is None:
            raise OrtsnetzError("the RTU does not listen")
        return port

    async def listen(self, address: Address) -> Listening:
        """Listen at an address."""
        await self.station.start(*address)
        return self

    async def go_down(self) -> None:
        """Reset all connections and close the port."""
        await self.station.stop()

    async def live(self, now_s: float, *, silent: bool) -> None:
        """Live through a step of the plant."""
        self.station.fall_silent(silent=silent)
        self.station.tick(now_s)

    async def restart(self) -> None:
        """Events are lost, and the restart is announced."""
        await self.station.restart(down=True)


@dataclass(slots=True)
class Park:
    """An OPC UA server with several devices; it is `Bays` and `Listening` at once."""

    park: OpcUaPark
    _silent: bool = False
    _listens: bool = False

    @property
    def port(self) -> int:
        """The port at which it listens."""
        return self.park.port

    async def listen(self, address: Address) -> Listening:
        """Listen at an address."""
        await self.park.start(*address)
        self._listens, self._silent = True, False
        return self

    async def go_down(self) -> None:
        """Reset all connections and close the port."""
        self._listens = False
        await self.park.stop()

    async def live(self, now_s: float, *, silent: bool) -> None:
        """Live through a step of the plant; while nothing listens nobody is told of it."""
        if not self._listens:
            return
        if silent is not self._silent:
            self._silent = silent
            self.park.fall_silent(silent=silent)
        await self.park.tick(now_s)

    async def restart(self) -> None:
        """Sessions and subscriptions are gone since it went down."""


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
        stepped = configuration.pace.stepped
        address = protocols.OUTSTATION
        return Rtu(Dnp3Station(owners, name=spec.name, address=address, unsolicited=not stepped))
    if spec.protocol == protocols.OPCUA:
        places = (_bay(owner, protocols.bay(spec, owner.device.name)) for owner in owners)
        return Park(OpcUaPark(places, credentials=_credentials(spec, directory)))
    raise InputError(f"station server '{spec.name}': there is no protocol '{spec.protocol}'")


def _bay(owner: DeviceServer, place: str) -> Bay:
    return Bay(
        device=owner.device,
        place=place,
        counters=owner.counters,
        log=owner.log,
        clock=owner.clock,
        meter_faults=owner.meter_faults,
        device_faults=owner.device_faults,
    )


def _credentials(spec: StationServer, directory: Path | None) -> ParkCredentials | None:
    if spec.credentials is None:
        return None
    if directory is None:
        raise InputError(f"station server '{spec.name}': no plant directory has its certificates")
    folder = directory / FOLDER / spec.credentials
    return ParkCredentials(folder / CERTIFICATE, folder / KEY, (folder / CA,))
