"""A DNP3 station in the agent's process image: lost within two cycles, and back by itself."""

from __future__ import annotations

import asyncio
from pathlib import Path

from dnp3_bench import HOST, Bench, close, ev, feeder

from ortsnetz_edge.acquisition.image import NextImage
from ortsnetz_edge.acquisition.scanner import Scanner
from ortsnetz_edge.drivers.dnp3.protocol import Dnp3Tcp

CYCLE_S = 1.0


def test_a_silent_station_is_invalid_after_two_cycles_and_recovers(tmp_path: Path) -> None:
    async def test() -> None:
        bench = Bench(tmp_path)
        await bench.station.start(HOST, 0)
        protocol, port = Dnp3Tcp(), bench.station.port or 0
        sources = [feeder(port, 0, timeout_s=0.05), ev(port, timeout_s=0.05)]
        drivers = {source.name: protocol.open(source) for source in sources}
        image = NextImage(
            {name: driver.points for name, driver in drivers.items()}, stale_after_s=2 * CYCLE_S
        )
        now = 0.0
        ages: list[float | None] = []
        scanner = Scanner(drivers, image, lambda: now)
        scanner.listen()

        async def cycle() -> tuple[bool, ...]:
            """Whether each source is valid; how old its last answer is, is in `ages`."""
            nonlocal now
            now += CYCLE_S
            bench.step(CYCLE_S)
            await scanner.scan(0.3)
            await asyncio.sleep(0.02)  # one that is not waited for gets its turn, too
            frozen = image.freeze(int(now), 0, now=now)
            ages[:] = [frozen.sources[name].age_s for name in drivers]
            return tuple(frozen.sources[name].valid for name in drivers)

        async with asyncio.timeout(20):
            while await cycle() != (True, True) or ages != [0.0, 0.0]:
                pass
        bench.station.fall_silent()
        seen = [await cycle() for _ in range(3)]
        assert seen[:2] == [(True, True)] * 2  # their last answers are still young enough
        assert seen[2] == (False, False)
        assert image.counters["requests_timeout"] >= 1
        bench.station.fall_silent(silent=False)
        bench.feeders[0].set(226.0, 3000.0)
        async with asyncio.timeout(20):
            while await cycle() != (True, True):
                pass
        frozen = image.freeze(99, 0, now=now)
        scan = frozen.sources["feeder-1"].scan
        assert scan is not None
        assert close(scan.values[0], 226.0)
        await scanner.drain(1.0)
        for driver in drivers.values():
            await driver.stop()
        await bench.station.stop()

    asyncio.run(asyncio.wait_for(test(), 60))


def test_a_report_enters_the_image_between_two_scans(tmp_path: Path) -> None:
    async def test() -> None:
        bench = Bench(tmp_path)
        await bench.station.start(HOST, 0)
        driver = Dnp3Tcp().open(feeder(bench.station.port or 0, 0))
        image = NextImage({"feeder-1": driver.points}, stale_after_s=2 * CYCLE_S)
        scanner = Scanner({"feeder-1": driver}, image, lambda: 1.0)
        scanner.listen()
        await scanner.scan(10.0)
        image.freeze(1, 0, now=1.0)
        bench.feeders[0].set(224.0, 3000.0)
        bench.step()
        async with asyncio.timeout(20):
            while True:
                fresh = image.freeze(2, 0, now=1.0).fresh
                if any(close(scan.values[0], 224.0) for _, scan in fresh):
                    break
                await asyncio.sleep(0.02)
        await driver.stop()
        await bench.station.stop()

    asyncio.run(asyncio.wait_for(test(), 60))
