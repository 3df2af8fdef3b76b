"""A device on the network: its server, the bad line before it, its restarts and moves."""

from __future__ import annotations

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_hil.faults.conditions import WireCounts
from ortsnetz_hil.faults.specs import Wire
from ortsnetz_hil.faults.wire import WireProxy
from ortsnetz_hil.servers.network_devices import Listening, NetworkDevice

LOOPBACK = "127.0.0.1"


class ServedDevice:
    """Keeps a device reachable as its faults let it.

    With wire faults the device's own server has a free port on the loopback, and the proxy has the
    public one.

    Attributes:
        wire: what the proxy has done, over all restarts; None without wire faults.
    """

    def __init__(
        self, device: NetworkDevice, host: str, wires: tuple[Wire, ...] = (), seed: int = 0
    ) -> None:
        """Prepare a device; nothing listens before `start`.

        Args:
            device: what is reached, with its faults.
            host: address at which it is reached.
            wires: wire faults of its link.
            seed: seed of the plant.
        """
        self.wire = WireCounts() if wires else None
        self._device, self._host, self._wires, self._seed = device, host, wires, seed
        self._server: Listening | None = None
        self._proxy: WireProxy | None = None
        self._port: int | None = None
        self._restarts = 0

    @property
    def name(self) -> str:
        """The device's name."""
        return self._device.name

    @property
    def port(self) -> int | None:
        """The port at which the device is reached now, None while nothing listens."""
        if self._proxy is not None:
            return self._proxy.port
        return None if self._server is None else self._server.port

    async def start(self) -> None:
        """Listen, unless the device is just restarting.

        Raises:
            OrtsnetzError: the port cannot be had.
        """
        now_s = self._device.clock.now_s()
        self._restarts = self._device.faults.restarts(now_s)
        await self._move(self._due(now_s))

    async def stop(self) -> None:
        """Close the port and reset what is still connected."""
        await self._move(None)

    async def tick(self, now_s: float) -> None:
        """Live through a step of the plant: restart, move, let act what was delayed.

        Args:
            now_s: instant of the step, plant seconds.

        Raises:
            OrtsnetzError: the port where the device has to be now cannot be had; it stays away, and
                the next step tries again.
        """
        due, restarts = self._due(now_s), self._device.faults.restarts(now_s)
        if restarts != self._restarts:  # also one that fell between two steps
            self._restarts = restarts
            await self._move(None)
            await self._device.restart()
        if due != self._port:
            await self._move(due)
        if self._proxy is not None:
            self._proxy.tick()
        await self._device.tick(now_s)

    def _due(self, now_s: float) -> int | None:
        return self._device.faults.port(now_s, self._device.port)

    async def _move(self, port: int | None) -> None:
        """Go away from the present port, and listen at another."""
        if self._proxy is not None:
            await self._proxy.stop()
        if self._server is not None:
            await self._server.go_down()
        self._proxy = self._server = self._port = None
        if port is None:
            return
        try:
            await self._listen(port)
        except (OSError, RuntimeError) as error:
            raise OrtsnetzError(
                f"port {port}, wanted for device '{self.name}', cannot be used: {error}"
            ) from error
        self._port = port

    async def _listen(self, port: int) -> None:
        public = (self._host, port)
        server = await self._device.listen((LOOPBACK, 0) if self._wires else public)
        self._server = server
        if self.wire is not None:
            self._proxy = WireProxy(
                public,
                (LOOPBACK, server.port),
                self._wires,
                self._device.clock.now_s,
                self._seed,
                name=self.name,
                counts=self.wire,
            )
            await self._proxy.start()
