"""A real cockpit behind a real broker, fed as an agent feeds it, and a real browser before it."""

from __future__ import annotations

import contextlib
import json
import queue
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from selenium.webdriver.remote.webdriver import WebDriver

from ortsnetz_common.link import topics
from ortsnetz_common.link.codec import encode, encode_record
from ortsnetz_common.link.messages import Batch, Presence, Record
from ortsnetz_common.measurement.time import NS_PER_S, now_ns

sys.path.insert(0, str(Path(__file__).parent))  # for what stands here and is no test

MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
PASSWORD = "a long night at the desk"
HISTORY_S = 40


def until(condition: Callable[[], Any], timeout_s: float = 15.0, what: str = "it") -> Any:
    """Poll until the condition is true; its value."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"{what} did not happen in {timeout_s} s"
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Cockpit:
    """The cockpit as a process; it can be killed and started again on the same data."""

    def __init__(self, directory: Path, broker_port: int) -> None:
        self.directory = directory
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.one_time_password = ""
        self._process: subprocess.Popen[str] | None = None
        directory.mkdir()
        (directory / "cockpit.json").write_text(
            json.dumps(
                {
                    "data_dir": "data",
                    "host": "127.0.0.1",
                    "port": self.port,
                    "broker": {"host": "127.0.0.1", "port": broker_port, "tls": None},
                    "nodes": ["ons-1"],
                    "tso_profile": None,
                    "operator": "operator",
                }
            )
        )

    def start(self) -> None:
        self._process = subprocess.Popen(
            [Path(sys.executable).with_name("ortsnetz"), "cockpit", "serve", "cockpit.json"],
            cwd=self.directory,
            stdout=subprocess.PIPE,
            stderr=(self.directory / "log").open("a"),
            text=True,
        )
        lines: queue.Queue[str] = queue.Queue()
        reader = threading.Thread(target=self._read, args=(self._process, lines), daemon=True)
        reader.start()
        deadline = time.monotonic() + 20
        while "ready" not in (line := lines.get(timeout=max(0.01, deadline - time.monotonic()))):
            if line.startswith("one-time password"):
                self.one_time_password = line.rpartition(": ")[2].strip()

    @staticmethod
    def _read(process: subprocess.Popen[str], lines: queue.Queue[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line)

    def kill(self) -> None:
        """As a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(15)
            self._process = None

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return self._ask("POST", path, json.dumps(body), {"Content-Type": "application/json"})

    def get(self, path: str, token: str) -> Any:
        return self._ask("GET", path, None, {"Authorization": f"Bearer {token}"})

    def _ask(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> Any:
        with contextlib.closing(HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            connection.request(method, f"/api/v1{path}", body, headers)
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status == 200, f"{method} {path}: {answer.status} {text!r}"
            return json.loads(text)


class Agent:
    """Sends a scene as an agent would: some history at once, then a batch a second."""

    def __init__(self, scene: Any, broker_port: int, epoch: str = "e1") -> None:
        self.scene = scene
        self.paused = False
        self._epoch = epoch
        self._extra: queue.Queue[Record] = queue.Queue()
        self._sequence = 1
        self._cycle = 0
        self._stop = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="agent", protocol=MQTTv5)
        self._client.connect("127.0.0.1", broker_port)
        self._client.loop_start()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def say(self, record: Record) -> None:
        """Send one more record with the next batch."""
        self._extra.put(record)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(10)
        self._client.disconnect()
        self._client.loop_stop()

    def _run(self) -> None:
        begin = now_ns() // NS_PER_S - HISTORY_S
        node = self.scene.node
        presence = encode(Presence(node, online=True, epoch=self._epoch))
        self._client.publish(topics.presence(node), presence, qos=1, retain=True)
        self._send([self.scene.catalogue()])
        for second in range(HISTORY_S):
            self._say_cycle((begin + second) * NS_PER_S)
        while not self._stop.wait(1 - time.time() % 1):
            if not self.paused:
                self._say_cycle(now_ns() // NS_PER_S * NS_PER_S)

    def _say_cycle(self, time_ns: int) -> None:
        records = self.scene.records(time_ns, self._cycle)
        with contextlib.suppress(queue.Empty):
            while True:
                records.append(self._extra.get_nowait())
        self._cycle += 1
        self._send(records)

    def _send(self, records: list[Record]) -> None:
        batch = Batch(
            self.scene.node,
            self._epoch,
            self._sequence,
            tuple(encode_record(record) for record in records),
        )
        self._sequence += len(records)
        self._client.publish(topics.uplink(self.scene.node), encode(batch), qos=1)


@dataclass(frozen=True)
class Station:
    """A cockpit, the agent that feeds it, and how to log in."""

    cockpit: Cockpit
    agent: Agent
    token: str


@pytest.fixture(scope="session")
def broker_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    port = free_port()
    file = tmp_path_factory.mktemp("broker") / "mosquitto.conf"
    file.write_text(f"user root\nlistener {port} 127.0.0.1\nallow_anonymous true\n")
    process = subprocess.Popen([MOSQUITTO, "-c", file], stderr=subprocess.DEVNULL)
    try:
        until(lambda: _answers(port), what="the broker's start")
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
        return True
    return False


@pytest.fixture(scope="session")
def station(broker_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    """One station for the whole session; the operator has a password of his own."""
    from scene import Scene

    cockpit = Cockpit(tmp_path_factory.mktemp("cockpit") / "run", broker_port)
    cockpit.start()
    agent = Agent(Scene(), broker_port)
    try:
        session = cockpit.post(
            "/session",
            {
                "user": "operator",
                "password": cockpit.one_time_password,
                "new_password": PASSWORD,
            },
        )
        yield Station(cockpit, agent, session["token"])
    finally:
        agent.stop()
        cockpit.stop()


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    import chromium as browser

    if browser.CHROMIUM is None or browser.CHROMEDRIVER is None:
        pytest.skip("chromium or chromedriver is not installed")
    driver = browser.start(tmp_path_factory.mktemp("profile"))
    try:
        yield driver
    finally:
        driver.quit()


def complaints(driver: WebDriver) -> list[str]:
    """Errors of the browser's console since it was asked last: scripts, policy, missing files."""
    return [entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
