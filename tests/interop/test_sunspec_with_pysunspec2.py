"""SunSpec profiles against pySunSpec2: registers that it makes, and what it sees of our limits.

pySunSpec2 (SunSpec Alliance) brings the published models; nothing here knows an offset.
"""

from __future__ import annotations

import asyncio
import random
import struct

import pytest
from modbus_peers.scripted import ScriptedServer, ScriptedUnit, serving
from sunspec2 import device as published
from sunspec2.modbus.client import SunSpecModbusClientDeviceTCP

from ortsnetz_common.parameters.station import Connection
from ortsnetz_edge.drivers.contract import Driver, Quantity, Source, Watchdog
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.drivers.modbus.protocol import ModbusTcp

pytestmark = pytest.mark.interop
BASE = 40000
RATED_W = 12_000.0
LIMITS = (0.0, 0.3, 0.455, 1.0)
POWERS = {"A_SF": -2, "V_SF": -1, "W_SF": 1, "VAr_SF": 1, "Var_SF": 1, "Hz_SF": -2, "WH_SF": 2}
POWERS |= {"TotWh_SF": 0, "WMaxLimPct_SF": -1, "VarSet_SF": 1}


def model(number: int, **values: float | str) -> published.Model:
    """A published model with scaled values; what is not given is "not implemented"."""
    made = published.Model(number)
    for name, point in made.points.items():
        if point.pdef["type"] == "sunssf":
            point.value = POWERS.get(name, 0)
    for name, value in values.items():
        point = made.points[name]
        if isinstance(value, str) or point.sf is None:
            point.value = value
        else:
            point.cvalue = value
    return made


def registers(models: list[published.Model]) -> list[int]:
    raw = b"SunS" + b"".join(each.get_mb() for each in models) + struct.pack(">2H", 0xFFFF, 0)
    return list(struct.unpack(f">{len(raw) // 2}H", raw))


def common() -> published.Model:
    return model(1, Mn="Sunny Works", Md="SW-10", Vr="1.2", SN="SN-7", DA=1)


def unit_of(*models: published.Model) -> ScriptedUnit:
    unit = ScriptedUnit()
    unit.put(BASE, registers([common(), *models]))
    return unit


def opened(server: ScriptedServer, kind: str) -> Driver:
    where = Connection("modbus-tcp", "127.0.0.1", server.port, timeout_s=2.0, identity="SN-7")
    terminals = 1 if kind.endswith(("101", "111")) else 3
    return ModbusTcp(Environment()).open(Source("x", kind, where, 7, terminals, rated_w=RATED_W))


async def scanned(unit: ScriptedUnit, kind: str) -> dict[str, float | None]:
    async with serving(unit) as server:
        driver = opened(server, kind)
        scan = await driver.scan()
        await driver.stop()
        names = [point.point.name.removeprefix("x/") for point in driver.points]
        return dict(zip(names, scan.values, strict=True))


def drawn(seed: int) -> dict[str, float]:
    draw = random.Random(seed)
    return {
        "W": draw.randrange(-12_000, 12_000, 10),
        "VAr": draw.randrange(-5_000, 5_000, 10),
        "PhVphA": draw.randrange(2000, 2500) / 10,
        "PhVphB": draw.randrange(2000, 2500) / 10,
        "PhVphC": draw.randrange(2000, 2500) / 10,
        "AphA": draw.randrange(0, 2000) / 100,
        "AphB": draw.randrange(0, 2000) / 100,
        "AphC": draw.randrange(0, 2000) / 100,
        "Hz": draw.randrange(4900, 5100) / 100,
        "WH": draw.randrange(100, 10**8, 100),
    }


@pytest.mark.parametrize("number", [101, 103, 111, 113])
@pytest.mark.parametrize("seed", range(5))
def test_an_inverter_made_from_the_published_models_is_read(number: int, seed: int) -> None:
    values = drawn(seed)
    terminals = 1 if number in {101, 111} else 3
    inverter = model(number, **values)
    controls = model(123, WMaxLimPct=62.5, WMaxLim_Ena=1, Conn=1)
    unit = unit_of(inverter, controls)
    found = asyncio.run(asyncio.wait_for(scanned(unit, f"sunspec-inverter-{number}"), 10))
    for terminal in "ABC"[:terminals]:
        assert found[f"MMXU1.PhV.phs{terminal}"] == pytest.approx(values[f"PhVph{terminal}"])
        assert found[f"MMXU1.A.phs{terminal}"] == pytest.approx(values[f"Aph{terminal}"])
        assert found[f"MMXU1.W.phs{terminal}"] == pytest.approx(-values["W"] / terminals)
        assert found[f"MMXU1.VAr.phs{terminal}"] == pytest.approx(-values["VAr"] / terminals)
    assert found["MMXU1.Hz"] == pytest.approx(values["Hz"])
    assert found["MMTR1.SupWh"] == pytest.approx(values["WH"])
    assert found["DWMX1.WLimSpt"] == pytest.approx(0.625 * RATED_W)


def test_a_der_made_from_the_published_models_is_read() -> None:
    measured = {
        f"{name}{phase}": base + 10.0 * phase_number
        for name, base in (("WL", 3000.0), ("VarL", 300.0))
        for phase_number, phase in enumerate("123")
    }
    measured |= {"VL1": 230.1, "VL2": 231.2, "VL3": 232.3, "AL1": 13.01, "AL2": 13.5, "AL3": 14.0}
    unit = unit_of(
        model(701, Hz=50.02, TotWhInj=7_654_321, **measured),
        model(702, WMaxRtg=RATED_W, WMax=RATED_W),
        model(704, WMaxLimPct=45.5, WMaxLimPctEna=1),
    )
    found = asyncio.run(asyncio.wait_for(scanned(unit, "sunspec-der"), 10))
    for phase, terminal in zip("123", "ABC", strict=True):
        assert found[f"MMXU1.W.phs{terminal}"] == pytest.approx(-measured[f"WL{phase}"])
        assert found[f"MMXU1.VAr.phs{terminal}"] == pytest.approx(-measured[f"VarL{phase}"])
        assert found[f"MMXU1.PhV.phs{terminal}"] == pytest.approx(measured[f"VL{phase}"])
        assert found[f"MMXU1.A.phs{terminal}"] == pytest.approx(measured[f"AL{phase}"])
    assert found["MMXU1.Hz"] == pytest.approx(50.02)
    assert found["MMTR1.SupWh"] == 7_654_321
    assert found["DRAT1.WRtg"] == pytest.approx(RATED_W)
    assert found["DWMX1.WLimSpt"] == pytest.approx(0.455 * RATED_W)


def seen_by_pysunspec2(port: int) -> SunSpecModbusClientDeviceTCP:
    client = SunSpecModbusClientDeviceTCP(1, "127.0.0.1", port, timeout=5.0)
    client.scan()
    client.close()
    return client


async def limited(
    unit: ScriptedUnit, kind: str, limit: float, watchdog: Watchdog
) -> SunSpecModbusClientDeviceTCP:
    async with serving(unit) as server:
        driver = opened(server, kind)
        await driver.write(limit, watchdog)
        await driver.stop()
        return await asyncio.to_thread(seen_by_pysunspec2, server.port)


def test_another_client_sees_the_limit_of_an_inverter() -> None:
    for limit in LIMITS:
        unit = unit_of(
            model(103, **drawn(1)), model(120), model(123, WMaxLimPct=100, WMaxLim_Ena=0)
        )
        call = limited(unit, "sunspec-inverter-103", limit, Watchdog(60.0, 0.3))
        controls = asyncio.run(asyncio.wait_for(call, 15)).models[123][0]
        assert controls.WMaxLimPct.cvalue == pytest.approx(100.0 * limit)
        assert controls.WMaxLim_Ena.value == 1
        assert controls.WMaxLimPct_RvrtTms.value in {None, 0}  # it would lift the limit


def test_another_client_sees_limit_and_fall_back_of_a_der() -> None:
    for limit in LIMITS:
        controls = model(
            704,
            WMaxLimPct=100,
            WMaxLimPctEna=0,
            WMaxLimPctRvrt=100,
            WMaxLimPctEnaRvrt=0,
            WMaxLimPctRvrtTms=0,
        )
        unit = unit_of(model(701), model(702, WMax=RATED_W), controls)
        call = limited(unit, "sunspec-der", limit, Watchdog(120.0, 0.3))
        seen = asyncio.run(asyncio.wait_for(call, 15)).models[704][0]
        assert seen.WMaxLimPct.cvalue == pytest.approx(100.0 * limit)
        assert seen.WMaxLimPctEna.value == 1
        assert seen.WMaxLimPctRvrt.cvalue == pytest.approx(30.0)
        assert seen.WMaxLimPctRvrtTms.value == 120
        assert seen.WMaxLimPctEnaRvrt.value == 1
        assert seen.WSetEna.value is None  # nothing beside was written to


def test_another_client_sees_the_reactive_power_of_a_der() -> None:
    async def adjusted(unit: ScriptedUnit, var: float) -> SunSpecModbusClientDeviceTCP:
        async with serving(unit) as server:
            driver = opened(server, "sunspec-der")
            assert (await driver.scan()).adjusted == (None,)  # it follows its own mind
            await driver.adjust(Quantity.REACTIVE_POWER, var)
            assert (await driver.scan()).adjusted == (pytest.approx(var),)
            await driver.stop()
            return await asyncio.to_thread(seen_by_pysunspec2, server.port)

    for var in (-2_500.0, 0.0, 4_360.0):
        controls = model(704, VarSet=0, VarSetEna=0, VarSetMod=0, VarSetPri=0)
        unit = unit_of(model(701), model(702, WMax=RATED_W), controls)
        call = adjusted(unit, var)
        seen = asyncio.run(asyncio.wait_for(call, 15)).models[704][0]
        assert seen.VarSet.cvalue == pytest.approx(-var)  # injected counts as positive there
        symbols = {s["name"]: s["value"] for s in seen.VarSetMod.pdef["symbols"]}
        assert (seen.VarSetMod.value, seen.VarSetEna.value) == (symbols["VARS"], 1)
        assert seen.VarSetPri.value == 1
        assert seen.WMaxLimPctEna.value is None  # nothing beside was written to
