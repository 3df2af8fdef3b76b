"""A technician before an outstation that nobody has configured yet."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from dnp3_bench import HOST, Bench, connection
from dnp3_hostile import Line, scripted

from ortsnetz_common.drivers.values import DriverError, FailureKind, Identity, Observation
from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.quality import Quality
from ortsnetz_edge.drivers.address import parse_address
from ortsnetz_edge.drivers.dnp3.protocol import Dnp3Tcp


def _run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 40))


def test_everything_that_a_station_holds_is_listed(tmp_path: Path) -> None:
    async def test() -> None:
        bench = Bench(tmp_path)
        await bench.station.start(HOST, 0)
        address = parse_address(f"dnp3://127.0.0.1:{bench.station.port}/1024?own=1")
        probe = Dnp3Tcp().probe(address)
        assert await probe.identify() == Identity("Ortsnetz bench", "RTU", "rtu-7")
        found = {each.reference: each for each in await probe.browse("", 1000)}
        assert len(found) == 3 + 3 * 15 + 3
        assert found["analog-input/0"].value == 23_000.0
        assert found["analog-input/12"].what.startswith("analog input, invalid")
        assert found["attribute/248"].value == "rtu-7"
        assert [name for name, each in found.items() if each.writable] == [
            "analog-output/40",
            "analog-output/41",
            "analog-output/42",
        ]
        assert len(await probe.browse("analog-input", 7)) == 7
        with pytest.raises(InputError, match="not a kind of point"):
            await probe.browse("holding/3", 7)
        assert bench.owners[2].counters.writes == 0
        await probe.close()
        await bench.station.stop()

    _run(test())


def test_values_are_read_raw_and_what_is_not_there_is_said(tmp_path: Path) -> None:
    async def test() -> None:
        bench = Bench(tmp_path)
        await bench.station.start(HOST, 0)
        probe = Dnp3Tcp().probe(connection(bench.station.port or 0))
        wanted = ["analog-input/6", "analog-output/40", "attribute/250", "counter/1"]
        seen = await probe.read(wanted)
        assert [each.value for each in seen] == [10_000.0, 7.0, "RTU", None]
        assert seen[3].quality & Quality.BAD_REFERENCE
        assert seen[3].why == "the outstation has no such point"
        with pytest.raises(InputError, match="analog-input/4"):
            await probe.read(["analog input 4"])
        await probe.close()
        await bench.station.stop()

    _run(test())


def test_changes_are_watched_as_they_are_reported(tmp_path: Path) -> None:
    async def test() -> None:
        bench = Bench(tmp_path)
        await bench.station.start(HOST, 0)
        probe = Dnp3Tcp().probe(connection(bench.station.port or 0))
        watching = probe.watch(["analog-input/0", "analog-input/20"], 30.0)
        first = [await anext(watching), await anext(watching)]
        assert [each.value for each in first] == [23_000.0, 23_000.0]
        bench.feeders[1].set(225.0, 3000.0)
        bench.step()
        seen: Observation = await asyncio.wait_for(anext(watching), 10)  # long before its period
        assert (seen.reference, seen.value) == ("analog-input/20", 22_500.0)
        await watching.aclose()
        await probe.close()
        await bench.station.stop()

    _run(test())


def test_one_value_is_written_and_read_back_and_a_refusal_is_said(tmp_path: Path) -> None:
    async def test() -> None:
        bench = Bench(tmp_path)
        await bench.station.start(HOST, 0)
        probe = Dnp3Tcp().probe(connection(bench.station.port or 0))
        said = await probe.write("analog-output/40:i16", 16)
        assert said == "analog-output/40:i16: confirmed; it reads 16 now (good)"
        assert bench.ev.model is not None
        assert bench.ev.model.limit == 16
        for reference, value, status in (
            ("analog-output/40:i16", 3, "OUT_OF_RANGE"),
            ("analog-output/40:f32", 7.5, "FORMAT_ERROR"),
            ("analog-output/0:i16", 7, "NOT_SUPPORTED"),
            ("binary-output/0:latch", 1, "NOT_SUPPORTED"),
        ):
            with pytest.raises(DriverError, match=status) as refused:
                await probe.write(reference, value)
            assert refused.value.kind is FailureKind.REFUSED
        for reference, value in (
            ("analog-input/0", 1),
            ("binary-output/0:latch", 2),
            ("analog-output/40:i16", 70_000),
        ):
            with pytest.raises(InputError):
                await probe.write(reference, value)
        assert bench.ev.model.limit == 16
        await probe.close()
        await bench.station.stop()

    _run(test())


def test_nothing_is_operated_or_set_by_looking(tmp_path: Path) -> None:
    async def test() -> None:
        bench = Bench(tmp_path, options={"asks_for_time": True})
        await bench.station.start(HOST, 0)
        probe = Dnp3Tcp().probe(connection(bench.station.port or 0))
        await probe.browse("", 1000)
        await probe.read(["analog-output/40"])
        assert bench.station.times_set == []
        assert bench.owners[2].counters.writes == 0
        await probe.close()
        await bench.station.stop()

    _run(test())


def test_a_wrong_link_address_is_told_from_a_silent_outstation() -> None:
    async def test() -> None:
        async with scripted(Line.answer) as outstation:
            probe = Dnp3Tcp().probe(connection(outstation.port, unit=7, timeout_s=0.2))
            with pytest.raises(DriverError, match="address 1024 answers instead of outstation 7"):
                await probe.read(["analog-input/0"])
            await probe.close()

    _run(test())
