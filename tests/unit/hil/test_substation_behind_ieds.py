"""A substation behind IEDs is the same plant: who is where, and what its commands become."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ortsnetz_common.link.bench_ied import INVALID, TAKEN, Command
from ortsnetz_common.parameters.parameter_set import read_signed
from ortsnetz_hil.faults.devices import DeviceFaults
from ortsnetz_hil.faults.meters import MeterFaults
from ortsnetz_hil.faults.specs import Missing, Rejects
from ortsnetz_hil.plant.configuration import PlantConfiguration
from ortsnetz_hil.plant.core import Plant
from ortsnetz_hil.plant.loader import load
from ortsnetz_hil.plant.prepare import prepare
from ortsnetz_hil.plant.request import (
    ChargePointWish,
    InverterWish,
    NetworkWish,
    ProfileWish,
    Request,
)
from ortsnetz_hil.servers import ied_points
from ortsnetz_hil.servers.breaker import (
    BLOCKED_BY_PROCESS,
    CLOSED,
    OPEN,
    POSITION_REACHED,
    SWITCHING_HIERARCHY,
)
from ortsnetz_hil.servers.counters import DeviceCounters
from ortsnetz_hil.servers.device_server import DeviceServer
from ortsnetz_hil.servers.devices import Scene, devices
from ortsnetz_hil.servers.ied_bay import (
    BLOCKED_BY_HEALTH,
    COMMUNICATION_LOSS,
    INCONSISTENT,
    NOT_SUPPORTED,
    IedBay,
)
from ortsnetz_hil.servers.setpoint_log import SetpointLog

CSV = "time,all,PV2\n" + "".join(f"{600 * i},0.5,0.5\n" for i in range(3))
SECOND_NS = 10**9


@pytest.fixture(scope="module")
def request_(default_network: Path, tmp_path_factory: pytest.TempPathFactory) -> Request:
    folder = tmp_path_factory.mktemp("ieds")
    (folder / "day.csv").write_text(CSV)
    return Request(
        network=NetworkWish(default_network),
        out=folder / "modbus",
        wall_start_ns=0,
        begin_ns=int(datetime(2016, 2, 9, 12, 0, tzinfo=UTC).timestamp()) * SECOND_NS,
        seconds=100.0,
        calendar_factor=1.0,
        charge_points=ChargePointWish(count=2),
        inverters=InverterWish(count=1),
        profiles=ProfileWish(loads="csv", sun="csv", csv=folder / "day.csv"),
    )


@pytest.fixture(scope="module")
def behind(request_: Request) -> PlantConfiguration:
    out = request_.out.with_name("iec61850")
    return prepare(replace(request_, out=out, protocols="iec61850"))


class _Clock:
    """Plant time is what a test says."""

    time = 0.0

    def now_s(self) -> float:
        return self.time

    def now_ns(self) -> int:
        return round(self.time * SECOND_NS)


class Behind:
    """One device behind an IED, whose plant stands at an instant."""

    def __init__(self, run: Path, tmp_path: Path, configuration: PlantConfiguration) -> None:
        self.plant: Plant = load(run / "plant", configuration)
        self.scene, self.clock = Scene(), _Clock()
        self.log = SetpointLog(tmp_path)
        self._served = {d.name: d for d in devices(self.plant, self.scene)}
        self._window = configuration.window
        self.commanded: list[Any] = []
        self.at(0.0)

    def at(self, now_s: float) -> None:
        self.clock.time = now_s
        self.scene.step = self.plant.step(now_s, self._window.after(now_s))
        self.commanded += self.scene.step.commanded
        self.scene.time_ns = self.clock.now_ns()

    def bay(self, name: str, number: int, *faults: Any) -> IedBay:
        device = self._served[name]
        counters = DeviceCounters(device.profile, 0, device.values)
        wrong = (MeterFaults(faults, name, 1), DeviceFaults(faults, name))
        bay = IedBay(DeviceServer(device, counters, self.log, self.clock, *wrong), number)
        bay.look()
        return bay


@pytest.fixture
def plant(request_: Request, behind: PlantConfiguration, tmp_path: Path) -> Behind:
    return Behind(request_.out.with_name("iec61850"), tmp_path, behind)


def shown(bay: IedBay) -> dict[str, float]:
    rows = zip(bay.references, bay.rows, strict=True)
    return {name.partition("/")[2]: row.value for name, row in rows}


def operate(bay: IedBay, reference: str, value: Any, step: str = "operate") -> int:
    return bay.command(Command(1, step, f"{bay.instance}/{reference}", value))


def test_feeders_have_one_ied_charge_points_and_inverters_another(
    behind: PlantConfiguration,
) -> None:
    feeders, der = behind.station_servers
    wanted = [m.name for m in behind.meters if m.profile == "meter-feeder"]
    assert list(feeders.bays) == wanted
    assert list(der.bays) == [d.name for d in (*behind.charge_points, *behind.inverters)]
    assert len({feeders.port, der.port}) == 2


def test_the_station_says_where_each_bay_is(request_: Request, behind: PlantConfiguration) -> None:
    agent = request_.out.with_name("iec61850") / "agent"
    anchor = (agent / "trust-anchor.pem").read_bytes()
    station = read_signed((agent / "parameters.json").read_bytes(), anchor, "parameters").station
    devices_ = {device.name: device for device in station.devices}
    inverter = behind.inverters[0].name
    reached = devices_[inverter].connection
    assert reached is not None
    assert (reached.protocol, reached.bay, reached.identity) == ("iec61850", "3", inverter)
    assert devices_[inverter].profile == "iec61850-inverter"


def test_a_charge_point_takes_whole_amperes_and_says_why_it_takes_nothing_else(
    plant: Behind, behind: PlantConfiguration
) -> None:
    bay = plant.bay(behind.charge_points[0].name, 1)
    assert operate(bay, "DECP1.ALim", 8.0, "check") == TAKEN
    assert shown(bay)["DECP1.ALim.mxVal.f[MX]"] != 8.0, "a check changes nothing"
    assert operate(bay, "DECP1.ALim", 8.0) == TAKEN
    assert shown(bay)["DECP1.ALim.mxVal.f[MX]"] == 8.0
    for value in (8.5, 3.0, -1.0, 1e30, "8", None):
        cause = operate(bay, "DECP1.ALim", value, "check" if value is None else "operate")
        assert cause == (TAKEN if value is None else INCONSISTENT)
    assert operate(bay, "DWMX1.WLimPct", 50.0) == NOT_SUPPORTED
    assert (bay.owner.counters.writes, bay.owner.counters.refused) == (1, 6)


def test_an_inverter_counts_in_per_cent_and_reactive_power_below_zero(
    plant: Behind, behind: PlantConfiguration
) -> None:
    bay = plant.bay(behind.inverters[0].name, 3)
    model = plant.plant.inverters[0]
    third = 33.29999923706055  # 33.3 as a float of 32 bits
    assert operate(bay, "DWMX1.WLimPct", third) == TAKEN
    assert model.limit == 333
    assert operate(bay, "DVAR1.VArPct", -12.5) == TAKEN
    assert operate(bay, "DVAR1.VArEna", value=True) == TAKEN
    assert (model.reactive, model.reactive_told) == (125, True), "capacitive counts positive here"
    assert shown(bay)["DVAR1.VArPct.mxVal.f[MX]"] == -12.5
    assert operate(bay, "DVAR1.VArPct", -100.1) == INCONSISTENT


def test_a_lost_device_keeps_its_last_numbers_marked_as_invalid_and_takes_nothing(
    plant: Behind, behind: PlantConfiguration
) -> None:
    name = behind.charge_points[0].name
    bay = plant.bay(name, 1, Missing(name="gone", device=name, first_s=5.0, last_s=9.0))
    before = shown(bay)
    plant.at(6.0)
    bay.look()
    assert shown(bay) == before
    assert all(row.quality & 3 == INVALID for row in bay.rows)
    assert operate(bay, "DECP1.ALim", 8.0) == COMMUNICATION_LOSS
    plant.at(9.0)
    bay.look()
    assert {row.quality for row in bay.rows} == {0}


def test_a_device_that_rejects_says_so_before_it_is_operated(
    plant: Behind, behind: PlantConfiguration
) -> None:
    name = behind.charge_points[0].name
    bay = plant.bay(name, 1, Rejects(name="no", device=name, first_s=0.0, last_s=9.0))
    assert operate(bay, "DECP1.ALim", 8.0, "check") == BLOCKED_BY_HEALTH
    assert operate(bay, "DECP1.ALim", 8.0) == BLOCKED_BY_HEALTH


def test_a_feeder_counts_its_energy(plant: Behind, behind: PlantConfiguration) -> None:
    name = next(m.name for m in behind.meters if m.profile == "meter-feeder")
    bay = plant.bay(name, 1)
    energy_wh, power_w = [0.0, 0.0], []
    for step in range(1, 4):
        plant.at(30.0 * step)
        bay.look()
        power_w.append(shown(bay)["MMXU1.TotW.mag.f[MX]"])
        energy_wh[power_w[-1] < 0.0] += abs(power_w[-1]) * 30.0 / 3600.0
    demand, supply = (shown(bay)[reference] for reference in ied_points.ENERGY)
    assert demand == pytest.approx(energy_wh[0], abs=1.0)
    assert supply == pytest.approx(energy_wh[1], abs=1.0)
    assert demand + supply > 10.0


def feeder(behind: PlantConfiguration) -> str:
    return next(m.name for m in behind.meters if m.profile == "meter-feeder")


def test_a_feeder_s_breaker_opens_it_in_the_plant_and_says_so(
    plant: Behind, behind: PlantConfiguration
) -> None:
    bay = plant.bay(feeder(behind), 1)
    (row,) = (n for n, name in enumerate(bay.references) if name.endswith("XCBR1.Pos.stVal[ST]"))
    assert (shown(bay)["XCBR1.Pos.stVal[ST]"], bay.rows[row].time_ns) == (CLOSED, 0)
    assert bay.owner.device.measured().p.sum() != 0.0
    assert operate(bay, "XCBR1.Pos", value=False, step="check") == TAKEN
    assert shown(bay)["XCBR1.Pos.stVal[ST]"] == CLOSED, "a check moves nothing"
    plant.at(30.0)
    bay.look()
    assert operate(bay, "XCBR1.Pos", value=False) == TAKEN
    for _ in range(2):
        assert shown(bay)["XCBR1.Pos.stVal[ST]"] == OPEN
        assert shown(bay)["XCBR1.OpCnt.stVal[ST]"] == 1
        assert bay.rows[row].time_ns == 30 * SECOND_NS, "it has not moved since"
        plant.at(60.0)
        bay.look()
    assert bay.owner.device.measured().i.sum() == 0.0
    assert [event.closed for event in plant.commanded] == [False]
    assert operate(bay, "XCBR1.Pos", value=True) == TAKEN
    plant.at(90.0)
    assert bay.owner.device.measured().p.sum() != 0.0
    assert [event.at_s for event in plant.commanded] == [30.0, 60.0]


def test_a_breaker_that_does_not_move_says_why(plant: Behind, behind: PlantConfiguration) -> None:
    name = feeder(behind)
    bay = plant.bay(name, 1, Rejects(name="local", device=name, first_s=50.0, last_s=90.0))
    assert operate(bay, "XCBR1.Pos", value=True, step="check") == POSITION_REACHED
    assert operate(bay, "XCBR1.Pos", 1.0) == INCONSISTENT
    assert operate(bay, "XCBR1.BlkOpn", value=True) == TAKEN
    assert shown(bay)["XCBR1.BlkOpn.stVal[ST]"] == 1
    for step in ("check", "operate"):
        assert operate(bay, "XCBR1.Pos", value=False, step=step) == BLOCKED_BY_PROCESS
    assert operate(bay, "XCBR1.BlkOpn", value=False) == TAKEN
    assert operate(bay, "XCBR1.BlkCls", value=True) == TAKEN
    assert operate(bay, "XCBR1.Pos", value=False) == TAKEN, "to close is what is forbidden"
    assert operate(bay, "XCBR1.Pos", value=True) == BLOCKED_BY_PROCESS
    plant.at(60.0)
    bay.look()
    assert shown(bay)["XCBR1.Loc.stVal[ST]"] == 1
    for what in ("XCBR1.Pos", "XCBR1.BlkCls"):
        assert operate(bay, what, value=True) == SWITCHING_HIERARCHY
    assert len(plant.commanded) == 1


@pytest.mark.parametrize(
    ("kind", "place", "value", "register"),
    [
        ("TC", 0, 1.0199999809265137, 1020),  # 1.02 as a float of 32 bits
        ("TC", 0, 1.0205, None),
        ("TC", 1, 1.0, 1),
        ("PV", 3, -100.0, -1000 & 0xFFFF),
        ("CP", 0, float("nan"), None),
        ("CP", 0, float("inf"), None),
    ],
)
def test_only_what_a_register_holds_exactly_is_taken(
    kind: str, place: int, value: float, register: int | None
) -> None:
    command = ied_points.COMMANDS[kind][place]
    assert ied_points.register(command, value) == register
    if register is not None:
        assert command.value(register) == pytest.approx(value, rel=2**-23)
