"""The agent's records are as wrong as was stated, no more, and its own functions take them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.parameter_set import Limits, ParameterSet, read_signed
from ortsnetz_common.parameters.station import MeterRole
from ortsnetz_edge.network_index import index_network
from ortsnetz_grid.functions.state_estimation import Settings, estimate
from ortsnetz_grid.functions.state_estimation.measurements import measurements_from
from ortsnetz_grid.network.model import Network
from ortsnetz_hil.plant import network_file, profiles
from ortsnetz_hil.plant.customers import Customers
from ortsnetz_hil.plant.prepare import prepare
from ortsnetz_hil.plant.request import (
    AccuracyWish,
    BatteryWish,
    ChargePointWish,
    HeatPumpWish,
    InverterWish,
    NetworkWish,
    ProfileWish,
    Request,
    StationErrors,
    TieWish,
)

IMPEDANCES = ("r1", "x1", "r0", "x0")
Elements = dict[int, dict[str, Any]]


@pytest.fixture
def small(default_network: Path, tmp_path: Path) -> Request:
    (tmp_path / "day.csv").write_text("time,all\n0,0.5\n60,0.5\n")
    return Request(
        network=NetworkWish(default_network),
        out=tmp_path / "run",
        wall_start_ns=0,
        seed=11,
        seconds=60.0,
        calendar_factor=1.0,
        charge_points=ChargePointWish(count=10),
        inverters=InverterWish(count=6),
        profiles=ProfileWish(loads="csv", sun="csv", csv=tmp_path / "day.csv"),
    )


def parameters(request: Request) -> ParameterSet:
    agent = request.out / "agent"
    payload = (agent / "parameters.json").read_bytes()
    return read_signed(payload, (agent / "trust-anchor.pem").read_bytes(), "parameters")


def elements(request: Request, whose: str) -> Elements:
    data = json.loads((request.out / whose / "network.json").read_text())["data"]
    return {element["id"]: element for each in data.values() for element in each}


def wrong(request: Request, **errors: Any) -> Request:
    return replace(request, errors=StationErrors(**errors))


@pytest.mark.parametrize("error", [0.0, 0.02, 0.3])
def test_impedances_are_off_by_as_much_as_was_stated(small: Request, error: float) -> None:
    request = wrong(small, line_error=error, transformer_error=error / 2)
    prepare(request)
    plants, agents = elements(request, "plant"), elements(request, "agent")
    lines = [i for i, e in plants.items() if "r1" in e]
    off = [agents[i][name] / plants[i][name] - 1.0 for i in lines for name in IMPEDANCES]
    assert max(map(abs, off)) <= error + 1e-12
    assert max(map(abs, off)) >= 0.95 * error
    transformer = next(i for i, e in plants.items() if "uk" in e)
    for name in ("uk", "pk"):
        ratio = agents[transformer][name] / plants[transformer][name]
        assert abs(ratio - 1.0) <= error / 2 + 1e-12


def test_missing_customers_are_in_the_plant_and_nowhere_in_the_records(small: Request) -> None:
    request = wrong(small, missing_customers=7)
    done = prepare(request)
    plants, agents = elements(request, "plant"), elements(request, "agent")
    missing = set(plants) - set(agents)
    assert len(missing) == 7
    assert all("Load" in plants[i]["name"] for i in missing)
    assert not missing & {pseudo.element for pseudo in parameters(request).station.pseudo}
    assert not missing & {load for meter in done.meters for load in meter.loads}


def test_as_many_customers_are_recorded_at_wrong_phases_as_was_stated(small: Request) -> None:
    request = wrong(small, wrong_phases=9, metered_share=0.4)
    done = prepare(request)
    plants, agents = elements(request, "plant"), elements(request, "agent")
    recorded = {meter.name: meter for meter in parameters(request).station.meters}
    confused = [m for m in done.meters if recorded[m.name].phases != m.phases]
    assert len(confused) == 9
    assert all(meter.loads for meter in confused)
    single = [meter for meter in confused if len(meter.phases) == 1]
    assert single
    for meter in single:
        load = meter.loads[0]
        shown = dict(zip("abc", agents[load]["p_specified"], strict=True))
        true = plants[load]["p_specified"]
        assert shown[recorded[meter.name].phases] == pytest.approx(sum(true))
        assert shown[meter.phases] == 0.0
    for meter in set(confused) - set(single):
        assert sorted(recorded[meter.name].phases) == ["a", "b", "c"]


def test_without_errors_nothing_is_recorded_wrongly(small: Request) -> None:
    done = prepare(wrong(small, line_error=0.0, transformer_error=0.0))
    recorded = parameters(small).station.meters
    assert [m.phases for m in recorded] == [m.phases for m in done.meters]


def test_accuracy_is_stated_to_the_agent_as_the_plants_meters_have_it(small: Request) -> None:
    request = wrong(small, accuracy=(AccuracyWish("meter-customer", 0.1, 2.0),))
    done = prepare(request)
    assert done.meter_class("meter-customer").power == 0.02
    told = [m for m in parameters(request).station.meters if m.role is MeterRole.CUSTOMER]
    assert {meter.u_sigma for meter in told} == {0.001}
    assert {meter.p_sigma for meter in told} == {0.02 * 4000.0 + 3.0}


@pytest.mark.parametrize(
    "accuracy",
    [
        AccuracyWish("meter-water", 0.1, 0.1),
        AccuracyWish("meter-feeder", -0.1, 0.1),
    ],
)
def test_an_accuracy_of_nothing_is_refused(small: Request, accuracy: AccuracyWish) -> None:
    with pytest.raises(InputError, match=accuracy.profile):
        prepare(wrong(small, accuracy=(accuracy,)))


def with_homes(request: Request) -> Request:
    return replace(
        request,
        heat_pumps=HeatPumpWish(count=8, rated_w=3_000.0),
        batteries=BatteryWish(count=5, rated_w=5_000.0),
        profiles=replace(request.profiles, outdoor_c=0.5),
    )


def test_heat_pumps_and_batteries_are_customers_without_meter_to_the_agent(
    small: Request,
) -> None:
    request = with_homes(small)
    done = prepare(request)
    station, agents = parameters(request).station, elements(request, "agent")
    assert len(station.devices) == 16
    pseudo = {each.element: each for each in station.pseudo}
    for pump in done.heat_pumps:
        assert agents[pump.element]["p_specified"] == [1000.0] * 3
        # half-way between the heating limit of 15 degrees and -14: on half the time, and a
        # machine that runs or not is half its rating away from that
        assert pseudo[pump.element].hourly_w == (1500.0,) * 24
        assert pseudo[pump.element].sigma_w == (1500.0,) * 24
    for battery in done.batteries:
        assert pseudo[battery.element].hourly_w == (0.0,) * 24
        assert pseudo[battery.element].sigma_w[0] >= 2500.0


def test_parts_of_customers_are_one_load_to_the_agent(small: Request) -> None:
    request = replace(small, network=replace(small.network, z=0.5, i=0.0, p=0.5))
    prepare(request)
    plants, agents = elements(request, "plant"), elements(request, "agent")
    assert not any("part_of" in element for element in agents.values())
    whole = [e for e in agents.values() if "Load" in str(e.get("name"))]
    assert len([e for e in plants.values() if "part_of" in e]) == len(whole)
    for load in whole:
        assert sum(load["p_specified"]) == pytest.approx(2 * sum(plants[load["id"]]["p_specified"]))


def test_single_phase_inverters_of_unmetered_customers_have_unknown_phases(
    small: Request,
) -> None:
    request = replace(small, inverters=InverterWish(count=30, rated_w=4000.0, phases="random"))
    done = prepare(request)
    metered = {meter.element for meter in done.meters if meter.loads}
    told = {device.name: device for device in parameters(request).station.devices}
    agents = elements(request, "agent")
    known = [inverter for inverter in done.inverters if inverter.node in metered]
    assert known
    for inverter in done.inverters:
        device, shown = told[inverter.name], agents[inverter.element]["p_specified"]
        assert device.phase_count == 1
        if inverter in known:
            assert device.phases == inverter.phases
            assert shown["abc".index(inverter.phases)] == 4000.0
        else:
            assert device.phases is None
            assert shown == pytest.approx([4000.0 / 3] * 3)


def test_two_transformers_have_a_meter_each_and_both_guard(small: Request, tmp_path: Path) -> None:
    document = json.loads(small.network.path.read_text())
    first = document["data"]["transformer"][0]
    document["data"]["transformer"].append({**first, "id": 5_000, "name": "second", "sn": 400e3})
    (tmp_path / "two.json").write_text(json.dumps(document))
    request = replace(small, network=NetworkWish(tmp_path / "two.json"))
    done = prepare(request)
    assert [m.name for m in done.meters[:3]] == [
        "meter-transformer",
        "meter-transformer-2",
        "meter-feeder-1",
    ]
    told = [m for m in parameters(request).station.meters if m.role is MeterRole.TRANSFORMER]
    assert [meter.element for meter in told] == [first["id"], 5_000]
    assert all(meter.guards for meter in told)
    # class 0.5 of a third of each one's own rating
    assert told[0].p_sigma == pytest.approx(0.005 * 250e3 / 3 + 3, abs=0.06)
    assert told[1].p_sigma == pytest.approx(0.005 * 400e3 / 3 + 3, abs=0.06)


def test_devices_are_at_the_address_that_was_wished(small: Request) -> None:
    request = replace(small, host="192.0.2.9")
    prepare(request)
    station = parameters(request).station
    assert {each.connection.host for each in (*station.meters, *station.devices)} == {"192.0.2.9"}


def test_overrides_replace_single_fields_of_the_parameter_set(small: Request) -> None:
    overrides = {"limits": {"u_pu": [0.94, 1.06]}, "mode": {"limiting": "advisory"}, "timing": {}}
    prepare(replace(small, parameters=overrides))
    told = parameters(small)
    assert told.limits == Limits(u_pu=(0.94, 1.06))
    assert told.mode.limiting == "advisory"


@pytest.mark.parametrize(
    ("overrides", "path"),
    [
        ({"station": {}}, "parameters.station"),
        ({"limits": {"u": 1.0}}, "parameters.limits.u"),
        ({"limits": {"u_pu": [0.9]}}, "parameters.limits.u_pu"),
        ({"limits": {"u_pu": [1.1, 0.9]}}, "limits.u_pu"),
        ({"timing": {"cycle_s": "1"}}, "parameters.timing.cycle_s"),
        ({"mode": {"limiting": "perhaps"}}, "mode.limiting"),
    ],
)
def test_an_override_that_does_not_fit_names_its_path(
    small: Request, overrides: dict[str, Any], path: str
) -> None:
    with pytest.raises(InputError) as refusal:
        prepare(replace(small, parameters=overrides))
    assert path in str(refusal.value)


def test_the_agents_own_functions_take_everything_it_is_told(small: Request) -> None:
    request = replace(
        with_homes(wrong(small, missing_customers=5, wrong_phases=4, metered_share=0.5)),
        network=replace(
            small.network,
            rated_kva=400.0,
            z=0.3,
            i=0.2,
            p=0.5,
            ties=(TieWish("tie", 10, 50, "LV2.101 Line 99"),),
        ),
        inverters=InverterWish(count=9, rated_w=4000.0, phases="random"),
    )
    prepare(request)
    told, text = parameters(request), (request.out / "agent/network.json").read_text()
    index_network(text, "network").check_station(told.station, "parameters")
    network = Network.from_json(text, "network")
    state = estimate(network, measurements_from(told.station, network, {}, 12.0), Settings())
    assert 0.9 < np.nanmin(state.u_pu) <= np.nanmax(state.u_pu) < 1.1


@pytest.mark.parametrize("sun", ["simbench", "clear_sky"])
@pytest.mark.parametrize("date", [(2016, 1, 13), (2016, 4, 20), (2016, 10, 10)])
def test_pseudo_measurements_are_honest_in_every_season(
    default_network: Path, tmp_path: Path, date: tuple[int, int, int], sun: str
) -> None:
    request = Request(
        network=NetworkWish(default_network),
        out=tmp_path,
        wall_start_ns=0,
        begin_ns=int(datetime(*date, tzinfo=UTC).timestamp()) * 1_000_000_000,
        seconds=86_400.0,
        calendar_factor=1.0,
        profiles=ProfileWish(sun=sun),
    )
    prepare(request)
    plant = tmp_path / "plant"
    network = network_file.parse((plant / "network.json").read_bytes(), "plant")
    customers = Customers(network, profiles.read(plant / "profiles.json"))
    ids = [*network.ids("asym_load"), *network.ids("asym_gen")]
    rows = {int(element): row for row, element in enumerate(ids)}
    pseudo = parameters(request).station.pseudo
    scores = []
    for quarter in range(96):
        load_p, _, gen_p, _ = customers.at(quarter * 900.0)
        true = np.concatenate([load_p.sum(axis=1), -gen_p.sum(axis=1)])
        for told in pseudo:
            hour = quarter // 4
            off = true[rows[told.element]] - told.hourly_w[hour]
            scores.append(off / told.sigma_w[hour])
    squared = np.square(scores)
    assert 0.3 < np.sqrt(squared.mean()) < 1.0  # neither copied from the plant nor over-confident
    assert np.mean(squared > 9.0) < 0.01
