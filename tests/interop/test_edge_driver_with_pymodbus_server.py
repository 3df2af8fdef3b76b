"""The driver against the Modbus servers of another stack."""

from __future__ import annotations

import asyncio

import pytest
from modbus_served import block, identity, registers, server, source
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import SimDevice

from ortsnetz_common.parameters.station import Side
from ortsnetz_edge.drivers.contract import DriverError, FailureKind, Watchdog
from ortsnetz_edge.drivers.modbus.protocol import ModbusTcp

pytestmark = pytest.mark.interop
INVERTER = [block(40100, [1000, 60, 300]), identity("pv-inverter")]


def test_a_transformer_meter_is_read_with_one_request() -> None:
    values = (
        registers("3f", 230.0, 231.0, 232.0)
        + registers("9f", *range(9))
        + registers("IQ", 5, 1_790_000_000_000)
    )

    async def check() -> None:
        async with server([block(0, values), identity("meter-transformer")]) as (port, _):
            driver = ModbusTcp().open(source("meter-transformer", port, side=Side.TO))
            scan = await driver.scan()
            await driver.stop()
            assert scan.values[:3] == pytest.approx((230.0, 231.0, 232.0))
            assert scan.values[6] == pytest.approx(-3_000.0)
            assert scan.read_count == 5
            assert driver.diagnose().answers == 1

    asyncio.run(asyncio.wait_for(check(), 10))


def test_a_charge_point_takes_a_limit_and_refuses_what_it_cannot() -> None:
    async def check() -> None:
        holding = [block(1000, [0] * 25), block(2000, [0, 0, 0]), identity("ev-controller")]
        async with server(holding, refused=3) as (port, written):
            driver = ModbusTcp().open(source("ev-controller", port, rated_w=11_040.0))
            await driver.write(10.0, Watchdog(60.0, 7.0))
            assert written == {2000: 10, 2001: 60, 2002: 7}
            with pytest.raises(DriverError) as caught:
                await driver.write(3.0, None)
            assert caught.value.kind is FailureKind.REFUSED
            assert driver.diagnose().connected
            await driver.stop()

    asyncio.run(asyncio.wait_for(check(), 10))


def test_an_inverter_takes_its_limit_in_tenths_of_a_percent() -> None:
    async def check() -> None:
        async with server(INVERTER) as (port, written):
            driver = ModbusTcp().open(source("pv-inverter", port, rated_w=15_000.0))
            await driver.write(0.457, None)
            await driver.stop()
            assert written == {40100: 457}

    asyncio.run(asyncio.wait_for(check(), 10))


def test_two_devices_behind_one_address_share_one_connection() -> None:
    async def check() -> None:
        async with server(INVERTER) as (port, written):
            protocol = ModbusTcp()
            one = protocol.open(source("pv-inverter", port, rated_w=15_000.0))
            two = protocol.open(source("pv-inverter", port, rated_w=15_000.0))
            await asyncio.gather(one.write(0.5, None), two.write(0.6, None))
            assert written[40100] in {500, 600}
            assert one._unit is two._unit
            await one.stop()

    asyncio.run(asyncio.wait_for(check(), 10))


def test_a_server_that_restarts_is_found_again() -> None:
    async def check() -> None:
        async with server(INVERTER) as (port, _):
            driver = ModbusTcp().open(source("pv-inverter", port, rated_w=15_000.0))
            await driver.write(0.5, None)
        with pytest.raises(DriverError):
            await driver.write(0.5, None)
        restarted = ModbusTcpServer(SimDevice(1, simdata=INVERTER), address=("127.0.0.1", port))
        await restarted.listen()
        try:
            async with asyncio.timeout(8):
                while True:
                    try:
                        await driver.write(0.5, None)
                        break
                    except DriverError:
                        await asyncio.sleep(0.02)
        finally:
            await driver.stop()
            await restarted.shutdown()  # type: ignore[no-untyped-call]

    asyncio.run(asyncio.wait_for(check(), 15))
