"""IEDs of a prepared plant before an MMS stack that is not ours: the Rust `iec61850`.

The truth is the plant's own state.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mixed_substation import HOST, START_NS, Substation, serving

from ortsnetz_common.scl.reading.document import read_scl
from ortsnetz_hil.faults import specs
from ortsnetz_hil.plant import configuration as files
from ortsnetz_hil.servers.setpoint_log import read as read_setpoints

iec61850 = pytest.importorskip("iec61850", reason="the Rust client has no wheel for this machine")


pytestmark = pytest.mark.interop
DEADLINE_S = 30.0
IEDS = ("ied-feeders", "ied-der")
FEEDER, DER = "IedFeeders", "IedDer"
INVALID = 0x40
"""First octet of a quality: validity `01` (IEC 61850-8-1, 8.2)."""


@pytest.fixture(scope="module")
def prepared(plant_behind_ieds: Path) -> Path:
    return plant_behind_ieds


def run_(story: Callable[[], Awaitable[None]]) -> None:
    async def with_deadline() -> None:
        async with asyncio.timeout(DEADLINE_S):
            await story()

    asyncio.run(with_deadline())


@contextlib.asynccontextmanager
async def connected(substation: Substation, name: str) -> AsyncIterator[Any]:
    client = await iec61850.IedConnection.connect(
        f"{HOST}:{substation.port(name)}", timeout_ms=5000
    )
    try:
        yield client
    finally:
        with contextlib.suppress(iec61850.IedError):
            await client.disconnect()


async def until(condition: Callable[[], Any], each: Callable[[], Awaitable[Any]]) -> None:
    while not condition():
        await each()


def feeder(substation: Substation, number: int) -> tuple[Any, Any]:
    """What the meter of a feeder measures, and its device."""
    owner = substation.ready.shown.owners[number]
    return owner.device.measured(), owner.device


def instant_ns(octets: bytes) -> int:
    seconds, rest = struct.unpack(">II", octets)
    return int(seconds * 10**9 + ((rest >> 8) * 10**9 >> 24))


def shown_at(report: Any) -> float:
    """Plant seconds of the first value that a report carries."""
    stamp = next(entry.value[2] for entry in report.entries if entry.value is not None)
    return round((instant_ns(stamp) - START_NS) / 1e9, 3)


def test_a_client_browses_what_the_scl_file_says(prepared: Path, tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(prepared, tmp_path, servers=IEDS) as substation:
            written = prepared / "plant" / "ied-feeders.cid"
            document = read_scl(written.read_bytes(), str(written))
            assert not document.findings
            assert not document.unread
            devices = document.ieds[0].devices()
            async with connected(substation, "ied-feeders") as client:
                found = await client.get_server_directory()
                assert sorted(found) == sorted(device.domain for device in devices)
                for device in devices:
                    nodes = await client.get_logical_device_directory(device.domain)
                    assert sorted(nodes) == sorted(node.name for node in device.nodes)
                members = await client.get_data_set_directory(f"{FEEDER}FD1/LLN0.dsMeas")
                sets = {s.name: s for s in devices[0].nodes[0].data_sets}
                wanted = [
                    f"{FEEDER}FD1/{m.node}.{'.'.join(m.path)}" for m in sets["dsMeas"].members
                ]
                assert [member.object_ref for member in members.members] == wanted
                blocks = await client.get_logical_node_directory(
                    f"{FEEDER}FD1/LLN0", iec61850.AcsiClass.BUFFERED_REPORT
                )
                in_file = [n for r in devices[0].nodes[0].reports if r.buffered for n in r.names()]
                assert sorted(blocks) == sorted(in_file)

    run_(story)


def test_what_it_reads_is_what_the_plant_measures(prepared: Path, tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(prepared, tmp_path, servers=IEDS) as substation:
            await substation.step(4.0)
            async with connected(substation, "ied-feeders") as client:
                for number in range(4):
                    measured, device = feeder(substation, number)
                    domain = f"{FEEDER}FD{number + 1}"
                    serial = await client.read_string(
                        f"{domain}/LPHD1.PhyNam.serNum", iec61850.FC.DC
                    )
                    assert serial == device.name
                    values = await client.get_data_set_values(f"{domain}/LLN0.dsMeas")
                    numbers = [value[0][0][0] for value in values]
                    truth = np.concatenate([measured.u, measured.i, measured.p, measured.q])
                    assert numbers == pytest.approx(truth.tolist(), rel=2**-22, abs=1e-6)
                    assert all(value[1] == b"\0\0" for value in values), "every quality is good"
                    for value in values:
                        assert abs(instant_ns(value[2]) - START_NS - 4 * 10**9) < 1000
                    total = await client.read_float(f"{domain}/MMXU1.TotW.mag.f", iec61850.FC.MX)
                    assert total == pytest.approx(measured.p.sum(), rel=2**-22)

    run_(story)


def test_each_step_of_the_plant_is_one_report(prepared: Path, tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(prepared, tmp_path, servers=IEDS, exact=False) as substation:
            await substation.step(1.0)
            async with connected(substation, "ied-feeders") as client:
                got: list[Any] = []
                await subscribed(client, f"{FEEDER}FD1/LLN0.RP.urcbMeas01", got)
                for step in range(1, 4):
                    got.clear()
                    await substation.step(1.0 + 5.0 * step)
                    measured, _ = feeder(substation, 0)
                    await until(lambda: got, lambda: client.poll_reports(50))
                    (report,) = got
                    assert report.sequence_number == step - 1
                    said = [e for e in report.entries if e.reason.data_change]
                    voltages = [entry.value[0][0][0] for entry in said[:3]]
                    assert voltages == pytest.approx(measured.u.tolist(), rel=2**-22)
                    assert instant_ns(said[0].value[2]) == pytest.approx(
                        START_NS + (1 + 5 * step) * 10**9, abs=1000
                    )
                await client.trigger_gi(f"{FEEDER}FD1/LLN0.RP.urcbMeas01")
                await until(lambda: len(got) == 2, lambda: client.poll_reports(50))
                assert all(e.reason.general_interrogation for e in got[-1].entries)

    run_(story)


async def subscribed(client: Any, block: str, got: list[Any]) -> None:
    """Reserve a block (edition 2.1 wants that), and enable it."""
    rcb = await client.get_rcb_values(block)
    await client.install_report_handler(block, got.append, rpt_id=rcb.rpt_id)
    if rcb.is_buffered:
        rcb.resv_tms = 10
        await client.set_rcb_values(rcb, iec61850.RcbWriteMask.fields("resv_tms"))
    else:
        rcb.resv = True
        await client.set_rcb_values(rcb, iec61850.RcbWriteMask.fields("resv"))
    rcb.rpt_ena = True
    await client.set_rcb_values(rcb, iec61850.RcbWriteMask.fields("rpt_ena"))


def test_reports_wait_for_who_was_away(prepared: Path, tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(prepared, tmp_path, servers=IEDS, exact=False) as substation:
            block = f"{FEEDER}FD2/LLN0.BR.brcbMeas01"
            first: list[Any] = []
            async with connected(substation, "ied-feeders") as client:
                await subscribed(client, block, first)
                await substation.step(1.0)
                await until(
                    lambda: first and shown_at(first[-1]) == 1.0, lambda: client.poll_reports(50)
                )
            for step in (6.0, 11.0, 16.0):
                await substation.step(step)
            async with connected(substation, "ied-feeders") as client:
                rcb = await client.get_rcb_values(block)
                rcb.resv_tms = 10
                await client.set_rcb_values(rcb, iec61850.RcbWriteMask.fields("resv_tms"))
                # set_rcb_values of this client writes EntryId, which no server has
                await client.write_octet_string(
                    f"{FEEDER}FD2/LLN0.brcbMeas01.EntryID", iec61850.FC.BR, first[-1].entry_id
                )
                later: list[Any] = []
                await subscribed(client, block, later)
                await until(lambda: len(later) >= 3, lambda: client.poll_reports(50))
                seconds = [shown_at(report) for report in later]
                assert seconds == [6.0, 11.0, 16.0]
                assert not any(report.buffer_overflow for report in later)

    run_(story)


def test_a_setting_reaches_the_device_or_is_refused(prepared: Path, tmp_path: Path) -> None:
    async def story() -> None:
        async with (
            serving(prepared, tmp_path, servers=IEDS) as substation,
            connected(substation, "ied-der") as client,
        ):
            setting = f"{DER}CP1/DECP1.FalTms.setVal"
            await client.write_int32(setting, iec61850.FC.SP, 90)
            model = substation.plant.charge_points[0]
            assert model.watchdog.time_s == 90
            assert await client.read_int32(setting, iec61850.FC.SP) == 90
            with pytest.raises(iec61850.IedDataAccessError, match="Invalid"):
                await client.write_int32(setting, iec61850.FC.SP, 70_000)
            assert model.watchdog.time_s == 90
            with pytest.raises(iec61850.IedDataAccessError):
                await client.write_float(f"{DER}CP1/MMXU1.PhV.phsA.cVal.mag.f", iec61850.FC.MX, 1.0)

    run_(story)


POSITION = {b"\x40": "off", b"\x80": "on"}
"""The octet of a double point: its bits are counted from the left (IEC 61850-8-1, 8.1.2.3)."""


def test_a_breaker_that_is_selected_and_operated_opens_its_feeder(
    prepared: Path, tmp_path: Path
) -> None:
    async def story() -> None:
        async with (
            serving(prepared, tmp_path, servers=IEDS) as substation,
            connected(substation, "ied-feeders") as client,
        ):

            async def position() -> tuple[str, bytes, int]:
                said = await client.read(f"{FEEDER}FD1/XCBR1.Pos", iec61850.FC.ST)
                value, quality, stamp = said[-3:]
                return POSITION[bytes(value)], bytes(quality), instant_ns(bytes(stamp))

            await substation.step(1.0)
            measured, _ = feeder(substation, 0)
            assert measured.i.sum() > 0.0
            assert (await position())[:2] == ("on", b"\0\0")
            breaker = client.create_control_object(
                f"{FEEDER}FD1/XCBR1.Pos", iec61850.ControlModel.SBO_ENHANCED
            )
            assert (await breaker.select_with_value(False)).success
            assert (await breaker.operate(False)).success
            async with asyncio.timeout(10.0):  # the answer comes before it has moved
                while (await position())[0] != "off":  # noqa: ASYNC110 - it tells nobody
                    await asyncio.sleep(0.02)
            _, quality, since_ns = await position()
            assert quality == b"\0\0"
            assert since_ns == pytest.approx(START_NS + 10**9, abs=1000)
            await substation.step(2.0)
            measured, _ = feeder(substation, 0)
            assert measured.i.sum() == 0.0
            assert feeder(substation, 1)[0].i.sum() > 0.0, "the others are as they were"
            assert (await position())[2] == since_ns
            count = await client.read_int32(f"{FEEDER}FD1/XCBR1.OpCnt.stVal", iec61850.FC.ST)
            assert count == 1

    run_(story)


def test_a_breaker_that_is_there_or_blocked_cannot_be_selected(
    prepared: Path, tmp_path: Path
) -> None:
    """This client has no cause of a refused selection; `test_iec61850_control_models` has."""

    async def story() -> None:
        async with (
            serving(prepared, tmp_path, servers=IEDS) as substation,
            connected(substation, "ied-feeders") as client,
        ):
            await substation.step(1.0)
            breaker = client.create_control_object(
                f"{FEEDER}FD1/XCBR1.Pos", iec61850.ControlModel.SBO_ENHANCED
            )
            assert not (await breaker.select_with_value(True)).success
            block = client.create_control_object(
                f"{FEEDER}FD1/XCBR1.BlkOpn", iec61850.ControlModel.DIRECT_NORMAL
            )
            assert (await block.operate(True)).success
            assert not (await breaker.select_with_value(False)).success
            assert (await block.operate(False)).success
            assert (await breaker.select_with_value(False)).success

    run_(story)


def test_a_silent_meter_is_invalid_and_a_silent_ied_says_nothing(
    prepared: Path, tmp_path: Path
) -> None:
    async def story() -> None:
        first = files.read(prepared / "plant").station_servers[0].bays[0]
        meter = specs.Missing(name="gone", device=first, first_s=10.0, last_s=20.0)
        station = specs.Missing(name="dead", device="ied-feeders", first_s=30.0, last_s=40.0)
        async with serving(prepared, tmp_path, meter, station, servers=IEDS) as substation:
            async with connected(substation, "ied-feeders") as client:
                voltage = f"{FEEDER}FD1/MMXU1.PhV.phsA"
                await substation.step(5.0)
                before = await client.read(voltage, iec61850.FC.MX)
                await substation.step(15.0)
                lost = await client.read(voltage, iec61850.FC.MX)
                assert lost[1][0] & 0xC0 == INVALID
                assert (lost[0], lost[2]) == (before[0], before[2]), "the last value, its time"
                other = await client.read(f"{FEEDER}FD2/MMXU1.PhV.phsA", iec61850.FC.MX)
                assert other[1] == b"\0\0"
                await substation.step(25.0)
                again = await client.read(voltage, iec61850.FC.MX)
                assert again[1] == b"\0\0"
                await substation.step(35.0)
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.5):
                        await client.read(voltage, iec61850.FC.MX)
                await substation.step(45.0)
            async with connected(substation, "ied-feeders") as client:
                assert (await client.read(voltage, iec61850.FC.MX))[1] == b"\0\0"

    run_(story)


def test_no_limit_was_taken_that_nobody_operated(prepared: Path, tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(prepared, tmp_path, servers=IEDS) as substation:
            await substation.step(1.0)
            async with connected(substation, "ied-der") as client:
                limit = f"{DER}CP1/DECP1.ALim"
                shown = await client.read_float(f"{limit}.mxVal.f", iec61850.FC.MX)
                assert shown == substation.plant.charge_points[0].limit
                model = await client.read_int32(f"{limit}.ctlModel", iec61850.FC.CF)
                assert model == 4, "SBO with enhanced security"

    run_(story)
    assert not read_setpoints(tmp_path)
