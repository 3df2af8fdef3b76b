"""A device that misbehaves costs itself a reading; it never gets a wrong value into the image."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from ortsnetz_common.parameters.station import Connection
from ortsnetz_edge.clock import WallClock
from ortsnetz_edge.drivers.contract import DriverError, FailureKind, Source, Watchdog
from ortsnetz_edge.drivers.modbus.link import LATE_FACTOR, Link
from ortsnetz_edge.drivers.modbus.protocol import ModbusTcp
from ortsnetz_edge.drivers.modbus.unit import Unit
from ortsnetz_edge.drivers.modbus.wire import TcpWire
from ortsnetz_edge.profiles.references.modbus import Table

TIMEOUT_S = 0.1
Handler = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


def frame(transaction: bytes, pdu: bytes, unit: int = 1, protocol: int = 0) -> bytes:
    return transaction + struct.pack(">HHB", protocol, len(pdu) + 1, unit) + pdu


def registers_answer(
    request: bytes, function: int | None = None, count: int | None = None
) -> bytes:
    asked = struct.unpack(">H", request[10:12])[0]
    number = asked if count is None else count
    payload = b"".join(struct.pack(">H", n) for n in range(number))
    code = request[7] if function is None else function
    return frame(request[:2], bytes([code, 2 * number]) + payload)


def unit_at(port: int) -> Unit:
    clock = WallClock()
    return Unit(Link(TcpWire("127.0.0.1", port), TIMEOUT_S, clock), 1, TIMEOUT_S, clock)


async def read(unit: Unit) -> list[int]:
    """Four holding registers."""
    data = await unit.read(Table.HOLDING, 0, 4, await unit.opened())
    return list(struct.unpack(">4H", bytes(data)))


IDENTITY = b"Ortsnetz bench".ljust(16, b"\0") + b"ev-controller".ljust(32, b"\0") + bytes(32)


def identity_answer(request: bytes) -> bytes:
    """Registers 65000 and following of the bench's devices, as docs/register-maps.md has them."""
    first, count = struct.unpack(">HH", request[8:12])
    raw = IDENTITY[2 * (first - 65000) :][: 2 * count]
    return bytes([3, len(raw)]) + raw


@asynccontextmanager
async def device(handler: Handler) -> Any:
    """A raw TCP server; yields a unit behind it, the requests it has seen, and its port."""
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                header = await reader.readexactly(6)
                body = await reader.readexactly(struct.unpack(">H", header[4:6])[0])
                seen.append(header + body)
                await handler(header + body, writer)
        with suppress(Exception):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    unit = unit_at(port)
    try:
        yield unit, seen, port
    finally:
        await unit.close()
        server.close()


def outcome(handler: Handler) -> tuple[DriverError, float]:
    """The error that a read of such a device ends in, and how long it took."""

    async def check() -> tuple[DriverError, float]:
        async with device(handler) as (unit, _, _):
            begun = time.monotonic()
            with pytest.raises(DriverError) as caught:
                await read(unit)
            assert not unit.connected or caught.value.kind is FailureKind.REFUSED
            return caught.value, time.monotonic() - begun

    return asyncio.run(asyncio.wait_for(check(), 10))


def answering(make: Callable[[bytes], bytes]) -> Handler:
    async def handler(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(make(request))

    return handler


def test_a_good_answer_is_taken() -> None:
    async def check() -> None:
        async with device(answering(registers_answer)) as (unit, _, _):
            assert await read(unit) == [0, 1, 2, 3]

    asyncio.run(check())


def test_a_silent_device_fails_at_its_deadline() -> None:
    async def nothing(request: bytes, writer: asyncio.StreamWriter) -> None:
        del request, writer

    error, took = outcome(nothing)
    assert error.kind is FailureKind.TIMEOUT
    assert TIMEOUT_S * LATE_FACTOR * 0.9 < took < TIMEOUT_S * LATE_FACTOR + 1.0


def test_an_answer_to_another_function_is_not_taken_for_ours() -> None:
    error, took = outcome(answering(lambda request: registers_answer(request, function=4)))
    assert error.kind is FailureKind.WRONG_ANSWER
    assert "function 4" in str(error)
    assert took < TIMEOUT_S * LATE_FACTOR


@pytest.mark.parametrize("count", [3, 5])
def test_an_answer_with_too_few_or_too_many_registers_is_refused(count: int) -> None:
    error, _ = outcome(answering(lambda request: registers_answer(request, count=count)))
    assert error.kind is FailureKind.WRONG_ANSWER


def test_a_byte_count_that_contradicts_the_frame_is_refused() -> None:
    def make(request: bytes) -> bytes:
        return frame(request[:2], bytes([3, 6]) + bytes(8))

    error, _ = outcome(answering(make))
    assert error.kind is FailureKind.WRONG_ANSWER


def test_a_connection_closed_in_the_middle_of_a_frame_fails_at_once() -> None:
    async def half(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(registers_answer(request)[:11])
        await writer.drain()
        writer.close()

    error, took = outcome(half)
    assert error.kind is FailureKind.DISCONNECTED
    assert took < TIMEOUT_S * LATE_FACTOR


@pytest.mark.parametrize(
    "noise", [b"HTTP/1.1 400 Bad Request\r\n\r\n", bytes(range(200)), b"\xff" * 64]
)
def test_garbage_ends_the_connection_at_once(noise: bytes) -> None:
    error, took = outcome(answering(lambda _: noise))
    assert error.kind is FailureKind.WRONG_ANSWER
    assert took < TIMEOUT_S * LATE_FACTOR


def test_the_unknown_function_answer_0x80_of_a_library_server_is_refused() -> None:
    error, _ = outcome(answering(lambda request: frame(request[:2], bytes([0x80, 1]))))
    assert error.kind is FailureKind.WRONG_ANSWER


def test_an_exception_answer_is_a_refusal_and_keeps_the_connection() -> None:
    error, _ = outcome(answering(lambda request: frame(request[:2], bytes([0x83, 2]))))
    assert error.kind is FailureKind.REFUSED
    assert "exception 2" in str(error)


def test_an_answer_to_an_older_request_is_not_taken_for_the_present_one() -> None:
    async def check() -> None:
        async def stale(request: bytes, writer: asyncio.StreamWriter) -> None:
            old = struct.pack(">H", struct.unpack(">H", request[:2])[0] + 100)
            writer.write(frame(old, bytes([3, 8]) + b"\xee" * 8))
            writer.write(registers_answer(request))

        async with device(stale) as (unit, _, _):
            assert await read(unit) == [0, 1, 2, 3]

    asyncio.run(asyncio.wait_for(check(), 5))


def test_an_answer_without_a_number_is_refused() -> None:
    error, _ = outcome(answering(lambda request: b"\0\0" + registers_answer(request)[2:]))
    assert error.kind is FailureKind.WRONG_ANSWER


def test_a_late_but_whole_answer_is_taken_because_the_device_has_served_it() -> None:
    async def late(request: bytes, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2 * TIMEOUT_S)
        writer.write(registers_answer(request))

    async def check() -> None:
        async with device(late) as (unit, _, _):
            assert await read(unit) == [0, 1, 2, 3]

    asyncio.run(asyncio.wait_for(check(), 5))


def test_a_closed_port_is_unreachable_and_backs_off_without_asking() -> None:
    async def check() -> list[FailureKind]:
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        unit = unit_at(port)
        kinds = []
        for _ in range(50):
            with pytest.raises(DriverError) as caught:
                await read(unit)
            kinds.append(caught.value.kind)
        return kinds

    kinds = asyncio.run(asyncio.wait_for(check(), 5))
    assert kinds[0] is FailureKind.UNREACHABLE
    assert FailureKind.WAITING in kinds
    assert kinds.count(FailureKind.UNREACHABLE) < 25


def test_a_write_that_is_confirmed_for_another_value_is_not_taken_for_ours() -> None:
    async def check() -> None:
        def make(request: bytes) -> bytes:
            return frame(request[:2], request[7:10] + b"\x00\x63")

        async with device(answering(make)) as (unit, _, _):
            with pytest.raises(DriverError) as caught:
                await unit.write_registers(2000, [16], await unit.opened(), multiple=False)
            assert caught.value.kind is FailureKind.WRONG_ANSWER

    asyncio.run(asyncio.wait_for(check(), 5))


def test_the_watchdog_is_set_up_before_the_first_limit_of_each_connection_only() -> None:
    async def check() -> list[tuple[int, int]]:
        def make(request: bytes) -> bytes:
            if request[7] == 3:
                return frame(request[:2], identity_answer(request))
            return frame(request[:2], request[7:])

        async with device(answering(make)) as (_, seen, port):
            where = Connection("modbus-tcp", "127.0.0.1", port, 1, TIMEOUT_S)
            driver = ModbusTcp().open(Source("ev-1", "ev-controller", where, 5, 3, rated_w=11e3))
            for amperes in (16.0, 10.0):
                await driver.write(amperes, Watchdog(60.0, 7.0))
            await driver.stop()
            await driver.write(8.0, Watchdog(60.0, 7.0))
            await driver.stop()
            writes = [request for request in seen if request[7] == 6]
            return [struct.unpack(">HH", request[8:12]) for request in writes]

    fallback = [(2002, 7), (2001, 60)]
    expected = [*fallback, (2000, 16), (2000, 10), *fallback, (2000, 8)]
    assert asyncio.run(asyncio.wait_for(check(), 5)) == expected


def test_an_answer_of_another_unit_is_refused_at_once() -> None:
    def make(request: bytes) -> bytes:
        answer = registers_answer(request)
        return answer[:6] + b"\x02" + answer[7:]

    error, took = outcome(answering(make))
    assert error.kind is FailureKind.WRONG_ANSWER
    assert "unit 2" in str(error)
    assert took < TIMEOUT_S * LATE_FACTOR


def test_a_flood_in_the_place_of_an_answer_is_refused_at_once() -> None:
    def make(request: bytes) -> bytes:
        return registers_answer(request)[:9] + bytes(5000)

    error, took = outcome(answering(make))
    assert error.kind is FailureKind.WRONG_ANSWER
    assert took < TIMEOUT_S * LATE_FACTOR


def test_a_coil_that_is_confirmed_otherwise_is_not_taken_for_written() -> None:
    async def check() -> None:
        def make(request: bytes) -> bytes:
            return frame(request[:2], request[7:10] + b"\x00\x00")

        async with device(answering(make)) as (unit, _, _):
            with pytest.raises(DriverError) as caught:
                await unit.write_coil(3, True, await unit.opened())
            assert caught.value.kind is FailureKind.WRONG_ANSWER

    asyncio.run(asyncio.wait_for(check(), 5))


def test_nothing_goes_over_a_connection_whose_device_nobody_has_asked_for_its_name() -> None:
    """The connection may have ended since the identity was checked: another device may be there."""

    async def check() -> None:
        async def refuse(request: bytes, writer: asyncio.StreamWriter) -> None:
            writer.write(registers_answer(request))
            await writer.drain()
            writer.close()

        async with device(refuse) as (unit, seen, _):
            known = await unit.opened()
            await unit.read(Table.HOLDING, 0, 4, known)
            async with asyncio.timeout(5):
                while unit.connected:  # noqa: ASYNC110 - the library has no event for it
                    await asyncio.sleep(0.01)
            with pytest.raises(DriverError) as caught:
                await unit.write_registers(2000, [16], known, multiple=False)
            assert caught.value.kind is FailureKind.DISCONNECTED
            assert [request[7] for request in seen] == [3]

    asyncio.run(asyncio.wait_for(check(), 10))


def test_nothing_goes_to_a_device_that_has_started_anew_before_it_is_asked_who_it_is() -> None:
    async def check() -> None:
        async with device(answering(registers_answer)) as (unit, seen, _):
            known = await unit.opened()
            unit.restarted()
            with pytest.raises(DriverError) as caught:
                await unit.write_registers(2000, [16], known, multiple=False)
            assert caught.value.kind is FailureKind.DISCONNECTED
            assert seen == []

    asyncio.run(asyncio.wait_for(check(), 5))
