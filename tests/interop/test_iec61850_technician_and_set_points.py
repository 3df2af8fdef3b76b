"""A technician's tools, wrong configurations and further set points, before an IED."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
from iec61850_bench import FEEDER, SETTINGS, BenchIed, charge_point, plausible

from ortsnetz_common.drivers.values import DriverError, FailureKind, Found, Quantity, Source
from ortsnetz_common.errors import InputError
from ortsnetz_common.link.bench_ied import Bay
from ortsnetz_common.parameters.station import Connection
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.profiles.library import Library
from ortsnetz_iec61850.mms.probe import MmsProbe
from ortsnetz_iec61850.mms.protocol import Iec61850

pytestmark = pytest.mark.interop
BAY, POINTS = charge_point()
PHASE_A = "CP1/MMXU1.PhV.phsA.cVal.mag.f[MX]"
INVERTER = (
    *FEEDER,
    "DWMX1.WAvl.mag.f[MX]",
    "DWMX1.WLimPct.mxVal.f[MX]",
    "DVAR1.VArPct.mxVal.f[MX]",
    "DVAR1.VArEna.stVal[ST]",
)


@pytest.fixture
def device() -> Iterator[BenchIed]:
    with BenchIed([BAY], POINTS, tuple(f"CP1/{one}" for one in SETTINGS)) as running:
        running.show(plausible(POINTS))
        yield running


def where(device: BenchIed) -> Connection:
    return Connection("iec61850", "127.0.0.1", device.port, timeout_s=1.0, bay="1")


def probing(device: BenchIed) -> MmsProbe:
    return Iec61850(Environment()).probe(where(device))


def test_what_an_ied_holds_is_listed_from_its_devices_down_to_its_values(device: BenchIed) -> None:
    async def work() -> None:
        probe = probing(device)
        try:
            (top,) = await probe.browse("", 10)
            assert top == Found("BENCHCP1", "logical device", folder=True)
            below = {one.reference: one for one in await probe.browse("CP1", 50)}
            assert below["BENCHCP1/MMXU1"].folder
            assert below["BENCHCP1/LLN0.dsMeas"].what.startswith("data set of 12: BENCHCP1/MMXU1")
            node = {one.reference: one for one in await probe.browse("CP1/LLN0", 50)}
            assert "RptEna 0" in str(node["BENCHCP1/LLN0.BR.brcbMeas01"].value)
            values = {one.reference: one for one in await probe.browse("CP1/MMXU1.PhV[MX]", 50)}
            first = values[PHASE_A.replace("CP1/", "BENCHCP1/")]
            assert (first.value, first.writable) == (230.0, False)
            assert len(await probe.browse("CP1/MMXU1.PhV[MX]", 2)) == 2
            members = await probe.browse("CP1/LLN0.dsState", 10)
            assert [one.reference.partition(".")[2] for one in members] == [
                "ConnSt[ST]",
                "ALim[MX]",
                "AReq[MX]",
            ]
            assert "mxVal.f 244" in str(members[1].value)
            with pytest.raises(InputError, match="no data set"):
                await probe.browse("CP1/LLN0.dsNothing", 10)
            with pytest.raises(InputError, match="no logical device XX9"):
                await probe.browse("XX9", 10)
        finally:
            await probe.close()

    asyncio.run(work())


def test_values_are_read_raw_and_what_is_not_there_says_why(device: BenchIed) -> None:
    async def work() -> None:
        probe = probing(device)
        try:
            wanted = [PHASE_A, "CP1/LPHD1.PhyNam.serNum[DC]", "CP1/MMXU7.TotW.mag.f[MX]"]
            first, serial, absent = await probe.read(wanted)
            assert first.value == 230.0
            assert serial.value == "serial-1"
            assert absent.value is None
            assert "no BENCHCP1/MMXU7$MX$TotW" in absent.why
            assert (await probe.identify()).serial == "serial-1"
        finally:
            await probe.close()

    asyncio.run(work())


def test_values_are_watched_as_they_change(device: BenchIed) -> None:
    async def work() -> None:
        probe = probing(device)
        try:
            watching: AsyncIterator[object] = probe.watch([PHASE_A], 0.02)
            assert (await anext(watching)).value == 230.0  # type: ignore[attr-defined]
            await asyncio.to_thread(device.show, {PHASE_A: 231.5})
            async with asyncio.timeout(10):
                assert (await anext(watching)).value == 231.5  # type: ignore[attr-defined]
        finally:
            await probe.close()

    asyncio.run(work())


def test_a_technician_writes_a_setting_and_operates_a_control(device: BenchIed) -> None:
    async def work() -> None:
        probe = probing(device)
        try:
            said = await probe.write("CP1/DECP1.FalTms.setVal[SP]", 45)
            assert "reads" in said
            assert "carried it out" in await probe.write("CP1/DECP1.ALim.Oper.ctlVal[CO]", 9)
            assert [(one.step, one.value) for one in device.commands if one.step != "check"] == [
                ("setting", 45),
                ("operate", 9.0),
            ]
            device.decide = lambda _: 20
            with pytest.raises(DriverError, match="no access authority") as caught:
                await probe.write("CP1/DECP1.ALim.Oper.ctlVal[CO]", 9)
            assert caught.value.kind is FailureKind.REFUSED
        finally:
            await probe.close()

    asyncio.run(work())


def test_a_wrong_profile_or_address_is_refused_with_its_reason_and_nothing_connected() -> None:
    text = Library()._text("iec61850-charge-point")[1]
    wrong = text.replace("CP{bay}/MMXU1.A.phsA.cVal.mag.f[MX]", "CP{bay}/MMXU1.A[MX]")
    assert wrong != text
    protocol = Iec61850(Environment(library=Library({"iec61850-charge-point": wrong})))
    connection = Connection("iec61850", "127.0.0.1", 1, timeout_s=1.0, bay="1")
    source = Source("cp", "iec61850-charge-point", connection, 1, 3, rated_w=22_000.0)
    (complaint,) = protocol.validate(source)
    assert "'cp'" in complaint
    assert ":" in complaint
    assert "MMXU1.A[MX]" in complaint
    good = Iec61850(Environment())
    assert good.validate(source) == ()
    for changed, words in (
        (replace(source, profile="opcua-charge-point"), "one of opcua"),
        (replace(source, connection=Connection("iec61850", "", 102, bay="1")), "not an IEC 61850"),
        (replace(source, connection=Connection("iec61850", "h", 0, bay="1")), "not an IEC 61850"),
        (replace(source, connection=Connection("iec61850", "h", 102)), "'bay'"),
    ):
        (complaint,) = good.validate(changed)
        assert words in complaint


def test_an_inverter_is_told_its_reactive_power_and_says_what_is_in_force() -> None:
    async def work() -> None:
        bay = Bay("PV", "PV1", "pv-inverter", "serial-1")
        points = tuple(f"PV1/{one}" for one in INVERTER)
        with BenchIed([bay], points) as device:
            device.show(plausible(points))
            device.show({points[-3]: 80.0, points[-2]: -25.0, points[-1]: 1})
            source = Source("pv", "iec61850-inverter", where(device), 1, 3, rated_w=10_000.0)
            driver = Iec61850(Environment()).open(source)
            scan = await driver.scan()
            assert scan.limit_in_force == pytest.approx(0.8)
            # feed-in positive in the device: its -25 % are +2,500 var of consumption
            assert scan.adjusted == (pytest.approx(2500.0),)
            await driver.adjust(Quantity.REACTIVE_POWER, 3000.0)
            operated = [(one.reference, one.value) for one in device.commands]
            assert ("PV1/DVAR1.VArPct", -30.0) in operated
            assert operated[-1] == ("PV1/DVAR1.VArEna", True)
            device.commands.clear()
            with pytest.raises(DriverError, match="outside"):
                await driver.adjust(Quantity.REACTIVE_POWER, 20_000.0)
            assert device.commands == []
            await driver.stop()

    asyncio.run(work())
