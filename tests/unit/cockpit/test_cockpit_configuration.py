"""A wrong bootstrap file is refused by name; a right one gives absolute paths."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ortsnetz_cockpit.commands.cockpit import cockpit as group
from ortsnetz_cockpit.core.configuration import load
from ortsnetz_cockpit.serving import listen
from ortsnetz_common.errors import InputError, OrtsnetzError


def write(directory: Path, **changes: Any) -> Path:
    document = {
        "data_dir": "data",
        "host": "127.0.0.1",
        "port": 8080,
        "broker": {"host": "127.0.0.1", "port": 1883, "tls": None},
        "nodes": ["ons-1"],
        "tso_profile": "tso-profile.yaml",
        "operator": "operator",
        **changes,
    }
    path = directory / "cockpit.json"
    path.write_text(json.dumps(document))
    return path


def test_relative_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    tls = {"ca": "../broker/ca.pem", "certificate": "/c.pem", "key": "k.key"}
    broker = {"host": "broker.example", "port": 8883, "tls": tls}
    found = load(write(tmp_path, broker=broker))
    assert found.timeseries_file == tmp_path / "data" / "timeseries.duckdb"
    assert found.tso_profile == tmp_path / "tso-profile.yaml"
    assert found.broker.tls is not None
    assert found.broker.tls.ca == tmp_path / "../broker/ca.pem"
    assert found.broker.tls.certificate == Path("/c.pem")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"nodes": []}, "at least one node"),
        ({"nodes": ["ons-1/#"]}, "valid name"),
        ({"port": 0}, "0 is not a TCP port"),
        ({"broker": {"host": "b.example", "port": 1883}}, "broker.tls is needed"),
        ({"host": "0.0.0.0"}, "passwords would travel readable"),
        ({"host": "cockpit.example"}, "passwords would travel readable"),
        ({"operator": " "}, "operator"),
        ({"surprise": 1}, "surprise"),
        ({"port": "8080"}, "port"),
    ],
)
def test_a_wrong_file_is_refused_by_name(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        load(write(tmp_path, **changes))
    assert "cockpit.json" in str(caught.value)


def test_a_proxy_that_ends_tls_makes_cookies_secure(tmp_path: Path) -> None:
    found = load(write(tmp_path, host="0.0.0.0", behind_tls_proxy=True))
    assert found.serves_tls
    assert not load(write(tmp_path)).serves_tls


def test_a_missing_or_broken_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load(tmp_path / "nowhere.json")
    path = tmp_path / "cockpit.json"
    path.write_text("{")
    with pytest.raises(InputError, match="not a cockpit configuration"):
        load(path)


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(OrtsnetzError, match=f"port {port} on 127.0.0.1 is taken") as caught:
            listen("127.0.0.1", port)
    assert caught.value.exit_code == 1
    with pytest.raises(OrtsnetzError, match="cannot listen"):
        listen("203.0.113.1", 1)


def test_counting_says_when_the_cockpit_runs(bench: Any, tmp_path: Path) -> None:
    path = write(tmp_path, nodes=["ons-1", "ons-2"])
    bench.tell_points("m/a")
    bench.tell_values({0: 1.0}, 5)
    # the same process may open the file twice, so the lock itself is tested with real processes
    bench.cockpit.store.close()
    result = CliRunner().invoke(group, ["count", str(path)])
    assert result.exit_code == 0, result.output
    found = json.loads(result.output)
    assert found["ons-1"]["samples_measured"] == 1
    assert found["ons-2"]["records"] == 0


def test_counting_without_a_store_is_an_input_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(group, ["count", str(write(tmp_path))])
    assert isinstance(result.exception, InputError)
    assert "no store yet" in str(result.exception)


def test_an_admin_is_made_on_the_command_line(bench: Any, tmp_path: Path) -> None:
    result = CliRunner().invoke(group, ["account", str(write(tmp_path)), "ada", "--role", "admin"])
    assert result.exit_code == 0, result.output
    password = result.output.split()[-1]
    client = bench.client()
    body = {"user": "ada", "password": password, "new_password": "a long password"}
    assert client.post("/api/v1/session", json=body).json()["role"] == "admin"
