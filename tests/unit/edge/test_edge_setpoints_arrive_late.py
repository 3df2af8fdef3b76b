"""A device that takes longer than a cycle for its limit gets it all the same, one after another."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import cast

import pytest
from misbehaving_drivers import Fine
from modbus_peers.scripted import ScriptedUnit, bench_identity, serving, words
from toy_device import source

from ortsnetz_common.link.messages import Setpoint, SetpointSource
from ortsnetz_common.parameters.station import Connection
from ortsnetz_edge.control import writing
from ortsnetz_edge.control.device import Write
from ortsnetz_edge.control.writing import LateWrites, write_all, write_notices
from ortsnetz_edge.drivers.contract import Driver, Source, Watchdog
from ortsnetz_edge.drivers.modbus.protocol import ModbusTcp

DEADLINE_S = 0.05


def limit(amount: float, device: str = "ev-1") -> Write:
    setpoint = Setpoint(device, 230.0 * 3 * amount, SetpointSource.SAFETY, "a test")
    return Write(device, amount, Watchdog(60.0, 6.0), setpoint, changed=True)


class Cycles:
    """Cycles of an agent that only writes."""

    def __init__(self, driver: Driver, clock: LateWrites | None = None) -> None:
        self.counters: Counter[str] = Counter()
        self._drivers = {"ev-1": driver}
        self._late, self._notices = clock or LateWrites(), write_notices()

    async def one(self, amount: float) -> list[float]:
        confirmed = await write_all(
            [limit(amount)],
            self._drivers,
            self.counters,
            deadline_s=DEADLINE_S,
            notices=self._notices,
            late=self._late,
        )
        return [write.amount for write in confirmed]

    async def until_confirmed(self, amount: float) -> None:
        async with asyncio.timeout(20):
            while amount not in await self.one(amount):  # noqa: ASYNC110 - cycle by cycle
                await asyncio.sleep(0.01)

    def stop(self) -> None:
        self._late.give_up()


def charger() -> ScriptedUnit:
    unit = ScriptedUnit()
    unit.holding.update(bench_identity("ev-controller"))
    unit.put(1000, [1] * 18 + words("I", 50) + words("Q", 1) + [0])
    unit.put(2000, [0, 0, 0])
    return unit


def test_a_device_slower_than_a_cycle_takes_its_limit_over_one_connection() -> None:
    """Identity, fall-back and limit are several answers: begun anew each cycle it never ends."""

    async def check() -> None:
        unit = charger()
        unit.late_s = DEADLINE_S  # with each answer
        async with serving(unit) as server:
            where = Connection("modbus-tcp", "127.0.0.1", server.port, 1, 1.0)
            driver = ModbusTcp().open(Source("ev-1", "ev-controller", where, 1, 3, rated_w=11e3))
            cycles = Cycles(driver)
            await cycles.until_confirmed(10.0)
            await cycles.until_confirmed(8.0)
            limits = [value for address, value in unit.writes() if address == 2000]
            assert limits[0] != limits[-1]
            assert sorted(limits, reverse=True) == limits  # each after the one before
            assert cycles.counters["setpoints_late"] >= 1
            assert cycles.counters["setpoints_waiting"] >= 1
            assert cycles.counters["setpoints_failed"] == 0
            await driver.stop()

    asyncio.run(asyncio.wait_for(check(), 30))


def test_a_limit_waits_until_the_one_before_has_ended() -> None:
    class Slow(Fine):
        under_way, most, taken = 0, 0, cast("list[float]", [])

        async def write(self, limit: float, _watchdog: Watchdog | None) -> None:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            await asyncio.sleep(3 * DEADLINE_S)
            self.taken.append(limit)
            self.under_way -= 1

    async def check() -> None:
        slow = Slow(source("ev-1", 1))
        cycles = Cycles(cast("Driver", slow))
        assert await cycles.one(16.0) == []
        await cycles.until_confirmed(6.0)
        assert slow.taken == [16.0, 6.0]
        assert slow.most == 1

    asyncio.run(asyncio.wait_for(check(), 30))


def test_a_response_follows_the_raise_that_is_on_its_way_and_is_what_holds() -> None:
    """A raise of the cycle may take longer at the device than the lowering after it."""

    class Uneven(Fine):
        value = 0.0

        async def write(self, limit: float, _watchdog: Watchdog | None) -> None:
            await asyncio.sleep(2 * DEADLINE_S if limit == 16.0 else 0.0)
            self.value = limit

    async def check() -> None:
        device, other = Uneven(source("ev-1", 1)), Uneven(source("ev-2", 2))
        drivers = {"ev-1": cast("Driver", device), "ev-2": cast("Driver", other)}
        late, notices, counters = LateWrites(), write_notices(), Counter[str]()
        taken_in: list[tuple[str, float]] = []

        async def write(*writes: Write, deadline_s: float) -> None:
            confirmed = await write_all(
                writes, drivers, counters, deadline_s=deadline_s, notices=notices, late=late
            )
            taken_in.extend((one.device, one.amount) for one in confirmed)

        cycle = asyncio.create_task(
            write(limit(16.0), limit(10.0, "ev-2"), deadline_s=100 * DEADLINE_S)
        )
        await asyncio.sleep(0)
        await write(limit(6.0), deadline_s=100 * DEADLINE_S)
        await cycle
        assert device.value == 6.0
        assert [amount for name, amount in taken_in if name == "ev-1"] == [16.0, 6.0]
        assert ("ev-2", 10.0) in taken_in
        assert counters["setpoints_written"] == 3
        assert "ev-1" not in late

    asyncio.run(asyncio.wait_for(check(), 30))


@pytest.mark.parametrize("obeys", [True, False], ids=["ends when told", "never ends"])
def test_a_write_that_never_ends_is_given_up_and_keeps_nobody(
    obeys: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Clock:
        now = 0.0

        def __call__(self) -> float:
            return self.now

    class Stuck(Fine):
        async def write(self, _limit: float, _watchdog: Watchdog | None) -> None:
            while True:
                try:
                    await asyncio.sleep(30)
                except asyncio.CancelledError:
                    if obeys or ended.is_set():
                        raise

    ended = asyncio.Event()

    async def check() -> None:
        clock = Clock()
        cycles = Cycles(cast("Driver", Stuck(source("ev-1", 1))), LateWrites(clock))
        assert await cycles.one(10.0) == []
        clock.now = writing.GIVE_UP_S + 1
        for _ in range(3):
            assert await cycles.one(10.0) == []
            await asyncio.sleep(0)
        assert cycles.counters["setpoints_given_up"] == 1
        assert (cycles.counters["setpoints_late"] == 2) == obeys  # the next one has begun
        ended.set()
        cycles.stop()

    asyncio.run(asyncio.wait_for(check(), 30))
    assert "'ev-1' does not take its setpoint: the driver has not ended its write" in caplog.text
