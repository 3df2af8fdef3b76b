"""A DNP3 station as what the devices of a mixed substation are behind."""

from __future__ import annotations

from dataclasses import dataclass

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_hil.faults.wire import Address
from ortsnetz_hil.plant import protocols
from ortsnetz_hil.plant.configuration import StationServer
from ortsnetz_hil.servers.device_server import DeviceServer
from ortsnetz_hil.servers.dnp3_station import Dnp3Station
from ortsnetz_hil.servers.network_devices import Listening

PERIOD_S = 0.0
"""It looks at its inputs at every step of the plant. With 1 s its feeders are up to a second older
than the transformer's meter, and where a day passes in minutes the estimation takes that for a
wrong meter in one cycle of ten (measured on the demo): readings are not yet aligned in time."""


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


def rtu(spec: StationServer, owners: tuple[DeviceServer, ...], *, stepped: bool) -> Rtu:
    """An RTU before its devices; in stepped time it reports nothing by itself."""
    return Rtu(
        Dnp3Station(
            owners,
            name=spec.name,
            address=protocols.OUTSTATION,
            unsolicited=not stepped,
            period_s=PERIOD_S,
        )
    )
