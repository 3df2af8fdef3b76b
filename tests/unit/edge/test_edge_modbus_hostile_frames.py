"""Truncated, garbled, repeated and invented frames: a reading is right, or it is none."""

from __future__ import annotations

import asyncio
import random
import struct
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from modbus_peers.line import line
from modbus_peers.scripted import ScriptedServer, ScriptedUnit, crc, rtu, serving

from ortsnetz_common.parameters.station import SerialLine
from ortsnetz_edge.clock import WallClock
from ortsnetz_edge.drivers.contract import DriverError, FailureKind
from ortsnetz_edge.drivers.modbus.identification import identification
from ortsnetz_edge.drivers.modbus.inspection import tcp_misfit, usual_answer
from ortsnetz_edge.drivers.modbus.line_frames import Echo, answer_in
from ortsnetz_edge.drivers.modbus.link import Link
from ortsnetz_edge.drivers.modbus.unit import Unit
from ortsnetz_edge.drivers.modbus.wire import LineWire, TcpWire
from ortsnetz_edge.profiles.references.modbus import Table

VALUES = [230, 231, 232, 50]
TIMEOUT_S = 0.05
EXAMPLES = 400
Spoil = Callable[[random.Random, bytes], bytes]


class Eager(WallClock):
    """Time flies between two requests: no back-off holds a test up."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def monotonic(self) -> float:
        self.now_s += 60.0
        return self.now_s


def good_answer(request: bytes) -> bytes:
    """Registers as asked for, in a frame of Modbus TCP."""
    pdu = struct.pack(">BB4H", 3, 8, *VALUES)
    return request[:4] + struct.pack(">HB", len(pdu) + 1, request[6]) + pdu


def truncated(chance: random.Random, answer: bytes) -> bytes:
    return answer[: chance.randrange(len(answer))]


def header_garbled(chance: random.Random, answer: bytes) -> bytes:
    at = chance.randrange(2, 9)  # after the number of the transaction, before the values
    wrong = (answer[at] + chance.randrange(1, 256)) % 256
    return answer[:at] + bytes([wrong]) + answer[at + 1 :]


def invented(chance: random.Random, answer: bytes) -> bytes:
    return chance.randbytes(chance.randrange(1, 600))


def with_an_invented_pdu(chance: random.Random, answer: bytes) -> bytes:
    """A sound frame around anything but registers."""
    function = chance.choice(
        [1, 2, 4, 5, 6, 7, 8, 11, 16, 17, 20, 22, 23, 24, 43, 0, 127, 128, 255]
    )
    pdu = bytes([function]) + chance.randbytes(chance.randrange(250))
    return answer[:4] + struct.pack(">HB", len(pdu) + 1, answer[6]) + pdu


def of_another_length(chance: random.Random, answer: bytes) -> bytes:
    count = chance.choice([0, 1, 3, 5, 60, 120])
    size = 2 * count + chance.choice([0, 1])
    pdu = bytes([3, size]) + chance.randbytes(size)
    return answer[:4] + struct.pack(">HB", len(pdu) + 1, answer[6]) + pdu


def an_exception_of_any_kind(chance: random.Random, answer: bytes) -> bytes:
    pdu = bytes([0x83]) + chance.randbytes(chance.choice([0, 1, 1, 1, 2, 200]))
    return answer[:4] + struct.pack(">HB", len(pdu) + 1, answer[6]) + pdu


def answering_twice(chance: random.Random, answer: bytes) -> bytes:
    return answer + with_an_invented_pdu(chance, answer)


def under_the_number_of_another(chance: random.Random, answer: bytes) -> bytes:
    number = (struct.unpack(">H", answer[:2])[0] + chance.randrange(1, 65535)) % 65536
    return struct.pack(">H", number) + answer[2:8] + bytes(8)


WAITS = {truncated, under_the_number_of_another}
"""After these the right answer may still come: each costs the late time-out."""
SPOILED = [
    truncated,
    header_garbled,
    invented,
    with_an_invented_pdu,
    of_another_length,
    an_exception_of_any_kind,
    answering_twice,
    under_the_number_of_another,
]


async def reading(unit: Unit) -> list[int] | DriverError:
    try:
        data = await unit.read(Table.HOLDING, 0, 4, await unit.opened())
    except DriverError as error:
        return error
    return list(struct.unpack(">4H", bytes(data)))


def unspoiled_loop(check: Callable[[], Awaitable[None]]) -> None:
    """Run a check; whatever escapes into the event loop fails it."""
    escaped: list[dict[str, object]] = []

    async def guarded() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, what: escaped.append(what))
        await asyncio.wait_for(check(), 60)

    asyncio.run(guarded())
    assert escaped == []


@pytest.mark.parametrize("spoil", SPOILED)
def test_a_spoiled_answer_over_tcp_is_no_value_and_the_next_is_right(spoil: Spoil) -> None:
    async def check() -> None:
        chance = random.Random(spoil.__name__)
        server = ScriptedServer({})
        await server.start()
        clock = Eager()
        unit = Unit(Link(TcpWire("127.0.0.1", server.port), TIMEOUT_S, clock), 1, TIMEOUT_S, clock)
        examples = 8 if spoil in WAITS else EXAMPLES
        for _ in range(examples):
            server.raw = lambda request: spoil(chance, good_answer(request))
            outcome = await reading(unit)
            assert outcome == VALUES or isinstance(outcome, DriverError)
            if isinstance(outcome, DriverError):
                assert outcome.kind is not FailureKind.WAITING
        server.raw = good_answer
        assert VALUES in [await reading(unit) for _ in range(2)]
        await unit.close()
        await server.stop()

    unspoiled_loop(check)


def test_a_spoiled_answer_on_a_line_is_no_value() -> None:
    """Any burst of errors up to 16 bits is found by the CRC; and what is invented has none."""

    async def check() -> None:
        chance = random.Random(16)
        device = ScriptedUnit()
        device.put(0, VALUES)
        async with line() as bus:
            clock = Eager()
            wire = LineWire(SerialLine(bus.device, baud=115200, parity="N"))
            unit = Unit(Link(wire, TIMEOUT_S, clock), 1, TIMEOUT_S, clock)
            good = rtu(1, struct.pack(">BB4H", 3, 8, *VALUES))

            async def spoiled(frame: bytes) -> None:
                del frame
                at = chance.randrange(len(good) - 1)
                burst = chance.randrange(1, 65536)
                broken = (int.from_bytes(good[at : at + 2], "big") ^ burst).to_bytes(2, "big")
                bus.send(good[:at] + broken + good[at + 2 :])

            bus._answer = spoiled  # type: ignore[method-assign]
            for _ in range(60):
                assert isinstance(await reading(unit), DriverError)
            del bus._answer
            bus.units[1] = device
            assert await reading(unit) == VALUES
            await unit.close()

    unspoiled_loop(check)


@pytest.mark.parametrize(
    "objects",
    [
        bytes([43, 14, 3, 0x83, 0xFF, 0, 0]),  # more follows, again and again from the beginning
        bytes([43, 14, 3, 0x83, 0, 0, 1, 0, 200, 65]),  # a text longer than its frame
        bytes([43, 14, 3]),
        bytes([43, 13, 3, 0x83, 0, 0, 0]),
    ],
)
def test_a_hostile_identification_ends_in_bounded_time(objects: bytes) -> None:
    async def check() -> None:
        server = ScriptedServer({})
        await server.start()
        clock = Eager()
        unit = Unit(Link(TcpWire("127.0.0.1", server.port), TIMEOUT_S, clock), 1, TIMEOUT_S, clock)
        server.raw = lambda request: request[:4] + struct.pack(">HB", len(objects) + 1, 1) + objects
        with pytest.raises(DriverError) as caught:
            await identification(unit, await unit.opened())
        assert caught.value.kind is FailureKind.WRONG_ANSWER
        await unit.close()
        await server.stop()

    unspoiled_loop(check)


def test_a_long_identification_is_read_to_its_end() -> None:
    async def check() -> None:
        device = ScriptedUnit(objects={n: f"text {n}".encode() for n in (0, 1, 2, 4, 5, 128, 130)})
        async with serving(device) as server:
            clock = Eager()
            unit = Unit(Link(TcpWire("127.0.0.1", server.port), 1.0, clock), 1, 1.0, clock)
            found = await identification(unit, await unit.opened())
            assert found == {n: f"text {n}" for n in (0, 1, 2, 4, 5, 128, 130)}
            await unit.close()

    unspoiled_loop(check)


def framed(pdu: bytes, transaction: bytes = b"\x12\x34") -> bytes:
    return transaction + struct.pack(">HHB", 0, len(pdu) + 1, 1) + pdu


def request(function: int, count: int) -> bytes:
    return framed(struct.pack(">BHH", function, 100, count))


@given(st.binary(max_size=300), st.integers(1, 127), st.integers(0, 65535))
def test_any_bytes_are_judged_in_words(data: bytes, function: int, count: int) -> None:
    reason = tcp_misfit(data, request(function, count))
    assert reason is None or reason


@given(st.lists(st.integers(0, 65535), min_size=1, max_size=125), st.sampled_from([3, 4]))
def test_no_sound_answer_is_refused_nor_any_beginning_of_it(
    values: list[int], function: int
) -> None:
    answer = framed(struct.pack(f">BB{len(values)}H", function, 2 * len(values), *values))
    stale = framed(b"\x01\x01\x00", b"\x12\x33")
    for end in range(0, len(answer) + 1, 7):
        assert tcp_misfit(answer[:end], request(function, len(values))) is None
    assert tcp_misfit(stale + answer, request(function, len(values))) is None


@pytest.mark.parametrize(
    ("function", "pdu"),
    [
        (3, b"\x03\x02\0\0"),
        (3, b"\x03\x05\0\0\0\0\0"),
        (1, b"\x01\x02\0\0"),
        (6, b"\x06\0\0"),
        (16, b"\x10\0\0\0\2\0"),
    ],
)
def test_an_answer_of_another_size_than_was_asked_for_is_refused(function: int, pdu: bytes) -> None:
    assert tcp_misfit(framed(pdu), request(function, 2)) is not None


@given(
    st.binary(max_size=270),
    st.sampled_from([1, 3, 4, 6, 16, 43]),
    st.one_of(st.integers(0, 130), st.integers(0, 65535)),
)
def test_what_looks_like_the_usual_answer_fits(rest: bytes, function: int, count: int) -> None:
    """The quick look takes nothing that the whole one would refuse."""
    asked = request(function, count)
    usual = usual_answer(asked)
    if usual is None:
        assert function not in {3, 4} or count > 125
        return
    begin, length = usual
    answer = (begin + rest.ljust(length, b"\0"))[:length]
    assert tcp_misfit(answer, asked) is None or count == 0
    assert struct.unpack(">H", answer[4:6])[0] == len(answer) - 6


@given(st.integers(0, 255).filter(lambda code: code & 0x7F != 3), st.binary(max_size=60))
def test_an_answer_of_another_function_is_refused_even_behind_a_stale_one(
    function: int, rest: bytes
) -> None:
    stale = framed(b"\x03\x02\x00\x00", b"\x12\x33")
    answer = framed(bytes([function]) + rest)
    if len(answer) > 8:
        assert tcp_misfit(stale + answer, request(3, 1)) is not None


NOISE = st.binary(max_size=40)


@given(NOISE, NOISE, st.lists(st.integers(0, 65535), min_size=4, max_size=4), st.integers(1, 247))
def test_an_answer_is_found_among_noise_and_the_late_answers_of_others(
    before: bytes, after: bytes, values: list[int], unit: int
) -> None:
    asked = rtu(unit, struct.pack(">BHH", 3, 100, 4))
    answer = rtu(unit, struct.pack(">BB4H", 3, 8, *values))
    other = rtu(unit % 247 + 1, struct.pack(">BB4H", 3, 8, 1, 2, 3, 4))
    assert answer_in(before + answer + after, asked) == answer
    assert answer_in(other + answer, asked) == answer
    assert answer_in(answer[:-1], asked) == b""


@given(st.binary(max_size=300), st.sampled_from([1, 2, 3, 4, 5, 6, 16, 43]), st.integers(0, 2000))
def test_whatever_is_on_a_line_nothing_without_its_checksum_is_an_answer(
    data: bytes, function: int, count: int
) -> None:
    asked = rtu(1, struct.pack(">BHH", function, 100, count))
    found = answer_in(data, asked)
    assert found == b"" or function == 43 or crc(found[:-2]) == found[-2:]
    refused = rtu(1, bytes([function | 0x80, 6]))
    assert answer_in(refused, asked) == refused


@given(st.binary(min_size=8, max_size=8), st.binary(max_size=80), st.integers(1, 80))
def test_an_echo_is_taken_off_however_the_bytes_arrive(
    request: bytes, answer: bytes, piece: int
) -> None:
    echo = Echo()
    echo.sending(request, reads=True)
    whole, arrived = request + answer, b""
    for begin in range(0, len(whole), piece):
        arrived = whole[: begin + piece]
        left = echo.stripped(arrived)
        assert left == arrived[8:]
    assert echo.stripped(whole) == answer


@given(st.binary(min_size=8, max_size=8), st.binary(min_size=8, max_size=80))
def test_what_is_no_echo_is_left_as_it_is(request: bytes, answer: bytes) -> None:
    if answer.startswith(request):
        return
    echo = Echo()
    echo.sending(request, reads=True)
    assert echo.stripped(answer) == answer
    echo.sending(answer, reads=False)
    assert echo.stripped(answer) == answer  # the confirmation of a write


def test_a_write_is_not_taken_for_an_echo_before_a_read_has_shown_one() -> None:
    echo = Echo()
    frame = b"\x01\x06\x07\xd0\x00\x0a" + crc(b"\x01\x06\x07\xd0\x00\x0a")
    echo.sending(frame, reads=False)
    assert echo.stripped(frame) == frame
