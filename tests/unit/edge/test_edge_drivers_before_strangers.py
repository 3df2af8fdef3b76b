"""Whoever answers at a device's address: each driver says why it has no value, and ends its wait.

The same strangers for all drivers that are installed; what a protocol knows beyond that is tested
with its driver.
"""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack

import pytest
from misbehaving_drivers import Fine

from ortsnetz_common.parameters.station import Connection, Side
from ortsnetz_edge.acquisition.image import NextImage
from ortsnetz_edge.acquisition.scanner import Scanner
from ortsnetz_edge.drivers.contract import Driver, DriverError, FailureKind, Source
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.drivers.registry import load_protocol

PROFILES = {
    "modbus-tcp": "meter-feeder",
    "dnp3": "rtu-feeder",
    "opcua": "opcua-charge-point",
    "iec61850": "iec61850-charge-point",
}
Stranger = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
LONGEST_S = 60.0
MOST_BYTES = 256 * 1024


async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read(-1)


async def hangs_up(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    return


async def hangs_up_when_asked(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read(1)


async def echoes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(4096):
        writer.write(data)


async def babbles(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    chance = random.Random(7)
    for _ in range(MOST_BYTES // 512):
        writer.write(chance.randbytes(512))
        await writer.drain()
        await asyncio.sleep(0.005)


async def zeros(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for _ in range(MOST_BYTES // 512):
        writer.write(bytes(512))
        await writer.drain()
        await asyncio.sleep(0.005)


async def speaks_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    await writer.drain()


STRANGERS: dict[str, Stranger] = {
    "silent": silent,
    "hangs up": hangs_up,
    "hangs up when asked": hangs_up_when_asked,
    "echoes": echoes,
    "babbles": babbles,
    "zeros": zeros,
    "speaks HTTP": speaks_http,
}


async def listening(stack: AsyncExitStack, stranger: Stranger) -> int:
    """The port at which a stranger listens."""
    tasks: set[asyncio.Task[None]] = set()

    async def bounded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            async with asyncio.timeout(LONGEST_S):
                await stranger(reader, writer)
        except (OSError, TimeoutError, asyncio.CancelledError):
            pass
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(bounded, "127.0.0.1", 0)

    async def end() -> None:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    stack.push_async_callback(end)
    port: int = server.sockets[0].getsockname()[1]
    return port


def source(protocol: str, name: str, port: int) -> Source:
    where = Connection(protocol, "127.0.0.1", port, 7, 0.2, bay="1")
    return Source(name, PROFILES[protocol], where, 7, 3, Side.FROM, rated_w=11_000.0)


async def failure(driver: Driver) -> DriverError:
    async with asyncio.timeout(LONGEST_S):
        with pytest.raises(DriverError) as caught:
            await driver.scan()
    return caught.value


@pytest.mark.parametrize("protocol", PROFILES)
def test_a_stranger_gives_no_value_and_holds_nobody_up(protocol: str) -> None:
    async def work() -> None:
        async with AsyncExitStack() as stack:
            opened = load_protocol(protocol, Environment(), needed_by="a test")
            drivers = {}
            for name, stranger in STRANGERS.items():
                port = await listening(stack, stranger)
                drivers[name] = opened.open(source(protocol, name, port))
                stack.push_async_callback(drivers[name].stop)
            errors = await asyncio.gather(*map(failure, drivers.values()))
            for name, error in zip(drivers, errors, strict=True):
                assert str(error), name
                assert error.kind is not FailureKind.WAITING, name
                diagnosis = drivers[name].diagnose()
                assert diagnosis.failures[error.kind] >= 1, name
                assert diagnosis.answers == 0, name
                assert diagnosis.last_failure, name

    asyncio.run(asyncio.wait_for(work(), 2 * LONGEST_S))


@pytest.mark.parametrize("protocol", PROFILES)
def test_nobody_at_the_address_is_unreachable_and_then_waited_for(protocol: str) -> None:
    async def work() -> None:
        async with AsyncExitStack() as stack:
            port = await listening(stack, silent)
        opened = load_protocol(protocol, Environment(), needed_by="a test")
        driver = opened.open(source(protocol, "x", port))
        error = await failure(driver)
        assert error.kind is FailureKind.UNREACHABLE
        assert f"127.0.0.1:{port}" in str(error)
        assert str(error).endswith(": Connection refused")
        kinds = {(await failure(driver)).kind for _ in range(20)}
        assert FailureKind.WAITING in kinds
        await driver.stop()

    asyncio.run(asyncio.wait_for(work(), 2 * LONGEST_S))


@pytest.mark.parametrize("protocol", PROFILES)
def test_a_host_that_drops_the_connection_attempt_is_unreachable_within_its_deadline(
    protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A listener whose queue is full does not answer at all, as a firewall that drops."""
    monkeypatch.setattr("ortsnetz_edge.drivers.opcua.protocol.CONNECT_AT_LEAST_S", 0.5)

    async def work() -> None:
        with ExitStack() as stack:
            full = stack.enter_context(socket.socket())
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            port: int = full.getsockname()[1]
            for _ in range(4):
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(("127.0.0.1", port))
            opened = load_protocol(protocol, Environment(), needed_by="a test")
            driver = opened.open(source(protocol, "x", port))
            began = time.monotonic()
            error = await failure(driver)
            assert error.kind is FailureKind.UNREACHABLE
            assert time.monotonic() - began < LONGEST_S / 10
            await driver.stop()

    asyncio.run(asyncio.wait_for(work(), LONGEST_S))


def test_strangers_of_all_protocols_delay_no_device_that_is_well() -> None:
    """Scanned as the agent does; the well ones answer in every cycle in which they were asked."""

    async def work() -> None:
        async with AsyncExitStack() as stack:
            drivers: dict[str, Driver] = {}
            for protocol in PROFILES:
                opened = load_protocol(protocol, Environment(), needed_by="a test")
                for name, stranger in STRANGERS.items():
                    port = await listening(stack, stranger)
                    full = f"{protocol} {name}"
                    drivers[full] = opened.open(source(protocol, full, port))
                    stack.push_async_callback(drivers[full].stop)
            strangers = set(drivers)
            drivers["well"] = Fine(source("modbus-tcp", "well", 1))
            image = NextImage({n: d.points for n, d in drivers.items()}, stale_after_s=60.0)
            scanner = Scanner(drivers, image)
            for cycle in range(10):
                await scanner.scan(0.2)
                seen = image.freeze(cycle, 0, now=time.monotonic())
                assert [name for name, _ in seen.fresh] == ["well"]
                await asyncio.sleep(0.05)
            await scanner.drain(0.1)
            final = image.freeze(10, 0, now=time.monotonic())
            assert all(final.sources[name].scan is None for name in strangers)

    asyncio.run(asyncio.wait_for(work(), 2 * LONGEST_S))
