"""Heat pumps and batteries that the agent may command: what it is told of them, and what not."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ortsnetz_common.parameters.parameter_set import ParameterSet, read_signed
from ortsnetz_common.parameters.station import Device, DeviceKind
from ortsnetz_hil.plant import configuration as files
from ortsnetz_hil.plant.devices.heat_pump import UNIT_W, HeatPumpModel
from ortsnetz_hil.plant.devices.watchdog import RefusedValueError
from ortsnetz_hil.plant.prepare import prepare
from ortsnetz_hil.plant.request import (
    BatteryWish,
    ChargePointWish,
    HeatPumpWish,
    InverterWish,
    NetworkWish,
    Request,
)
from ortsnetz_hil.servers.box_settings import BoxSettings
from ortsnetz_hil.servers.commands import Commands
from ortsnetz_hil.servers.device_maps import BoxStatus, control_box
from ortsnetz_hil.servers.instrument import Measured
from ortsnetz_hil.servers.maps import BLOCKS
from ortsnetz_hil.servers.registers import Stamp

Prepared = Callable[..., tuple[files.PlantConfiguration, ParameterSet, Path]]


@pytest.fixture
def prepared(default_network: Path, tmp_path: Path) -> Prepared:
    def once(
        heat_pump_w: float, commanded: bool, *, boxes: bool = False
    ) -> tuple[files.PlantConfiguration, ParameterSet, Path]:
        out = tmp_path / f"{heat_pump_w:.0f}-{commanded}"
        plant = prepare(
            Request(
                network=NetworkWish(default_network),
                out=out,
                wall_start_ns=0,
                seconds=120.0,
                calendar_factor=60.0,
                charge_points=ChargePointWish(count=1),
                inverters=InverterWish(count=1),
                heat_pumps=HeatPumpWish(3, heat_pump_w, commanded=commanded, control_boxes=boxes),
                batteries=BatteryWish(count=2, commanded=commanded),
            )
        )
        agent = out / "agent"
        anchor = (agent / "trust-anchor.pem").read_bytes()
        signed = (agent / "parameters.json").read_bytes()
        return plant, read_signed(signed, anchor, "parameters.json"), out

    return once


def of(parameters: ParameterSet, kind: DeviceKind) -> list[Device]:
    return [device for device in parameters.station.devices if device.kind is kind]


@pytest.mark.parametrize(
    ("rated_w", "floor_w"),
    [(9_000.0, 4_200.0), (15_000.0, 6_000.0), (3_000.0, 3_000.0)],
)
def test_heat_pumps_have_the_floor_of_section_14a_and_fall_back_to_it(
    prepared: Prepared, rated_w: float, floor_w: float
) -> None:
    plant, parameters, _ = prepared(rated_w, True)
    pumps = of(parameters, DeviceKind.HEAT_PUMP)
    assert [pump.name for pump in pumps] == ["hp-01", "hp-02", "hp-03"]
    for pump, real in zip(pumps, plant.heat_pumps, strict=True):
        assert (pump.rated_w, pump.floor_w, pump.fallback_w) == (rated_w, floor_w, floor_w)
        assert real.floor_w == floor_w  # stated by the bench itself
        assert pump.floor_rule == "14a EnWG"
        assert pump.reaction_s > real.reaction_s
        # ten minutes of the calendar are ten seconds in the agent's time
        assert (pump.min_on_s, pump.min_off_s) == (10.0, 10.0)
        assert (pump.element, pump.connection.port) == (real.element, real.port)
        assert pump.watchdog_s == 60.0
        assert pump.step_w == rated_w  # the compressor runs at its rating or not at all


def test_batteries_fall_back_to_their_rating_and_keep_their_floor(prepared: Prepared) -> None:
    plant, parameters, _ = prepared(9_000.0, True)
    batteries = of(parameters, DeviceKind.STORAGE)
    assert [battery.name for battery in batteries] == ["battery-01", "battery-02"]
    for battery, real in zip(batteries, plant.batteries, strict=True):
        assert (battery.floor_w, battery.fallback_w, battery.rated_w) == (4_200.0, 5e3, 5e3)
        assert battery.profile == "home-battery"
        assert battery.reaction_s > real.reaction_s


def test_what_is_commanded_measures_and_needs_no_assumption(prepared: Prepared) -> None:
    plant, parameters, out = prepared(9_000.0, True)
    assumed = {pseudo.element for pseudo in parameters.station.pseudo}
    known = json.loads((out / "agent" / "network.json").read_text())["data"]["asym_load"]
    names = {load["id"]: load.get("name") for load in known}
    for one in (*plant.heat_pumps, *plant.batteries):
        assert one.element not in assumed
        assert names[one.element] == one.name


def test_whether_they_are_commanded_changes_nothing_else_of_the_plant(prepared: Prepared) -> None:
    free, bound = prepared(9_000.0, False), prepared(9_000.0, True)
    assert of(free[1], DeviceKind.HEAT_PUMP) == of(free[1], DeviceKind.STORAGE) == []
    assumed = {pseudo.element for pseudo in free[1].station.pseudo}
    assert assumed >= {pump.element for pump in free[0].heat_pumps}
    for one, other in zip(free[0].heat_pumps, bound[0].heat_pumps, strict=True):
        assert (one.node, one.phases, one.start_c) == (other.node, other.phases, other.start_c)
    assert free[0].charge_points == bound[0].charge_points
    # nobody commands it: at its fall-back it has to be able to run
    assert {pump.floor_w for pump in free[0].heat_pumps} == {9_000.0}


def test_behind_control_boxes_heat_pumps_are_slow_and_seen_through_another_map(
    prepared: Prepared,
) -> None:
    plant, parameters, _ = prepared(9_000.0, True, boxes=True)
    for pump, real in zip(of(parameters, DeviceKind.HEAT_PUMP), plant.heat_pumps, strict=True):
        assert pump.profile == "control-box"
        assert 60.0 <= real.box_s <= 120.0
        assert pump.reaction_s > real.box_s + real.reaction_s
        assert pump.floor_w == 4_200.0


def test_a_control_box_acknowledges_when_its_heat_pump_has_taken_the_limit(
    prepared: Prepared,
) -> None:
    plant, _, _ = prepared(9_000.0, True, boxes=True)
    model = HeatPumpModel(plant.heat_pumps[0])
    box = Commands(850, BoxSettings(model), delay_s=90.0)
    assert box.shown(0.0) == [42, 60, 42]  # 100 W: nobody commands yet, it is at its floor
    box.write(0, [90], 0.0)
    box.write(0, [50], 10.0)
    with pytest.raises(RefusedValueError):
        box.write(0, [91], 20.0)
    seen = {}
    for now_s in (89.0, 90.0, 99.0, 100.0):
        box.tick(now_s)
        seen[now_s] = (box.real, model.limit * UNIT_W)
    assert seen == {89.0: (42, 4200), 90.0: (90, 9000), 99.0: (90, 9000), 100.0: (50, 5000)}
    assert model.watchdog.remaining_s(100.0) == 60.0


def test_a_control_box_says_power_acknowledged_limit_reads_and_time_and_nothing_else() -> None:
    three = np.array([1000.4, 2000.0, -500.0])
    shown = Measured(u=three, p=three, q=three, i=three)
    words = control_box(shown, BoxStatus(42, 17), Stamp(3, 1_795_000_000_123_000_000))
    raw = struct.pack(f">{len(words)}H", *words)
    # docs/register-maps.md: 800 i32, 802 u16, 803 u16, 804 u32, 806 u64
    assert struct.unpack(">iHHIQ", raw) == (2500, 42, 17, 3, 1_795_000_000_123)
    assert len(words) == BLOCKS["control-box"].count
