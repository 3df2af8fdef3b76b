"""The Modbus driver in a process of its own, against the server of another stack."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice
from toy_device import hosted

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.station import Connection, Side
from ortsnetz_edge.drivers.contract import DriverError, FailureKind, Source, Watchdog
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.drivers.modbus.protocol import ModbusTcp
from ortsnetz_edge.drivers.remote.protocol import RemoteProtocol

pytestmark = pytest.mark.interop


def remote() -> RemoteProtocol:
    return RemoteProtocol("modbus-tcp", hosted("modbus-tcp"), Environment())


def words(form: str, *values: object) -> list[int]:
    data = struct.pack(">" + form, *values)
    return list(struct.unpack(f">{len(data) // 2}H", data))


def text(content: str, registers: int) -> list[int]:
    return words(f"{2 * registers}s", content.encode())


@asynccontextmanager
async def server(model: str, *blocks: tuple[int, list[int]]) -> AsyncIterator[int]:
    """A device of the bench's making as pymodbus serves it; its port."""
    identity = (65000, text("Ortsnetz bench", 8) + text(model, 16) + text("", 16))
    device = SimDevice(
        1,
        simdata=[
            SimData(at, values=values, datatype=DataType.REGISTERS)
            for at, values in (*blocks, identity)
        ],
    )
    running = ModbusTcpServer(device, address=("127.0.0.1", 0))
    await running.listen()
    assert running.transport is not None
    try:
        yield running.transport.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    finally:
        await running.shutdown()  # type: ignore[no-untyped-call]


def source(kind: str, port: int) -> Source:
    where = Connection("modbus-tcp", "127.0.0.1", port, 1, 0.5)
    return Source("x", kind, where, 1, 3, side=Side.TO, rated_w=11_040.0)


def test_the_same_values_come_through_the_socket_as_without_it() -> None:
    block = words("3f", 230.0, 231.0, 232.0) + words("9f", *range(9))
    block += words("IQ", 5, 1_790_000_000_000)

    async def check() -> None:
        async with server("meter-transformer", (0, block)) as port:
            inside = ModbusTcp(Environment()).open(source("meter-transformer", port))
            outside = remote().open(source("meter-transformer", port))
            assert outside.points == inside.points
            first, second = await inside.scan(), await outside.scan()
            assert replace(second, received_ns=0) == replace(first, received_ns=0)
            assert await outside.identify() == await inside.identify()
            await inside.stop()
            await outside.stop()

    asyncio.run(asyncio.wait_for(check(), 30))


def test_a_limit_and_the_fall_back_go_through_the_socket() -> None:
    async def check() -> None:
        async with server("ev-controller", (1000, [0] * 25), (2000, [0, 0, 0])) as port:
            protocol = remote()
            driver = protocol.open(source("ev-controller", port))
            await driver.write(10.0, Watchdog(60.0, 7.0))
            probe = protocol.probe(source("ev-controller", port).connection)
            seen = await probe.read([f"holding/{at}" for at in (2000, 2001, 2002)])
            assert [value.value for value in seen] == [10, 60, 7]
            await probe.close()
            await driver.stop()

    asyncio.run(asyncio.wait_for(check(), 30))


def test_what_is_wrong_with_a_source_is_said_in_the_driver_s_words() -> None:
    protocol = remote()
    wrong = replace(source("meter-transformer", 1502), profile="meter-nobody-has")
    try:
        (complaint,) = protocol.validate(wrong)
        assert "meter-nobody-has" in complaint
        with pytest.raises(InputError, match="meter-nobody-has"):
            protocol.open(wrong)
    finally:
        protocol.close()


def test_a_device_that_is_not_there_is_unreachable_also_from_afar() -> None:
    async def check() -> None:
        async with server("meter-transformer") as port:
            pass
        driver = remote().open(source("meter-transformer", port))
        with pytest.raises(DriverError) as caught:
            await driver.scan()
        assert caught.value.kind is FailureKind.UNREACHABLE
        await driver.stop()

    asyncio.run(asyncio.wait_for(check(), 30))
