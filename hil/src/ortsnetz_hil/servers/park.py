"""An OPC UA server as what the charge points of a mixed substation are behind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ortsnetz_common.errors import InputError
from ortsnetz_hil.faults.wire import Address
from ortsnetz_hil.plant import protocols
from ortsnetz_hil.plant.application_certificates import CA, CERTIFICATE, FOLDER, KEY
from ortsnetz_hil.plant.configuration import StationServer
from ortsnetz_hil.servers.device_server import DeviceServer
from ortsnetz_hil.servers.network_devices import Listening
from ortsnetz_hil.servers.opcua_bay import Bay
from ortsnetz_hil.servers.opcua_park import OpcUaPark, ParkCredentials


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


def park(spec: StationServer, owners: tuple[DeviceServer, ...], directory: Path | None) -> Park:
    """A park before its devices.

    Args:
        spec: which server.
        owners: the devices in the order of their bays.
        directory: plant directory with the server's certificates.

    Raises:
        InputError: it is secured, and there is no place for its certificates.
    """
    places = (_bay(owner, protocols.bay(spec, owner.device.name)) for owner in owners)
    return Park(OpcUaPark(places, credentials=_credentials(spec, directory)))


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
