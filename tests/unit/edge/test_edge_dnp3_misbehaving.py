"""Outstations that are silent, babble, answer others' requests or send what is no DNP3.

Each has a stated outcome: the kind of the failure, a closed connection, and recovery by itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from dnp3_bench import HOST as BENCH_HOST
from dnp3_bench import Bench, close, connection, feeder
from dnp3_hostile import READ, UNSOLICITED, VALUE, Line, Script, fragment, framed, good, scripted
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ortsnetz_common.drivers.values import DriverError, FailureKind, Source
from ortsnetz_common.measurement.quality import Quality, is_usable
from ortsnetz_edge.clock import WallClock
from ortsnetz_edge.drivers.dnp3 import station
from ortsnetz_edge.drivers.dnp3.driver import Dnp3Driver
from ortsnetz_edge.drivers.dnp3.protocol import Dnp3Tcp
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.profiles.library import Library

VOLTMETER = """
format: ortsnetz.profile/2
kind: voltmeter
version: 1
describes: one voltage
protocol: dnp3
direction: consumption
voltage:
  at: [analog-input/0, analog-input/1, analog-input/2]
  scale: 0.01
  range: [0, 400]
dnp3: {integrity_s: 60, unsolicited: false, synchronise: false}
"""
PATIENT_S, IMPATIENT_S = 3.0, 0.05


def _run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 40))


def _driver(port: int, timeout_s: float = PATIENT_S) -> Dnp3Driver:
    protocol = Dnp3Tcp(Environment(WallClock(), Library({"voltmeter": VOLTMETER})))
    where = connection(port, timeout_s=timeout_s)
    return protocol.open(Source("v", "voltmeter", where, 1, 1))


async def _failure(request: Callable[[], Awaitable[object]]) -> DriverError:
    with pytest.raises(DriverError) as failure:
        await request()
    return failure.value


async def _recovered(driver: Dnp3Driver) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                scan = await driver.scan()
            except DriverError:
                await asyncio.sleep(0.01)
                continue
            assert close(scan.values[0], 230.0)
            assert is_usable(scan.qualities[0])
            return


def _first_connection(bad: Script) -> Script:
    """Bad over the first connection, correct ever after."""

    def script(line: Line) -> None:
        (bad if line.number == 1 else Line.answer)(line)

    return script


def _says(octets: Callable[[Line], bytes]) -> Script:
    return lambda line: line.say(octets(line))


def _endless(line: Line) -> bytes:
    """Fragments without an end."""
    return b"".join(
        framed(fragment(line.sequence + n, VALUE * 150, flags=0x80 if n == 0 else 0))
        for n in range(700)
    )


def _corrupted(line: Line) -> bytes:
    octets = bytearray(good(line.sequence, line.function))
    octets[14] ^= 0x40
    return bytes(octets)


WRONG: dict[str, Callable[[Line], bytes]] = {
    "no DNP3 at all": lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "zeros": lambda _: bytes(1000),
    "a data block with a wrong CRC": _corrupted,
    "garbage before a good answer": lambda line: b"\xff\xfe\x05" + good(line.sequence, 1),
    "garbage after a good frame": lambda line: (
        framed(fragment(line.sequence, VALUE, flags=0x80)) + b"\x05\x64\x04\x44\x01\x00\x00\x04"
        + bytes(20)
    ),
    "the answer to another request": lambda line: good(line.sequence + 3, line.function),
    "fragments in a wrong order": lambda line: framed(fragment(line.sequence, VALUE, flags=0x40)),
    "a fragment left out": lambda line: (
        framed(fragment(line.sequence, VALUE, flags=0x80))
        + framed(fragment(line.sequence + 2, VALUE, flags=0x40))
    ),
    "another outstation's address": lambda line: framed(
        fragment(line.sequence, VALUE), source=7
    ),
    "a master's answer": lambda line: framed(fragment(line.sequence, VALUE), control=0xC4),
    "a request instead of a response": lambda line: framed(
        bytes([0xC0 | line.sequence, READ]) + b"\x3c\x01\x06"
    ),
    "an unsolicited bit on an answer": lambda line: framed(
        fragment(line.sequence, VALUE, flags=0xD0)
    ),
    "an object that is cut off": lambda line: framed(fragment(line.sequence, VALUE[:-2])),
    "a range that ends before it begins": lambda line: framed(
        fragment(line.sequence, bytes.fromhex("1e01000500"))
    ),
    "half a header": lambda line: framed(fragment(line.sequence, b"\x1e\x01")),
    "a segment that continues nothing": lambda line: framed(
        fragment(line.sequence, VALUE * 60)
    )[292:],
    "an answer without an end": _endless,
    "reports without an end": lambda _: framed(
        fragment(3, VALUE, function=UNSOLICITED, flags=0xD0)
    ) * 2100,
}  # fmt: skip


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("what", list(WRONG))
def test_what_does_not_fit_closes_the_connection_and_the_next_one_works(what: str) -> None:
    async def test() -> None:
        async with scripted(_first_connection(_says(WRONG[what]))) as outstation:
            driver = _driver(outstation.port)
            failure = await _failure(driver.scan)
            assert failure.kind is FailureKind.WRONG_ANSWER, failure
            async with asyncio.timeout(10):
                await outstation.ended.wait()  # closed by us
            assert not driver.diagnose().connected
            await _recovered(driver)
            assert outstation.connections == 2
            await driver.stop()

    _run(test())


def test_a_connection_that_ends_within_a_frame_is_lost_at_once() -> None:
    async def test() -> None:
        def script(line: Line) -> None:
            line.say(good(line.sequence, line.function)[:14])
            line.hang_up()

        async with scripted(_first_connection(script)) as outstation:
            driver = _driver(outstation.port)
            assert (await _failure(driver.scan)).kind is FailureKind.DISCONNECTED
            await _recovered(driver)
            await driver.stop()

    _run(test())


def test_a_silent_outstation_costs_one_deadline_and_then_a_waiting_time() -> None:
    async def test() -> None:
        async with scripted(_first_connection(lambda _: None)) as outstation:
            driver = _driver(outstation.port, IMPATIENT_S)
            kinds = []
            async with asyncio.timeout(20):
                while FailureKind.WAITING not in kinds and outstation.connections < 2:
                    try:
                        await driver.scan()
                    except DriverError as error:
                        kinds.append(error.kind)
            assert kinds[0] is FailureKind.TIMEOUT
            async with asyncio.timeout(10):
                await outstation.ended.wait()
            await _recovered(driver)
            assert driver.diagnose().failures[FailureKind.TIMEOUT] >= 1
            await driver.stop()

    _run(test())


def test_an_answer_that_is_late_but_whole_is_taken() -> None:
    async def test() -> None:
        def script(line: Line) -> None:
            if line.requests == 1:
                line.answer()
                return
            octets = good(line.sequence, line.function)
            loop = asyncio.get_running_loop()  # two time-outs later, in two halves
            loop.call_later(1.0, line.say, octets[:12])
            loop.call_later(1.2, line.say, octets[12:])

        async with scripted(script) as outstation:
            driver = _driver(outstation.port, 0.5)
            await driver.scan()
            asked_ns = time.time_ns()
            scan = await driver.scan()
            assert close(scan.values[0], 230.0)
            assert scan.received_ns - asked_ns > 1_000_000_000  # its own time, not the request's
            assert driver.diagnose().failures == {}
            await driver.stop()

    _run(test())


def test_a_half_open_connection_is_noticed_by_the_next_scan() -> None:
    async def test() -> None:
        def script(line: Line) -> None:
            if line.requests == 1:
                line.answer()  # and never again: the peer is gone, nobody has said so

        async with scripted(_first_connection(script)) as outstation:
            driver = _driver(outstation.port, 0.5)
            await driver.scan()
            assert driver.diagnose().connected
            assert (await _failure(driver.scan)).kind is FailureKind.TIMEOUT
            assert not driver.diagnose().connected
            await _recovered(driver)
            await driver.stop()

    _run(test())


def test_a_request_that_is_given_up_closes_its_connection_at_once() -> None:
    """Its answer may be on the way, and what it was to operate may still be operated."""

    def script(line: Line) -> None:
        if line.number > 1 or line.requests == 1:
            line.answer()

    async def test() -> None:
        async with scripted(script) as outstation:
            driver = _driver(outstation.port)
            await driver.scan()
            asked = asyncio.create_task(driver.session.look_for_outputs())
            async with asyncio.timeout(10):
                while outstation.requests < 2:  # noqa: ASYNC110 - it has no event
                    await asyncio.sleep(0.01)
            asked.cancel()
            async with asyncio.timeout(10):
                await outstation.ended.wait()
            assert not driver.diagnose().connected
            await _recovered(driver)
            await driver.stop()

    _run(test())


def test_events_behind_an_object_that_cannot_be_read_are_not_missed() -> None:
    """An analog output command event (group 43), as some outstations report after each command."""
    command_event = bytes.fromhex("2b0117010000") + (16).to_bytes(4, "little")
    change = bytes.fromhex("2001170100 01") + (24_100).to_bytes(4, "little")
    now = VALUE[:-4] + (24_100).to_bytes(4, "little")

    def script(line: Line) -> None:
        body = {1: VALUE, 2: command_event + change}.get(line.requests, now)
        line.say(framed(fragment(line.sequence, body if line.function == READ else b"")))

    async def test() -> None:
        async with scripted(script) as outstation:
            driver = _driver(outstation.port)
            assert close((await driver.scan()).values[0], 230.0)
            assert close((await driver.scan()).values[0], 241.0)
            assert driver.session.counters["integrity_polls"] == 2
            await driver.stop()

    _run(test())


def test_the_waiting_time_is_its_own_for_each_outstation_and_bounded() -> None:
    async def test() -> None:
        async with scripted(Line.hang_up) as outstation:
            driver = _driver(outstation.port)
            waits = 0
            for _ in range(60):
                kind = (await _failure(driver.scan)).kind
                waits += kind is FailureKind.WAITING
                await asyncio.sleep(0.01)
            assert waits > 30  # most scans of a lost outstation ask nothing of the network
            assert outstation.connections < 30
            await driver.stop()

    _run(test())


def test_nobody_else_waits_for_one_that_is_silent_or_babbles(tmp_path: Path) -> None:
    async def test() -> None:
        bench = Bench(tmp_path)
        await bench.station.start(BENCH_HOST, 0)
        protocol = Dnp3Tcp()
        sound = protocol.open(feeder(bench.station.port or 0, 0))
        babble = _says(lambda line: framed(fragment(line.sequence, VALUE * 100, flags=0x80)))
        async with scripted(lambda _: None) as silent, scripted(babble) as babbling:
            others = [_driver(silent.port, 10.0), _driver(babbling.port, 10.0)]
            tasks = [asyncio.create_task(other.scan()) for other in others]
            for _ in range(20):
                assert close((await sound.scan()).values[0], 230.0)
            assert not any(task.done() for task in tasks)
            for other in others:
                await other.stop()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(result, DriverError) for result in results)
        await sound.stop()
        await bench.station.stop()

    _run(test())


def test_a_request_that_was_given_up_leaves_no_answer_for_the_next() -> None:
    async def test() -> None:
        late: asyncio.Queue[Line] = asyncio.Queue()

        def script(line: Line) -> None:
            if line.number == 1 and line.requests == 2:
                late.put_nowait(line)
                return
            line.answer()

        async with scripted(script) as outstation:
            driver = _driver(outstation.port)
            await driver.scan()
            scan = asyncio.create_task(driver.scan())
            line = await asyncio.wait_for(late.get(), 10)
            scan.cancel()  # the cycle has given it up; the request itself goes on
            await asyncio.gather(scan, return_exceptions=True)
            line.answer()
            assert close((await driver.scan()).values[0], 230.0)
            assert outstation.connections == 1
            await driver.stop()

    _run(test())


def test_an_object_that_nobody_knows_is_counted_and_the_rest_is_taken() -> None:
    async def test() -> None:
        def script(line: Line) -> None:
            body = VALUE + bytes.fromhex("7801070105")
            line.say(framed(fragment(line.sequence, body)))

        async with scripted(script) as outstation:
            driver = _driver(outstation.port)
            assert close((await driver.scan()).values[0], 230.0)
            assert driver.session.counters["unknown_objects"] == 1
            await driver.stop()

    _run(test())


def test_a_point_that_the_outstation_does_not_have_is_a_bad_reference() -> None:
    async def test() -> None:
        async with scripted(Line.answer) as outstation:
            protocol = Dnp3Tcp(Environment(WallClock(), Library({"voltmeter": VOLTMETER})))
            where = connection(outstation.port)
            driver = protocol.open(Source("v", "voltmeter", where, 1, 3))
            scan = await driver.scan()
            assert is_usable(scan.qualities[0])
            assert scan.values[1:] == (None, None)
            for quality in scan.qualities[1:]:
                assert quality & 3 == Quality.INVALID
                assert quality & Quality.BAD_REFERENCE
            await driver.stop()

    _run(test())


def test_a_number_that_is_none_is_no_value() -> None:
    async def test() -> None:
        nan = bytes.fromhex("1e05000000 01 0000c07f")  # group 30 variation 5, a NaN that is on line

        async with scripted(_says(lambda line: framed(fragment(line.sequence, nan)))) as outstation:
            driver = _driver(outstation.port)
            scan = await driver.scan()
            assert scan.values[0] is None
            assert not is_usable(scan.qualities[0])
            await driver.stop()

    _run(test())


def test_an_outstation_that_refuses_polls_is_refused_in_words_and_left_alone() -> None:
    async def test() -> None:
        refusal = _says(lambda line: framed(fragment(line.sequence, iin=b"\0\x01")))
        async with scripted(_first_connection(refusal)) as outstation:
            driver = _driver(outstation.port)
            failure = await _failure(driver.scan)
            assert failure.kind is FailureKind.REFUSED
            assert "func not supported" in str(failure)
            async with asyncio.timeout(10):
                await outstation.ended.wait()
            await _recovered(driver)
            await driver.stop()

    _run(test())


def test_an_outstation_that_never_ends_its_restart_is_read_all_the_same() -> None:
    async def test() -> None:
        def script(line: Line) -> None:
            body = VALUE if line.function == READ else b""
            line.say(framed(fragment(line.sequence, body, iin=b"\x80\0")))

        async with scripted(script) as outstation:
            driver = _driver(outstation.port)
            for _ in range(5):
                scan = await driver.scan()
                assert is_usable(scan.qualities[0])
            assert driver.session.counters["restarts"] == 1
            await driver.stop()

    _run(test())


MUTATIONS = st.lists(
    st.tuples(st.sampled_from(["flip", "cut", "double", "insert"]), st.integers(0, 400)),
    min_size=1,
    max_size=4,
)


def _mutated(octets: bytes, mutations: list[tuple[str, int]]) -> bytes:
    for what, place in mutations:
        at = place % max(1, len(octets))
        if what == "flip" and octets:
            octets = octets[:at] + bytes([octets[at] ^ (1 + place % 255)]) + octets[at + 1 :]
        elif what == "cut":
            octets = octets[:at]
        elif what == "double":
            octets = octets[:at] + octets[at : at + 20] + octets[at:]
        elif what == "insert":
            octets = octets[:at] + bytes([place % 256]) + octets[at:]
    return octets


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many short lives in a few seconds."""
    monkeypatch.setattr(station, "BACKOFF_FIRST_S", 0.01)


async def _survives(octets: Callable[[Line], bytes]) -> None:
    """Whatever comes first, it is an answer or a stated failure, and the next connection works."""

    def script(line: Line) -> None:
        line.say(octets(line))
        line.hang_up()

    async with scripted(_first_connection(script)) as outstation:
        driver = _driver(outstation.port)
        try:
            scan = await driver.scan()
        except DriverError as error:
            assert error.kind in {  # noqa: PT017 - either end is fine
                FailureKind.WRONG_ANSWER,
                FailureKind.DISCONNECTED,
                FailureKind.REFUSED,
            }
        else:
            assert len(scan.values) == len(driver.points)
        await _recovered(driver)
        await driver.stop()


FUZZ = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@pytest.mark.usefixtures("impatient")
@FUZZ
@given(st.binary(max_size=600))
def test_any_octets_are_survived(octets: bytes) -> None:
    _run(_survives(lambda _: octets))


@pytest.mark.usefixtures("impatient")
@FUZZ
@given(MUTATIONS)
def test_any_damage_to_a_good_answer_is_survived(mutations: list[tuple[str, int]]) -> None:
    _run(_survives(lambda line: _mutated(good(line.sequence, line.function), mutations)))


@pytest.mark.usefixtures("impatient")
@FUZZ
@given(
    st.binary(max_size=500),
    st.sampled_from([0xC0, 0xE0, 0x80, 0x40, 0xD0]),
    st.binary(min_size=2, max_size=2),
)
def test_any_objects_in_good_frames_are_survived(body: bytes, flags: int, iin: bytes) -> None:
    def octets(line: Line) -> bytes:
        function = UNSOLICITED if flags & 0x10 else 0x81
        return framed(fragment(line.sequence, body, function=function, flags=flags, iin=iin))

    _run(_survives(octets))
