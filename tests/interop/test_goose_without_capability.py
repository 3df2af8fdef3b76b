"""Who listens to GOOSE has no capability: a service that reads nothing opens the sockets."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from goose_bench import STATES, bay
from private_network import private_network

from ortsnetz_iec61850.goose.packet_socket import FOLDER_VARIABLE

pytestmark = pytest.mark.interop
ORTSNETZ = str(Path(sys.executable).with_name("ortsnetz"))
WITHOUT = ["setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-net_raw"]


@pytest.fixture
def cable() -> Iterator[tuple[str, str]]:
    with private_network() as ends:
        yield ends


def listening(near: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """`ortsnetz edge goose` without the capability."""
    return subprocess.run(
        [*WITHOUT, ORTSNETZ, "edge", "goose", near, "--seconds", "0.7"],
        env={**os.environ, FOLDER_VARIABLE: str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@contextmanager
def opener(name: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """The service that opens sockets."""
    command = [sys.executable, "-m", "ortsnetz_iec61850.goose.opener", name]
    environment = {**os.environ, FOLDER_VARIABLE: str(folder)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert str(folder / f"{name}.sock") in process.stdout.readline()
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0


def test_a_socket_that_was_handed_over_hears_all(cable: tuple[str, str], tmp_path: Path) -> None:
    near, far = cable
    with bay(far), opener(near, tmp_path):
        for _ in range(2):
            heard = listening(near, tmp_path)
            assert STATES in heard.stdout, heard.stderr
            assert "2 GOOSE streams" in heard.stdout
    assert oct((tmp_path / f"{near}.sock").stat().st_mode & 0o777) == "0o660"


def test_without_the_opener_it_is_said_what_is_missing(
    cable: tuple[str, str], tmp_path: Path
) -> None:
    refused = listening(cable[0], tmp_path)
    assert refused.returncode == 1
    assert "must not open packet sockets (CAP_NET_RAW)" in refused.stderr
    assert str(tmp_path / f"{cable[0]}.sock") in refused.stderr


def test_an_opener_of_an_interface_that_is_gone_says_so(
    cable: tuple[str, str], tmp_path: Path
) -> None:
    near, _ = cable
    with opener("gone0", tmp_path):
        (tmp_path / f"{near}.sock").symlink_to(tmp_path / "gone0.sock")
        refused = listening(near, tmp_path)
    assert refused.returncode == 1
    assert "interface 'near0': No such device" in refused.stderr
