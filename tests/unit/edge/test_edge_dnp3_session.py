"""Our master before a station of several devices: what it asks, what it believes, what it writes.

The station is the bench's, on a real socket; its devices show what the test puts there.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from dnp3_bench import HOST, Bench, close, connection, ev, feeder

from ortsnetz_common.drivers.values import DriverError, FailureKind, Scan, Source, Watchdog
from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.quality import Quality, Validity, is_usable, validity
from ortsnetz_common.measurement.time import TimeQuality
from ortsnetz_edge.clock import WallClock
from ortsnetz_edge.drivers.dnp3.driver import Dnp3Driver
from ortsnetz_edge.drivers.dnp3.protocol import Dnp3Tcp
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.profiles.library import Library, parse_profile
from ortsnetz_hil.faults.specs import ClockSkew, Missing

SECOND_NS = 1_000_000_000


def _run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 40))


class SteppedClock(WallClock):
    """Time that stands still: the agent must not depend on reports then."""

    stepped = True


def _protocol(
    *, clock: WallClock | None = None, change: Callable[[str], str] = lambda text: text
) -> Dnp3Tcp:
    """Our protocol; `change` edits the shipped profiles."""
    folder = Path(__file__).parents[3] / "edge/agent/src/ortsnetz_edge/profiles/generic"
    own = {
        kind: change((folder / f"{kind}.yaml").read_text())
        for kind in ("rtu-feeder", "rtu-charge-point")
    }
    return Dnp3Tcp(Environment(clock or WallClock(), Library(own)))


def _polled_only(text: str) -> str:
    return text.replace("unsolicited: true", "unsolicited: false")


async def _started(bench: Bench) -> int:
    await bench.station.start(HOST, 0)
    assert bench.station.port is not None
    return bench.station.port


def test_feeders_of_one_station_are_read_with_one_request(tmp_path: Path) -> None:
    async def test() -> None:
        bench = Bench(tmp_path)
        port = await _started(bench)
        protocol = _protocol(change=_polled_only)
        drivers = [protocol.open(feeder(port, bay)) for bay in range(2)]
        drivers.append(protocol.open(ev(port)))
        await asyncio.gather(*[driver.scan() for driver in drivers])
        before = bench.owners[0].counters.reads
        bench.feeders[1].set(225.5, -6000.0)
        bench.step()
        scans = await asyncio.gather(*[driver.scan() for driver in drivers])
        assert bench.owners[0].counters.reads == before + 1
        assert all(close(value, 230.0) for value in scans[0].values[:3])
        assert all(close(value, 225.5) for value in scans[1].values[:3])
        assert all(close(value, -2000.0) for value in scans[1].values[6:9])
        assert scans[2].limit_in_force == 7.0
        assert close(scans[2].values[12], 7 * 3 * 230.0, 1.0)
        await drivers[0].stop()
        await bench.station.stop()

    _run(test())


def test_a_change_keeps_the_time_at_which_the_device_saw_it(tmp_path: Path) -> None:
    async def test() -> None:
        bench = Bench(tmp_path)
        port = await _started(bench)
        driver = _protocol(change=_polled_only).open(feeder(port, 0))
        first = await driver.scan()
        assert first.value_time_qualities is not None
        assert set(first.value_time_qualities) == {int(TimeQuality.SET_BY_RECEIVER)}
        bench.feeders[0].set(229.0, 3000.0)
        changed_ns = time.time_ns()
        bench.step()
        scan = await driver.scan()
        assert scan.value_times_ns is not None
        assert scan.value_time_qualities is not None
        stamp_ms = bench.station.bays[0].time_ns // 1_000_000
        assert scan.value_times_ns[0] == stamp_ms * 1_000_000
        assert abs(scan.value_times_ns[0] - changed_ns) < SECOND_NS
        assert (scan.value_time_qualities[0], scan.time_quality) == (0, 0)
        assert scan.time_ns == scan.value_times_ns[0]
        again = await driver.scan()  # nothing new: the value keeps its time, the answer has its own
        assert again.value_times_ns == scan.value_times_ns
        assert again.time_ns == again.received_ns
        assert again.time_quality == int(TimeQuality.SET_BY_RECEIVER)
        await driver.stop()
        await bench.station.stop()

    _run(test())


@pytest.mark.parametrize("offset_s", [3600.0, -3600.0])
def test_a_clock_that_is_wrong_is_not_used_and_said(tmp_path: Path, offset_s: float) -> None:
    async def test() -> None:
        skew = ClockSkew(
            name="wrong", first_s=5.0, last_s=1e6, device="feeder-1", offset_s=offset_s
        )
        bench = Bench(tmp_path, faults=(skew,))
        port = await _started(bench)
        driver = _protocol(change=_polled_only).open(feeder(port, 0))
        await driver.scan()
        await driver.scan()  # empty: what comes from now on is younger than this
        bench.step(10.0)
        bench.feeders[0].set(229.0, 3000.0)
        bench.step()
        scan = await driver.scan()
        assert close(scan.values[0], 229.0)
        assert is_usable(scan.qualities[0])  # it has just been read
        assert scan.value_time_qualities is not None
        assert scan.value_time_qualities[0] == int(
            TimeQuality.SET_BY_RECEIVER | TimeQuality.CLOCK_NOT_SYNCHRONISED
        )
        assert abs(scan.time_ns - scan.received_ns) < SECOND_NS
        assert driver.session.table.counters["clocks_off"] >= 3
        await driver.stop()
        await bench.station.stop()

    _run(test())


def test_a_device_that_the_station_cannot_reach_is_invalid_and_the_others_go_on(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        away = Missing(name="away", first_s=5.0, last_s=8.0, device="feeder-1")
        bench = Bench(tmp_path, faults=(away,))
        port = await _started(bench)
        protocol = _protocol(change=_polled_only)
        first, second = protocol.open(feeder(port, 0)), protocol.open(feeder(port, 1))
        await asyncio.gather(first.scan(), second.scan())
        bench.step(6.0)
        lost, good = await asyncio.gather(first.scan(), second.scan())
        assert {validity(each) for each in lost.qualities} == {Validity.INVALID}
        assert all(each & Quality.OLD_DATA for each in lost.qualities)
        assert all(is_usable(each) for each in good.qualities)
        bench.step(6.0)
        back = await first.scan()
        assert all(is_usable(each) for each in back.qualities)
        await first.stop()
        await bench.station.stop()

    _run(test())


def test_changes_reach_a_listener_without_a_poll(tmp_path: Path) -> None:
    async def test() -> None:
        bench = Bench(tmp_path)
        port = await _started(bench)
        protocol = _protocol()
        first, second = protocol.open(feeder(port, 0)), protocol.open(feeder(port, 1))
        heard: asyncio.Queue[Scan] = asyncio.Queue()
        others: list[Scan] = []
        assert first.subscribe(heard.put_nowait)
        assert second.subscribe(others.append)
        await asyncio.gather(first.scan(), second.scan())
        bench.feeders[0].set(222.0, 3000.0)
        bench.step()
        async with asyncio.timeout(10):
            while not close((await heard.get()).values[0], 222.0):
                pass
        assert others == []  # nothing of theirs has changed
        await first.stop()
        await bench.station.stop()

    _run(test())


def test_in_stepped_time_nothing_is_reported_and_polls_find_everything(tmp_path: Path) -> None:
    async def test() -> None:
        bench = Bench(tmp_path, options={"unsolicited": False})
        port = await _started(bench)
        driver = _protocol(clock=SteppedClock()).open(feeder(port, 0))
        assert not driver.subscribe(lambda _: None)
        await driver.scan()
        bench.feeders[0].set(222.0, 3000.0)
        bench.step()
        assert close((await driver.scan()).values[0], 222.0)
        await driver.stop()
        await bench.station.stop()

    _run(test())


def test_a_restart_makes_everything_new_and_sets_the_fall_back_again(tmp_path: Path) -> None:
    async def test() -> None:
        bench = Bench(tmp_path)
        port = await _started(bench)
        driver = _protocol(change=_polled_only).open(ev(port))
        await driver.scan()
        assert bench.ev.commands is not None
        watchdog = Watchdog(after_s=30.0, limit=8.0)
        await driver.write(16.0, watchdog)
        assert bench.ev.commands.settings.values() == [16, 30, 8]
        bench.ev.commands.settings.put(1, 99, 0.0)
        await driver.write(15.0, watchdog)  # the same life: its fall-back is left alone
        assert bench.ev.commands.settings.values() == [15, 99, 8]
        bench.station.announce_restart()  # over the standing connection, as behind a gateway
        bench.owners[2].restart()
        await driver.scan()
        assert driver.session.counters["restarts"] == 2  # at the first connection, and now
        await driver.write(14.0, watchdog)
        assert bench.ev.commands.settings.values() == [14, 30, 8]
        await driver.stop()
        await bench.station.stop()

    _run(test())


def test_lost_events_are_noticed_and_everything_read_again(tmp_path: Path) -> None:
    async def test() -> None:
        bench = Bench(tmp_path, options={"capacity": 5})
        port = await _started(bench)
        driver = _protocol(change=_polled_only).open(feeder(port, 0))
        await driver.scan()
        polls = driver.session.counters["integrity_polls"]
        for step in range(10):
            for each in bench.feeders:
                each.set(220.0 + step, 3000.0 + step)
            bench.step()
        scan = await driver.scan()
        assert close(scan.values[0], 229.0)
        assert close(scan.values[6], 3009.0 / 3)
        assert driver.session.counters["overflows"] == 1
        assert driver.session.counters["integrity_polls"] == polls + 1
        await driver.scan()
        assert driver.session.counters["overflows"] == 1
        await driver.stop()
        await bench.station.stop()

    _run(test())


def test_an_outstation_that_needs_the_time_gets_it_once(tmp_path: Path) -> None:
    async def test() -> None:
        bench = Bench(tmp_path, options={"asks_for_time": True})
        port = await _started(bench)
        driver = _protocol(change=_polled_only).open(feeder(port, 0))
        for _ in range(3):
            await driver.scan()
        (written,) = bench.station.times_set
        assert abs(written - time.time() * 1000) < 5000
        await driver.stop()
        await bench.station.stop()

    _run(test())


def test_nothing_is_operated_before_somebody_writes(tmp_path: Path) -> None:
    async def test() -> None:
        bench = Bench(tmp_path)
        port = await _started(bench)
        driver = _protocol().open(ev(port))
        for _ in range(3):
            await driver.scan()
        bench.station.reset_connections()
        for _ in range(3):
            await _scanned(driver)
        assert bench.owners[2].counters.writes == 0
        assert bench.owners[2].counters.refused == 0
        assert bench.ev.commands is not None
        assert bench.ev.commands.settings.values() == [7, 60, 7]
        await driver.stop()
        await bench.station.stop()

    _run(test())


@pytest.mark.parametrize("serial", ["rtu-7", "rtu-8"])
def test_nothing_is_taken_from_and_nothing_written_to_another_station(
    tmp_path: Path, serial: str
) -> None:
    async def test() -> None:
        bench = Bench(tmp_path)
        port = await _started(bench)
        driver = _protocol().open(ev(port, identity=serial))
        if serial == "rtu-7":
            await driver.scan()
            await driver.write(16.0, None)
            assert bench.owners[2].counters.writes == 1
        else:
            heard: list[Scan] = []
            driver.subscribe(heard.append)
            for request in (driver.scan, lambda: driver.write(16.0, None)):
                with pytest.raises(DriverError, match="'rtu-8' is expected") as wrong:
                    await request()
                assert wrong.value.kind is FailureKind.WRONG_DEVICE
            bench.ev.set(228.0, 5000.0)
            bench.step()
            with pytest.raises(DriverError):
                await driver.scan()
            assert heard == []
            assert bench.owners[2].counters.writes == 0
        identity = await driver.identify()
        assert (identity.maker, identity.serial) == ("Ortsnetz bench", "rtu-7")
        await driver.stop()
        await bench.station.stop()

    _run(test())


def test_a_station_that_does_not_say_what_it_is_gets_no_limit(tmp_path: Path) -> None:
    async def test() -> None:
        bench = Bench(tmp_path)
        port = await _started(bench)
        mute = _protocol(change=lambda text: text.replace("attribute/252", "attribute/249"))
        driver = mute.open(ev(port))
        with pytest.raises(DriverError, match="the device says nothing") as wrong:
            await driver.write(16.0, None)
        assert wrong.value.kind is FailureKind.WRONG_DEVICE
        assert bench.owners[2].counters.writes == 0
        await driver.stop()
        await bench.station.stop()

    _run(test())


@pytest.mark.parametrize("select", ["true", "false"])
def test_a_limit_that_the_device_refuses_is_refused_in_words(tmp_path: Path, select: str) -> None:
    async def test() -> None:
        bench = Bench(tmp_path)
        port = await _started(bench)
        protocol = _protocol(change=lambda text: text.replace("select: true", f"select: {select}"))
        driver = protocol.open(ev(port))
        await driver.scan()
        with pytest.raises(DriverError, match=r"analog-output/40:i16: OUT_OF_RANGE") as refused:
            await driver.write(3.0, None)
        assert refused.value.kind is FailureKind.REFUSED
        diagnosis = driver.diagnose()
        assert diagnosis.failures == {FailureKind.REFUSED: 1}
        assert diagnosis.connected
        await driver.write(16.0, None)
        assert (await driver.scan()).limit_in_force == 16.0
        await driver.stop()
        await bench.station.stop()

    _run(test())


async def _scanned(driver: Dnp3Driver) -> Scan:
    """The next answer, whatever it takes."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await driver.scan()
            except DriverError:
                await asyncio.sleep(0.02)


def test_it_recovers_by_itself_and_logs_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        bench = Bench(tmp_path)
        port = await _started(bench)
        driver = _protocol().open(feeder(port, 0))
        await driver.scan()
        await bench.station.restart(down=True)
        kinds = set()
        for _ in range(20):
            try:
                await driver.scan()
            except DriverError as error:
                kinds.add(error.kind)
            await asyncio.sleep(0.02)
        assert kinds <= {FailureKind.UNREACHABLE, FailureKind.DISCONNECTED, FailureKind.WAITING}
        assert FailureKind.WAITING in kinds
        assert not driver.diagnose().connected
        bench.feeders[0].set(221.0, 3000.0)
        bench.step()
        await bench.station.come_back()
        scan = await _scanned(driver)
        assert close(scan.values[0], 221.0)
        assert is_usable(scan.qualities[0])
        await driver.stop()
        await bench.station.stop()

    with caplog.at_level(logging.INFO, logger="ortsnetz_edge"):
        _run(test())
    own = [record for record in caplog.records if record.name.startswith("ortsnetz_edge")]
    assert [record.levelname for record in own] == ["WARNING", "INFO"]


def test_the_same_outstation_has_one_session_and_another_one_its_own() -> None:
    protocol = _protocol()
    first, second = protocol.open(feeder(20001, 0)), protocol.open(feeder(20001, 1))
    other = protocol.open(feeder(20001, 0, unit=1025))
    assert first.session is second.session
    assert other.session is not first.session


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"unit": 65520}, "link addresses are 0 to 65519"),
        ({"unit": 1}, "the same link address 1: say both"),
        ({"port": 0}, "port 0"),
        ({"host": ""}, "host and port"),
        ({"credentials": "x"}, "is not encrypted"),
        ({"bay": "north"}, "bays are numbered"),
        ({"bay": "3300"}, "there is nothing"),
    ],
)
def test_a_connection_that_cannot_be_is_refused_in_words(
    options: dict[str, Any], words: str
) -> None:
    where = connection(**{"port": 20001, **options})
    source = Source("feeder-1", "rtu-feeder", where, 10, 3)
    (complaint,) = Dnp3Tcp().validate(source)
    assert words in complaint
    with pytest.raises(InputError, match="feeder"):
        Dnp3Tcp().open(source)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("at: [analog-input/0,", "at: [octet-string/0,", "texts belong to 'identity'"),
        ("at: [analog-input/0,", "at: [analog-inputs/0,", "is not a kind of point"),
        ("at: analog-output/0:i16", "at: analog-input/0", "cannot be written"),
        ("at: analog-output/0:i16", "at: analog-output/0:u16", "is commanded as one of"),
        ("protocol: dnp3", "protocol: modbus", "the profile is one of modbus"),
        ("bay_stride: 20", "bay_strides: 20", "bay_strides"),
    ],
)
def test_a_wrong_profile_is_refused_with_its_reason(before: str, after: str, words: str) -> None:
    protocol = _protocol(change=lambda text: text.replace(before, after, 1))
    (complaint,) = protocol.validate(ev(20001))
    assert words in complaint
    assert "ev-1" in complaint


def test_the_shipped_profiles_are_read() -> None:
    for kind in ("rtu-feeder", "rtu-charge-point", "dnp3-mesa-der"):
        assert Library().load(kind).protocol.value == "dnp3"
    with pytest.raises(InputError, match=r"x\.yaml"):
        parse_profile("format: ortsnetz.profile/2\nprotocol: dnp3\n", "x.yaml")
