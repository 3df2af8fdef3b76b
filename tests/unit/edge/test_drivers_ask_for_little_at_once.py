"""What a driver asks the system for at once: a third of a scan's time hung on it (`link.reads`)."""

from __future__ import annotations

import asyncio
import gc
from asyncio import selector_events
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import opcua_bench
import pytest
from dnp3_bench import HOST, Bench, feeder
from modbus_peers.scripted import ScriptedUnit, bench_identity, serving, words

from ortsnetz_common.link.reads import READ_BYTES
from ortsnetz_common.parameters.station import Connection
from ortsnetz_edge.drivers.contract import Driver, Source
from ortsnetz_edge.drivers.dnp3.protocol import Dnp3Tcp
from ortsnetz_edge.drivers.modbus.protocol import ModbusTcp


async def modbus(stack: AsyncExitStack, _: Path) -> tuple[Driver, int]:
    unit = ScriptedUnit()
    unit.holding.update(bench_identity("ev-controller"))
    unit.put(1000, [1] * 18 + words("I", 50) + words("Q", 1) + [0])
    server = await stack.enter_async_context(serving(unit))
    where = Connection("modbus-tcp", HOST, server.port, 1, 2.0)
    return ModbusTcp().open(Source("ev", "ev-controller", where, 1, 3, rated_w=11e3)), server.port


async def dnp3(stack: AsyncExitStack, folder: Path) -> tuple[Driver, int]:
    bench = Bench(folder)
    await bench.station.start(HOST, 0)
    stack.push_async_callback(bench.station.stop)
    port = bench.station.port or 0
    return Dnp3Tcp().open(feeder(port, 0)), port


async def opcua(stack: AsyncExitStack, _: Path) -> tuple[Driver, int]:
    server = await stack.enter_async_context(opcua_bench.serving())
    return opcua_bench.protocol().open(opcua_bench.source(server.port)), server.port


def connections_to(port: int) -> list[Any]:
    transports = [
        each
        for each in gc.get_objects()
        if isinstance(each, selector_events._SelectorSocketTransport)  # type: ignore[attr-defined]
    ]
    return [each for each in transports if (each.get_extra_info("peername") or (0, 0))[1] == port]


@pytest.mark.parametrize("opening", [modbus, dnp3, opcua])
def test_a_connection_asks_for_little_at_once(opening: Any, tmp_path: Path) -> None:
    async def check() -> None:
        async with AsyncExitStack() as stack:
            driver, port = await opening(stack, tmp_path)
            await driver.scan()
            found = connections_to(port)
            await driver.stop()
        assert found
        assert {each.max_size for each in found} == {READ_BYTES}

    asyncio.run(asyncio.wait_for(check(), 30))
