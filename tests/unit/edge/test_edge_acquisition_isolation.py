"""A slow, silent, babbling or flooding device delays no other; its points say so, and recover.

Real drivers and devices on loopback, real time. Time decides no test: conditions are waited for.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import cast

import pytest
from misbehaving_drivers import KINDS, Fine, scan
from toy_device import ToyDevice, environment, install, source, toy_device

from ortsnetz_common.link.messages import Setpoint, SetpointSource
from ortsnetz_common.measurement.time import now_ns
from ortsnetz_edge.acquisition.image import FRESH_A_CYCLE, NextImage, ProcessImage
from ortsnetz_edge.acquisition.scanner import GIVE_UP_S, Scanner
from ortsnetz_edge.control.device import Write
from ortsnetz_edge.control.writing import write_all, write_notices
from ortsnetz_edge.drivers.contract import Driver, Listener, Scan, Watchdog
from ortsnetz_edge.running import stop_drivers

INTERVAL_S = 0.25
STALE_AFTER_S = 2 * INTERVAL_S
OTHERS = ("ev-2", "ev-3")
MOODS = ("silent", "babbling", "garbled", "hangs up", "slow")


class Station:
    """Scans a few sources as the agent does: a cycle each interval, an image of each."""

    def __init__(self, drivers: dict[str, Driver]) -> None:
        self.drivers = drivers
        points = {name: driver.points for name, driver in drivers.items()}
        self.image = NextImage(points, stale_after_s=STALE_AFTER_S)
        self.scanner = Scanner(drivers, self.image)
        self.cycle = 0
        self.longest_s = 0.0

    async def run_cycle(self) -> ProcessImage:
        begun = time.monotonic()
        self.cycle += 1
        await self.scanner.scan(0.3 * INTERVAL_S)
        self.longest_s = max(self.longest_s, time.monotonic() - begun)
        seen = self.image.freeze(self.cycle, now_ns(), now=time.monotonic())
        await asyncio.sleep(max(0.0, INTERVAL_S - (time.monotonic() - begun)))
        return seen

    async def until(self, condition: Callable[[ProcessImage], bool]) -> list[ProcessImage]:
        """Cycles up to the one whose image fulfils the condition."""
        images: list[ProcessImage] = []
        for _ in range(200):
            images.append(await self.run_cycle())
            if condition(images[-1]):
                return images
        raise AssertionError("it did not come to that")

    async def stop(self) -> None:
        await self.scanner.drain(1.0)
        for driver in self.drivers.values():
            await driver.stop()


@pytest.fixture
def devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, ToyDevice]]:
    install(tmp_path, monkeypatch)
    with ExitStack() as stack:
        yield {name: stack.enter_context(toy_device()) for name in ("ev-1", *OTHERS)}


def run(work: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        await asyncio.wait_for(work(), 60)

    asyncio.run(bounded())


def toy_station(devices: dict[str, ToyDevice]) -> Station:
    from toy_meter.protocol import ToyMeter

    protocol = ToyMeter(environment())
    return Station({name: protocol.open(source(name, d.port, 0.25)) for name, d in devices.items()})


def test_sick_devices_of_all_kinds_delay_no_other_and_recover_by_themselves(
    devices: dict[str, ToyDevice],
) -> None:
    async def work() -> None:
        with ExitStack() as stack:
            sick = {f"sick-{n}": stack.enter_context(toy_device()) for n, _ in enumerate(MOODS)}
            station = toy_station(devices | sick)
            await station.until(lambda seen: all(s.valid for s in seen.sources.values()))
            for device, mood in zip(sick.values(), MOODS, strict=True):
                device.mood = mood
            images = await station.until(lambda seen: not any_valid(seen, sick))
            images += [await station.run_cycle() for _ in range(3)]
            assert all(seen.sources[name].valid for seen in images for name in devices)
            assert all(images[-1].sources[name].failure for name in sick)
            lost = [name for seen in images for name in seen.lost]
            assert {name: lost.count(name) for name in sick} == dict.fromkeys(sick, 1)
            for device in sick.values():
                device.mood = "well"
            well = await station.until(lambda seen: all(s.valid for s in seen.sources.values()))
            assert not any(well[-1].sources[name].failure for name in sick)
            await station.stop()

    run(work)


def any_valid(seen: ProcessImage, names: Iterable[str]) -> bool:
    return any(seen.sources[name].valid for name in names)


def test_points_turn_invalid_within_two_scan_intervals(devices: dict[str, ToyDevice]) -> None:
    """Counted from the last answer, by the ages that the images themselves state."""

    async def work() -> None:
        station = toy_station(devices)
        await station.until(lambda seen: all(source.valid for source in seen.sources.values()))
        devices["ev-1"].mood = "silent"
        sick = await station.until(lambda seen: not seen.sources["ev-1"].valid)
        ages = [seen.sources["ev-1"].age_s for seen in sick]
        assert all(age is not None and age <= STALE_AFTER_S for age in ages[:-1])
        last = ages[-1]
        assert last is not None
        assert last > STALE_AFTER_S
        await station.stop()

    run(work)


def test_a_device_that_is_gone_and_comes_back_at_its_port_is_found_again(
    devices: dict[str, ToyDevice],
) -> None:
    async def work() -> None:
        with toy_device() as passing:
            station = toy_station(devices | {"ev-1": passing})
            await station.until(lambda seen: seen.sources["ev-1"].valid)
        gone = await station.until(lambda seen: not seen.sources["ev-1"].valid)
        assert all(seen.sources[name].valid for seen in gone for name in OTHERS)
        with toy_device(port=passing.port):
            await station.until(lambda seen: seen.sources["ev-1"].valid)
        await station.stop()

    run(work)


def test_another_device_at_the_address_gives_no_value_and_gets_no_limit(
    devices: dict[str, ToyDevice],
) -> None:
    async def work() -> None:
        station = toy_station(devices)
        await station.until(lambda seen: seen.sources["ev-1"].valid)
        devices["ev-1"].mood = "hangs up"
        await station.until(lambda seen: not seen.sources["ev-1"].valid)
        devices["ev-1"].values["maker"] = "Somebody"
        devices["ev-1"].mood = "well"
        seen = await station.until(
            lambda seen: "maker 'Toyworks' is expected" in str(seen.sources["ev-1"].failure)
        )
        assert not seen[-1].sources["ev-1"].valid
        assert not [line for line in devices["ev-1"].asked if line.startswith("set")]
        await station.stop()

    run(work)


def own_station(*names: str) -> Station:
    return Station(
        {name: cast("Driver", KINDS[name.split("-")[0]](source(name, 1))) for name in names}
    )


def test_a_flood_of_reports_is_bounded_and_counted_and_delays_no_other() -> None:
    """10,000 reports a second from within the agent's own loop, each taken or counted."""

    async def work() -> None:
        station = own_station("flooding-1", "fine-1")
        station.scanner.listen()
        images = await station.until(lambda _: station.image.counters["reports"] >= 10_000)
        assert all(seen.sources["fine-1"].valid for seen in images)
        fresh = [[name for name, _ in seen.fresh].count("flooding-1") for seen in images]
        assert max(fresh) == FRESH_A_CYCLE
        await station.stop()
        images.append(station.image.freeze(station.cycle, 0, now=time.monotonic()))
        counters = station.image.counters
        taken = sum(len(seen.fresh) for seen in images)
        assert counters["reports"] + counters["reads"] == taken + counters["scans_coalesced"]

    run(work)


def test_the_newest_of_a_flood_is_what_the_image_shows() -> None:
    station = own_station("fine-1")
    for number in range(1, 1001):
        station.image.place("fine-1", scan(number / 10), now=1.0, reported=True)
    station.image.freeze(1, 0, now=1.0)
    for number in range(1, 1001):
        station.image.place("fine-1", scan(number / 10), now=1.0, reported=True)
    seen = station.image.freeze(2, 0, now=1.0)
    newest = seen.sources["fine-1"].scan
    assert newest is not None
    assert newest.values == (100.0,)
    assert [s.values[0] for _, s in seen.fresh] == [n / 10 for n in range(1, 50)] + [100.0]
    assert station.image.counters["scans_coalesced"] == 2 * (1000 - FRESH_A_CYCLE)


def test_a_report_keeps_a_source_young_that_is_slow_to_answer() -> None:
    class Slow(Fine):
        listener: Listener | None = None

        def subscribe(self, listener: Listener) -> bool:
            self.listener = listener
            return True

        async def scan(self) -> Scan:
            await asyncio.Event().wait()
            raise AssertionError

    async def work() -> None:
        slow = Slow(source("slow-1", 1))
        station = Station({"slow-1": slow})
        station.scanner.listen()
        assert slow.listener is not None
        for _ in range(5):
            slow.listener(scan(231.0))
            seen = await station.run_cycle()
            assert seen.sources["slow-1"].valid
            assert [s.values for _, s in seen.fresh] == [(231.0,)]
        await station.until(lambda seen: not seen.sources["slow-1"].valid)
        await station.stop()

    run(work)


def test_a_driver_s_mistake_costs_its_source_a_reading_and_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def work() -> None:
        station = own_station("mistaken-1", "short-1", "fine-1")
        for _ in range(3):
            seen = await station.run_cycle()
            assert seen.sources["fine-1"].valid
        assert "ZeroDivisionError" in str(seen.sources["mistaken-1"].failure)
        assert "0 values instead of 1" in str(seen.sources["short-1"].failure)
        assert station.image.counters["requests_wrong-answer"] == 6
        await station.stop()

    with caplog.at_level(logging.ERROR):
        run(work)
    assert [record.name for record in caplog.records].count(
        "ortsnetz_edge.acquisition.scanner"
    ) == 1


def test_a_scan_that_never_ends_is_given_up_and_asked_anew() -> None:
    class Clock:
        now = 0.0

        def __call__(self) -> float:
            return self.now

    async def work() -> None:
        clock = Clock()
        driver = cast("Driver", KINDS["waiting"](source("waiting-1", 1)))
        image = NextImage({"waiting-1": driver.points}, stale_after_s=2.0)
        scanner = Scanner({"waiting-1": driver}, image, clock)
        await scanner.scan(0.01)
        clock.now = GIVE_UP_S + 1
        await scanner.scan(0.01)
        await asyncio.sleep(0)
        await scanner.scan(0.01)
        assert image.counters["scans_given_up"] == 1
        assert image.counters["scans_skipped"] == 1
        assert image.counters["requests_timeout"] == 1
        await scanner.drain(0.01)

    run(work)


def test_a_mistake_while_writing_costs_the_device_its_setpoint_and_nobody_else() -> None:
    class Mistaken(Fine):
        async def write(self, _limit: float, _watchdog: Watchdog | None) -> None:
            raise ZeroDivisionError

    async def work() -> tuple[Write, ...]:
        drivers = {"mistaken": Mistaken(source("m", 1)), "fine": Fine(source("f", 1))}
        setpoint = Setpoint("x", 6900.0, SetpointSource.SAFETY, "a test")
        writes = [Write(name, 10.0, None, setpoint, changed=True) for name in drivers]
        return await write_all(writes, drivers, counters, deadline_s=5.0, notices=write_notices())

    counters: Counter[str] = Counter()
    assert [write.device for write in asyncio.run(work())] == ["fine"]
    assert counters["setpoints_failed"] == 1


def test_drivers_that_cannot_be_stopped_do_not_keep_the_agent_from_its_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stopped: list[str] = []

    class Ends(Fine):
        async def stop(self) -> None:
            stopped.append(self.source.name)

    class Never(Fine):
        async def stop(self) -> None:
            await asyncio.Event().wait()

    class Fails(Fine):
        async def stop(self) -> None:
            raise ZeroDivisionError

    drivers = {kind.__name__: kind(source(kind.__name__, 1)) for kind in (Never, Fails, Ends)}
    asyncio.run(stop_drivers(cast("dict[str, Driver]", drivers), 0.2))
    assert stopped == ["Ends"]
    assert "'Never' could not be stopped within" in caplog.text
    assert "'Fails' could not be stopped" in caplog.text
