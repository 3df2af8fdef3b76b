"""Drivers get their profiles and certificates from the node's own files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.parameter_set import (
    SCHEMA,
    ParameterSet,
    read_signed,
    write_signed,
)
from ortsnetz_common.parameters.station import SourcePseudo, Station
from ortsnetz_common.trust.signature import generate_private_key, public_key
from ortsnetz_edge.assembly import environment
from ortsnetz_edge.bootstrap import Configuration, read_bootstrap
from ortsnetz_edge.clock import WallClock
from ortsnetz_edge.network_index import NetworkIndex

OWN = """
format: ortsnetz.profile/2
kind: meter-customer
version: 9
describes: another customer meter
protocol: modbus
direction: consumption
voltage: {at: [input/0, input/1, input/2], range: [0, 460]}
"""


def bootstrap_file(folder: Path, **more: str) -> Path:
    path = folder / "AGENT.json"
    names = {"data_dir": "data", "parameters": "p.json", "trust_anchor": "a.pem", "network": "n"}
    said = {"node": "ons-1", **names, "broker": {"host": "h", "port": 1883}, **more}
    path.write_text(json.dumps(said))
    return path


def configuration(folder: Path, profiles: dict[str, str], **more: str) -> Configuration:
    station = Station((), (), (), SourcePseudo(1, 1.0, 0.01))
    parameters = ParameterSet(SCHEMA, "ons-1", 1, "00", station, profiles=profiles)
    key = generate_private_key()
    signed = read_signed(write_signed(parameters, key), public_key(key), "set")
    bootstrap = read_bootstrap(bootstrap_file(folder, **more))
    return Configuration(bootstrap, signed, "", "", NetworkIndex((), (), (), ()))


def test_a_profile_of_the_signed_set_comes_before_the_one_that_ships(tmp_path: Path) -> None:
    given = environment(configuration(tmp_path, {"meter-customer": OWN}), WallClock())
    assert given.library.load("meter-customer").version == 9
    assert given.library.load("meter-feeder").kind == "meter-feeder"


def test_a_profile_that_somebody_has_changed_spoils_the_signature() -> None:
    station = Station((), (), (), SourcePseudo(1, 1.0, 0.01))
    parameters = ParameterSet(SCHEMA, "ons-1", 1, "00", station, profiles={"meter-customer": OWN})
    key = generate_private_key()
    tampered = write_signed(parameters, key).replace(b"[0, 460]", b"[0, 900]")
    with pytest.raises(InputError, match="signature"):
        read_signed(tampered, public_key(key), "set")


@pytest.mark.parametrize(
    ("more", "where"), [({}, "credentials"), ({"credentials": "../pki"}, "../pki")]
)
def test_certificates_are_beside_the_bootstrap_file(
    tmp_path: Path, more: dict[str, str], where: str
) -> None:
    folder = tmp_path / where / "park"
    folder.mkdir(parents=True)
    for name in ("ca", "certificate", "key"):
        (folder / f"{name}.pem").write_text("x")
    given = environment(configuration(tmp_path, {}, **more), WallClock())
    assert given.credentials("park").ca.resolve() == (folder / "ca.pem").resolve()
    with pytest.raises(InputError, match="nobody"):
        given.credentials("nobody")
