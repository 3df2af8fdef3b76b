"""The plant as the demo starts it: a process with a port for each device."""

from __future__ import annotations

import json
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pymodbus.client import ModbusTcpClient

ORTSNETZ = str(Path(sys.executable).with_name("ortsnetz"))
NETWORK = "1-LV-rural1--0-sw"
DEADLINE_S = 30.0

pytestmark = pytest.mark.interop


def _until(condition: Callable[[], bool], what: str, deadline_s: float = DEADLINE_S) -> None:
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, f"not within {deadline_s} s: {what}"
        time.sleep(0.05)


def _free_block(length: int) -> int:
    """First of consecutive free ports."""
    for _ in range(100):
        first = random.randrange(20_000, 60_000)
        try:
            for port in range(first, first + length):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
    raise AssertionError("no free block of ports")


def _ortsnetz(*arguments: object) -> None:
    done = subprocess.run(
        [ORTSNETZ, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("network") / "network.json"
    _ortsnetz("network", "import", NETWORK, "-o", path)
    return path


@dataclass
class Running:
    """A running plant and its directory."""

    process: subprocess.Popen[str]
    directory: Path

    @property
    def plan(self) -> dict[str, Any]:
        return json.loads((self.directory / "plant" / "plant.json").read_text())

    def port(self, name: str) -> int:
        plan = self.plan
        every = [*plan["meters"], *plan["charge_points"], *plan["inverters"]]
        return next(spec["port"] for spec in every if spec["name"] == name)

    def counters(self) -> dict[str, Any]:
        return json.loads((self.directory / "plant" / "counters.json").read_text())

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE_S)


def _prepare(network: Path, out: Path, *more: object) -> Path:
    first = _free_block(50)
    _ortsnetz("plant", "prepare", network, "--out", out, "--base-port", first, *more)
    return out


def _start(directory: Path, *more: str) -> Running:
    process = subprocess.Popen(
        [ORTSNETZ, "plant", "run", str(directory), *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.strip() == "plant: ready", line + process.stdout.read()
    return Running(process, directory)


@pytest.fixture
def plant(network: Path, tmp_path: Path) -> Iterator[Running]:
    """A plant whose transformer meter falls silent half a second after the window began."""
    directory = _prepare(network, tmp_path / "run", "--seconds", 120)
    running = _start(directory, "--silent", "meter-transformer@0.5-100000")
    yield running
    if running.process.poll() is None:
        running.process.kill()
        running.process.wait(DEADLINE_S)


def test_a_network_with_few_customers_shares_its_nodes(plant: Running) -> None:
    nodes = [spec["node"] for spec in plant.plan["charge_points"]]
    assert len(nodes) == 20
    assert len(set(nodes)) < 20


def test_a_command_acts_on_the_plant_and_is_counted(plant: Running) -> None:
    client = ModbusTcpClient("127.0.0.1", port=plant.port("pv-01"))
    assert client.connect()

    def watts() -> int:
        answer = client.read_holding_registers(40_000, count=31, device_id=1)
        assert not answer.isError()
        return sum(answer.registers[:3])

    before = watts()
    assert before > 1000  # the fall-back of 30 % at noon
    assert not client.write_register(40_100, 50, device_id=1).isError()
    _until(lambda: watts() <= 15_000 * 0.05 * 1.05, "the inverter follows", 4.0)
    client.close()
    assert plant.stop() == 0
    counters = plant.counters()
    assert counters["finished"] is True
    assert counters["devices"]["pv-01"]["writes"] == 1
    assert counters["devices"]["pv-01"]["reads"] >= 2
    assert list((plant.directory / "plant" / "truth").glob("part-*.parquet"))


def test_a_silent_device_leaves_its_client_without_an_answer(plant: Running) -> None:
    client = ModbusTcpClient(
        "127.0.0.1", port=plant.port("meter-transformer"), timeout=0.3, retries=0
    )

    def unanswered() -> bool:
        client.connect()
        try:
            return bool(client.read_holding_registers(0, count=30, device_id=1).isError())
        except Exception:  # noqa: BLE001 - whatever the client makes of silence
            return True

    _until(unanswered, "the meter falls silent")
    client.close()
    other = ModbusTcpClient("127.0.0.1", port=plant.port("meter-feeder-1"))
    assert other.connect()
    assert not other.read_input_registers(100, count=29, device_id=1).isError()
    other.close()


def test_truth_survives_a_kill(plant: Running) -> None:
    folder = plant.directory / "plant" / "truth"
    _until(lambda: len(list(folder.glob("part-*.parquet"))) >= 2, "two parts are written")
    plant.process.kill()
    plant.process.wait(DEADLINE_S)
    done = subprocess.run(
        [ORTSNETZ, "plant", "judge", str(plant.directory)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    verdict = json.loads(done.stdout)
    assert verdict["steps"] >= 20
    assert verdict["reaction"] is not None


def test_a_taken_port_is_named_with_its_device_before_anything_starts(
    network: Path, tmp_path: Path
) -> None:
    directory = _prepare(network, tmp_path / "run")
    plan = json.loads((directory / "plant" / "plant.json").read_text())
    taken = plan["charge_points"][2]
    with socket.socket() as other:
        other.bind(("127.0.0.1", taken["port"]))
        other.listen()
        done = subprocess.run(
            [ORTSNETZ, "plant", "run", str(directory)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert str(taken["port"]) in line
    assert taken["name"] in line
    assert not (directory / "plant" / "counters.json").exists()


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--silent", "ev-99@1-2", "ev-99"),
        ("--silent", "ev-01", "DEVICE@SECONDS-SECONDS"),
    ],
)
def test_a_fault_that_cannot_be_is_refused(
    network: Path, tmp_path: Path, option: str, value: str, words: str
) -> None:
    directory = _prepare(network, tmp_path / "run")
    done = subprocess.run(
        [ORTSNETZ, "plant", "run", str(directory), option, value],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
