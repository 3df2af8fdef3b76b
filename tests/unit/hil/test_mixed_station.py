"""A mixed substation is the same plant, seen through three protocols."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.parameter_set import read_signed
from ortsnetz_common.parameters.station import Station
from ortsnetz_hil.bench.preparing import check_faults
from ortsnetz_hil.faults import specs
from ortsnetz_hil.faults.specs import Fault
from ortsnetz_hil.plant.application_certificates import SERVER_URI
from ortsnetz_hil.plant.configuration import PlantConfiguration
from ortsnetz_hil.plant.prepare import prepare
from ortsnetz_hil.plant.request import (
    ChargePointWish,
    InverterWish,
    NetworkWish,
    ProfileWish,
    Request,
)
from ortsnetz_hil.scenarios.reader import parse
from ortsnetz_hil.scenarios.translate import plant_faults
from ortsnetz_hil.servers.opcua_park import APPLICATION_URI
from ortsnetz_hil.servers.port_plan import ports, ports_to_listen
from ortsnetz_hil.servers.possible_faults import complaint, targets

CSV = "time,all,PV2\n" + "".join(f"{600 * i},{0.1 * i},{0.2 * i}\n" for i in range(3))
BASE_PORT = 21000
POINTS = 4


@pytest.fixture(scope="module")
def request_(default_network: Path, tmp_path_factory: pytest.TempPathFactory) -> Request:
    folder = tmp_path_factory.mktemp("mixed")
    (folder / "day.csv").write_text(CSV)
    return Request(
        network=NetworkWish(default_network),
        out=folder / "modbus",
        wall_start_ns=0,
        seed=3,
        base_port=BASE_PORT,
        begin_ns=int(datetime(2016, 2, 9, 5, 40, tzinfo=UTC).timestamp()) * 10**9,
        seconds=100.0,
        calendar_factor=9.0,
        charge_points=ChargePointWish(count=POINTS),
        inverters=InverterWish(count=2),
        profiles=ProfileWish(loads="csv", sun="csv", csv=folder / "day.csv"),
    )


@pytest.fixture(scope="module")
def modbus(request_: Request) -> PlantConfiguration:
    return prepare(request_)


@pytest.fixture(scope="module")
def mixed_out(request_: Request) -> Path:
    return request_.out.with_name("mixed")


@pytest.fixture(scope="module")
def mixed(request_: Request, mixed_out: Path) -> PlantConfiguration:
    return prepare(replace(request_, out=mixed_out, protocols="mixed"))


def station(out: Path) -> Station:
    agent = out / "agent"
    anchor = (agent / "trust-anchor.pem").read_bytes()
    return read_signed((agent / "parameters.json").read_bytes(), anchor, "parameters").station


def test_feeders_are_behind_an_rtu_and_charge_points_in_a_park(mixed: PlantConfiguration) -> None:
    rtu, park = mixed.station_servers
    assert (rtu.name, rtu.protocol) == ("rtu-feeders", "dnp3")
    assert rtu.bays == tuple(m.name for m in mixed.meters if m.profile == "meter-feeder")
    assert (park.name, park.protocol) == ("charging-park", "opcua")
    assert park.bays == tuple(point.name for point in mixed.charge_points)
    alone = [m.name for m in mixed.meters if m.profile != "meter-feeder"]
    alone += [inverter.name for inverter in mixed.inverters]
    assert all(mixed.behind(name) is None for name in alone)


def test_it_is_the_same_plant(
    modbus: PlantConfiguration, mixed: PlantConfiguration, request_: Request, mixed_out: Path
) -> None:
    for name in ("network.json", "profiles.json"):
        assert (mixed_out / "plant" / name).read_bytes() == (
            request_.out / "plant" / name
        ).read_bytes()

    def without_ports(configuration: PlantConfiguration) -> Any:
        plain = msgspec.to_builtins(configuration)
        del plain["station_servers"]
        for kind in ("meters", "charge_points", "inverters"):
            for device in plain[kind]:
                del device["port"]
        return plain

    assert without_ports(mixed) == without_ports(modbus)
    assert modbus.station_servers == ()


def test_nobody_shares_a_port_but_those_behind_a_station_server(
    modbus: PlantConfiguration, mixed: PlantConfiguration
) -> None:
    listening = dict(ports_to_listen(mixed))
    assert len(set(listening.values())) == len(listening)
    behind = {name for server in mixed.station_servers for name in server.bays}
    assert not behind & set(listening)
    everywhere, before = dict(ports(mixed)), dict(ports(modbus))
    for server in mixed.station_servers:
        assert server.port not in before.values()
        assert {everywhere[name] for name in server.bays} == {server.port}
    for name in set(before) - behind:
        assert everywhere[name] == before[name], "a device of its own stays where it was"


def test_the_station_of_the_agent_says_which_bay_and_who_has_to_answer(
    mixed: PlantConfiguration, mixed_out: Path
) -> None:
    found = station(mixed_out)
    feeders = [m for m in found.meters if m.profile == "rtu-feeder"]
    rtu, park = mixed.station_servers
    assert [m.name for m in feeders] == list(rtu.bays)
    assert [m.connection.bay for m in feeders] == [str(n) for n in range(len(rtu.bays))]
    for meter in feeders:
        where = meter.connection
        assert (where.protocol, where.port, where.identity) == ("dnp3", rtu.port, "rtu-feeders")
    points = [d for d in found.devices if d.profile == "opcua-charge-point"]
    assert [p.name for p in points] == list(park.bays)
    for number, point in enumerate(points, start=1):
        where = point.connection
        assert (where.protocol, where.port, where.bay) == ("opcua", park.port, str(number))
        assert (where.identity, where.credentials) == (point.name, "charging-park")
    others = {m.connection.protocol for m in found.meters if m.profile != "rtu-feeder"}
    assert others == {"modbus-tcp"}


def test_what_a_device_guarantees_does_not_depend_on_its_protocol(
    modbus: PlantConfiguration,
    mixed: PlantConfiguration,
    request_: Request,
    mixed_out: Path,
) -> None:
    del modbus, mixed
    a, b = station(request_.out), station(mixed_out)
    assert a.pseudo == b.pseudo

    def but_for_the_way(each: Any) -> Any:
        plain = msgspec.to_builtins(each)
        return {k: v for k, v in plain.items() if k not in {"connection", "profile"}}

    assert [but_for_the_way(m) for m in a.meters] == [but_for_the_way(m) for m in b.meters]
    assert [but_for_the_way(d) for d in a.devices] == [but_for_the_way(d) for d in b.devices]


def test_node_and_park_know_each_others_certificates(
    mixed: PlantConfiguration, mixed_out: Path
) -> None:
    del mixed
    server = mixed_out / "plant" / "credentials" / "charging-park"
    client = mixed_out / "agent" / "credentials" / "charging-park"
    assert (server / "ca.pem").read_bytes() == (client / "certificate.pem").read_bytes()
    assert (client / "ca.pem").read_bytes() == (server / "certificate.pem").read_bytes()
    for folder in (server, client):
        assert (folder / "key.pem").stat().st_mode & 0o077 == 0, "a key is its owner's alone"
    certificate = x509.load_pem_x509_certificate((server / "certificate.pem").read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [SERVER_URI]
    assert SERVER_URI == APPLICATION_URI, "a server calls itself what its certificate says"


def test_a_substation_without_charge_points_has_no_park(request_: Request, tmp_path: Path) -> None:
    none = replace(
        request_, out=tmp_path, charge_points=ChargePointWish(count=0), protocols="mixed"
    )
    assert [server.name for server in prepare(none).station_servers] == ["rtu-feeders"]
    assert not (tmp_path / "agent" / "credentials").exists()


def test_another_choice_of_protocols_is_refused(request_: Request, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="protocols: 'profibus' is none of modbus, mixed"):
        prepare(replace(request_, out=tmp_path, protocols="profibus"))


WHEN: dict[str, Any] = {"name": "it", "first_s": 1.0, "last_s": 2.0}
BAY_OF_RTU, BAY_OF_PARK = "meter-feeder-1", "ev-01"


@pytest.mark.parametrize(
    "fault",
    [
        specs.Missing(**WHEN, device=BAY_OF_RTU),
        specs.Frozen(**WHEN, device=BAY_OF_RTU),
        specs.Biased(**WHEN, device=BAY_OF_PARK, u=0.1),
        specs.Reboots(**WHEN, device=BAY_OF_PARK),
        specs.Ignores(**WHEN, device=BAY_OF_PARK),
        specs.Delays(**WHEN, device=BAY_OF_PARK, seconds=3.0),
        specs.Missing(**WHEN, device="rtu-feeders"),
        specs.Reboots(**WHEN, device="charging-park"),
        specs.ChangesAddress(**WHEN, device="charging-park", port=22_000),
        specs.Wire(**WHEN, link="rtu-feeders", half_open=True),
        specs.Wire(**WHEN, link="pv-01", reset=True),
    ],
    ids=lambda fault: f"{fault.__struct_config__.tag} {getattr(fault, 'device', '')}",
)
def test_faults_that_can_be_played(mixed: PlantConfiguration, fault: Fault) -> None:
    assert complaint(fault, targets(mixed), with_uplink=True, stepped=False) is None


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (
            specs.Wire(**WHEN, link=BAY_OF_PARK, reset=True),
            "'ev-01' has no wire of its own: it is behind 'charging-park'",
        ),
        (
            specs.ChangesAddress(**WHEN, device=BAY_OF_RTU, port=22_000),
            "'meter-feeder-1' has no address of its own: it is behind 'rtu-feeders'",
        ),
        (specs.Frozen(**WHEN, device="rtu-feeders"), "'rtu-feeders' measures nothing"),
        (
            specs.Ignores(**WHEN, device="charging-park"),
            "this can happen to a device behind it (ev-01, ev-02",
        ),
        (specs.Rejects(**WHEN, device=BAY_OF_RTU), "'meter-feeder-1' takes no setpoints"),
        (specs.Missing(**WHEN, device="rtu"), "the plant has no device 'rtu'"),
    ],
)
def test_faults_that_cannot_be_played_say_why(
    mixed: PlantConfiguration, fault: Fault, words: str
) -> None:
    why = complaint(fault, targets(mixed), with_uplink=True, stepped=False)
    assert why is not None
    assert words in why


def test_station_servers_are_no_targets_of_a_plant_without_them(
    modbus: PlantConfiguration,
) -> None:
    fault = specs.Missing(**WHEN, device="rtu-feeders")
    why = complaint(fault, targets(modbus), with_uplink=True, stepped=False)
    assert why == "the plant has no device 'rtu-feeders'"


def test_the_plants_file_is_read_back_as_it_was(mixed: PlantConfiguration, mixed_out: Path) -> None:
    text = (mixed_out / "plant" / "plant.json").read_text()
    assert msgspec.json.decode(text, type=PlantConfiguration) == mixed
    assert json.loads(text)["station_servers"][0]["bays"]


SCENARIO = """format: ortsnetz.scenario/1
name: it
title: It
about: A fault at a mixed substation.
seed: 1
network: {source: 1-LV-rural2--0-sw}
time: {mode: real, begin: 2016-07-25T17:00:00Z, seconds: 60}
connected: {protocols: mixed}
criteria: [no overrun]
faults:
"""


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("wire: ev-01, reset: true", "faults[0].wire: 'ev-01' has no wire of its own"),
        ("changes_address: meter-feeder-1, port: 22000", "has no address of its own"),
        ("frozen: charging-park", "faults[0].frozen: 'charging-park' measures nothing"),
        ("ignores: meter-customer-1", "faults[0].ignores: 'meter-customer-1' takes no setpoints"),
    ],
)
def test_a_fault_that_cannot_be_played_is_refused_with_its_line(
    mixed: PlantConfiguration, line: str, words: str
) -> None:
    text = f"{SCENARIO}  - {{name: it, {line}, from: 10 s, to: 20 s}}"
    scenario, source = parse(text.encode(), "x.yaml")
    assert scenario.connected.protocols == "mixed"
    plant = msgspec.structs.replace(mixed, faults=plant_faults(scenario))
    with pytest.raises(InputError) as caught:
        check_faults(scenario, source, plant)
    assert str(caught.value).startswith("x.yaml:11: ")
    assert words in str(caught.value)
