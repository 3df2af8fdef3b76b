"""opendnp3, in C++ and by other people, before our master and behind our station."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from dnp3_bench import HOST, Bench, connection
from opendnp3 import Peer, free_port, peer

from ortsnetz_common.drivers.values import DriverError, FailureKind, Source, Watchdog
from ortsnetz_common.measurement.quality import Quality, Validity, validity
from ortsnetz_edge.clock import WallClock
from ortsnetz_edge.drivers.dnp3.driver import Dnp3Driver
from ortsnetz_edge.drivers.dnp3.protocol import Dnp3Tcp
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.profiles.library import Library

pytestmark = pytest.mark.interop

METER = """
format: ortsnetz.profile/2
kind: foreign-meter
version: 1
describes: a meter behind opendnp3
protocol: dnp3
direction: consumption
voltage: {at: [analog-input/0, analog-input/1, analog-input/2], scale: 0.1, range: [0, 400]}
active_power: {at: [analog-input/3, analog-input/4, analog-input/5], range: [-1.0e+9, 1.0e+9]}
further:
  - name: GGIO1.Ind
    value: {at: binary-input/1}
    unit: "1"
    range: [0, 1]
  - name: GGIO2.Pos
    value: {at: double-bit-input/2}
    unit: "1"
    range: [0, 3]
  - name: MMTR1.TotWh
    value: {at: counter/3}
    unit: "1"
    range: [0, 4.3e+9]
  - name: GGIO3.Pos
    value: {at: binary-output/0}
    unit: "1"
    range: [0, 1]
dnp3: {integrity_s: 60, unsolicited: UNSOLICITED}
"""
DEVICE = """
format: ortsnetz.profile/2
kind: foreign-device
version: 1
describes: a device behind opendnp3
protocol: dnp3
direction: consumption
limit: {value: {at: analog-output/0}, unit: W}
setpoint:
  at: "analog-output/0:FORM"
  kind: continuous
  unit: W
  step: 1
  reaction_s: 2
  select: SELECT
identity: {serial_at: analog-input/9}
dnp3: {integrity_s: 60, unsolicited: false}
"""


def _run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 60))


def _opened(profile: str, kind: str, port: int) -> Dnp3Driver:
    protocol = Dnp3Tcp(Environment(WallClock(), Library({kind: profile})))
    identity = "42" if "identity:" in profile else None
    where = connection(port, identity=identity)
    return protocol.open(Source("x", kind, where, 1, 3, rated_w=1000.0))


async def _until(what: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while True:
            if await what():
                return
            await asyncio.sleep(0.05)


async def _first_scan(driver: Dnp3Driver) -> Any:
    """The outstation may not listen yet: its process has just been started."""
    async with asyncio.timeout(20):
        while True:
            try:
                return await driver.scan()
            except DriverError as error:
                if error.kind not in {FailureKind.UNREACHABLE, FailureKind.WAITING}:
                    raise
                await asyncio.sleep(0.05)


async def _filled(outstation: Peer) -> None:
    points: list[list[object]] = [["analog", n, 2301 + n, 1] for n in range(3)]
    points += [["analog", 3 + n, -100_000 * (n + 1), 1] for n in range(3)]
    points += [["binary", 1, 1, 1], ["double-bit", 2, 2, 1], ["counter", 3, 4_000_000_000, 1]]
    await outstation.ask("update", points)


@pytest.mark.parametrize("unsolicited", ["true", "false"])
def test_our_master_reads_every_kind_of_point(unsolicited: str) -> None:
    async def test() -> None:
        port = free_port()
        async with peer("outstation", port, 10) as outstation:
            await _filled(outstation)
            driver = _opened(METER.replace("UNSOLICITED", unsolicited), "foreign-meter", port)
            scan = await _first_scan(driver)
            assert scan.values[:3] == pytest.approx((230.1, 230.2, 230.3))
            assert scan.values[3:6] == (-1e5, -2e5, -3e5)
            # opendnp3 calls its double bits 0 intermediate, 1 off, 2 on, 3 indeterminate, too
            assert scan.values[6:] == (1.0, 2.0, 4e9, 0.0)
            assert all(validity(each) is Validity.GOOD for each in scan.qualities[:9])
            await outstation.ask(
                "update", [["analog", 0, 2222, 1], ["analog", 1, 2500, 0x05], ["analog", 2, 0, 0]]
            )

            async def changed() -> bool:
                return (await driver.scan()).values[0] == pytest.approx(222.2)

            await _until(changed)
            scan = await driver.scan()
            assert scan.qualities[1] == int(Quality.INVALID | Quality.OLD_DATA)
            assert scan.qualities[2] == int(Quality.INVALID | Quality.FAILURE)
            await driver.stop()

    _run(test())


def test_an_answer_of_many_fragments_is_taken_whole() -> None:
    async def test() -> None:
        port = free_port()
        async with peer("outstation", port, 3000) as outstation:
            for first in range(0, 3000, 500):
                points = [["analog", n, n, 1] for n in range(first, first + 500)]
                await outstation.ask("update", points)
            probe = Dnp3Tcp().probe(connection(port))

            async def reads() -> bool:
                try:
                    seen = await probe.read([f"analog-input/{n}" for n in (0, 1, 1234, 2999)])
                except DriverError:
                    return False
                return [each.value for each in seen] == [0.0, 1.0, 1234.0, 2999.0]

            await _until(reads)
            assert len(await probe.browse("analog-input", 5000)) == 3000
            await probe.close()

    _run(test())


def test_changes_are_reported_without_being_asked_for() -> None:
    async def test() -> None:
        port = free_port()
        async with peer("outstation", port, 10) as outstation:
            await _filled(outstation)
            driver = _opened(METER.replace("UNSOLICITED", "true"), "foreign-meter", port)
            await _first_scan(driver)
            heard: asyncio.Queue[Any] = asyncio.Queue()
            assert driver.subscribe(heard.put_nowait)
            await outstation.ask("update", [["analog", 0, 2400, 1]])
            async with asyncio.timeout(20):
                while (await heard.get()).values[0] != pytest.approx(240.0):
                    pass
            await driver.stop()

    _run(test())


@pytest.mark.parametrize("select", ["true", "false"])
@pytest.mark.parametrize("form", ["i16", "i32", "f32", "f64"])
def test_limits_are_written_in_each_form_and_read_back(form: str, select: str) -> None:
    async def test() -> None:
        port = free_port()
        async with peer("outstation", port, 10) as outstation:
            profile = DEVICE.replace("FORM", form).replace("SELECT", select)
            await outstation.ask("update", [["analog", 9, 42, 1]])
            driver = _opened(profile, "foreign-device", port)
            await _first_scan(driver)
            assert await outstation.ask("commands") == []
            await driver.write(700.0, None)
            names = {"i16": "Int16", "i32": "Int32", "f32": "Float32", "f64": "Double64"}
            kind = f"AnalogOutput{names[form]}"
            expected = [["DIRECT_OPERATE", kind, 0, 700]]
            if select == "true":
                expected = [["select", kind, 0, 700], ["SELECT_BEFORE_OPERATE", kind, 0, 700]]
            assert await outstation.ask("commands") == expected
            assert (await driver.scan()).limit_in_force == 700.0
            await driver.stop()

    _run(test())


def test_the_fall_back_comes_before_the_first_limit_and_what_switches_it_on_after_each() -> None:
    async def test() -> None:
        port = free_port()
        async with peer("outstation", port, 10) as outstation:
            await outstation.ask("update", [["analog", 9, 42, 1]])
            profile = DEVICE.replace("FORM", "i32").replace("SELECT", "false")
            profile = profile.replace(
                "  reaction_s: 2",
                "  reaction_s: 2\n"
                "  enable: {at: 'binary-output/4:latch', value: 1}\n"
                "  fallback:\n"
                "    time_at: 'analog-output/1:i16'\n"
                "    limit_at: 'analog-output/2:i32'\n"
                "    enable: {at: 'binary-output/5:latch', value: 1}",
            )
            driver = _opened(profile, "foreign-device", port)
            await _first_scan(driver)
            for limit in (700.0, 650.0):
                await driver.write(limit, Watchdog(after_s=90.0, limit=300.0))
            seen = [each[2:] for each in await outstation.ask("commands")]
            fallback = [[2, 300], [1, 90], [5, "LATCH_ON"]]
            assert seen == [*fallback, [0, 700], [4, "LATCH_ON"], [0, 650], [4, "LATCH_ON"]]
            await driver.stop()

    _run(test())


@pytest.mark.parametrize(
    "status",
    ["OUT_OF_RANGE", "LOCAL", "BLOCKED", "HARDWARE_ERROR", "NOT_AUTHORIZED", "DOWNSTREAM_FAIL"],
)
def test_a_refused_limit_says_why_and_operates_nothing(status: str) -> None:
    async def test() -> None:
        port = free_port()
        async with peer("outstation", port, 10) as outstation:
            await outstation.ask("statuses", {"0": status})
            profile = DEVICE.replace("FORM", "i32").replace("SELECT", "true")
            in_force = ["analog-output", 0, 900, 1]
            await outstation.ask("update", [["analog", 9, 42, 1], in_force])
            driver = _opened(profile, "foreign-device", port)
            await _first_scan(driver)
            with pytest.raises(DriverError, match=status) as refused:
                await driver.write(700.0, None)
            assert refused.value.kind is FailureKind.REFUSED
            assert [each[0] for each in await outstation.ask("commands")] == ["select"]
            assert (await driver.scan()).limit_in_force == 900.0
            await driver.stop()

    _run(test())


@pytest.mark.parametrize(
    ("form", "code"),
    [("latch", "LATCH_ON"), ("pulse", "PULSE_ON"), ("trip-close", "CLOSE_PULSE_ON")],
)
def test_a_relay_is_commanded_in_each_form(form: str, code: str) -> None:
    async def test() -> None:
        port = free_port()
        async with peer("outstation", port, 10) as outstation:
            probe = Dnp3Tcp().probe(connection(port))

            async def written() -> bool:
                try:
                    await probe.write(f"binary-output/4:{form}", 1)
                except DriverError:
                    return False
                return True

            await _until(written)
            seen = await outstation.ask("commands")
            assert seen == [["DIRECT_OPERATE", "ControlRelayOutputBlock", 4, code]]
            await probe.close()

    _run(test())


def test_an_outstation_gets_the_time_that_it_asks_for() -> None:
    async def test() -> None:
        port = free_port()
        async with peer("outstation", port, 10) as outstation:
            await outstation.ask("need_time")
            driver = _opened(METER.replace("UNSOLICITED", "false"), "foreign-meter", port)
            await _first_scan(driver)

            async def set_() -> bool:
                await driver.scan()
                return bool(await outstation.ask("times"))

            await _until(set_)
            (written,) = await outstation.ask("times")
            assert abs(written / 1000 - time.time()) < 5.0
            await driver.stop()

    _run(test())


def test_a_restart_is_noticed_and_everything_read_again() -> None:
    async def test() -> None:
        port = free_port()
        async with peer("outstation", port, 10) as outstation:
            driver = _opened(METER.replace("UNSOLICITED", "false"), "foreign-meter", port)
            await _first_scan(driver)
            polls = driver.session.counters["integrity_polls"]
            restarts = driver.session.counters["restarts"]
            await outstation.ask("restart_indication")

            async def noticed() -> bool:
                await driver.scan()
                return driver.session.counters["restarts"] > restarts

            await _until(noticed)
            assert driver.session.counters["integrity_polls"] > polls
            await driver.scan()
            assert driver.session.counters["restarts"] == restarts + 1  # its indication is cleared
            await driver.stop()

    _run(test())


def test_its_master_reads_what_the_devices_of_the_plant_show(tmp_path: Path) -> None:
    async def test() -> None:
        bench = Bench(tmp_path)
        bench.feeders[0].put((230.15, 231.26, 229.37), (1234.5, -6789.1, 0.4), (10.0, -20.5, 30.0))
        await bench.station.start(HOST, 0)
        async with peer("master", bench.station.port or 0) as master:

            async def all_there() -> bool:
                return len(await master.ask("values")) >= 45

            await _until(all_there)
            values = await master.ask("values")
            shown = bench.feeders[0].measured()
            for first, terminals, counts in (
                (0, shown.u, 100), (3, shown.i, 1000), (6, shown.p, 10), (9, shown.q, 10)
            ):  # fmt: skip
                read = [values[f"analog/{first + n}"] for n in range(3)]
                assert [each[0] for each in read] == pytest.approx(
                    [terminals[n] * counts for n in range(3)], abs=0.51
                )
                assert all(each[1] == 0x01 for each in read)
            assert values["analog/12"][1] == 0x40  # a meter has no limit
            bench.feeders[1].set(225.0, 9000.0)
            bench.step()

            async def reported() -> bool:
                return bool((await master.ask("values"))["analog/20"][0] == 22500.0)

            await _until(reported)  # unsolicited: nobody scanned
            assert await master.ask("events") > 0
        await bench.station.stop()

    _run(test())


@pytest.mark.parametrize("select", [True, False])
def test_its_master_limits_a_device_of_the_plant(tmp_path: Path, select: bool) -> None:
    async def test() -> None:
        bench = Bench(tmp_path)
        await bench.station.start(HOST, 0)
        assert bench.ev.model is not None
        async with peer("master", bench.station.port or 0) as master:
            await _until(lambda: _answers(master))
            said = await master.ask("operate", "i16", 40, 16, select)
            assert said == {"summary": "SUCCESS", "status": "SUCCESS"}
            assert bench.ev.model.limit == 16
            assert (await master.ask("operate", "i16", 40, 3, select))["status"] == "OUT_OF_RANGE"
            assert (await master.ask("operate", "f32", 40, 7.5, select))["status"] == "FORMAT_ERROR"
            assert (await master.ask("operate", "i16", 0, 3, select))["status"] == "NOT_SUPPORTED"
            assert (await master.ask("operate", "latch", 40, 1, select))["status"] == (
                "NOT_SUPPORTED"
            )
            assert bench.ev.model.limit == 16
            await master.ask("read", 40, 0)

            async def read_back() -> bool:
                values = await master.ask("values")
                return values.get("analog-output/40") == [16.0, 1]

            await _until(read_back)
        await bench.station.stop()

    _run(test())


async def _answers(master: Peer) -> bool:
    return bool(await master.ask("values"))
