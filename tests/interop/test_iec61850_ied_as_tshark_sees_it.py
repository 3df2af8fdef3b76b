"""What the bench's IED says on the wire, read by Wireshark's dissector of MMS."""

from __future__ import annotations

import asyncio
import shutil
import struct
from typing import Any

import pytest
from modbus_peers.capture import Recording, dissected, field, recorded

from ortsnetz_common.link.bench_ied import OLD_DATA, VERSION, Bay, Begin
from ortsnetz_hil.servers.ied_process import IedProcess, started

iec61850 = pytest.importorskip("iec61850", reason="the Rust client has no wheel for this machine")
pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed"),
]
HOST, PORT = "127.0.0.1", 102
MEMBERS = [f"{q}.phs{p}" for q in ("PhV", "A", "W", "VAr") for p in "ABC"]
VOLTS = tuple(230.5 + place for place in range(len(MEMBERS)))
FIRST_NS, SECOND_NS = 1_795_000_000_250_000_000, 1_795_000_001_500_000_000
BLOCKED_BY_INTERLOCKING = 10
DEADLINE_S = 30.0
INVALID_OLD = "41:00"
"""Bits as IEC 61850-8-1 (8.2) sends them: validity `01`, and bit 7, old data."""


def begin() -> Begin:
    points = tuple(f"FD1/MMXU1.{member}.cVal.mag.f[MX]" for member in MEMBERS)
    return Begin(VERSION, "B1", HOST, 0, points, (Bay("FD", "FD1", "meter-feeder", "f-1"),))


async def talk(ied: IedProcess, port: int) -> None:
    client = await iec61850.IedConnection.connect(f"{HOST}:{port}", timeout_ms=5000)
    await client.get_data_set_values("B1FD1/LLN0.dsMeas")
    block = await client.get_rcb_values("B1FD1/LLN0.RP.urcbMeas01")
    got: list[Any] = []
    await client.install_report_handler(block.object_reference, got.append, rpt_id=block.rpt_id)
    for name in ("resv", "rpt_ena"):
        setattr(block, name, True)
        await client.set_rcb_values(block, iec61850.RcbWriteMask.fields(name))
    await ied.show((0,), (231.75,), (2 | OLD_DATA,), (SECOND_NS,))
    while not got:
        await client.poll_reports(50)
    breaker = client.create_control_object("B1FD1/XCBR1.Pos", iec61850.ControlModel.SBO_ENHANCED)
    assert not (await breaker.select_with_value(False)).success
    await client.disconnect()


@pytest.fixture(scope="module")
def packets(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    async def story() -> Recording:
        ied = await started(begin(), lambda _: BLOCKED_BY_INTERLOCKING)
        try:
            places = tuple(range(len(MEMBERS)))
            await ied.show(places, VOLTS, (0,) * len(places), (FIRST_NS,) * len(places))
            async with recorded(ied.port) as (port, found):
                await talk(ied, port)
                return found
        finally:
            await ied.end()

    found = asyncio.run(asyncio.wait_for(story(), DEADLINE_S))
    path = tmp_path_factory.mktemp("mms") / "mms.pcap"
    found.write_tcp(path, PORT)
    return dissected(path, "-o", "tcp.check_checksum:FALSE", "--no-duplicate-keys")


def floats(tree: Any) -> list[float]:
    """Floating points of MMS (8-1, 8.1): an octet with the width of the exponent, and IEEE 754."""
    found = [bytes.fromhex(text.replace(":", "")) for text in field(tree, "mms.floating_point")]
    assert all(octets[0] == 8 for octets in found)
    return [struct.unpack(">f", octets[1:])[0] for octets in found]


def test_nothing_is_malformed_and_nothing_remarkable(packets: list[Any]) -> None:
    assert field(packets, "_ws.malformed") == []
    assert field(packets, "_ws.expert.message") == []
    assert sum("mms" in layers for layers in packets) >= 10


def test_a_data_set_is_read_with_its_values_qualities_and_times(packets: list[Any]) -> None:
    (answer,) = [layers["mms"] for layers in packets if len(floats(layers)) == len(MEMBERS)]
    assert floats(answer) == list(VOLTS)
    assert field(answer, "mms.data_bit-string") == ["00:00"] * len(MEMBERS)
    assert all(
        text.startswith("Nov 18, 2026 11:06:40.25") or "T11:06:40.25" in text
        for text in field(answer, "mms.utc_time")
    )


def test_a_report_carries_the_value_that_has_turned_bad(packets: list[Any]) -> None:
    (report,) = [
        layers["mms"] for layers in packets if field(layers, "mms.vmd_specific") == ["RPT"]
    ]
    texts = field(report, "mms.data.visible-string")
    assert texts == ["B1FD1/LLN0$RP$urcbMeas01", "B1FD1/LLN0$dsMeas"]
    bits = field(report, "mms.data_bit-string")
    assert bits[1] == "80:00", "the first of twelve members is included"
    assert bits[2] == INVALID_OLD
    assert bits[3] == "20", "the reason is a change of quality"
    assert floats(report) == [VOLTS[0]], "an invalid value keeps the number that was good"


def test_a_refused_select_says_why(packets: list[Any]) -> None:
    (said,) = [
        layers["mms"] for layers in packets if "LastApplError" in field(layers, "mms.vmd_specific")
    ]
    assert "B1FD1/XCBR1$CO$Pos$SBOw" in field(said, "mms.data.visible-string")
    assert field(said, "mms.integer")[-1] == str(BLOCKED_BY_INTERLOCKING)
    assert field(packets, "mms.failure") == ["3"], "object access denied"
