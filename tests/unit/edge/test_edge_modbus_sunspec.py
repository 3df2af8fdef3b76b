"""A SunSpec inverter behind a real connection: found by its chain, read, limited, and lost."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from modbus_peers.scripted import RefusalError, ScriptedServer, ScriptedUnit, serving, text, words

from ortsnetz_common.measurement.quality import Quality
from ortsnetz_common.parameters.station import Connection
from ortsnetz_edge.drivers.contract import (
    Driver,
    DriverError,
    FailureKind,
    Scan,
    Source,
    Watchdog,
)
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.drivers.modbus.protocol import ModbusTcp

RATED_W = 10_000.0
END = [0xFFFF, 0]


def model_1(serial: str = "SN-7") -> list[int]:
    """Common model: 66 registers."""
    body = [*text("Sunny Works", 16), *text("SW-10", 16), *text("", 8), *text("1.2", 8)]
    return [1, 66, *body, *text(serial, 16), 1, 0x8000]


def model_103(watts: int = 500) -> list[int]:
    """Three-phase inverter with integers: 50 registers."""
    amperes = words("4Hh", 2174, 725, 725, 724, -2)
    volts = words("6Hh", 0xFFFF, 0xFFFF, 0xFFFF, 2300, 2310, 2320, -1)
    power = words("hhHhhhhh", watts, 1, 5000, -2, watts, 1, 0, 0)
    rest = words("hhIh", 0, 0, 123_456, 1) + [0x8000] * 11 + [4, 0xFFFF] + [0] * 12
    return [103, 50, *amperes, *volts, *power, *rest]


def model_123(percent: int = 100, enabled: int = 0, power_of_ten: int = 0) -> list[int]:
    """Immediate controls: 24 registers."""
    body = [0, 0, 1, percent, 0, 0, 0, enabled, *[0] * 13, power_of_ten & 0xFFFF, 0, 0]
    return [123, 24, *body]


def inverter(*models: list[int], base: int = 40000) -> ScriptedUnit:
    unit = ScriptedUnit()
    unit.put(base, [0x5375, 0x6E53, *(word for model in models for word in model), *END])
    return unit


def whole(base: int = 40000) -> ScriptedUnit:
    return inverter(model_1(), model_103(), model_123(), base=base)


def run(check: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(check(), 15))


def opened(server: ScriptedServer, kind: str = "sunspec-inverter-103") -> Driver:
    where = Connection("modbus-tcp", "127.0.0.1", server.port, timeout_s=1.0, identity="SN-7")
    return ModbusTcp(Environment()).open(Source("pv", kind, where, 7, 3, rated_w=RATED_W))


@asynccontextmanager
async def one(unit: ScriptedUnit) -> AsyncIterator[tuple[Driver, ScriptedServer]]:
    async with serving(unit) as server:
        driver = opened(server)
        yield driver, server
        await driver.stop()


def named(driver: Driver, scan: Scan) -> dict[str, float | None]:
    names = [point.point.name.removeprefix("pv/") for point in driver.points]
    return dict(zip(names, scan.values, strict=True))


def multiples(unit: ScriptedUnit) -> list[tuple[int, tuple[int, ...]]]:
    """Address and values of all writes by function 16."""
    found = []
    for pdu in unit.seen:
        if pdu[0] == 16:
            address, count = struct.unpack(">HH", pdu[1:5])
            found.append((address, struct.unpack(f">{count}H", pdu[6:])))
    return found


@pytest.mark.parametrize("base", [40000, 50000, 0])
def test_an_inverter_is_read_wherever_its_models_begin(base: int) -> None:
    async def check() -> None:
        async with one(whole(base)) as (driver, _):
            found = named(driver, await driver.scan())
            assert found["MMXU1.PhV.phsB"] == pytest.approx(231.0)
            assert found["MMXU1.W.phsA"] == pytest.approx(-5000.0 / 3.0)
            assert found["MMTR1.SupWh"] == pytest.approx(1_234_560.0)
            assert found["DWMX1.WLimSpt"] == RATED_W
            said = await driver.identify()
            assert (said.maker, said.model, said.serial) == ("Sunny Works", "SW-10", "SN-7")

    run(check)


def test_the_chain_is_walked_once_a_connection() -> None:
    async def check() -> None:
        unit = whole()
        async with one(unit) as (driver, _):
            await driver.scan()
            unit.seen.clear()
            for _ in range(3):
                await driver.scan()
            begun = {address for _, address, count in unit.reads() if count == 2}
            assert not begun & {40000, 40002, 40070}

    run(check)


def test_a_limit_is_written_and_then_enabled_at_the_devices_own_addresses() -> None:
    async def check() -> None:
        unit = inverter(model_1(), model_123(power_of_ten=-1), model_103())
        async with one(unit) as (driver, _):
            await driver.write(0.6, Watchdog(60.0, 0.3))
            # controls begin at 40070, right after the common model; WMaxLimPct_SF is -1
            assert multiples(unit) == [(40075, (600,)), (40079, (1,))]
            assert (await driver.scan()).limit_in_force == pytest.approx(0.6)

    run(check)


def test_a_limit_is_written_in_the_scale_that_the_device_states_now() -> None:
    """A device may change its scale while the connection stands: ten times the limit otherwise."""

    async def check() -> None:
        unit = inverter(model_1(), model_123(power_of_ten=-1), model_103())
        async with one(unit) as (driver, _):
            await driver.write(0.6, None)
            unit.put(40070, model_123(percent=60, enabled=1, power_of_ten=0))
            await driver.write(0.5, None)
            written = [values for address, values in multiples(unit) if address == 40075]
            assert written == [(600,), (50,)]
            assert (await driver.scan()).limit_in_force == pytest.approx(0.5)

    run(check)


def test_a_fall_back_is_set_and_enabled_before_the_first_limit() -> None:
    async def check() -> None:
        model_704 = [704, 57, *[0] * 52, 0, 0xFFFF, *[0] * 3]  # WMaxLimPct_SF at 54: -1
        model_704[54] = 0xFFFF
        model_701 = [701, 153, *[0] * 153]
        async with serving(inverter(model_1(), model_701, model_704)) as server:
            unit = server.units[1]
            driver = opened(server, "sunspec-der")
            await driver.write(0.5, Watchdog(120.0, 0.3))
            await driver.write(0.4, Watchdog(120.0, 0.3))
            at = 40070 + 155
            assert multiples(unit) == [
                (at + 16, (300,)),  # WMaxLimPctRvrt
                (at + 18, (0, 120)),  # WMaxLimPctRvrtTms, 32 bits
                (at + 17, (1,)),  # WMaxLimPctEnaRvrt
                (at + 15, (500,)),  # WMaxLimPct
                (at + 14, (1,)),  # WMaxLimPctEna
                (at + 15, (400,)),
                (at + 14, (1,)),
            ]
            await driver.stop()

    run(check)


def test_an_inverter_that_restarts_with_moved_models_is_found_and_limited_there() -> None:
    async def check() -> None:
        async with serving(whole()) as server:
            driver = opened(server)
            await driver.scan()
            port = server.port
            await server.stop()
            moved = inverter(model_1(), model_123(), model_103(watts=700), base=50000)
            server.units[1] = moved
            await server.start(port)
            scan = await eventually(driver.scan)
            assert named(driver, scan)["MMXU1.W.phsA"] == pytest.approx(-7000.0 / 3.0)
            await driver.write(0.25, None)
            assert multiples(moved) == [(50075, (25,)), (50079, (1,))]
            await driver.stop()

    run(check)


async def eventually(call: Callable[[], Awaitable[Scan]]) -> Scan:
    """The first answer; the deadline is the test's."""
    while True:
        try:
            return await call()
        except DriverError:
            await asyncio.sleep(0.05)


def test_a_device_without_controls_is_measured_and_never_written_to() -> None:
    async def check() -> None:
        unit = inverter(model_1(), model_103())
        unit.put(0, [7] * 30)  # where the registers of a model would lie without its beginning
        async with one(unit) as (driver, _):
            scan = await driver.scan()
            found = named(driver, scan)
            assert found["MMXU1.PhV.phsA"] == pytest.approx(230.0)
            assert found["DWMX1.WLimSpt"] is None
            assert scan.limit_in_force is None
            place = list(found).index("DWMX1.WLimSpt")
            assert scan.qualities[place] & Quality.BAD_REFERENCE
            with pytest.raises(DriverError, match=r"model123/.*no such SunSpec model") as caught:
                await driver.write(0.5, None)
            assert caught.value.kind is FailureKind.REFUSED
            assert multiples(unit) == []

    run(check)


def test_a_device_that_does_not_speak_sunspec_is_another_device() -> None:
    async def check() -> None:
        unit = ScriptedUnit()
        unit.put(0, [1] * 200)
        async with one(unit) as (driver, _):
            with pytest.raises(DriverError, match="does not speak SunSpec") as caught:
                await driver.scan()
            assert caught.value.kind is FailureKind.WRONG_DEVICE
            with pytest.raises(DriverError, match="does not speak SunSpec"):
                await driver.write(0.5, None)
            assert [pdu for pdu in unit.seen if pdu[0] > 4] == []

    run(check)


def test_another_inverter_at_the_address_is_not_limited() -> None:
    async def check() -> None:
        unit = inverter(model_1(serial="SN-8"), model_103(), model_123())
        async with one(unit) as (driver, _):
            with pytest.raises(DriverError, match="'SN-7' is expected, the device says 'SN-8'"):
                await driver.write(0.5, None)
            assert multiples(unit) == []

    run(check)


def test_a_broken_chain_is_a_wrong_answer() -> None:
    async def check() -> None:
        unit = whole()
        unit.put(40070, [0, 0])
        async with one(unit) as (driver, _):
            with pytest.raises(DriverError, match="broken at holding/40070") as caught:
                await driver.scan()
            assert caught.value.kind is FailureKind.WRONG_ANSWER

    run(check)


def test_the_technician_reads_and_writes_by_model() -> None:
    async def check() -> None:
        unit = whole(base=50000)
        async with serving(unit) as server:
            where = Connection("modbus-tcp", "127.0.0.1", server.port, timeout_s=1.0)
            probe = ModbusTcp(Environment()).probe(where)
            watts, missing = await probe.read(("model103/14:i16", "model160/2"))
            assert watts.value == 500
            assert missing.value is None
            assert missing.why == "the device has no such address"
            said = await probe.write("model123/5", 40)
            assert said == "model123/5 now says 40"
            assert unit.holding[50122 + 5] == 40
            with pytest.raises(DriverError, match="no such SunSpec model"):
                await probe.write("model124/5", 40)
            await probe.close()

    run(check)


def test_a_device_that_answers_failure_where_it_has_nothing_is_looked_for_further_on() -> None:
    class Fails(ScriptedUnit):
        def _served(self, pdu: bytes) -> bytes:
            if pdu[0] == 3 and struct.unpack(">H", pdu[1:3])[0] == 40000:
                raise RefusalError(4)
            return super()._served(pdu)

    async def check() -> None:
        unit = Fails(holding=whole(base=50000).holding)
        async with one(unit) as (driver, _):
            assert named(driver, await driver.scan())["MMXU1.PhV.phsA"] == pytest.approx(230.0)

    run(check)


def test_browsing_shows_the_models_as_references() -> None:
    async def check() -> None:
        unit = inverter(model_1(), model_103(), model_103(), model_123())
        async with serving(unit) as server:
            where = Connection("modbus-tcp", "127.0.0.1", server.port, timeout_s=1.0)
            probe = ModbusTcp(Environment()).probe(where)
            found = {each.reference: each.what for each in await probe.browse("", 20)}
            assert found["model103/0"] == "SunSpec model 103, 50 registers behind holding/40070"
            assert "holding/40122" in found  # the second of its number can be read by address only
            (first, *_) = await probe.browse("model103/0", 5)
            assert (first.reference, first.value) == ("holding/40070", 103)
            await probe.close()

    run(check)
