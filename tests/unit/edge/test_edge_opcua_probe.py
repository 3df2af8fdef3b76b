"""A technician before a server that nobody has configured: look around, read, watch, write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from asyncua import ua
from opcua_bench import DEVICE, HOST, protocol, run, serving

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.quality import Quality
from ortsnetz_edge.drivers.address import parse_address
from ortsnetz_edge.drivers.contract import DriverError, FailureKind, Observation
from ortsnetz_edge.drivers.opcua.probe import OpcUaProbe

U1 = "nsu=urn:test:meter;s=U1"
SETPOINT = "nsu=urn:test:meter;s=Setpoint"


@asynccontextmanager
async def probing(port: int) -> AsyncIterator[OpcUaProbe]:
    """A probe at an address as people type it."""
    probe = protocol().probe(parse_address(f"opc.tcp://{HOST}:{port}/test?timeout=1"))
    try:
        yield probe
    finally:
        await probe.close()


def test_what_a_server_holds_is_listed_with_names_that_outlive_its_restart() -> None:
    async def check() -> None:
        async with serving() as server, probing(server.port) as probe:
            found = {one.reference: one for one in await probe.browse("", 200)}
            assert found[U1].value == 230.0
            assert found[U1].what == "U1 (Double)"
            assert found[U1].writable is False
            assert found[SETPOINT].writable is True
            assert found["nsu=urn:test:meter;s=Maker"].value == "Acme"
            assert found["i=2253"].folder  # the server's own diagnostics, not gone into
            assert "i=2256" not in found
            below = {one.reference for one in await probe.browse("i=2253", 400)}
            assert "i=2256" in below  # unless asked for

    run(check)


def test_browsing_ends_where_it_is_told_to() -> None:
    async def check() -> None:
        async with serving() as server, probing(server.port) as probe:
            assert len(await probe.browse("", 5)) == 5
            with pytest.raises(InputError, match="no such namespace"):
                await probe.browse("nsu=urn:nowhere;s=U1", 5)
            with pytest.raises(InputError, match="is not a node id"):
                await probe.browse("U1", 5)

    run(check)


def test_values_are_read_with_what_the_server_says_of_them() -> None:
    async def check() -> None:
        async with serving() as server, probing(server.port) as probe:
            await server.show("U2", 231.0, code=ua.StatusCodes.UncertainLastUsableValue)
            good, doubtful, absent, maker = await probe.read(
                [U1, "nsu=urn:test:meter;s=U2", "nsu=urn:test:meter;s=U9", "i=2263"]
            )
            assert (good.value, good.quality, good.why) == (230.0, 0, "")
            assert doubtful.value == 231.0
            assert doubtful.why.startswith("UncertainLastUsableValue")
            assert absent.value is None
            assert absent.quality & Quality.BAD_REFERENCE
            assert absent.why.startswith("BadNodeIdUnknown")
            assert maker.value == "FreeOpcUa"
            assert (await probe.identify()).maker == "FreeOpcUa"

    run(check)


def test_values_are_watched_as_they_change() -> None:
    async def check() -> None:
        async with serving() as server, probing(server.port) as probe:
            seen: list[Observation] = []

            async def watch() -> None:
                async for observation in probe.watch([U1, SETPOINT], 0.1):
                    seen.append(observation)
                    if observation.reference == U1:
                        number = observation.value
                        assert isinstance(number, float)
                        if number >= 233:
                            return
                        await server.show("U1", number + 1)

            await asyncio.wait_for(watch(), 10)
            assert [one.value for one in seen if one.reference == U1] == [230.0, 231, 232, 233]
            assert [one.value for one in seen if one.reference == SETPOINT] == [16.0]

    run(check)


def test_a_watch_says_when_the_server_is_gone() -> None:
    async def check() -> None:
        async with serving() as server, probing(server.port) as probe:

            async def watch() -> None:
                async for _ in probe.watch([U1], 0.1):
                    server.server.gate.silent = True

            with pytest.raises(DriverError) as caught:
                await asyncio.wait_for(watch(), 10)
            assert caught.value.kind is FailureKind.TIMEOUT

    run(check)


def test_a_write_is_confirmed_by_reading_it_back() -> None:
    async def check() -> None:
        async with serving() as server, probing(server.port) as probe:
            assert await probe.write(SETPOINT, 10.0) == f"{SETPOINT} reads 10"
            assert server.value("Setpoint") == 10
            with pytest.raises(DriverError, match="is not writable"):
                await probe.write(U1, 10.0)
            assert server.value("U1") == DEVICE["U1"].Value

    run(check)


def test_a_probe_writes_nothing_unless_told() -> None:
    async def check() -> None:
        async with serving() as server, probing(server.port) as probe:
            service = server.server.iserver.attribute_service
            service.write = lambda *_, **__: pytest.fail("a write by itself")
            await server.server._stop_clock()  # which writes the time
            await probe.browse("", 50)
            await probe.read([U1])
            await probe.identify()

    run(check)
