"""An RTU or a charging park on the network: one address, several devices of the plant behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ortsnetz_hil.faults.devices import DeviceFaults
from ortsnetz_hil.faults.meters import MeterFaults
from ortsnetz_hil.faults.wire import Address
from ortsnetz_hil.plant.configuration import StationServer
from ortsnetz_hil.servers.device_server import DeviceServer
from ortsnetz_hil.servers.network_devices import Listening
from ortsnetz_hil.servers.plant_clock import PlantClock


class Bays(Protocol):
    """A protocol's server for several devices; it may listen several times in its life.

    It lets the devices behind it live: their restarts, what was delayed, what they show.
    """

    async def listen(self, address: Address) -> Listening:
        """Listen at an address, with what the devices show now. Raises OSError or OrtsnetzError."""
        ...

    async def live(self, now_s: float, *, silent: bool) -> None:
        """Live through a step of the plant with all devices, and show what they show.

        Args:
            now_s: instant of the step, plant seconds.
            silent: whether nobody is answered at the moment.
        """
        ...

    async def restart(self) -> None:
        """Be as after power-up, apart from the devices."""
        ...


@dataclass(frozen=True, slots=True)
class StationDevice:
    """A station server and the devices behind it.

    A device that does not answer, or restarts, shows there as one to which communication is lost.
    When the station server restarts, all of its cabinet does: the devices behind it come back with
    factory settings.

    Attributes:
        spec: from the plant's configuration.
        owners: the devices in the order of their bays.
        bays: the protocol's server.
        faults, silences: of the station server itself.
    """

    spec: StationServer
    owners: tuple[DeviceServer, ...]
    bays: Bays
    clock: PlantClock
    faults: DeviceFaults
    silences: MeterFaults

    @property
    def name(self) -> str:
        """The station server's name."""
        return self.spec.name

    @property
    def port(self) -> int:
        """Its port while nothing is wrong."""
        return self.spec.port

    async def listen(self, address: Address) -> Listening:
        """Listen at an address."""
        return await self.bays.listen(address)

    async def tick(self, now_s: float) -> None:
        """Live through a step of the plant."""
        await self.bays.live(now_s, silent=not self.silences.answers(now_s))

    async def restart(self) -> None:
        """All of the cabinet restarts."""
        for owner in self.owners:
            owner.restart()
        await self.bays.restart()
