"""What has an address on the station's network: a device of its own, an RTU, a charging park."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ortsnetz_hil.faults.devices import DeviceFaults
from ortsnetz_hil.faults.wire import Address
from ortsnetz_hil.servers.device_server import DeviceServer
from ortsnetz_hil.servers.plant_clock import PlantClock


class Listening(Protocol):
    """A server from the moment it listens until it goes down."""

    @property
    def port(self) -> int:
        """The port at which it listens."""
        ...

    async def go_down(self) -> None:
        """Reset all connections and close the port, as a device does that restarts."""
        ...


class NetworkDevice(Protocol):
    """What can be reached, restarts and moves as a whole."""

    @property
    def name(self) -> str:
        """By which its faults call it."""
        ...

    @property
    def port(self) -> int:
        """Its port while nothing is wrong."""
        ...

    @property
    def clock(self) -> PlantClock:
        """Plant time."""
        ...

    @property
    def faults(self) -> DeviceFaults:
        """What is wrong with it."""
        ...

    async def listen(self, address: Address) -> Listening:
        """Listen at an address; port 0 takes a free one. Raises OSError or RuntimeError."""
        ...

    async def tick(self, now_s: float) -> None:
        """Live through a step of the plant.

        Args:
            now_s: instant of the step, plant seconds.
        """
        ...

    async def restart(self) -> None:
        """It has restarted: factory settings. Nothing listens at that moment."""
        ...


@dataclass(frozen=True, slots=True)
class ModbusDevice:
    """A meter or device with a Modbus server of its own."""

    server: DeviceServer

    @property
    def name(self) -> str:
        """The device's name."""
        return self.server.device.name

    @property
    def port(self) -> int:
        """Its own port."""
        return self.server.device.port

    @property
    def clock(self) -> PlantClock:
        """Plant time."""
        return self.server.clock

    @property
    def faults(self) -> DeviceFaults:
        """What is wrong with it."""
        return self.server.device_faults

    async def listen(self, address: Address) -> Listening:
        """Listen at an address."""
        listening = self.server.create(address)
        await listening.serve_forever(background=True)
        return listening

    async def tick(self, now_s: float) -> None:
        """Let act what was delayed, and look at what a fault will show later."""
        self.server.tick(now_s)

    async def restart(self) -> None:
        """Factory settings."""
        self.server.restart()
