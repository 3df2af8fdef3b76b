"""What a Modbus device does, well or badly, and what comes of it for its points and its limits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest
from modbus_peers.scripted import (
    ScriptedServer,
    ScriptedUnit,
    bench_identity,
    serving,
    text,
    words,
)

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.quality import Quality, is_usable
from ortsnetz_common.parameters.station import Connection
from ortsnetz_edge.clock import WallClock
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
from ortsnetz_edge.profiles.library import Library

TIMEOUT_S = 0.15
HEAD = """
format: ortsnetz.profile/2
kind: {kind}
version: 1
describes: for tests
protocol: modbus
direction: consumption
"""
METER = (
    HEAD
    + """
voltage: {{at: [holding/0, holding/1, holding/2], range: [0, 460]}}
active_power: {{at: ["holding/20:i32", "holding/22:i32", "holding/24:i32"], range: [-1e5, 1e5]}}
"""
)
NAMED_METER = (
    METER
    + """
identity: {{maker_at: holding/100:text8, serial_at: holding/108:text8, maker: Works}}
"""
)
SLOW_METER = (
    METER
    + """
groups: {{slow: 10}}
further:
  - name: MMTR1.TotWh
    value: {{at: "holding/500:u32", group: slow}}
    unit: Wh
    range: [0, 1e9]
"""
)
LIMITER = (
    HEAD
    + """
limit: {{value: {{at: holding/10, scale_at: "holding/13:i16"}}, unit: W}}
setpoint:
  at: holding/10
  scale_at: holding/13:i16
  kind: continuous
  unit: W
  step: 1
  reaction_s: 1
  enable: {{at: coil/3, value: 1}}
  fallback: {{time_at: holding/11, limit_at: holding/12}}
identity: {{serial_at: holding/100:text4}}
"""
)
PROFILES = {
    kind: body.format(kind=kind)
    for kind, body in (
        ("meter", METER),
        ("named-meter", NAMED_METER),
        ("slow-meter", SLOW_METER),
        ("limiter", LIMITER),
    )
}


class TestClock(WallClock):
    """Wall time that a test can move on."""

    __test__ = False

    def __init__(self) -> None:
        self.later_s = 0.0

    def now_ns(self) -> int:
        return super().now_ns() + round(self.later_s * 1e9)

    def monotonic(self) -> float:
        return super().monotonic() + self.later_s


@dataclass
class Station:
    """Drivers of one protocol instance, as the agent has them."""

    protocol: ModbusTcp
    clock: TestClock

    def driver(self, server: ScriptedServer, kind: str, unit: int = 1, **extra: str) -> Driver:
        where = Connection("modbus-tcp", "127.0.0.1", server.port, unit, TIMEOUT_S, **extra)
        return self.protocol.open(Source(f"{kind}-{unit}", kind, where, 7, 3, rated_w=10_000.0))


def station() -> Station:
    clock = TestClock()
    return Station(ModbusTcp(Environment(clock, Library(PROFILES))), clock)


def meter(**more: object) -> ScriptedUnit:
    unit = ScriptedUnit(**more)  # type: ignore[arg-type]
    unit.put(0, [230, 231, 232])
    unit.put(20, words("3i", 1000, -2000, 3000))
    return unit


def named(serial: str = "A-1") -> ScriptedUnit:
    unit = meter()
    unit.put(100, [*text("Works at Hand", 8), *text(serial, 8)])
    return unit


def limiter(power_of_ten: int = 1) -> ScriptedUnit:
    unit = ScriptedUnit()
    unit.put(10, [500, 60, 0, power_of_ten & 0xFFFF])
    unit.put(100, text("L-1", 4))
    unit.coil[3] = False
    return unit


def run(check: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(check(), 15))


async def kind_of(call: Awaitable[object]) -> FailureKind:
    with pytest.raises(DriverError) as caught:
        await call
    return caught.value.kind


async def after_back_off(station: Station, call: Callable[[], Awaitable[Scan]]) -> Scan:
    """The first answer after the time that a device may at most be left alone."""
    station.clock.later_s += 16.0
    return await call()


@asynccontextmanager
async def one(unit: ScriptedUnit, kind: str = "meter") -> AsyncIterator[tuple[Driver, Station]]:
    async with serving(unit) as server:
        found = station()
        driver = found.driver(server, kind)
        yield driver, found
        await driver.stop()


def test_a_meter_is_read_with_the_fewest_requests() -> None:
    async def check() -> None:
        unit = meter()
        async with one(unit) as (driver, _):
            scan = await driver.scan()
            assert scan.values == (230.0, 231.0, 232.0, 1000.0, -2000.0, 3000.0)
            assert unit.reads() == [(3, 0, 3), (3, 20, 6)]
            assert driver.diagnose().connected

    run(check)


def test_nothing_is_sent_and_nothing_written_before_somebody_asks() -> None:
    async def check() -> None:
        unit = limiter()
        async with serving(unit) as server:
            driver = station().driver(server, "limiter", identity="L-1")
            assert not driver.subscribe(lambda _: None)
            await driver.scan()
            await driver.scan()
            assert [pdu[0] for pdu in unit.seen if pdu[0] not in {3, 4}] == []

    run(check)


def test_a_device_that_lacks_an_address_loses_that_point_only() -> None:
    async def check() -> None:
        unit = meter()
        for address in (22, 23):
            del unit.holding[address]
        async with one(unit) as (driver, _):
            for _ in range(2):
                scan = await driver.scan()
                assert scan.values == (230.0, 231.0, 232.0, 1000.0, None, 3000.0)
                assert scan.qualities[4] & Quality.BAD_REFERENCE
                assert [bool(q) for q in scan.qualities] == [False] * 4 + [True, False]

    run(check)


def test_what_a_device_lacks_is_found_once_a_connection_and_not_asked_again() -> None:
    async def check() -> None:
        unit = meter()
        for address in (22, 23):
            del unit.holding[address]
        async with one(unit) as (driver, found):
            await driver.scan()
            searching = len(unit.seen)
            unit.seen.clear()
            await driver.scan()
            assert unit.reads() == [(3, 0, 3), (3, 20, 2), (3, 24, 2)]
            assert searching > len(unit.seen)
            await driver.stop()
            unit.put(22, words("i", -2000))
            scan = await after_back_off(found, driver.scan)
            assert scan.values[4] == -2000.0
            assert scan.qualities[4] == 0

    run(check)


def test_registers_in_between_that_do_not_exist_cost_no_point() -> None:
    async def check() -> None:
        unit = meter()
        unit.put(3, [0])  # a gap from 4 to 19 of which nothing is there
        async with one(unit) as (driver, _):
            assert None not in (await driver.scan()).values

    run(check)


def test_a_whole_block_is_never_split() -> None:
    async def check() -> None:
        unit = meter()
        profiles = {"meter": PROFILES["meter"] + "modbus: {whole: [holding/0+26]}\n"}
        async with serving(unit) as server:
            protocol = ModbusTcp(Environment(library=Library(profiles)))
            driver = Station(protocol, TestClock()).driver(server, "meter")
            assert await kind_of(driver.scan()) is FailureKind.REFUSED
            assert unit.reads() == [(3, 0, 26)]

    run(check)


def test_a_device_that_has_nothing_of_its_profile_refuses_and_is_asked_again() -> None:
    async def check() -> None:
        unit = ScriptedUnit()
        async with one(unit) as (driver, _):
            assert await kind_of(driver.scan()) is FailureKind.REFUSED
            unit.put(0, [230] * 30)
            assert (await driver.scan()).values[0] == 230.0

    run(check)


@pytest.mark.parametrize("code", [5, 6])
def test_a_busy_device_is_asked_in_the_next_scan_without_a_back_off(code: int) -> None:
    async def check() -> None:
        unit = meter(refuses={3: code})
        async with one(unit) as (driver, _):
            for _ in range(3):
                assert await kind_of(driver.scan()) is FailureKind.BUSY
            unit.refuses.clear()
            assert (await driver.scan()).values[0] == 230.0
            assert driver.diagnose().failures == {FailureKind.BUSY: 3}

    run(check)


@pytest.mark.parametrize("code", [1, 3, 4, 6])
def test_a_block_that_is_refused_costs_its_own_points_only(code: int) -> None:
    async def check() -> None:
        unit = meter()
        answer = unit._served

        def served(pdu: bytes) -> bytes:
            return bytes([0x83, code]) if pdu[1:3] == bytes([0, 20]) else answer(pdu)

        unit._served = served  # type: ignore[method-assign]
        async with one(unit) as (driver, _):
            scan = await driver.scan()
            assert scan.values == (230.0, 231.0, 232.0, None, None, None)
            assert [is_usable(quality) for quality in scan.qualities] == [True] * 3 + [False] * 3
            assert sum(driver.diagnose().failures.values()) == 1
            unit._served = answer  # type: ignore[method-assign]
            scan = await driver.scan()
            assert scan.values[3:] == (1000.0, -2000.0, 3000.0)
            assert scan.qualities == (0,) * 6

    run(check)


def test_a_slower_block_that_is_busy_leaves_its_values_as_old_as_they_are() -> None:
    async def check() -> None:
        unit = meter()
        unit.put(500, words("I", 4711))
        answer = unit._served

        def busy(pdu: bytes) -> bytes:
            return b"\x83\x06" if pdu[1:3] == b"\x01\xf4" else answer(pdu)

        async with one(unit, "slow-meter") as (driver, found):
            first = await driver.scan()
            unit._served = busy  # type: ignore[method-assign]
            found.clock.later_s += 10.0
            later = await driver.scan()
            assert later.values == first.values
            assert first.value_times_ns is not None
            assert later.value_times_ns is not None
            energy = [p.point.name for p in driver.points].index("slow-meter-1/MMTR1.TotWh")
            assert later.value_times_ns[energy] == first.value_times_ns[energy]
            unit._served = answer  # type: ignore[method-assign]
            unit.put(500, words("I", 4712))
            assert (await driver.scan()).values[energy] == 4712.0

    run(check)


@pytest.mark.parametrize("code", [1, 3, 4, 8, 99])
def test_other_exceptions_are_refusals_in_words_and_keep_the_connection(code: int) -> None:
    async def check() -> None:
        unit = meter(refuses={3: code})
        async with one(unit) as (driver, _):
            with pytest.raises(DriverError, match=f"exception {code} to function 3") as caught:
                await driver.scan()
            assert caught.value.kind is FailureKind.REFUSED
            assert driver.diagnose().connected
            unit.refuses.clear()
            await driver.scan()

    run(check)


@pytest.mark.parametrize("code", [10, 11])
def test_a_gateway_that_says_a_unit_is_away_serves_the_others_on(code: int) -> None:
    async def check() -> None:
        async with serving(meter(), gateway=code) as server:
            found = station()
            here, away = found.driver(server, "meter", 1), found.driver(server, "meter", 2)
            assert await kind_of(away.scan()) is FailureKind.UNREACHABLE
            assert (await here.scan()).values[0] == 230.0
            assert here.diagnose().connected
            server.units[2] = meter()
            assert (await after_back_off(found, away.scan)).values[0] == 230.0
            assert server.connections == 1

    run(check)


def test_a_unit_that_is_away_is_left_alone_for_a_while() -> None:
    async def check() -> None:
        async with serving(meter(), meter(), gateway=11) as server:
            found = station()
            away = found.driver(server, "meter", 3)
            kinds = [await kind_of(away.scan()) for _ in range(40)]
            assert FailureKind.WAITING in kinds
            assert kinds.count(FailureKind.UNREACHABLE) < 20

    run(check)


def test_a_silent_unit_behind_a_gateway_costs_its_neighbours_one_time_out() -> None:
    async def check() -> None:
        silent, good = meter(silent=True), meter()
        async with serving(silent, good) as server:
            found = station()
            drivers = [found.driver(server, "meter", number) for number in (1, 2)]
            outcomes = await asyncio.gather(*(d.scan() for d in drivers), return_exceptions=True)
            assert isinstance(outcomes[0], DriverError)
            assert outcomes[0].kind is FailureKind.TIMEOUT
            assert isinstance(outcomes[1], Scan)
            asked = len(silent.seen)
            found.clock.later_s -= 1.0  # well within any back-off
            assert await kind_of(drivers[0].scan()) is FailureKind.WAITING
            assert (await drivers[1].scan()).values[0] == 230.0
            assert len(silent.seen) == asked
            assert server.connections == 1

    run(check)


def test_a_half_open_connection_behind_which_several_units_fall_silent_is_given_up() -> None:
    async def check() -> None:
        async with serving(meter(), meter(), meter()) as server:
            found = station()
            drivers = [found.driver(server, "meter", number) for number in (1, 2, 3)]
            for driver in drivers:
                await driver.scan()
            server.deaf = True  # the peer is gone, the connection says nothing of it
            kinds = [await kind_of(driver.scan()) for driver in drivers[:2]]
            assert kinds == [FailureKind.TIMEOUT] * 2
            assert not drivers[2].diagnose().connected
            server.deaf = False
            for driver in drivers:
                assert (await after_back_off(found, driver.scan)).values[0] == 230.0

    run(check)


def test_a_half_open_connection_is_noticed_by_the_request_that_stays_without_an_answer() -> None:
    async def check() -> None:
        async with serving(meter()) as server:
            found = station()
            driver = found.driver(server, "meter")
            await driver.scan()
            server.deaf = True
            assert await kind_of(driver.scan()) is FailureKind.TIMEOUT
            assert not driver.diagnose().connected
            server.deaf = False
            await after_back_off(found, driver.scan)
            assert server.connections == 2

    run(check)


def test_a_neighbour_that_babbles_costs_others_nothing() -> None:
    async def check() -> None:
        async with serving(meter()) as good, serving(meter()) as babbling:
            found = station()
            one, other = found.driver(good, "meter"), found.driver(babbling, "meter")
            await one.scan()
            await other.scan()
            for _ in range(20):
                await babbling.babble(b"\xa5" * 400)
                await asyncio.gather(other.scan(), return_exceptions=True)
                assert (await one.scan()).values[0] == 230.0
            assert one.diagnose().failures == {}
            await after_back_off(found, other.scan)

    run(check)


def test_values_count_only_after_the_device_has_said_that_it_is_the_one() -> None:
    async def check() -> None:
        async with serving(named("A-2")) as server:
            driver = station().driver(server, "named-meter", identity="A-1")
            with pytest.raises(DriverError, match="'A-1' is expected, the device says 'A-2'") as e:
                await driver.scan()
            assert e.value.kind is FailureKind.WRONG_DEVICE
            server.units[1].put(108, text("A-1", 8))
            assert (await driver.scan()).values[0] == 230.0

    run(check)


def test_identity_is_asked_once_a_connection() -> None:
    async def check() -> None:
        unit = named()
        async with serving(unit) as server:
            found = station()
            driver = found.driver(server, "named-meter", identity="A-1")
            for _ in range(3):
                await driver.scan()
            asked = [read for read in unit.reads() if read[1] >= 100]
            assert asked == [(3, 100, 8), (3, 108, 8)]
            await driver.stop()
            await after_back_off(found, driver.scan)
            assert len([read for read in unit.reads() if read[1] >= 100]) == 4

    run(check)


def test_another_device_at_the_address_after_a_restart_is_given_no_limit() -> None:
    async def check() -> None:
        server = ScriptedServer({1: limiter()})
        await server.start()
        found = station()
        driver = found.driver(server, "limiter", identity="L-1")
        await driver.write(4000.0, None)
        port = server.port
        await server.stop()
        other = limiter()
        other.put(100, text("L-2", 4))
        server = ScriptedServer({1: other})
        await server.start(port)
        found.clock.later_s += 16.0
        assert await kind_of(driver.write(4000.0, None)) is FailureKind.WRONG_DEVICE
        assert await kind_of(driver.scan()) is FailureKind.WRONG_DEVICE
        assert [pdu[0] for pdu in other.seen if pdu[0] != 3] == []
        await driver.stop()
        await server.stop()

    run(check)


def test_a_device_without_the_registers_of_its_identity_is_not_the_one() -> None:
    async def check() -> None:
        async with serving(meter()) as server:
            driver = station().driver(server, "named-meter")
            with pytest.raises(DriverError, match="the device says nothing"):
                await driver.scan()

    run(check)


def test_fall_back_first_then_the_limit_then_its_enabling() -> None:
    async def check() -> None:
        unit = limiter(power_of_ten=1)
        async with serving(unit) as server:
            driver = station().driver(server, "limiter", identity="L-1")
            await driver.write(4200.0, Watchdog(60.0, 2000.0))
            assert unit.writes() == [(12, 200), (11, 60), (10, 420), (3, 0xFF00)]
            assert (await driver.scan()).limit_in_force == 4200.0
            assert unit.coil[3]

    run(check)


def test_nothing_is_written_whose_scale_the_device_does_not_say() -> None:
    async def check() -> None:
        unit = limiter(power_of_ten=-(2**15))
        async with serving(unit) as server:
            driver = station().driver(server, "limiter", identity="L-1")
            assert await kind_of(driver.write(4200.0, None)) is FailureKind.REFUSED
            assert unit.writes() == []

    run(check)


def test_a_limit_that_does_not_fit_into_its_register_is_refused_and_not_cut() -> None:
    async def check() -> None:
        unit = limiter(power_of_ten=0)
        async with serving(unit) as server:
            driver = station().driver(server, "limiter", identity="L-1")
            with pytest.raises(DriverError, match="70000 does not fit"):
                await driver.write(70_000.0, None)
            assert unit.writes() == []

    run(check)


def test_slower_values_are_read_when_they_are_due_and_keep_their_time() -> None:
    async def check() -> None:
        unit = meter()
        unit.put(500, words("I", 4711))
        async with one(unit, "slow-meter") as (driver, found):
            first = await driver.scan()
            unit.put(500, words("I", 4712))
            before = len([read for read in unit.reads() if read[1] == 500])
            later = await driver.scan()
            energy = [p.point.name for p in driver.points].index("slow-meter-1/MMTR1.TotWh")
            assert (first.values[energy], later.values[energy]) == (4711.0, 4711.0)
            assert first.value_times_ns is not None
            assert later.value_times_ns is not None
            assert later.value_times_ns[energy] == first.value_times_ns[energy]
            assert later.value_times_ns[0] == later.time_ns
            found.clock.later_s += 10.0
            assert (await driver.scan()).values[energy] == 4712.0
            assert before == 1

    run(check)


def test_two_sources_that_ask_the_same_at_once_send_one_request() -> None:
    async def check() -> None:
        unit = meter(late_s=0.02)
        async with serving(unit) as server:
            found = station()
            one, two = found.driver(server, "meter"), found.driver(server, "meter")
            scans = await asyncio.gather(one.scan(), two.scan())
            assert scans[0].values == scans[1].values
            assert unit.reads() == [(3, 0, 3), (3, 20, 6)]

    run(check)


class BaysOfADevice:
    """Feeders that lie beside each other in one device, ten registers each."""

    PROFILE = (
        HEAD.format(kind="bay")
        + """
voltage: {at: [holding/0, holding/1, holding/2], range: [0, 460]}
bay_stride: 10
modbus: {registers: 45, gap: 8}
"""
    )

    def __init__(self, number: int) -> None:
        self.unit = ScriptedUnit(late_s=0.01)
        for bay in range(number):
            self.unit.put(10 * bay, list(range(100 * bay, 100 * bay + 10)))
        self._number = number

    def drivers(self, server: ScriptedServer) -> list[Driver]:
        protocol = ModbusTcp(Environment(library=Library({"bay": self.PROFILE})))
        found = Station(protocol, TestClock())
        return [found.driver(server, "bay", bay=str(bay)) for bay in range(self._number)]


def test_what_the_bays_of_a_device_want_at_the_same_time_comes_in_the_fewest_requests() -> None:
    async def check() -> None:
        device = BaysOfADevice(8)
        async with serving(device.unit) as server:
            drivers = device.drivers(server)
            await drivers[0].scan()
            for _ in range(2):
                device.unit.seen.clear()
                scans = await asyncio.gather(*(driver.scan() for driver in drivers))
                assert device.unit.reads() == [(3, 0, 43), (3, 50, 23)]
                assert [scan.values for scan in scans] == [
                    (100.0 * bay, 100.0 * bay + 1, 100.0 * bay + 2) for bay in range(8)
                ]
            await drivers[0].stop()

    run(check)


def test_a_bay_that_is_not_there_costs_the_other_bays_nothing_but_their_common_request() -> None:
    async def check() -> None:
        device = BaysOfADevice(4)
        for address in range(20, 30):
            del device.unit.holding[address]
        async with serving(device.unit) as server:
            drivers = device.drivers(server)
            for _ in range(3):
                device.unit.seen.clear()
                outcomes = await asyncio.gather(
                    *(driver.scan() for driver in drivers), return_exceptions=True
                )
                assert isinstance(outcomes[2], DriverError)
                assert outcomes[2].kind is FailureKind.REFUSED
                values = [each.values[0] for each in outcomes if isinstance(each, Scan)]
                assert values == [0.0, 100.0, 300.0]
            assert (3, 0, 33) not in device.unit.reads()
            await drivers[0].stop()

    run(check)


def test_a_caller_that_gives_up_takes_nothing_from_those_who_wait_with_it() -> None:
    async def check() -> None:
        device = BaysOfADevice(2)
        async with serving(device.unit) as server:
            one, two = device.drivers(server)
            await one.scan()
            impatient = asyncio.create_task(one.scan())
            patient = asyncio.create_task(two.scan())
            await asyncio.sleep(0.003)
            impatient.cancel()
            assert (await patient).values[0] == 100.0
            assert (await one.scan()).values[0] == 0.0
            await one.stop()

    run(check)


def test_a_silent_device_is_silent_for_all_of_its_bays() -> None:
    async def check() -> None:
        device = BaysOfADevice(3)
        async with serving(device.unit) as server:
            drivers = device.drivers(server)
            await asyncio.gather(*(driver.scan() for driver in drivers))
            device.unit.silent = True
            kinds = [await kind_of(driver.scan()) for driver in drivers]
            assert kinds[0] is FailureKind.TIMEOUT
            await drivers[0].stop()

    run(check)


def test_bays_of_one_device_lie_so_many_registers_further() -> None:
    async def check() -> None:
        unit = meter()
        unit.put(1000, [240, 241, 242])
        unit.put(1020, words("3i", 1, 2, 3))
        profiles = {"meter": PROFILES["meter"] + "bay_stride: 500\n"}
        async with serving(unit) as server:
            protocol = ModbusTcp(Environment(library=Library(profiles)))
            driver = Station(protocol, TestClock()).driver(server, "meter", bay="2")
            assert (await driver.scan()).values == (240.0, 241.0, 242.0, 1.0, 2.0, 3.0)

    run(check)


def test_registers_counted_from_one_are_asked_for_one_lower() -> None:
    async def check() -> None:
        unit = meter()
        profiles = {
            "meter": PROFILES["meter"]
            .replace("holding/0,", "holding/1,")
            .replace("holding/1, holding/1, holding/2", "holding/1, holding/2, holding/3")
            .replace("20:i32", "21:i32")
            .replace("22:i32", "23:i32")
            .replace("24:i32", "25:i32")
            + "modbus: {base: 1}\n"
        }
        async with serving(unit) as server:
            protocol = ModbusTcp(Environment(library=Library(profiles)))
            driver = Station(protocol, TestClock()).driver(server, "meter")
            assert (await driver.scan()).values[0] == 230.0
            assert unit.reads() == [(3, 0, 3), (3, 20, 6)]

    run(check)


def test_a_device_that_starts_again_is_asked_again_who_it_is_and_told_its_fall_back() -> None:
    async def check() -> None:
        unit = ScriptedUnit()
        unit.holding.update(bench_identity("ev-controller"))
        unit.put(1000, [1] * 18 + words("I", 50) + words("Q", 1) + [0])
        unit.put(2000, [0, 0, 0])
        async with serving(unit) as server:
            driver = station().driver(server, "ev-controller")
            await driver.scan()
            await driver.write(10.0, Watchdog(60.0, 7.0))
            unit.put(1018, words("I", 3))
            await driver.scan()
            await driver.write(10.0, Watchdog(60.0, 7.0))
            assert unit.writes() == [(2002, 7), (2001, 60), (2000, 10)] * 2

    run(check)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"port": 0}, "port 0"),
        ({"unit": 256}, "unit 256"),
        ({"timeout_s": 0.0}, "time-out"),
        ({"host": ""}, "host ''"),
    ],
)
def test_a_connection_that_cannot_be_is_refused_by_the_name_of_its_source(
    change: dict[str, object], named: str
) -> None:
    where = replace_connection(Connection("modbus-tcp", "127.0.0.1", 502), change)
    source = Source("m-1", "meter", where, 7, 3)
    protocol = ModbusTcp(Environment(library=Library(PROFILES)))
    assert protocol.validate(replace(source, connection=Connection("x", "h", 502))) == ()
    assert [named in complaint for complaint in protocol.validate(source)] == [True]
    with pytest.raises(InputError, match="'m-1'"):
        protocol.open(source)


def replace_connection(connection: Connection, change: dict[str, object]) -> Connection:
    fields = {name: getattr(connection, name) for name in connection.__struct_fields__}
    return Connection(**{**fields, **change})
