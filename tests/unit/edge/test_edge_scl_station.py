"""`ortsnetz edge scl --write-station`: what a file says is there, what it does not say is asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from small_node import SmallNode
from small_substation import bad

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.parameter_set import ParameterSet, parse, sha256, write_signed
from ortsnetz_common.trust.signature import generate_private_key, public_key
from ortsnetz_edge.commands import edge
from ortsnetz_edge.console.checking.command import check_node
from ortsnetz_edge.console.checking.findings import Verdict
from ortsnetz_edge.drivers import registry

DATA = Path(__file__).resolve().parents[2] / "data"
PLANT = DATA / "scl/plant-controller-edition-2.cid"
RELAY = DATA / "scl/feeder-relay-edition-2.iid"
STATION = DATA / "scl/substation-edition-2-1.scd"
BAY, UNIT = DATA / "goose-bay.scd", DATA / "merging-unit.icd"
MARK = "fill in"
SAID: dict[str, Any] = {
    "node": "ons-1", "version": 3, "network_sha256": "0" * 64, "role": "feeder", "element": 5,
    "phases": "abc", "side": "from", "u_sigma": 0.005, "p_sigma": 20.0, "kind": "pv",
    "phase_count": 3, "rated_w": 60e3, "floor_w": 20e3, "floor_rule": "none", "reaction_s": 5.0,
    "fallback_w": 30e3, "setpoint_pu": 1.0, "u_pu": 1.0, "sigma_pu": 0.02, "host": "10.10.0.9",
    "identity": "S-1", "port": 102,
}  # fmt: skip
"""What the technician says, by field."""
HOSTS = {"goose": "eth1", "iec61850": "10.10.0.9"}


PROTOCOLS = {
    "iec61850": "ortsnetz_iec61850.mms.protocol:Iec61850",
    "goose": "ortsnetz_iec61850.goose.protocol:Goose",
    "sampled-values": "ortsnetz_edge.drivers.sampled_values.protocol:SampledValues",
}
"""The drivers of the field, here without their processes."""


@pytest.fixture(autouse=True)
def drivers(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [EntryPoint(name, value, registry.GROUP) for name, value in PROTOCOLS.items()]
    monkeypatch.setattr(
        registry, "entry_points", lambda group: points if group == registry.GROUP else ()
    )


def written(file: Path, folder: Path, *words: str, direction: str = "away-from-busbar") -> Result:
    options = ["--write-station", str(folder / "station.json"), "--direction", direction]
    options += ["--nominal-voltage", "230", "--rated-current", "100", "--si", *words]
    return CliRunner().invoke(edge, ["scl", str(file), *options])


def station(file: Path, folder: Path, *words: str, **others: str) -> dict[str, Any]:
    """The set that was written."""
    result = written(file, folder, *words, **others)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads((folder / "station.json").read_text("utf-8"))
    return found


def marks(part: Any, *path: str | int) -> Iterator[tuple[str | int, ...]]:
    """Where something is still to be filled in."""
    if isinstance(part, dict) and list(part) == [MARK]:
        yield path
        return
    inside = (
        part if isinstance(part, dict) else dict(enumerate(part if isinstance(part, list) else ()))
    )
    for name, each in inside.items():
        yield from marks(each, *path, name)


def fill(found: dict[str, Any], path: tuple[str | int, ...], value: Any) -> None:
    """Say something; the network's file is that of the small node."""
    inside: Any = found
    for name in path[:-1]:
        inside = inside[name]
    inside[path[-1]] = value


def answer(path: tuple[str | int, ...], folder: Path) -> Any:
    """What the technician says at a place of a set."""
    if path[0] == "profiles":
        return completed(folder / f"{path[1]}.yaml")
    if path[:2] == ("station", "source"):
        return {"node": 1, "u_pu": 1.0, "sigma_pu": 0.02}[str(path[2])]
    if path[:2] == ("station", "devices") and path[-1] == "element":
        return 6
    if path[:2] == ("station", "tap_changers") and path[-1] == "element":
        return 4
    return SAID[str(path[-1])]


def completed(file: Path) -> str:
    """A device's profile, once somebody has taken the set point out of its comments."""
    text = file.read_text("utf-8")
    line = next(each for each in text.splitlines() if each.startswith("#   setpoint:"))
    return text + line.removeprefix("#   ").replace("step: ?", "step: 1").replace("_s: ?", "_s: 5")


def filled(found: dict[str, Any], folder: Path, *but: tuple[str | int, ...]) -> bytes:
    """The set with all that was asked, but at these places."""
    for path in list(marks(found)):
        if path not in but:
            fill(found, path, answer(path, folder))
    return json.dumps(found).encode()


def only(found: dict[str, Any], name: str) -> None:
    """Keep one of the sources that stand for the same place."""
    for part in ("meters", "devices", "tap_changers"):
        found["station"][part] = [e for e in found["station"][part] if e["name"] == name]


def judged(found: dict[str, Any], source: str, folder: Path) -> list[tuple[str, str, str]]:
    """What `edge check` has against a source of a node with this set, or finds wrong at all."""
    small = SmallNode(folder)
    agent = small.write()
    fill(found, ("network_sha256",), sha256((folder / "network.json").read_bytes()))
    parameters: ParameterSet = parse(filled(found, folder), "station.json")
    key = generate_private_key()
    (folder / "anchor.pem").write_bytes(public_key(key))
    (folder / "parameters.json").write_bytes(write_signed(parameters, key))
    report = check_node(agent, online=False)
    return [
        (each.where, each.what, each.sees)
        for each in bad(report)
        if each.where == source or each.verdict is Verdict.WRONG
    ]


def test_what_a_file_says_of_a_device_is_in_its_connection(tmp_path: Path) -> None:
    (device,) = station(PLANT, tmp_path)["station"]["devices"]
    assert device["name"] == device["profile"] == "pv1"
    connection = device["connection"]
    assert (connection["protocol"], connection["host"]) == ("iec61850", "10.10.0.7")
    assert connection["port"] == 102
    assert "LD0/LPHD1.PhyNam.serNum[DC]" in connection["identity"][MARK]


def test_a_device_whose_file_says_its_serial_number_is_known_by_it(tmp_path: Path) -> None:
    (meter,) = station(RELAY, tmp_path)["station"]["meters"]
    assert meter["connection"] == {
        "protocol": "iec61850",
        "host": "10.10.0.22",
        "port": 102,
        "identity": "FR-0042",
    }


def test_what_is_wrong_besides_is_not_taken_for_a_mark(tmp_path: Path) -> None:
    found = station(RELAY, tmp_path)
    del found["station"]["meters"][0]["connection"]
    with pytest.raises(InputError, match="'f2': the field 'connection' is missing"):
        parse(filled(found, tmp_path, ("station", "source", "node")), "station.json")


def test_all_devices_of_a_substation_and_the_streams_are_there(tmp_path: Path) -> None:
    found = station(STATION, tmp_path)["station"]
    assert [meter["name"] for meter in found["meters"]] == ["reg1-ld0-mmxu1", "reg1-ld0-mmxu2"]
    assert {meter["connection"]["host"] for meter in found["meters"]} == {"10.10.0.8"}
    meters = {each["name"]: each for each in station(UNIT, tmp_path / "unit")["station"]["meters"]}
    assert meters["mu1-mu01-msvcb01"]["connection"] == {
        "protocol": "sampled-values",
        "host": "01-0C-CD-04-00-11",
        "port": 0x4001,
        "path": "MU1MU01",
    }
    nowhere = meters["mu1-mu01-msvcb02"]["connection"]  # its block has no address in the file
    assert "the file says none" in nowhere["host"][MARK]
    assert "the file says none" in nowhere["port"][MARK]


def test_what_multicasts_can_be_read_or_listened_to(tmp_path: Path) -> None:
    meters = station(BAY, tmp_path)["station"]["meters"]
    assert [(each["name"], each["profile"]) for each in meters] == [
        ("b1", "b1"),
        ("b1-goose", "b1"),
    ]
    read, listened = (each["connection"] for each in meters)
    assert "the file says none" in read["host"][MARK]
    assert listened["path"] == "B1 01-0C-CD-01-00-01/3001/00A 01-0C-CD-01-00-02/3002"
    assert "interface" in listened["host"][MARK]


@pytest.mark.parametrize("file", [PLANT, STATION, BAY, UNIT])
def test_a_node_refuses_each_value_that_nobody_has_filled_in(file: Path, tmp_path: Path) -> None:
    found = station(file, tmp_path)
    text = json.dumps(found)
    assert len(list(marks(found))) > 10
    for place in list(marks(found)):
        again = json.loads(text)
        with pytest.raises(InputError, match="still to be filled in: ") as refused:
            parse(filled(again, tmp_path, place), "station.json")
        assert str(place[0]) in str(refused.value)
    assert parse(filled(found, tmp_path), "station.json").station.source.node == 1


def test_a_refusal_names_the_source_and_says_what_has_to_come(tmp_path: Path) -> None:
    found = station(PLANT, tmp_path)
    place = ("station", "devices", 0, "phases")
    with pytest.raises(InputError) as refused:
        parse(filled(found, tmp_path, place), "station.json")
    assert str(refused.value) == (
        "station.json: not a parameter set: station.devices[0] 'pv1': phases: still to be filled "
        "in: network phases at its terminals 1, 2, 3, such as abc"
    )


@pytest.mark.parametrize(
    ("file", "source"),
    [(PLANT, "pv1"), (RELAY, "f2"), (BAY, "b1"), (BAY, "b1-goose"), (UNIT, "mu1-mu01-msvcb01")],
)
def test_once_filled_in_the_check_of_a_node_has_nothing_against_it(
    file: Path, source: str, tmp_path: Path
) -> None:
    found = station(file, tmp_path)
    only(found, source)
    for meter in found["station"]["meters"]:
        meter["connection"]["host"] = (
            HOSTS.get(meter["connection"]["protocol"]) or meter["connection"]["host"]
        )
    assert judged(found, source, tmp_path) == []


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "station.json").write_text("mine")
    result = written(PLANT, tmp_path)
    assert isinstance(result.exception, InputError)
    assert "it is not overwritten" in str(result.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["station.json"]
