"""Whatever comes over the wire: bounded time, a stated kind of failure, and afterwards all is well.

The peer is a bare socket. It answers hello and everything after it with bytes of its own, or passes
on what a real server says after changing some of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary, struct_to_binary
from hypothesis import given, settings
from hypothesis import strategies as st
from opcua_bench import (
    HOST,
    POLLED,
    SUBSCRIBED,
    TestServer,
    failed,
    protocol,
    run,
    scanned,
    serving,
    source,
)

from ortsnetz_edge.drivers.contract import DriverError, FailureKind
from ortsnetz_edge.drivers.opcua.framing import LARGEST_FRAME, misfit

STATED = {
    FailureKind.WRONG_ANSWER,
    FailureKind.DISCONNECTED,
    FailureKind.UNREACHABLE,
    FailureKind.TIMEOUT,
    FailureKind.REFUSED,
    FailureKind.BUSY,
    FailureKind.INSECURE,
    FailureKind.WAITING,
}
ACKNOWLEDGE = struct.pack("<4sI5I", b"ACKF", 28, 0, 65535, 65535, 0, 0)


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ortsnetz_edge.drivers.opcua.protocol.CONNECT_AT_LEAST_S", 0.5)
    monkeypatch.setattr("ortsnetz_edge.drivers.opcua.session.BACKOFF_FIRST_S", 0.01)
    monkeypatch.setattr("ortsnetz_edge.drivers.opcua.session.BACKOFF_CAP_S", 0.02)


Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(peer: Peer) -> AsyncIterator[int]:
    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await peer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(take, HOST, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def says(before: bytes, after: bytes = b"") -> Peer:
    """A peer that answers hello with some bytes, what follows with others, and then stays open."""

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(before)
        await reader.read(4096)
        writer.write(after)
        await reader.read()

    return peer


async def failure_of(port: int) -> DriverError:
    """The failure of one scan, which has to come soon."""
    driver = protocol(POLLED).open(source(port, timeout_s=0.1))
    began = time.monotonic()
    try:
        with pytest.raises(DriverError) as caught:
            await driver.scan()
    finally:
        await driver.stop()
    assert time.monotonic() - began < 3.0
    return caught.value


@pytest.mark.parametrize(
    ("before", "after", "kind", "words"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", "wrong-answer", "what is no OPC UA"),
        (b"\0" * 64, b"", "wrong-answer", "what is no OPC UA"),
        (b"ACKF" + b"\0\0\0\0" * 8, b"", "wrong-answer", "announces a frame of 0 bytes"),
        (b"ACKF\xff\xff\xff\x7f" + b"\0" * 64, b"", "wrong-answer", "a frame of 2147483647 bytes"),
        (b"ACKF\x08\0\0\0", b"", "wrong-answer", "announces a frame of 8 bytes"),
        (b"ACKC" + ACKNOWLEDGE[4:], b"", "wrong-answer", "no part of a message"),
        (b"HELF" + ACKNOWLEDGE[4:], b"", "wrong-answer", "what is no OPC UA"),
        (ACKNOWLEDGE[:20], b"", "unreachable", "no connection within"),
        (b"ACKF\x0c\0\0\0abcd", b"", "wrong-answer", "cannot be understood"),
        (struct.pack("<4sIIi", b"ERRF", 16, 0x800D0000, -1), b"", "wrong-answer", ""),
        (struct.pack("<4sIIi", b"ERRF", 16, 0x807D0000, -1), b"", "busy", "BadTcpServerTooBusy"),
        (struct.pack("<4sIIi", b"ERRF", 16, 0x80830000, -1), b"", "refused", "EndpointUrl"),
        (struct.pack("<4sIIi", b"ERRF", 16, 0x80550000, -1), b"", "insecure", "PolicyRejected"),
        (ACKNOWLEDGE, b"garbage" * 9, "wrong-answer", "what is no OPC UA"),
        (ACKNOWLEDGE, ACKNOWLEDGE, "wrong-answer", "cannot be understood"),
        (ACKNOWLEDGE, b"OPNF" + struct.pack("<II", 40, 1) + b"\xff" * 28, "wrong-answer", ""),
        (ACKNOWLEDGE, b"OPNF" + struct.pack("<II", 40, 1) + b"\0" * 28, "wrong-answer", ""),
        (ACKNOWLEDGE, b"MSGF" + struct.pack("<II", 40, 1) + b"\0" * 28, "wrong-answer", ""),
        (ACKNOWLEDGE, b"", "unreachable", "no connection within"),
    ],
)
def test_what_is_no_opc_ua_is_refused_in_words(
    before: bytes, after: bytes, kind: str, words: str
) -> None:
    async def check() -> None:
        async with listening(says(before, after)) as port:
            error = await failure_of(port)
            assert error.kind.value == kind or (kind == "wrong-answer" and not words)
            assert words in str(error)

    run(check)


def test_a_server_that_never_stops_talking_is_cut_off() -> None:
    async def check() -> None:
        async def babbles(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(4096)
            writer.write(ACKNOWLEDGE)
            await reader.read(4096)
            part = struct.pack("<4sIIIII", b"MSGC", 60000, 1, 0, 1, 1) + b"\0" * (60000 - 24)
            for _ in range(10_000):
                writer.write(part)
                await writer.drain()

        async with listening(babbles) as port:
            assert (await failure_of(port)).kind is FailureKind.WRONG_ANSWER

    run(check)


def test_a_server_that_closes_at_once_is_said_to_have_closed() -> None:
    async def check() -> None:
        async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)

        async with listening(closes) as port:
            assert (await failure_of(port)).kind is FailureKind.DISCONNECTED

    run(check)


@given(data=st.binary(max_size=300))
@settings(max_examples=60, deadline=None)
def test_any_bytes_instead_of_an_acknowledgement_end_in_a_stated_failure(data: bytes) -> None:
    async def check() -> None:
        async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(4096)
            writer.write(data)
            await writer.drain()
            writer.close()
            await writer.wait_closed()

        async with listening(peer) as port:
            assert (await failure_of(port)).kind in STATED

    run(check)


@given(kind=st.sampled_from([b"OPN", b"MSG", b"ERR", b"CLO"]), body=st.binary(max_size=200))
@settings(max_examples=60, deadline=None)
def test_any_body_in_a_whole_frame_ends_in_a_stated_failure(kind: bytes, body: bytes) -> None:
    async def check() -> None:
        frame = kind + b"F" + struct.pack("<I", 8 + len(body)) + body
        async with listening(says(ACKNOWLEDGE, frame)) as port:
            assert (await failure_of(port)).kind in STATED

    run(check)


@given(header=st.binary(min_size=8, max_size=8))
def test_only_whole_frames_of_bounded_size_are_passed_on(header: bytes) -> None:
    size = int.from_bytes(header[4:], "little")
    fits = misfit(header) is None
    assert not fits or (
        8 < size <= LARGEST_FRAME and header[:3] in {b"MSG", b"OPN", b"CLO", b"ACK", b"ERR"}
    )


@pytest.mark.parametrize("profile", [POLLED, SUBSCRIBED], ids=["read", "subscribed"])
@pytest.mark.parametrize("seed", range(2))
def test_a_real_conversation_with_bits_flipped_is_survived(profile: str, seed: int) -> None:
    """Every answer of a real server may have a byte changed, be cut short, or come twice."""

    async def check() -> None:
        draw = random.Random(seed)
        calm = asyncio.Event()

        async with serving() as server, relay(server, draw, calm) as port:
            driver = protocol(profile).open(source(port, timeout_s=0.1))
            kinds: set[FailureKind] = set()
            longest = 0.0
            end = time.monotonic() + 1.5
            while time.monotonic() < end:
                began = time.monotonic()
                try:
                    await driver.scan()
                except DriverError as error:
                    kinds.add(error.kind)
                longest = max(longest, time.monotonic() - began)
                await asyncio.sleep(0.002)
            assert kinds <= STATED | {FailureKind.WRONG_DEVICE}
            assert longest < 3.0
            calm.set()
            assert (await scanned(driver, 20)).values[0] is not None
            await driver.stop()

    run(check, 60)


@asynccontextmanager
async def relay(server: TestServer, draw: random.Random, calm: asyncio.Event) -> AsyncIterator[int]:
    """A line to the server that spoils what the server says until it is calm."""

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, out = await asyncio.open_connection(HOST, server.port)
        spoil = not calm.is_set()

        async def forth() -> None:
            while data := await reader.read(65536):
                out.write(data)
            out.close()

        task = asyncio.create_task(forth())
        try:
            while data := await there.read(65536):
                writer.write(spoiled(data, draw) if spoil else data)
                await writer.drain()
        finally:
            task.cancel()
            out.close()

    async with listening(peer) as port:
        yield port


def spoiled(data: bytes, draw: random.Random) -> bytes:
    what = draw.random()
    if what < 0.6:
        return data
    if what < 0.85:
        changed = bytearray(data)
        changed[draw.randrange(len(data))] = draw.randrange(256)
        return bytes(changed)
    return data[: draw.randrange(len(data))] if what < 0.95 else data * 2


def response(results: bytes) -> bytes:
    """A read's answer with hand-made results in place of its own."""
    whole = struct_to_binary(ua.ReadResponse())
    return whole[:-8] + results


@pytest.mark.parametrize(
    "results",
    [
        struct.pack("<i", 1) + b"\x01\x80" + struct.pack("<i", 2**31 - 1),  # an array of nothing
        struct.pack("<i", 1) + b"\x01\x8c" + struct.pack("<ii", 2**31 - 1, -4),  # texts backwards
        struct.pack("<i", 1) + b"\x01\x0c" + struct.pack("<i", -2),
        struct.pack("<i", 2**31 - 1) + b"\0" * 100,
        struct.pack("<i", 1) + b"\x01\x16\x00\x00\x01" + struct.pack("<i", 2**31 - 1),
        struct.pack("<i", 1) + b"\x01\x8d" + struct.pack("<i", 2**30),
        struct.pack("<i", 1)
        + b"\x01\xcb"
        + struct.pack("<i", 1)
        + b"\0" * 8
        + struct.pack("<iii", 2, 2**30, 2**30),
        struct.pack("<i", 1) + b"\x01" + b"\x98\x01\0\0\0" * 5000,  # variants in variants
    ],
)
def test_no_short_message_keeps_the_parser_busy(results: bytes) -> None:
    began = time.monotonic()
    with pytest.raises(Exception):  # noqa: B017, PT011 - whichever; the channel takes them all
        struct_from_binary(ua.ReadResponse, Buffer(response(results)))
    assert time.monotonic() - began < 1.0


@pytest.mark.parametrize("profile", [POLLED, SUBSCRIBED], ids=["read", "subscribed"])
@pytest.mark.parametrize(
    "attribute_value", [None, [], [ua.DataValue()], [ua.DataValue()] * 1000], ids=lambda _: ""
)
def test_an_answer_with_another_number_of_values_is_refused(
    profile: str, attribute_value: list[ua.DataValue] | None
) -> None:
    async def check() -> None:
        async with serving() as server:
            driver = protocol(profile).open(source(server.port, timeout_s=0.1))
            await driver.scan()
            service = server.server.iserver.attribute_service
            read = service.read
            service.read = lambda params: (
                attribute_value if len(params.NodesToRead) == 4 else read(params)
            )
            server.server.cut()
            words = await failed(driver, FailureKind.WRONG_ANSWER)
            assert "values instead of 4" in words
            service.read = read
            assert (await scanned(driver)).values[0] == 230.0
            await driver.stop()

    run(check)


@given(body=st.binary(max_size=400))
@settings(max_examples=400, deadline=None)
def test_parsing_any_results_ends_soon(body: bytes) -> None:
    began = time.monotonic()
    with contextlib.suppress(Exception):  # whatever the library raises
        struct_from_binary(ua.ReadResponse, Buffer(response(body)))
    assert time.monotonic() - began < 1.0
