"""The Modbus driver against libmodbus, in C, over TCP and over a serial line."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from modbus_peers.line import line
from modbus_peers.processes import (
    built_server,
    free_port,
    need,
    process,
    pty_pair,
)
from modbus_peers.scripted import ScriptedUnit, serving, words

from ortsnetz_common.measurement.quality import Quality
from ortsnetz_common.parameters.station import Connection, SerialLine
from ortsnetz_edge.drivers.contract import DriverError, FailureKind, Probe, Source
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.drivers.modbus.protocol import ModbusRtu, ModbusTcp
from ortsnetz_edge.profiles.library import Library

pytestmark = pytest.mark.interop

UNIT = 17
EXPECTED = {
    "holding/100:f32": 230.25,
    "holding/102:f32,cdab": -231.5,
    "holding/104:f32,badc": 1.0e6,
    "holding/106:f32,dcba": 0.15625,
    "holding/108:i32": -1234567890,
    "holding/110:u64": 0x0123456789ABCDEF,
    "holding/114": 54321,
    "input/199": 1393,
    "coil/0": 1,
    "coil/1": 0,
    "coil/15": 1,
    "discrete/5": 1,
    "discrete/6": 0,
}
PROFILE = """
format: ortsnetz.profile/2
kind: peer
version: 1
describes: the device on libmodbus
protocol: modbus
direction: consumption
voltage:
  at: ["holding/100:f32", "holding/102:f32,cdab", "holding/104:f32,badc"]
  range: [-1.0e+3, 2.0e+6]
further:
  - {name: GGIO1.AnIn1, value: {at: holding/99}, unit: V, range: [0, 1]}
  - {name: GGIO1.AnIn2, value: {at: holding/114}, unit: V, range: [0, 1.0e+5]}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built_server(tmp_path_factory.mktemp("libmodbus"))


def run(check: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(check(), 20))


def tcp(port: int, unit: int = UNIT) -> Connection:
    return Connection("modbus-tcp", "127.0.0.1", port, unit, 1.0)


def rtu(device: str, unit: int = UNIT) -> Connection:
    line = SerialLine(device, baud=115200, parity="N")
    return Connection("modbus-rtu", unit=unit, timeout_s=0.5, serial=line)


async def agrees(probe: Probe) -> None:
    """Every kind, order and table as libmodbus has put it there, written and read back."""
    found = await probe.read(tuple(EXPECTED))
    assert {value.reference: value.value for value in found} == EXPECTED
    assert await probe.write("holding/120", 4711) == "holding/120 now says 4711"
    assert await probe.write("holding/121:f32,dcba", 0.5) == "holding/121:f32,dcba now says 0.5"
    assert await probe.write("coil/1", 1) == "coil/1 now says 1"
    assert (await probe.read(("coil/1",)))[0].value == 1
    (missing,) = await probe.read(("holding/99",))
    assert missing.value is None
    assert missing.quality & Quality.BAD_REFERENCE
    await probe.close()


def test_a_device_on_libmodbus_is_read_and_written_over_tcp(server: Path) -> None:
    port = free_port()
    with process(str(server), "tcp", str(port), str(UNIT), ready="ready"):
        run(lambda: agrees(ModbusTcp().probe(tcp(port))))


def test_a_device_on_libmodbus_is_read_and_written_over_a_serial_line(
    server: Path, tmp_path: Path
) -> None:
    async def check() -> None:
        probe = ModbusRtu().probe(rtu(here))
        await agrees(probe)

    with (
        pty_pair(tmp_path) as (here, there),
        process(str(server), "rtu", there, str(UNIT), ready="ready"),
    ):
        run(check)


def test_a_unit_that_is_not_on_the_line_leaves_the_one_that_is_alone(
    server: Path, tmp_path: Path
) -> None:
    async def check() -> None:
        protocol = ModbusRtu(Environment(library=Library({"peer": PROFILE})))
        there, away = (
            protocol.open(Source(f"m-{unit}", "peer", rtu(here, unit), 1, 3))
            for unit in (UNIT, UNIT + 1)
        )
        for _ in range(5):
            scan, error = await asyncio.gather(there.scan(), away.scan(), return_exceptions=True)
            assert isinstance(error, DriverError)
            assert error.kind in {FailureKind.TIMEOUT, FailureKind.WAITING}
            assert not isinstance(scan, BaseException)
            assert scan.values == (230.25, -231.5, 1.0e6, None, 54321.0)
        await there.stop()

    with (
        pty_pair(tmp_path) as (here, other),
        process(str(server), "rtu", other, str(UNIT), ready="ready"),
    ):
        run(check)


def test_what_libmodbus_does_not_have_is_marked_and_the_rest_is_read(server: Path) -> None:
    async def check() -> None:
        protocol = ModbusTcp(Environment(library=Library({"peer": PROFILE})))
        driver = protocol.open(Source("m", "peer", tcp(port), 1, 3))
        for _ in range(2):
            scan = await driver.scan()
            assert scan.values == (230.25, -231.5, 1.0e6, None, 54321.0)
            assert scan.qualities[3] & Quality.BAD_REFERENCE
        await driver.stop()

    port = free_port()
    with process(str(server), "tcp", str(port), str(UNIT), ready="ready"):
        run(check)


def test_a_device_on_libmodbus_is_found_again_after_its_restart(server: Path) -> None:
    async def check() -> None:
        probe = ModbusTcp().probe(tcp(port))
        with process(str(server), "tcp", str(port), str(UNIT), ready="ready"):
            assert (await probe.read(("holding/114",)))[0].value == 54321
        with pytest.raises(DriverError):
            await probe.read(("holding/114",))
        with process(str(server), "tcp", str(port), str(UNIT), ready="ready"):
            assert (await probe.read(("holding/114",)))[0].value == 54321
            await probe.close()

    port = free_port()
    run(check)


def test_browsing_a_device_on_libmodbus_finds_where_its_registers_are(server: Path) -> None:
    async def check() -> None:
        probe = ModbusTcp().probe(tcp(port))
        found = {item.reference: item for item in await probe.browse("", 50)}
        assert {"input/0", "coil/0", "discrete/0"} <= set(found)
        assert all(found[name].folder for name in ("input/0", "coil/0"))
        listed = await probe.browse("holding/110", 8)
        values = {item.reference: item.value for item in listed}
        assert values["holding/114"] == 54321
        assert len(listed) == 8
        at_the_end = await probe.browse("holding/295", 100)
        assert [item.reference for item in at_the_end] == [f"holding/{n}" for n in range(295, 300)]
        await probe.close()

    port = free_port()
    with process(str(server), "tcp", str(port), str(UNIT), ready="ready"):
        run(check)


async def mbpoll(*arguments: str) -> dict[int, int]:
    """What libmodbus' own command-line master reads: values by address."""
    command = ("mbpoll", "-1", "-0", "-q", "-o", "2", *arguments)
    started = await asyncio.create_subprocess_exec(
        *command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    said, _ = await asyncio.wait_for(started.communicate(), 15)
    assert started.returncode == 0, said.decode()
    lines = [text for text in said.decode().splitlines() if text.startswith("[")]
    return {int(text[1 : text.index("]")]): int(text.split(":")[1].split()[0]) for text in lines}


@pytest.mark.parametrize("over", ["tcp", "rtu"])
def test_libmodbus_agrees_with_the_peer_that_the_unit_tests_are_written_against(over: str) -> None:
    need("mbpoll")

    async def check() -> None:
        unit = ScriptedUnit(coil={0: True, 1: False})
        unit.put(10, words("4H", 1, 2, 65535, 32767))
        if over == "tcp":
            async with serving(unit) as found:
                where = ("-m", "tcp", "-a", "1", "-p", str(found.port), "-c", "4", "-r", "10")
                values = await mbpoll(*where, "-t", "4", "127.0.0.1")
        else:
            async with line(u1=unit) as bus:
                where = ("-m", "rtu", "-a", "1", "-b", "115200", "-P", "none", "-c", "4")
                values = await mbpoll(*where, "-r", "10", "-t", "4", bus.device)
        assert values == {10: 1, 11: 2, 12: 65535, 13: 32767}

    run(check)
