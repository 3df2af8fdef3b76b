"""A limit goes to the device that has said who it is, in the scale that it says now, or nowhere.

Outstations that are exchanged, or restart, between the question who is there and the write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from dnp3_bench import connection
from dnp3_hostile import READ, Line, Script, fragment, framed, scripted

from ortsnetz_common.drivers.values import DriverError, FailureKind, Source, Watchdog
from ortsnetz_common.measurement.quality import is_usable
from ortsnetz_edge.clock import WallClock
from ortsnetz_edge.drivers.dnp3.driver import Dnp3Driver
from ortsnetz_edge.drivers.dnp3.protocol import Dnp3Tcp
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.profiles.library import Library

HEATER = """
format: ortsnetz.profile/2
kind: heater
version: 1
describes: a heater whose counts have a power of ten, and which says its serial number
protocol: dnp3
direction: consumption
voltage:
  at: [analog-input/0, analog-input/1, analog-input/2]
  scale: 0.01
  range: [0, 400]
limit:
  value: {at: analog-output/0, scale_at: analog-input/9}
  unit: W
setpoint:
  at: analog-output/0:i16
  kind: continuous
  unit: W
  step: 1
  scale_at: analog-input/9
  reaction_s: 5
identity: {serial_at: SERIAL}
dnp3: {integrity_s: 60, unsolicited: false, synchronise: false}
"""
VOLTS = bytes.fromhex("1e01000000 01") + (23_000).to_bytes(4, "little")
SCALE = bytes.fromhex("1e01000909 01") + (2).to_bytes(4, "little")  # counts of 100 W
LOST_SCALE = bytes.fromhex("1e01000909 05") + (2).to_bytes(4, "little")  # on line, lost beyond
IN_FORCE = bytes.fromhex("2801000000 01") + (40).to_bytes(4, "little")
TEXT = bytes.fromhex("6e02000000") + b"A1"  # octet string 0
ATTRIBUTE = bytes.fromhex("00f8000000 0102") + b"A1"  # serial number, a text of two letters
ALL = VOLTS + SCALE + IN_FORCE
RESTART = b"\x80\0"
LIMIT_W = 4000.0


def _run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 40))


class Heard:
    """Keeps the functions of all requests, and answers reads as a test wants."""

    def __init__(self, says: Callable[[Line], bytes]) -> None:
        self.functions: list[int] = []
        self._says = says

    @property
    def script(self) -> Script:
        def script(line: Line) -> None:
            self.functions.append(line.function)
            line.say(self._says(line))

        return script

    @property
    def reads_only(self) -> bool:
        return set(self.functions) == {READ}


def _driver(port: int, serial_at: str, *, scaled: bool = True) -> Dnp3Driver:
    profile = HEATER.replace("SERIAL", serial_at)
    if not scaled:
        profile = profile.replace(", scale_at: analog-input/9", "")
        profile = profile.replace("  scale_at: analog-input/9\n", "")
    protocol = Dnp3Tcp(Environment(WallClock(), Library({"heater": profile})))
    return protocol.open(
        Source("h", "heater", connection(port, timeout_s=3.0, identity="A1"), 1, 1, rated_w=9000.0)
    )


async def _until_connected_again(request: Callable[[], Any]) -> DriverError:
    """The first failure that is none of the connection."""
    passing = {FailureKind.WAITING, FailureKind.DISCONNECTED, FailureKind.UNREACHABLE}
    async with asyncio.timeout(20):
        while True:
            try:
                await request()
            except DriverError as error:
                if error.kind not in passing:
                    return error
                await asyncio.sleep(0.01)
            else:
                pytest.fail("it was taken for the device that it should be")


@pytest.mark.parametrize(
    ("serial_at", "shown", "after", "kind"),
    [
        ("octet-string/0", TEXT, ALL, FailureKind.WRONG_DEVICE),
        ("attribute/248", ATTRIBUTE, ALL, FailureKind.WRONG_DEVICE),
        ("octet-string/0", TEXT, VOLTS + IN_FORCE + TEXT, FailureKind.REFUSED),
        ("octet-string/0", TEXT, VOLTS + IN_FORCE + TEXT + LOST_SCALE, FailureKind.REFUSED),
    ],
    ids=["says no text any more", "says no attribute any more", "no scale any more", "lost scale"],
)
def test_what_the_device_before_has_said_holds_for_nobody_else(
    serial_at: str, shown: bytes, after: bytes, kind: FailureKind
) -> None:
    """The first device says everything, is lost, and another one answers at its address."""

    def says(line: Line) -> bytes:
        if line.number > 1:
            return framed(fragment(line.sequence, after if line.function == READ else b""))
        if line.requests > 3:
            return b"\xff" * 8  # no DNP3: the connection is closed
        return framed(fragment(line.sequence, ALL + shown if line.function == READ else b""))

    async def test() -> None:
        heard = Heard(says)
        async with scripted(heard.script) as outstation:
            driver = _driver(outstation.port, serial_at)
            scan = await driver.scan()
            assert scan.limit_in_force == LIMIT_W
            for _ in range(3):
                if outstation.connections == 1:
                    try:
                        await driver.scan()
                    except DriverError:
                        break
            error = await _until_connected_again(lambda: driver.write(LIMIT_W, None))
            assert error.kind is kind
            assert heard.reads_only
            await driver.stop()

    _run(test())


def test_one_that_restarts_while_it_says_who_it_is_is_asked_again_before_it_is_limited() -> None:
    def says(line: Line) -> bytes:
        asked_who = line.requests == 2  # after the integrity poll
        body = ATTRIBUTE if asked_who else ALL
        iin = RESTART if asked_who else b"\0\0"
        return framed(fragment(line.sequence, body if line.function == READ else b"", iin=iin))

    async def test() -> None:
        heard = Heard(says)
        async with scripted(heard.script) as outstation:
            driver = _driver(outstation.port, "attribute/248", scaled=False)
            with pytest.raises(DriverError, match="a new life") as failure:
                await driver.write(LIMIT_W, None)
            assert failure.value.kind is FailureKind.DISCONNECTED
            assert heard.reads_only
            await driver.stop()

    _run(test())


def test_a_bay_whose_device_is_exchanged_while_the_connection_stands_gets_nothing() -> None:
    """Its RTU reports the new device's serial number as a change (group 111)."""
    exchanged = bytes.fromhex("6f02170100") + b"B2"

    def says(line: Line) -> bytes:
        body = ALL + TEXT if line.requests == 1 else exchanged if line.requests == 2 else b""
        return framed(fragment(line.sequence, body if line.function == READ else b""))

    async def test() -> None:
        heard = Heard(says)
        async with scripted(heard.script) as outstation:
            driver = _driver(outstation.port, "octet-string/0")
            assert (await driver.scan()).limit_in_force == LIMIT_W
            for request in (driver.scan, lambda: driver.write(LIMIT_W, None), driver.scan):
                with pytest.raises(DriverError, match="'A1' is expected, the device says 'B2'"):
                    await request()
            assert heard.reads_only
            assert outstation.connections == 1
            await driver.stop()

    _run(test())


@pytest.mark.parametrize("observing", [True, False])
def test_who_only_looks_on_leaves_clock_restart_and_reports_to_the_master(
    observing: bool,
) -> None:
    """A restart indication that a check cleared would be hidden from the agent beside it."""

    def says(line: Line) -> bytes:
        iin = b"\x90\0"  # restarted, and needs the time
        return framed(fragment(line.sequence, ALL if line.function == READ else b"", iin=iin))

    async def test() -> None:
        heard = Heard(says)
        profile = HEATER.replace("SERIAL", "octet-string/0")
        profile = profile.replace(", unsolicited: false, synchronise: false", "")
        profile = profile[: profile.index("setpoint:")] + profile[profile.index("dnp3:") :]
        environment = Environment(WallClock(), Library({"heater": profile}), observing=observing)
        async with scripted(heard.script) as outstation:
            where = connection(outstation.port, timeout_s=3.0)
            driver = Dnp3Tcp(environment).open(Source("h", "heater", where, 1, 1))
            for _ in range(3):
                assert (await driver.scan()).values[0] == 230.0
            assert heard.reads_only is observing
            await driver.stop()

    _run(test())


def test_an_output_that_nobody_has_operated_since_the_start_can_be_limited() -> None:
    """It is off line until it is operated (opendnp3): unread, it would never be."""
    profile = HEATER.replace("SERIAL", "octet-string/0").replace(", scale_at: analog-input/9", "")
    profile = profile.replace("  scale_at: analog-input/9\n", "")
    unset = bytes.fromhex("2801000000 02") + (0).to_bytes(4, "little")

    def says(line: Line) -> bytes:
        return framed(fragment(line.sequence, VOLTS + unset + TEXT))

    async def test() -> None:
        async with scripted(Heard(says).script) as outstation:
            environment = Environment(WallClock(), Library({"heater": profile}))
            where = connection(outstation.port, timeout_s=3.0, identity="A1")
            driver = Dnp3Tcp(environment).open(Source("h", "heater", where, 1, 1, rated_w=9000.0))
            scan = await driver.scan()
            assert scan.limit_in_force == 0.0
            assert not is_usable(scan.qualities[1])
            await driver.stop()

    _run(test())


def test_a_limit_that_the_outstation_doubts_itself_confirms_nothing() -> None:
    """Flags on line and communication lost: the bay behind it is away, its last value stands."""
    lost = bytes.fromhex("2801000000 05") + (40).to_bytes(4, "little")

    def says(line: Line) -> bytes:
        body = VOLTS + SCALE + lost + TEXT
        return framed(fragment(line.sequence, body if line.function == READ else b""))

    async def test() -> None:
        async with scripted(Heard(says).script) as outstation:
            driver = _driver(outstation.port, "octet-string/0")
            scan = await driver.scan()
            assert scan.values[0] == 230.0
            assert scan.limit_in_force is None
            await driver.stop()

    _run(test())


def _echo(watts: int) -> bytes:
    """An echo of a command on output 0: group 41 variation 2, SUCCESS."""
    return bytes.fromhex("29022801000000") + watts.to_bytes(2, "little") + b"\0"


@pytest.mark.parametrize(("echoed", "taken"), [(40, True), (41, False)])
def test_a_success_that_echoes_another_command_is_refused(echoed: int, taken: bool) -> None:
    """4 kW are 40 counts of 100 W; an outstation that has understood 41 confirms nothing."""

    def says(line: Line) -> bytes:
        body = ALL + TEXT if line.function == READ else _echo(echoed)
        return framed(fragment(line.sequence, body))

    async def test() -> None:
        async with scripted(Heard(says).script) as outstation:
            driver = _driver(outstation.port, "octet-string/0")
            if taken:
                await driver.write(LIMIT_W, None)
            else:
                with pytest.raises(DriverError, match="confirms another command") as failure:
                    await driver.write(LIMIT_W, None)
                assert failure.value.kind is FailureKind.WRONG_ANSWER
            await driver.stop()

    _run(test())


FALLBACK_TIME = "  fallback: {time_at: 'analog-output/1:i16'}\n"
OUTPUT_LOST = bytes.fromhex("2a02170100 05") + (40).to_bytes(2, "little")  # event of output 0
OUTPUT_BACK = bytes.fromhex("2a02170100 01") + (40).to_bytes(2, "little")


@pytest.mark.parametrize(
    ("event", "operated"),
    [
        (b"", [0]),
        (OUTPUT_LOST + OUTPUT_BACK, [1, 0]),
    ],
    ids=["nothing has happened", "it was lost and came back"],
)
def test_a_device_that_restarts_behind_its_rtu_is_told_its_fall_back_again(
    event: bytes, operated: list[int]
) -> None:
    """The connection and the RTU's life go on; both events come in one answer."""
    happened = False

    def says(line: Line) -> bytes:
        if line.function == READ:
            body = ALL + TEXT if line.requests == 1 else event if happened else b""
        else:
            body = line.request
            outputs.append(body[4])  # its index
        return framed(fragment(line.sequence, body))

    outputs: list[int] = []

    async def test() -> None:
        nonlocal happened
        profile = HEATER.replace("SERIAL", "octet-string/0")
        profile = profile.replace("  reaction_s: 5\n", "  reaction_s: 5\n" + FALLBACK_TIME)
        environment = Environment(WallClock(), Library({"heater": profile}))
        async with scripted(Heard(says).script) as outstation:
            where = connection(outstation.port, timeout_s=3.0, identity="A1")
            driver = Dnp3Tcp(environment).open(Source("h", "heater", where, 1, 1, rated_w=9000.0))
            watchdog = Watchdog(60.0, LIMIT_W)
            await driver.write(LIMIT_W, watchdog)
            assert outputs == [1, 0]
            await driver.scan()
            happened = True
            assert (await driver.scan()).limit_in_force == LIMIT_W
            outputs.clear()
            await driver.write(LIMIT_W, watchdog)
            assert outputs == operated
            outputs.clear()
            happened = False
            await driver.write(LIMIT_W, watchdog)
            assert outputs == [0]
            assert outstation.connections == 1
            await driver.stop()

    _run(test())
