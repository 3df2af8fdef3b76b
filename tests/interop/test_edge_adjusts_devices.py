"""Set points besides the limit against servers that are not ours: signs, bounds, identity."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

import pytest
from modbus_served import block, identity, server, source
from toy_device import hosted

from ortsnetz_common.errors import InputError
from ortsnetz_edge.drivers.contract import Adjustable, DriverError, FailureKind, Quantity
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.drivers.modbus.driver import ModbusDriver
from ortsnetz_edge.drivers.modbus.protocol import ModbusTcp
from ortsnetz_edge.drivers.remote.protocol import RemoteProtocol

pytestmark = pytest.mark.interop
REACTIVE, VOLTAGE = Quantity.REACTIVE_POWER, Quantity.VOLTAGE
RATED_W = 15_000.0
INVERTER = [
    block(40000, [0] * 25 + [0x10000 - 200, 1] + [0] * 4),
    block(40100, [1000, 60, 300, 0, 0]),
    identity("pv-inverter"),
]
TAP = [block(900, [0xFFFF, 0, 1015, 2300, 2310, 2290, *[0] * 8]), block(950, [1000, 0])]


def within(seconds: float, check: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(asyncio.wait_for(check(), seconds))


def inverter(port: int) -> ModbusDriver:
    return ModbusTcp().open(source("pv-inverter", port, rated_w=RATED_W))


def test_inductive_power_is_negative_at_an_inverter_that_counts_feed_in() -> None:
    async def check() -> None:
        async with server(INVERTER) as (port, written):
            driver = inverter(port)
            assert driver.adjustable == (Adjustable(REACTIVE, 15.0, -RATED_W, RATED_W),)
            await driver.adjust(REACTIVE, 3_000.0)
            assert written == {40103: 0x10000 - 200, 40104: 1}
            scan = await driver.scan()
            assert scan.adjusted == (pytest.approx(3_000.0),)
            await driver.stop()

    within(10, check)


def test_a_set_point_that_is_not_in_force_is_none() -> None:
    async def check() -> None:
        off = [block(40000, [0] * 31), *INVERTER[1:]]
        async with server(off) as (port, _):
            driver = inverter(port)
            assert (await driver.scan()).adjusted == (None,)
            await driver.stop()

    within(10, check)


def test_a_tap_changer_says_its_position_and_takes_a_voltage() -> None:
    async def check() -> None:
        async with server([*TAP, identity("tap-changer")]) as (port, written):
            driver = ModbusTcp().open(source("tap-changer", port))
            assert driver.resolution is None
            scan = await driver.scan()
            values = dict(zip((p.point.name for p in driver.points), scan.values, strict=True))
            assert next(v for name, v in values.items() if name.endswith("ATCC1.TapPos")) == -1
            assert scan.adjusted == (pytest.approx(1.015),)
            await driver.adjust(VOLTAGE, 0.9849)
            assert written == {950: 985}
            await driver.stop()

    within(10, check)


@pytest.mark.parametrize(
    ("quantity", "value", "says"),
    [
        (REACTIVE, 15_001.0, "outside -15000 to 15000: not written"),
        (REACTIVE, float("nan"), "not written"),
        (VOLTAGE, 1.0, "takes no set point for voltage"),
    ],
)
def test_what_is_beyond_the_profile_is_refused_in_words_and_never_sent(
    quantity: Quantity, value: float, says: str
) -> None:
    async def check() -> None:
        async with server(INVERTER) as (port, written):
            driver = inverter(port)
            with pytest.raises(DriverError, match=says) as refused:
                await driver.adjust(quantity, value)
            assert refused.value.kind is FailureKind.REFUSED
            assert written == {}
            assert driver.diagnose().failures == {FailureKind.REFUSED: 1}
            await driver.stop()

    within(10, check)


def test_nothing_is_written_to_another_device() -> None:
    async def check() -> None:
        async with server([*INVERTER[:2], identity("heat-pump")]) as (port, written):
            driver = inverter(port)
            with pytest.raises(DriverError) as refused:
                await driver.adjust(REACTIVE, 0.0)
            assert refused.value.kind is FailureKind.WRONG_DEVICE
            assert written == {}
            await driver.stop()

    within(10, check)


def test_shares_of_an_unknown_rating_are_refused_before_anything_is_connected() -> None:
    with pytest.raises(InputError, match="needs a rated power"):
        ModbusTcp().open(source("pv-inverter", 1))


def test_a_driver_in_a_process_of_its_own_adjusts_as_well() -> None:
    async def check() -> None:
        async with server(INVERTER) as (port, written):
            environment = Environment()
            remote = RemoteProtocol("modbus-tcp", hosted("modbus-tcp"), environment)
            driver = remote.open(source("pv-inverter", port, rated_w=RATED_W))
            assert driver.adjustable == (Adjustable(REACTIVE, 15.0, -RATED_W, RATED_W),)
            await driver.adjust(REACTIVE, 3_000.0)
            assert written == {40103: 0x10000 - 200, 40104: 1}
            assert (await driver.scan()).adjusted == (pytest.approx(3_000.0),)
            for value in (20_000.0, float("nan")):
                with pytest.raises(DriverError) as refused:
                    await driver.adjust(REACTIVE, value)
                assert refused.value.kind is FailureKind.REFUSED
            assert written == {40103: 0x10000 - 200, 40104: 1}
            await driver.stop()

    within(30, check)
