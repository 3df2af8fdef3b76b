"""Set points besides the limit over DNP3 and OPC UA: confirmed, read back, bounded."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from asyncua import ua
from dnp3_bench import HOST, Bench, ev
from opcua_bench import DEVICE, POLLED, driving, run, serving

from ortsnetz_edge.clock import WallClock
from ortsnetz_edge.drivers.contract import Adjustable, DriverError, FailureKind, Quantity
from ortsnetz_edge.drivers.dnp3.driver import Dnp3Driver
from ortsnetz_edge.drivers.dnp3.protocol import Dnp3Tcp
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.profiles.library import Library

REACTIVE, VOLTAGE = Quantity.REACTIVE_POWER, Quantity.VOLTAGE
GENERIC = Path(__file__).parents[3] / "edge/agent/src/ortsnetz_edge/profiles/generic"
OF_AN_OUTPUT = """
further_setpoints:
  - quantity: reactive_power
    at: analog-output/1:i16
    unit: var
    step: 10
    range: [10, 5000]
    select: true
    read_back: {at: analog-output/1, scale: 10}
"""
OF_A_NODE = """
further_setpoints:
  - quantity: voltage
    at: nsu=urn:test:meter;s=After
    unit: pu
    step: 0.001
    range: [0.9, 1.1]
    enable: [{at: 'nsu=urn:test:meter;s=Then', value: 1}]
    read_back: {at: nsu=urn:test:meter;s=After, scale: 0.001}
    enabled: {at: 'nsu=urn:test:meter;s=Then', value: 1}
"""


def outstation(port: int, **options: str) -> Dnp3Driver:
    """A bay whose second output takes reactive power, in tens of var."""
    text = (GENERIC / "rtu-charge-point.yaml").read_text() + OF_AN_OUTPUT
    library = Library({"rtu-charge-point": text})
    return Dnp3Tcp(Environment(WallClock(), library)).open(ev(port, **options))


def test_an_analog_output_is_selected_operated_and_read_back(tmp_path: Path) -> None:
    async def check() -> None:
        bench = Bench(tmp_path)
        await bench.station.start(HOST, 0)
        driver = outstation(bench.station.port or 0)
        assert driver.adjustable == (Adjustable(REACTIVE, 10.0, 10.0, 5000.0),)
        await driver.adjust(REACTIVE, 1_234.0)
        assert bench.ev.commands is not None
        assert bench.ev.commands.settings.values()[1] == 123
        assert (await driver.scan()).adjusted == (1_230.0,)
        with pytest.raises(DriverError, match="outside 10 to 5000: not written") as refused:
            await driver.adjust(REACTIVE, 0.0)
        assert refused.value.kind is FailureKind.REFUSED
        assert bench.ev.commands.settings.values()[1] == 123
        await driver.stop()
        await bench.station.stop()

    asyncio.run(asyncio.wait_for(check(), 30))


def test_an_outstation_that_is_another_one_is_not_told(tmp_path: Path) -> None:
    async def check() -> None:
        bench = Bench(tmp_path)
        await bench.station.start(HOST, 0)
        driver = outstation(bench.station.port or 0, identity="rtu-8")
        with pytest.raises(DriverError) as refused:
            await driver.adjust(REACTIVE, 1_000.0)
        assert refused.value.kind is FailureKind.WRONG_DEVICE
        assert bench.ev.commands is not None
        assert bench.ev.commands.settings.values()[1] == 60
        await driver.stop()
        await bench.station.stop()

    asyncio.run(asyncio.wait_for(check(), 30))


def test_a_node_takes_a_voltage_in_its_own_type_and_says_whether_it_counts() -> None:
    async def check() -> None:
        async with serving() as server, driving(server.port, POLLED + OF_A_NODE) as driver:
            assert (await driver.scan()).adjusted == (None,)
            await driver.adjust(VOLTAGE, 0.9852)
            assert server.value("After") == 985
            assert server.value("Then") == 1.0
            assert (await driver.scan()).adjusted == (pytest.approx(0.985),)

    run(check)


def test_a_server_that_refuses_is_said_with_its_reason() -> None:
    async def check() -> None:
        own = OF_A_NODE.replace("s=After", "s=Limit")
        async with serving() as server, driving(server.port, POLLED + own) as driver:
            with pytest.raises(DriverError, match="Limit") as refused:
                await driver.adjust(VOLTAGE, 1.0)
            assert refused.value.kind is FailureKind.REFUSED
            assert server.value("Limit") == 1000.0
            with pytest.raises(DriverError, match="takes no set point for reactive_power"):
                await driver.adjust(REACTIVE, 0.0)

    run(check)


def test_another_device_behind_the_same_server_is_not_told() -> None:
    async def check() -> None:
        other = {**DEVICE, "Serial": ua.Variant("4712", ua.VariantType.String)}
        async with (
            serving(other) as server,
            driving(server.port, POLLED + OF_A_NODE, identity="4711") as driver,
        ):
            with pytest.raises(DriverError) as refused:
                await driver.adjust(VOLTAGE, 1.0)
            assert refused.value.kind is FailureKind.WRONG_DEVICE
            assert server.value("After") == 0

    run(check)
