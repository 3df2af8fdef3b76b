"""Many units on one serial line: none of them costs the others more than its own time-out."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from modbus_peers.line import ScriptedLine, line
from modbus_peers.scripted import ScriptedUnit, bench_identity, crc, rtu, words

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.station import Connection, SerialLine
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
from ortsnetz_edge.drivers.modbus.protocol import ModbusRtu
from ortsnetz_edge.profiles.library import Library
from ortsnetz_edge.profiles.references.modbus import Table

TIMEOUT_S = 0.15
METER = """
format: ortsnetz.profile/2
kind: meter
version: 1
describes: for tests
protocol: modbus
direction: consumption
voltage: {at: [holding/0, holding/1, holding/2], range: [0, 460]}
"""


class HeldClock(WallClock):
    """Stands still, so that a back-off ends when the test says so."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic(self) -> float:
        return self.now_s


def meter(first: int = 230) -> ScriptedUnit:
    unit = ScriptedUnit()
    unit.put(0, [first, first + 1, first + 2])
    return unit


class Bus:
    """The drivers of all units on a line."""

    def __init__(self, found: ScriptedLine, profile: str = "meter") -> None:
        self.clock = HeldClock()
        self.protocol = ModbusRtu(Environment(self.clock, Library({"meter": METER})))
        self._line, self._profile = found, profile

    def driver(self, unit: int) -> Driver:
        where = Connection(
            "modbus-rtu",
            unit=unit,
            timeout_s=TIMEOUT_S,
            serial=SerialLine(self._line.device, parity="N", baud=115200),
        )
        return self.protocol.open(Source(f"m-{unit}", self._profile, where, 1, 3, rated_w=11e3))


def run(check: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(check(), 20))


async def failure(call: Awaitable[object]) -> FailureKind:
    with pytest.raises(DriverError) as caught:
        await call
    return caught.value.kind


def test_several_units_answer_over_one_line() -> None:
    async def check() -> None:
        async with line(u1=meter(210), u7=meter(220), u247=meter(230)) as found:
            bus = Bus(found)
            drivers = [bus.driver(unit) for unit in (1, 7, 247)]
            scans = await asyncio.gather(*(driver.scan() for driver in drivers))
            assert [scan.values[0] for scan in scans] == [210.0, 220.0, 230.0]
            await drivers[0].stop()

    run(check)


def test_a_silent_unit_costs_the_line_its_time_out_once_a_back_off() -> None:
    async def check() -> None:
        async with line(u1=meter(), u3=meter()) as found:
            bus = Bus(found)
            one, silent, three = (bus.driver(unit) for unit in (1, 2, 3))
            begun = time.monotonic()
            outcomes = await asyncio.gather(
                one.scan(), silent.scan(), three.scan(), return_exceptions=True
            )
            took = time.monotonic() - begun
            assert isinstance(outcomes[1], DriverError)
            assert outcomes[1].kind is FailureKind.TIMEOUT
            assert isinstance(outcomes[0], Scan)
            assert isinstance(outcomes[2], Scan)
            assert took >= TIMEOUT_S
            asked = len(found.requests)
            for _ in range(20):
                assert await failure(silent.scan()) is FailureKind.WAITING
                await one.scan()
            assert len(found.requests) == asked + 20
            found.units[2] = meter(240)
            bus.clock.now_s += 16.0
            assert (await silent.scan()).values[0] == 240.0
            await one.stop()

    run(check)


def test_a_garbled_answer_is_refused_and_its_unit_left_alone() -> None:
    async def check() -> None:
        async with line(u1=meter(), u2=meter()) as found:
            bus = Bus(found)
            good, garbled = bus.driver(1), bus.driver(2)
            found.garbles = {2}
            assert await failure(garbled.scan()) is FailureKind.WRONG_ANSWER
            assert (await good.scan()).values[0] == 230.0
            found.garbles = set()
            bus.clock.now_s += 16.0
            assert (await garbled.scan()).values[0] == 230.0
            await good.stop()

    run(check)


def test_a_late_answer_is_not_taken_for_the_answer_to_a_neighbour() -> None:
    async def check() -> None:
        late, good = meter(99), meter(230)
        late.late_s = 1.5 * TIMEOUT_S
        async with line(u1=late, u2=good) as found:
            bus = Bus(found)
            slow, quick = bus.driver(1), bus.driver(2)
            assert await failure(slow.scan()) is FailureKind.TIMEOUT
            good.late_s = 0.8 * TIMEOUT_S  # the neighbour's answer arrives after the late one
            assert (await quick.scan()).values[0] == 230.0
            await quick.stop()

    run(check)


def test_a_unit_that_was_late_is_asked_again_only_after_its_answer_must_have_come() -> None:
    async def check() -> None:
        async with line() as found:
            bus = Bus(found)
            silent = bus.driver(5)
            assert await failure(silent.scan()) is FailureKind.TIMEOUT
            bus.clock.now_s += 0.9 * TIMEOUT_S
            assert await failure(silent.scan()) is FailureKind.WAITING
            await silent.stop()

    run(check)


@pytest.mark.parametrize("echoes", [False, True])
def test_limits_are_written_whether_the_line_echoes_or_not(echoes: bool) -> None:
    """The echo of a write looks like its confirmation; it must not stand for it."""

    async def check() -> None:
        charger = ScriptedUnit()
        charger.holding.update(bench_identity("ev-controller"))
        charger.put(2000, [0, 0, 0])
        charger.put(1000, [1] * 25)
        async with line(u1=charger) as found:
            found.echoes = echoes
            bus = Bus(found, "ev-controller")
            driver = bus.driver(1)
            await driver.write(10.0, Watchdog(60.0, 7.0))
            assert charger.writes() == [(2002, 7), (2001, 60), (2000, 10)]
            assert (await driver.scan()).limit_in_force == pytest.approx(0.1)
            charger.silent = True
            assert await failure(driver.write(8.0, None)) is not None
            assert charger.holding[2000] == 10
            await driver.stop()

    run(check)


def test_a_silent_unit_does_not_close_the_line() -> None:
    async def check() -> None:
        async with line() as found:
            bus = Bus(found)
            silent, other = bus.driver(5), bus.driver(6)
            for driver in (silent, other):
                assert await failure(driver.scan()) is FailureKind.TIMEOUT
            assert silent.diagnose().connected
            await silent.stop()

    run(check)


def test_the_answer_to_a_request_that_was_given_up_is_not_taken_for_the_next() -> None:
    """On a line answers have no number; a deadline of the caller may end a request early."""

    async def check() -> None:
        unit = meter()
        unit.put(10, [110, 111, 112])
        unit.late_s = 0.4 * TIMEOUT_S
        async with line(u1=unit) as found:
            bus = Bus(found)
            bus.driver(1)
            (modbus,) = bus.protocol._units.values()
            epoch = await modbus.opened()
            given_up = asyncio.create_task(modbus.read(Table.HOLDING, 0, 3, epoch))
            await asyncio.sleep(0.1 * TIMEOUT_S)
            given_up.cancel()
            await asyncio.gather(given_up, return_exceptions=True)
            data = await modbus.read(Table.HOLDING, 10, 3, await modbus.opened())
            assert struct.unpack(">3H", bytes(data)) == (110, 111, 112)
            await modbus.close()

    run(check)


@pytest.mark.parametrize("noise", [b"\x00\xff\x81", b"\x01\x03\x06", b"\x01\x03" * 40])
def test_noise_before_an_answer_is_skipped(noise: bytes) -> None:
    async def check() -> None:
        async with line(u1=meter()) as found:
            bus = Bus(found)
            driver = bus.driver(1)
            found.noise = noise
            assert (await driver.scan()).values[0] == 230.0
            await driver.stop()

    run(check)


def test_a_late_answer_and_the_one_that_was_asked_for_may_arrive_together() -> None:
    async def check() -> None:
        async with line(u1=meter()) as found:
            bus = Bus(found)
            driver = bus.driver(1)
            found.noise = rtu(2, bytes([3, 6]) + bytes(6))  # of unit 2, from before
            assert (await driver.scan()).values[0] == 230.0
            await driver.stop()

    run(check)


def test_a_line_that_is_not_there_is_unreachable_in_words() -> None:
    async def check() -> None:
        bus = Bus(ScriptedLine({}, device="/dev/ttyNobody"))
        with pytest.raises(DriverError, match="/dev/ttyNobody") as caught:
            await bus.driver(1).scan()
        assert caught.value.kind is FailureKind.UNREACHABLE

    run(check)


def test_a_line_whose_adapter_is_pulled_out_is_lost_and_not_waited_for() -> None:
    async def check() -> None:
        found = ScriptedLine({1: meter()})
        found.open()
        bus = Bus(found)
        driver = bus.driver(1)
        await driver.scan()
        found.close()
        assert await failure(driver.scan()) in {
            FailureKind.DISCONNECTED,
            FailureKind.UNREACHABLE,
            FailureKind.TIMEOUT,
        }

    run(check)


def test_a_serial_server_passes_the_bytes_of_its_line_on() -> None:
    async def check() -> None:
        async with line(u4=meter()) as found, serial_server(found) as address:
            bus = Bus(ScriptedLine({}, device=address))
            driver = bus.driver(4)
            assert (await driver.scan()).values[0] == 230.0
            assert await failure(bus.driver(5).scan()) is FailureKind.TIMEOUT
            assert (await driver.scan()).values[0] == 230.0
            await driver.stop()

    run(check)


def test_a_connection_to_a_serial_server_without_a_peer_is_given_up() -> None:
    async def check() -> None:
        async with line(u4=meter(), u5=meter()) as found, serial_server(found) as address:
            bus = Bus(ScriptedLine({}, device=address))
            drivers = [bus.driver(4), bus.driver(5)]
            for driver in drivers:
                await driver.scan()
            found.units.clear()
            for driver in drivers:
                assert await failure(driver.scan()) is FailureKind.TIMEOUT
            assert not drivers[0].diagnose().connected

    run(check)


def test_two_settings_for_one_line_are_refused() -> None:
    async def check() -> None:
        bus = Bus(ScriptedLine({}, device="/dev/ttyUSB0"))
        bus.driver(1)
        where = Connection("modbus-rtu", unit=2, serial=SerialLine("/dev/ttyUSB0", baud=9600))
        with pytest.raises(InputError, match=r"'m-2'.*/dev/ttyUSB0"):
            bus.protocol.open(Source("m-2", "meter", where, 1, 3))

    run(check)


@pytest.mark.parametrize(
    ("where", "named"),
    [
        (Connection("modbus-rtu", unit=1), "serial"),
        (Connection("modbus-rtu", unit=0, serial=SerialLine("/dev/ttyUSB0")), "unit 0"),
        (Connection("modbus-rtu", unit=248, serial=SerialLine("/dev/ttyUSB0")), "unit 248"),
        (Connection("modbus-rtu", serial=SerialLine("/dev/ttyUSB0", parity="X")), "parity"),
        (Connection("modbus-rtu", serial=SerialLine("/dev/ttyUSB0", baud=1)), "baud"),
        (Connection("modbus-rtu", serial=SerialLine("/dev/ttyUSB0", stop_bits=3)), "stop_bits"),
        (Connection("modbus-rtu", serial=SerialLine("host:port")), "host:port"),
        (Connection("modbus-rtu", serial=SerialLine("")), "device"),
    ],
)
def test_a_line_that_cannot_be_is_refused(where: Connection, named: str) -> None:
    protocol = ModbusRtu(Environment(library=Library({"meter": METER})))
    (complaint,) = protocol.validate(Source("m-1", "meter", where, 1, 3))
    assert named in complaint


def serial_server(found: ScriptedLine) -> SerialServer:
    return SerialServer(found)


class SerialServer:
    """Passes bytes between a TCP connection and the line, as they are."""

    def __init__(self, found: ScriptedLine) -> None:
        self._line = found
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        return f"{host}:{port}"

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with Path(self._line.device).open("r+b", buffering=0) as tty:  # noqa: ASYNC230
            loop = asyncio.get_running_loop()
            loop.add_reader(tty.fileno(), lambda: writer.write(tty.read(1024)))
            try:
                while data := await reader.read(1024):
                    tty.write(data)
            finally:
                loop.remove_reader(tty.fileno())
                writer.close()


def test_words_of_a_line_are_those_of_the_protocol() -> None:
    """The peer of these tests is itself checked: example of Modbus over serial line 1.02, 6.2.2."""
    assert crc(bytes([0x02, 0x07])) == bytes([0x41, 0x12])
    assert words("I", 1) == [0, 1]
