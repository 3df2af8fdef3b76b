"""Modbus servers of the field, by pymodbus: each device a port of its own that can be cut."""

from __future__ import annotations

import asyncio
import struct
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from fail_safe.charge_point import ChargePoint

HOST = "127.0.0.1"
REGISTERS = 60
LIMIT, FALLBACK_TIME, FALLBACK, WISH = 30, 32, 33, 34
MAKER, SERIAL = 40, 44
COUNT = 24


Shows = Callable[[], tuple[float, float]]
"""Voltage and power of every phase, as they are now."""


def measured(volts: float, phase_w: float) -> list[int]:
    """The first twelve registers of every device: voltage, current, active, reactive power."""
    hundredths = round(phase_w / volts * 100) if volts else 0
    return [
        *[round(volts * 10)] * 3,
        *[min(hundredths, 0xFFFF)] * 3,
        *[round(phase_w) & 0xFFFF] * 3,
        *[0] * 3,
    ]


class ModbusServer:
    """A device behind a port; the port stays the same when it comes back.

    Attributes:
        reads: answers so far.
        on_read: done before the next answers.
        refuses: whether it takes nothing that is written (exception 4).
        refused: limits that it has not taken.
    """

    def __init__(self) -> None:
        self.port = 0
        self.reads = 0
        self.on_read: Callable[[], Awaitable[None]] | None = None
        self.refuses = False
        self.refused: list[int] = []
        self._speaks = asyncio.Event()
        self._speaks.set()
        self._server: ModbusTcpServer | None = None

    def registers(self) -> list[int]:
        """All registers as they are now."""
        raise NotImplementedError

    def write(self, address: int, value: int) -> bool:
        """Take a value; whether there is such a register."""
        raise NotImplementedError

    async def connect(self) -> None:
        """Listen, again at the same port if it was cut."""
        block = SimData(0, values=[0] * REGISTERS, datatype=DataType.REGISTERS)
        device = SimDevice(1, simdata=[block], action=self._act)
        self._server = ModbusTcpServer(device, address=(HOST, self.port))
        await self._server.listen()
        transport: Any = self._server.transport
        self.port = transport.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Reset all connections and close the port."""
        server, self._server = self._server, None
        if server is None:
            return
        for connection in list(server.active_connections.values()):
            transport: Any = connection.transport
            transport.abort()
        await server.shutdown()  # type: ignore[no-untyped-call]

    async def hush(self) -> None:
        """Answer nothing any more, with all connections open."""
        self._speaks.clear()

    async def speak(self) -> None:
        """Answer again, also what was asked meanwhile."""
        self._speaks.set()

    async def _act(  # noqa: PLR0917 - the library's signature
        self,
        function: int,
        start: int,
        address: int,
        count: int,
        present: list[int],
        new: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        del function
        await self._speaks.wait()
        if new is not None and self.refuses:
            self.refused += [int(value) for value in new] if address == LIMIT else []
            return ExcCodes.DEVICE_FAILURE
        if new is not None:
            taken = [self.write(at, int(value)) for at, value in enumerate(new, start=address)]
            if not all(taken):
                return ExcCodes.ILLEGAL_ADDRESS
        elif address <= COUNT < address + count:
            self.reads += 1
            if self.on_read is not None:
                await self.on_read()
        present[:] = self.registers()[start : start + len(present)]
        return None


class MeterServer(ModbusServer):
    """A meter that shows what flows."""

    def __init__(self, shows: Shows) -> None:
        super().__init__()
        self._shows = shows

    def registers(self) -> list[int]:
        """Measurements, and nothing else."""
        shown = measured(*self._shows())
        return [*shown, *[0] * (REGISTERS - len(shown))]

    def write(self, address: int, value: int) -> bool:
        """A meter takes nothing."""
        del address, value
        return False


class ChargePointServer(ModbusServer):
    """A charge point with its clock, its count of answers and its watchdog."""

    def __init__(self, of: ChargePoint, shows: Shows) -> None:
        super().__init__()
        self.of, self.shows = of, shows

    def registers(self) -> list[int]:
        """As the profile `toy-charger` of the small node has them."""
        found = [0] * REGISTERS
        found[0:12] = measured(*self.shows())
        found[20:24] = struct.unpack(">4H", struct.pack(">Q", time.time_ns() // 1_000_000))
        found[COUNT : COUNT + 2] = struct.unpack(">2H", struct.pack(">I", self.reads))
        found[LIMIT], found[31] = self.of.limit_a, 3
        found[FALLBACK_TIME], found[FALLBACK] = self.of.fallback_after_s, self.of.fallback_a
        found[WISH] = self.of.wish_a
        found[MAKER : MAKER + 4] = struct.unpack(">4H", b"Toys".ljust(8, b"\0"))
        found[SERIAL : SERIAL + 4] = struct.unpack(">4H", self.of.name.encode().ljust(8, b"\0"))
        return found

    def write(self, address: int, value: int) -> bool:
        """Take a limit or what to do without one."""
        if address == LIMIT:
            self.of.write(value)
        elif address == FALLBACK_TIME:
            self.of.watch(value)
        elif address == FALLBACK:
            self.of.fallback_a = value
        return address in {LIMIT, FALLBACK_TIME, FALLBACK}


class FieldThread:
    """The event loop in which all servers of the field live."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="field", daemon=True)
        self._thread.start()

    def do(self, coroutine: Awaitable[Any], timeout_s: float = 20.0) -> Any:
        """Run in the field's loop and wait for the end."""

        async def wrapped() -> Any:
            return await coroutine

        return asyncio.run_coroutine_threadsafe(wrapped(), self.loop).result(timeout_s)

    def stop(self) -> None:
        """End the loop."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
