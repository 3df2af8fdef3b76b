"""A Modbus server of pymodbus with given registers, and what was written to it."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from ortsnetz_common.parameters.station import Connection
from ortsnetz_edge.drivers.contract import Source


@asynccontextmanager
async def server(
    blocks: list[SimData], refused: int | None = None
) -> AsyncIterator[tuple[int, dict[int, int]]]:
    """A server on a free port; yields the port and what was written, by address."""
    written: dict[int, int] = {}

    async def act(  # noqa: PLR0917 - the library's signature
        function: int, start: int, address: int, count: int, present: list[int], values: object
    ) -> ExcCodes | None:
        del start, count, present
        if function in {6, 16} and isinstance(values, list):
            if values[0] == refused:
                return ExcCodes.ILLEGAL_VALUE
            written[address] = values[0]
        return None

    device = SimDevice(1, simdata=blocks, action=act)
    running = ModbusTcpServer(device, address=("127.0.0.1", 0))
    await running.listen()
    assert running.transport is not None
    port = running.transport.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    try:
        yield port, written
    finally:
        await running.shutdown()  # type: ignore[no-untyped-call]


def source(kind: str, port: int, **extra: object) -> Source:
    """A three-phase source of a profile at a port."""
    where = Connection("modbus-tcp", "127.0.0.1", port, 1, 0.5)
    return Source("x", kind, where, 1, 3, **extra)  # type: ignore[arg-type]


def registers(fmt: str, *values: object) -> list[int]:
    """Numbers as registers, most significant word first."""
    data = struct.pack(">" + fmt, *values)
    return list(struct.unpack(f">{len(data) // 2}H", data))


def block(address: int, values: list[int]) -> SimData:
    """Consecutive registers."""
    return SimData(address, values=values, datatype=DataType.REGISTERS)


def identity(model: str, serial: str = "") -> SimData:
    """What the bench's devices say they are, as docs/register-maps.md has it."""
    texts = (b"Ortsnetz bench".ljust(16, b"\0"), model.encode().ljust(32, b"\0"))
    raw = b"".join((*texts, serial.encode().ljust(32, b"\0")))
    return block(65000, list(struct.unpack(">40H", raw)))
