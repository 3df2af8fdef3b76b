"""A prepared plant has what was requested, each purpose from its own randomness."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from ortsnetz_common.errors import InputError
from ortsnetz_hil.plant import configuration as files
from ortsnetz_hil.plant import network_file, profiles
from ortsnetz_hil.plant.customers import Customers
from ortsnetz_hil.plant.prepare import prepare
from ortsnetz_hil.plant.request import (
    BatteryWish,
    ChargePointWish,
    HeatPumpWish,
    InverterWish,
    NetworkWish,
    ProfileWish,
    Request,
    StationErrors,
    TapChangerWish,
    TieWish,
)

NS = 1_000_000_000
FEBRUARY = int(datetime(2016, 2, 9, 5, 40, tzinfo=UTC).timestamp()) * NS
CSV = "time,all,PV2\n" + "".join(f"{600 * i},{0.1 * i},{0.2 * i}\n" for i in range(3))


@pytest.fixture
def small(default_network: Path, tmp_path: Path) -> Request:
    """A quarter of an hour of numbers from a file: quick, since SimBench is not needed."""
    (tmp_path / "day.csv").write_text(CSV)
    return Request(
        network=NetworkWish(default_network),
        out=tmp_path / "run",
        wall_start_ns=0,
        seed=3,
        begin_ns=FEBRUARY,
        seconds=100.0,
        calendar_factor=9.0,
        charge_points=ChargePointWish(count=6),
        inverters=InverterWish(count=5),
        profiles=ProfileWish(loads="csv", sun="csv", csv=tmp_path / "day.csv"),
    )


def rich(request: Request) -> Request:
    return replace(
        request,
        network=replace(
            request.network,
            rated_kva=400.0,
            z=0.3,
            i=0.2,
            p=0.5,
            ties=(TieWish("tie", 10, 50, "LV2.101 Line 99", 3.0),),
        ),
        heat_pumps=HeatPumpWish(count=7),
        batteries=BatteryWish(count=12),
        tap_changers=(TapChangerWish(steps=3, step_percent=2.0),),
        errors=StationErrors(metered_share=0.4),
        profiles=replace(request.profiles, sun="clear_sky", sky="broken", outdoor_c=-3.0),
    )


def document(request: Request) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((request.out / "plant/network.json").read_text())["data"]
    return found


def original(request: Request) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(request.network.path.read_text())["data"]
    return found


def test_the_demonstration_is_the_one_whose_figures_were_published(prepared_run: Path) -> None:
    # read off the plant of seed 1 before other windows were possible
    plant = files.read(prepared_run / "plant")
    assert len(plant.meters) == 29
    by_name = {point.name: point for point in plant.charge_points}
    first, fifth, eleventh = (by_name[name] for name in ("ev-01", "ev-05", "ev-11"))
    assert (first.element, first.node, first.port, first.reaction_s) == (301, 9, 20029, 2.0)
    stay = first.sessions[0]
    assert (stay.arrival_s, stay.departure_s, stay.energy_wh) == (25328.6, 43200.0, 35822.0)
    assert (fifth.phases, fifth.rated_a, fifth.floor_a) == ("a", 20, 19)
    assert (eleventh.sessions[0].departure_s, eleventh.sessions[0].max_a) == (37858.5, 16.0)
    assert sum(s.energy_wh for point in plant.charge_points for s in point.sessions) == 776_597.0
    assert [(i.node, i.profile, i.reaction_s) for i in plant.inverters[:3]] == [
        (66, "PV2", 1.0),
        (58, "PV4", 1.0),
        (6, "PV7", 1.2),
    ]
    assert plant.weather.sky == "clear"


def test_the_same_request_writes_the_same_bytes(small: Request, tmp_path: Path) -> None:
    one, other = rich(small), replace(rich(small), out=tmp_path / "other")
    prepare(one)
    prepare(other)
    names = ("plant/plant.json", "plant/network.json", "plant/profiles.json", "agent/network.json")
    for name in names:
        assert (one.out / name).read_bytes() == (other.out / name).read_bytes(), name


@pytest.mark.parametrize(
    "other",
    [
        {"heat_pumps": HeatPumpWish(count=9), "batteries": BatteryWish(count=9)},
        {"profiles": ProfileWish(loads="csv", sun="clear_sky", sky="overcast")},
        {"errors": StationErrors(line_error=0.3, missing_customers=4, wrong_phases=3)},
    ],
)
def test_another_wish_leaves_the_other_purposes_alone(
    small: Request, tmp_path: Path, other: dict[str, Any]
) -> None:
    before = prepare(small)
    if "profiles" in other:
        other = {"profiles": replace(other["profiles"], csv=small.profiles.csv)}
    after = prepare(replace(small, out=tmp_path / "other", **other))
    assert after.meters == before.meters
    assert after.charge_points == before.charge_points
    assert [(i.node, i.reaction_s) for i in after.inverters] == [
        (i.node, i.reaction_s) for i in before.inverters
    ]


def test_ids_and_ports_are_used_once_and_ports_follow_one_another(small: Request) -> None:
    done = prepare(rich(small))
    devices = (
        *done.meters,
        *done.charge_points,
        *done.inverters,
        *done.heat_pumps,
        *done.batteries,
        *done.tap_changers,
    )
    assert [d.port for d in devices] == list(range(15020, 15020 + len(devices)))
    assert len({d.name for d in devices}) == len(devices)
    elements = [element["id"] for each in document(rich(small)).values() for element in each]
    assert len(set(elements)) == len(elements)


def test_heat_pumps_and_batteries_stand_behind_no_meter_and_batteries_where_the_sun_is(
    small: Request,
) -> None:
    done = prepare(rich(small))
    metered = {meter.element for meter in done.meters if meter.loads}
    assert not metered & {device.node for device in (*done.heat_pumps, *done.batteries)}
    roofs = {i.node for i in done.inverters}
    roofs |= {gen["node"] for gen in original(small)["asym_gen"]}
    customers = {load["node"] for load in original(small)["asym_load"]}
    free = (roofs & customers) - metered
    assert {battery.node for battery in done.batteries[: len(free)]} == free


def test_the_plant_can_be_loaded_and_solved_at_any_second(small: Request) -> None:
    request = rich(small)
    prepare(request)
    path = request.out / "plant"
    network = network_file.parse((path / "network.json").read_bytes(), "plant")
    customers = Customers(network, profiles.read(path / "profiles.json"))
    load_p, load_q, gen_p, _ = customers.at(450.0)
    # the file says 0.075 of its power for everybody, in all parts together
    whole = sum(sum(load["p_specified"]) for load in original(small)["asym_load"])
    assert load_p.sum() == pytest.approx(0.075 * whole)
    assert load_q.sum() > 0
    assert gen_p.sum() == 0.0  # five in the morning in February
    shaded = customers.at(450.0, np.zeros(len(customers.generator_nodes)))
    assert np.array_equal(shaded[0], load_p)


def test_clouds_shade_customers_generators(prepared_run: Path) -> None:
    plant = prepared_run / "plant"
    network = network_file.parse((plant / "network.json").read_bytes(), "plant")
    customers = Customers(network, profiles.read(plant / "profiles.json"))
    bright = customers.at(0.0)[2]
    half = customers.at(0.0, np.full(len(customers.generator_nodes), 0.5))[2]
    assert bright.sum() > 0
    assert half == pytest.approx(0.5 * bright)


def test_customers_parts_add_up_and_their_meter_adds_up_all_of_them(small: Request) -> None:
    done = prepare(rich(small))
    loads = {load["id"]: load for load in document(rich(small))["asym_load"]}
    whole = {load["id"]: load for load in original(small)["asym_load"]}
    metered = [meter for meter in done.meters if meter.loads]
    assert len(metered) == int(0.4 * len(whole))
    for meter in metered:
        assert len(meter.loads) == 3
        parts = [np.array(loads[part]["p_specified"]) for part in meter.loads]
        assert np.sum(parts, axis=0) == pytest.approx(whole[meter.loads[0]]["p_specified"])
        assert {loads[part]["type"] for part in meter.loads} == {0, 1, 2}
        assert {loads[part]["node"] for part in meter.loads} == {meter.element}


def test_a_larger_transformer_keeps_its_per_cents(small: Request) -> None:
    prepare(rich(small))
    before, after = (d["transformer"][0] for d in (original(small), document(rich(small))))
    assert after["sn"] == 400_000.0
    assert (after["uk"], after["i0"]) == (before["uk"], before["i0"])
    for losses in ("pk", "p0"):
        assert after[losses] / after["sn"] == pytest.approx(before[losses] / before["sn"])


def test_a_tap_changers_range_is_in_both_networks(small: Request) -> None:
    done = prepare(rich(small))
    agents = json.loads((rich(small).out / "agent/network.json").read_text())["data"]
    for data in (document(rich(small)), agents):
        transformer = data["transformer"][0]
        assert transformer["id"] == done.tap_changers[0].element
        assert (transformer["tap_min"], transformer["tap_nom"], transformer["tap_max"]) == (
            -3,
            0,
            3,
        )
        assert transformer["tap_size"] == pytest.approx(0.02 * transformer["u1"])


def test_a_tie_is_an_open_line_like_its_pattern_but_longer(small: Request) -> None:
    prepare(rich(small))
    lines = {line["name"]: line for line in document(rich(small))["line"]}
    tie, pattern = lines["tie"], lines["LV2.101 Line 99"]
    assert (tie["from_node"], tie["to_node"]) == (10, 50)
    assert (tie["from_status"], tie["to_status"]) == (0, 0)
    assert tie["r1"] == pytest.approx(3.0 * pattern["r1"])
    assert tie["i_n"] == pattern["i_n"]


@pytest.mark.parametrize("phases", ["a", "b", "c"])
def test_all_single_phase_points_can_be_on_one_phase(small: Request, phases: str) -> None:
    wish = ChargePointWish(count=9, ratings_kw=(4.6, 22.0), phases=phases, rotation="bca")
    done = prepare(replace(small, charge_points=wish))
    assert {p.phases for p in done.charge_points} == {phases, "bca"}


def test_single_phase_inverters_have_one_terminal_and_the_control_of_their_preset(
    small: Request,
) -> None:
    wish = InverterWish(count=12, rated_w=4_000.0, control="vde-ar-n-4105", phases="random")
    done = prepare(replace(small, inverters=wish))
    assert {inverter.phases for inverter in done.inverters} == {"a", "b", "c"}
    assert all(inverter.control.q_of_u for inverter in done.inverters)


def test_what_is_handed_over_is_handed_on(small: Request) -> None:
    done = prepare(replace(small, host="192.0.2.7", pace=files.Pace(step_s=0.5, stepped=True)))
    back = files.read(small.out / "plant")
    assert msgspec.json.encode(back) == msgspec.json.encode(done)
    assert (back.host, back.pace.step_s, back.window.start_ns) == ("192.0.2.7", 0.5, FEBRUARY)
    assert back.window.length_s == 900.0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"seed": -1}, "seed"),
        ({"node": "No Node"}, "node"),
        ({"u_pu": (1.1, 0.9)}, "limits of the verdict"),
        ({"base_port": 65_530}, "leaves no port"),
        ({"charge_points": ChargePointWish(count=-1)}, "charge_points"),
        ({"charge_points": ChargePointWish(ratings_kw=(50.0,))}, "72 A"),
        ({"charge_points": ChargePointWish(phases="d")}, "phases 'd'"),
        ({"charge_points": ChargePointWish(rotation="aab")}, "'aab'"),
        ({"inverters": InverterWish(control="hybrid")}, "'hybrid' is unknown"),
        ({"inverters": InverterWish(rated_w=0.0)}, "rated power"),
        ({"heat_pumps": HeatPumpWish(count=1, rated_w=0.0)}, "rated power"),
        ({"batteries": BatteryWish(count=1, capacity_wh=0.0)}, "capacity"),
        ({"tap_changers": (TapChangerWish(steps=0),)}, "tap changer"),
        ({"tap_changers": (TapChangerWish("none"),)}, "no transformer 'none'"),
        ({"errors": StationErrors(metered_share=1.1)}, "metered_share"),
        ({"errors": StationErrors(line_error=1.0)}, "line_error"),
        ({"errors": StationErrors(missing_customers=1000)}, "missing_customers"),
        ({"errors": StationErrors(wrong_phases=1000)}, "wrong_phases"),
        ({"profiles": ProfileWish(loads="guess")}, "'guess'"),
        ({"profiles": ProfileWish(sun="csv")}, "none is named"),
        ({"profiles": ProfileWish(sky="foggy")}, "'foggy'"),
        ({"begin_ns": 0, "profiles": ProfileWish()}, "2016"),
    ],
)
def test_a_request_that_cannot_be_fulfilled_says_why(
    small: Request, change: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InputError, match=reason):
        prepare(replace(small, **change))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"rated_kva": -1.0}, "kVA is not positive"),
        ({"ties": (TieWish("t", 10, 50, "no line"),)}, "no line 'no line'"),
        ({"ties": (TieWish("t", 10, 10, 97),)}, "same node"),
        ({"ties": (TieWish("t", 10, 96, 97),)}, "two rated voltages"),
        ({"ties": (TieWish("t", 10, 5000, 97),)}, "no node '5000'"),
        ({"z": 0.5}, "add up to 1"),
        ({"path": Path("nowhere.json")}, "nowhere.json"),
    ],
)
def test_a_network_that_cannot_be_built_says_why(
    small: Request, change: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InputError, match=reason):
        prepare(replace(small, network=replace(small.network, **change)))


def test_a_running_plant_needs_neither_simbench_nor_pandas(prepared_run: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from ortsnetz_hil.plant import loader; "
        "loader.load(Path(sys.argv[1])); print(sorted({'simbench', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(prepared_run / "plant")],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.strip() == "[]"
