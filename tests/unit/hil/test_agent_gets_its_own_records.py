"""Plant and agent never share a network: what the agent gets is what a DSO would know."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.parameter_set import ParameterSet, read_signed, sha256
from ortsnetz_common.parameters.station import DeviceKind, MeterRole
from ortsnetz_hil.plant import configuration as files
from ortsnetz_hil.plant import profiles
from ortsnetz_hil.plant.prepare import prepare
from ortsnetz_hil.plant.request import ChargePointWish, InverterWish, NetworkWish, Request


def _elements(path: Path) -> dict[int, dict[str, Any]]:
    data = json.loads(path.read_text())["data"]
    return {element["id"]: element for elements in data.values() for element in elements}


@pytest.fixture(scope="module")
def plants(prepared_run: Path) -> dict[int, dict[str, Any]]:
    return _elements(prepared_run / "plant" / "network.json")


@pytest.fixture(scope="module")
def agents(prepared_run: Path) -> dict[int, dict[str, Any]]:
    return _elements(prepared_run / "agent" / "network.json")


@pytest.fixture(scope="module")
def parameters(prepared_run: Path) -> ParameterSet:
    agent = prepared_run / "agent"
    return read_signed(
        (agent / "parameters.json").read_bytes(),
        (agent / "trust-anchor.pem").read_bytes(),
        "parameters.json",
    )


def test_the_set_is_signed_and_belongs_to_the_agents_network(
    prepared_run: Path, parameters: ParameterSet
) -> None:
    network = (prepared_run / "agent" / "network.json").read_bytes()
    assert parameters.network_sha256 == sha256(network)
    assert parameters.node == "ons-1"


def test_a_changed_set_is_refused(prepared_run: Path) -> None:
    agent = prepared_run / "agent"
    changed = (agent / "parameters.json").read_bytes().replace(b'"version":1', b'"version":2')
    with pytest.raises(InputError):
        read_signed(changed, (agent / "trust-anchor.pem").read_bytes(), "changed")


def test_the_signing_key_stays_with_the_plant_and_is_private(prepared_run: Path) -> None:
    key = prepared_run / "plant" / "signing-key.pem"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert not list((prepared_run / "agent").glob("*key*"))


def test_impedances_are_off_by_up_to_ten_per_cent_and_not_by_a_common_factor(
    plants: dict[int, dict[str, Any]], agents: dict[int, dict[str, Any]]
) -> None:
    ratios = [
        agents[i][name] / element[name]
        for i, element in plants.items()
        if "r1" in element
        for name in ("r1", "x1", "r0", "x0")
    ]
    assert max(abs(ratio - 1.0) for ratio in ratios) <= 0.10 + 1e-9
    assert max(ratios) > 1.05
    assert min(ratios) < 0.95


def test_phases_are_known_only_where_there_is_a_meter(
    plants: dict[int, dict[str, Any]],
    agents: dict[int, dict[str, Any]],
    prepared_run: Path,
) -> None:
    metered = {load for meter in files.read(prepared_run / "plant").meters for load in meter.loads}
    loads = [i for i, e in plants.items() if "Load" in str(e.get("name"))]
    assert len(metered) == len(loads) // 4
    for load in loads:
        known, true = agents[load]["p_specified"], plants[load]["p_specified"]
        assert sum(known) == pytest.approx(sum(true))
        if load in metered:
            assert known == true
        else:
            assert known == pytest.approx([sum(true) / 3] * 3)


def test_the_agent_is_not_told_the_plants_profiles(agents: dict[int, dict[str, Any]]) -> None:
    assert not any("profile" in element for element in agents.values())


def test_every_device_has_the_same_element_in_both_networks(
    plants: dict[int, dict[str, Any]], agents: dict[int, dict[str, Any]], parameters: ParameterSet
) -> None:
    assert len(parameters.station.devices) == 40
    for device in parameters.station.devices:
        assert plants[device.element]["name"] == device.name
        assert agents[device.element]["node"] == plants[device.element]["node"]


def test_floors_are_four_point_two_kilowatts_rounded_up_to_an_ampere(
    parameters: ParameterSet,
) -> None:
    floors = {
        (device.rated_w, device.floor_w)
        for device in parameters.station.devices
        if device.kind is DeviceKind.EV
    }
    assert floors == {(22_080.0, 4830.0), (11_040.0, 4830.0), (4600.0, 4370.0)}
    pv = [d for d in parameters.station.devices if d.kind is DeviceKind.PV]
    assert {(d.rated_w, d.floor_w, d.fallback_w) for d in pv} == {(15_000.0, 0.0, 4500.0)}


def test_a_single_phase_charge_point_without_a_meter_has_unknown_phases(
    prepared_run: Path, parameters: ParameterSet
) -> None:
    metered = {meter.element for meter in parameters.station.meters if meter.side is None}
    nodes = {spec.name: spec.node for spec in files.read(prepared_run / "plant").charge_points}
    for device in parameters.station.devices:
        if device.phase_count == 1 and nodes[device.name] not in metered:
            assert device.phases is None
        else:
            assert device.phases is not None


def test_everything_uncontrolled_is_metered_or_has_a_pseudo_measurement(
    plants: dict[int, dict[str, Any]], parameters: ParameterSet, prepared_run: Path
) -> None:
    devices = {device.element for device in parameters.station.devices}
    metered = {load for meter in files.read(prepared_run / "plant").meters for load in meter.loads}
    uncontrolled = {i for i, e in plants.items() if "p_specified" in e} - devices
    assert {p.element for p in parameters.station.pseudo} == uncontrolled - metered


def test_pseudo_measurements_are_rough_but_honest(
    plants: dict[int, dict[str, Any]], parameters: ParameterSet, prepared_run: Path
) -> None:
    day = profiles.read(prepared_run / "plant" / "profiles.json")
    scores = []
    for pseudo in parameters.station.pseudo:
        element = plants[pseudo.element]
        sign = -1.0 if "kwp" in element else 1.0
        curve = day.active(element["profile"], "test").values
        for quarter, share in enumerate(curve[:-1]):
            hour = 11 + quarter // 4
            true = sign * sum(element["p_specified"]) * share
            scores.append((true - pseudo.hourly_w[hour]) / pseudo.sigma_w[hour])
    spread = (sum(score**2 for score in scores) / len(scores)) ** 0.5
    assert 0.3 < spread < 1.0  # neither copied from the plant nor over-confident
    assert max(map(abs, scores)) < 4.0


def test_one_meter_guards_and_feeders_begin_at_the_busbar(
    parameters: ParameterSet, plants: dict[int, dict[str, Any]]
) -> None:
    meters = parameters.station.meters
    guards = [meter for meter in meters if meter.guards]
    assert [meter.name for meter in guards] == ["meter-transformer"]
    busbar = plants[guards[0].element]["to_node"]
    feeders = [meter for meter in meters if meter.role is MeterRole.FEEDER]
    assert [meter.name for meter in feeders] == [f"meter-feeder-{i + 1}" for i in range(4)]
    for feeder in feeders:
        line = plants[feeder.element]
        assert line[f"{feeder.side}_node"] == busbar


def test_the_calendar_fits_the_plants_window(prepared_run: Path, parameters: ParameterSet) -> None:
    window = files.read(prepared_run / "plant").window
    assert parameters.calendar is not None
    middle = window.wall_start_ns + 60_000_000_000
    assert parameters.calendar.at(middle) == window.after(60.0).calendar_ns


def test_the_same_seed_prepares_the_same_plant(default_network: Path, tmp_path: Path) -> None:
    def once(name: str, seed: int) -> files.PlantConfiguration:
        return prepare(
            Request(
                network=NetworkWish(default_network),
                out=tmp_path / name,
                wall_start_ns=0,
                seed=seed,
                seconds=120.0,
                charge_points=ChargePointWish(count=4),
                inverters=InverterWish(count=4),
            )
        )

    first = once("a", 7)
    assert msgspec.json.encode(first) == msgspec.json.encode(once("b", 7))
    for file in ("agent/network.json", "plant/network.json", "plant/profiles.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert first.charge_points != once("c", 8).charge_points
