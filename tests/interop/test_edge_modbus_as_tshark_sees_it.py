"""What we send, as Wireshark's dissectors understand it: nothing malformed, and what was meant."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from modbus_peers.capture import Recording, dissected, field, recorded
from modbus_peers.line import line
from modbus_peers.processes import need
from modbus_peers.scripted import ScriptedUnit, bench_identity, serving, words

from ortsnetz_common.parameters.station import Connection, SerialLine
from ortsnetz_edge.drivers.contract import Probe, Source, Watchdog
from ortsnetz_edge.drivers.modbus.protocol import ModbusRtu, ModbusTcp

pytestmark = pytest.mark.interop
MRTU = (
    "-o",
    'uat:user_dlts:"User 0 (DLT=147)","mbrtu","0","","0",""',
    "-o",
    "mbrtu.crc_verification:TRUE",
)


def device() -> ScriptedUnit:
    unit = ScriptedUnit(
        input={7: 42}, coil={3: False}, discrete={4: True}, objects={0: b"Works", 1: b"M1"}
    )
    unit.holding.update(bench_identity("ev-controller"))
    unit.put(1000, [1] * 18 + words("I", 50) + words("Q", 1) + [0])
    unit.put(2000, [0, 0, 0, 0])
    return unit


async def everything(probe: Probe) -> None:
    """Each kind of request that the driver knows."""
    await probe.identify()
    await probe.read(("holding/1000", "holding/1001:u32", "input/7", "coil/3", "discrete/4"))
    await probe.write("holding/2000", 10)
    await probe.write("holding/2002:u32", 70000)
    await probe.write("coil/3", 1)
    await probe.read(("holding/3000",))  # an exception
    await probe.close()


def complaints(packets: list[dict[str, Any]]) -> list[str]:
    return [
        text
        for layers in packets
        for name in ("_ws.malformed", "_ws.expert.message", "mbrtu.crc16.status")
        for text in map(str, field(layers, name))
        if text not in {"1", "Good"}
    ]


def test_every_request_over_tcp_is_dissected_as_it_was_meant(tmp_path: Path) -> None:
    need("tshark")

    async def record() -> Recording:
        async with serving(device()) as server, recorded(server.port) as (port, found):
            await everything(ModbusTcp().probe(Connection("modbus-tcp", "127.0.0.1", port)))
            return found

    found = asyncio.run(asyncio.wait_for(record(), 20))
    path = tmp_path / "tcp.pcap"
    found.write_tcp(path)
    packets = dissected(path, "-o", "tcp.check_checksum:FALSE")
    assert complaints(packets) == []
    ours = [layers for layers, (sent, _) in zip(packets, found.segments, strict=True) if sent]
    asked = [
        tuple(int(value, 0) for name in names for value in field(layers, name)[:1])
        for layers in ours
        for names in [("modbus.func_code", "modbus.reference_num", "modbus.word_cnt")]
    ]
    assert asked == [
        (43,),
        (3, 1000, 3),
        (4, 7, 1),
        (1, 3),
        (2, 4),
        (6, 2000),
        (3, 2000, 1),
        (16, 2002, 2),
        (3, 2002, 2),
        (5, 3),
        (1, 3),
        (3, 3000, 1),
    ]
    (unit,) = {value for layers in ours for value in field(layers, "mbtcp.unit_id")}
    assert unit == "1"


def test_a_scan_and_a_limit_are_what_wireshark_calls_them(tmp_path: Path) -> None:
    need("tshark")

    async def record() -> Recording:
        async with serving(device()) as server, recorded(server.port) as (port, found):
            where = Connection("modbus-tcp", "127.0.0.1", port)
            driver = ModbusTcp().open(Source("ev", "ev-controller", where, 1, 3, rated_w=11e3))
            await driver.scan()
            await driver.write(16.0, Watchdog(60.0, 7.0))
            await driver.stop()
            return found

    found = asyncio.run(asyncio.wait_for(record(), 20))
    path = tmp_path / "scan.pcap"
    found.write_tcp(path)
    packets = dissected(path, "-o", "tcp.check_checksum:FALSE")
    assert complaints(packets) == []
    writes = [layers for layers in packets if field(layers, "modbus.func_code") == ["6"]]
    asked = [
        (field(layers, "modbus.reference_num"), field(layers, "modbus.data"))
        for layers in writes[::2]
    ]
    assert [number for number, _ in asked] == [["2002"], ["2001"], ["2000"]]


def test_every_frame_on_a_line_is_dissected_with_a_good_checksum(tmp_path: Path) -> None:
    need("tshark")

    async def record() -> list[bytes]:
        async with line(u9=device()) as bus:
            serial = SerialLine(bus.device, baud=115200, parity="N")
            where = Connection("modbus-rtu", unit=9, timeout_s=1.0, serial=serial)
            await everything(ModbusRtu().probe(where))
            return bus.requests

    frames = asyncio.run(asyncio.wait_for(record(), 20))
    path = tmp_path / "line.pcap"
    Recording([(True, frame) for frame in frames]).write_serial(path)
    packets = dissected(path, *MRTU)
    assert len(packets) == 12
    assert complaints(packets) == []
    assert {unit for layers in packets for unit in field(layers, "mbrtu.unit_id")} == {"9"}
    codes = [field(layers, "modbus.func_code")[0] for layers in packets]
    assert codes == ["43", "3", "4", "1", "2", "6", "3", "16", "3", "5", "1", "3"]
