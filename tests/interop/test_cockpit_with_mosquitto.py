"""The real cockpit process behind a real broker: nothing lost or doubled, whatever is killed."""

from __future__ import annotations

import contextlib
import getpass
import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import yaml
from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from websockets.sync.client import connect

from ortsnetz_common.link import topics
from ortsnetz_common.link.codec import MAX_MESSAGE_BYTES, decode, encode, encode_record
from ortsnetz_common.link.messages import (
    Alarm,
    AlarmState,
    Batch,
    Catalogue,
    Presence,
    Samples,
    Watermark,
)
from ortsnetz_common.measurement.origin import Origin
from ortsnetz_common.measurement.point import Point, Unit
from ortsnetz_common.parameters.station import (
    Connection,
    Meter,
    MeterRole,
    Side,
    SourcePseudo,
    Station,
)
from ortsnetz_common.trust.authority import Authority

NODE = "ons-1"
HOST = "127.0.0.1"
OWN_PASSWORD = "correct horse battery"
PROGRAM = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
ORTSNETZ = str(Path(sys.executable).parent / "ortsnetz")
pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(PROGRAM is None, reason="mosquitto is not installed"),
]
S = 10**9
STATION = Station(
    (
        Meter(
            name="m",
            role=MeterRole.TRANSFORMER,
            profile="any",
            connection=Connection("modbus-tcp", HOST, 502),
            element=1,
            phases="abc",
            u_sigma=0.01,
            p_sigma=10.0,
            side=Side.TO,
        ),
    ),
    (),
    (),
    SourcePseudo(1, 1.0, 0.01),
)
POINTS = tuple(
    Point(f"m/{name}", unit, 1)
    for name, unit in (
        ("LPHD1.RdCnt", Unit.COUNT),
        ("MMXU1.W.phsA", Unit.WATT),
        ("MMXU1.W.phsB", Unit.WATT),
        ("MMXU1.W.phsC", Unit.WATT),
    )
)


def until(condition: Callable[[], object], timeout_s: float = 30.0) -> None:
    """Poll, at most so long."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def catalogue() -> bytes:
    return encode_record(Catalogue(0, POINTS, "ab", None, msgspec.json.encode(STATION).decode()))


def reading(number: int, time_ns: int) -> bytes:
    values = (float(number), -1000.0, -2000.0, -3000.0)
    return encode_record(
        Samples(Origin.MEASURED, (0, 1, 2, 3), values, (0,) * 4, (time_ns,) * 4, (0,) * 4)
    )


class Broker:
    """mosquitto on loopback with mutual TLS, as in the demo."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self.directory = directory
        self.process: subprocess.Popen[bytes] | None = None
        authority = Authority()
        (directory / "ca.pem").write_bytes(authority.certificate)
        for name in ("broker", NODE, "cockpit", "tso"):
            identity = authority.issue(name, server=name == "broker")
            (directory / f"{name}.pem").write_bytes(identity.certificate)
            (directory / f"{name}.key").write_bytes(identity.key)
        (directory / "mosquitto.conf").write_text(
            f"user {getpass.getuser()}\nlistener {self.port} {HOST}\ncafile {directory}/ca.pem\n"
            f"certfile {directory}/broker.pem\nkeyfile {directory}/broker.key\n"
            "require_certificate true\nuse_identity_as_username true\n"
            f"max_packet_size {MAX_MESSAGE_BYTES + 1024}\npersistence false\n"
        )

    def tls(self, name: str) -> dict[str, str]:
        where = self.directory
        return {
            "ca": str(where / "ca.pem"),
            "certificate": str(where / f"{name}.pem"),
            "key": str(where / f"{name}.key"),
        }

    def start(self) -> None:
        assert PROGRAM is not None
        self.process = subprocess.Popen(
            [PROGRAM, "-c", str(self.directory / "mosquitto.conf")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(self._listens)

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection((HOST, self.port), 1):
            return True
        return False

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)

    def client(self, name: str, on_message: Callable[[MQTTMessage], None], topic: str) -> Client:
        client = Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTv5)
        tls = self.tls(name)
        client.tls_set(tls["ca"], tls["certificate"], tls["key"])
        client.reconnect_delay_set(0.2, 1)
        client.on_connect = lambda c, *_: c.subscribe(topic, 1)
        client.on_message = lambda _c, _d, message: on_message(message)
        client.connect(HOST, self.port)
        client.loop_start()
        until(client.is_connected)
        return client


class Node:
    """An agent's uplink reduced to its rules: in order, from the watermark, again if it stalls."""

    def __init__(self, broker: Broker) -> None:
        self.records: list[bytes] = [catalogue()]
        self.watermark = 0
        self.answers = 0
        self._stopping = threading.Event()
        self.client = broker.client(NODE, self._on_message, topics.downlink(NODE))
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _on_message(self, message: MQTTMessage) -> None:
        said = decode(message.payload)
        assert isinstance(said, Watermark)
        self.answers += 1
        if said.epoch == "epoch":
            self.watermark = max(self.watermark, said.sequence)

    def send(self, first: int, count: int, epoch: str = "epoch") -> None:
        records = tuple(self.records[first - 1 : first - 1 + count])
        batch = Batch(NODE, epoch, first, records)
        self.client.publish(topics.uplink(NODE), encode(batch), 1)

    def start(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        while not self._stopping.is_set():
            before = self.watermark
            for ahead in range(4):
                first = before + 1 + 5 * ahead
                if first <= len(self.records):
                    self.send(first, 5)
            deadline = time.monotonic() + 0.3
            while self.watermark == before and time.monotonic() < deadline:
                self._stopping.wait(0.005)

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(5)
        self.client.disconnect()
        self.client.loop_stop()


class CockpitProcess:
    """`ortsnetz cockpit serve` as an operator would start it."""

    def __init__(self, directory: Path, broker: Broker) -> None:
        self.port = free_port()
        self.base = f"http://{HOST}:{self.port}"
        self.configuration = directory / "cockpit.json"
        self.process: subprocess.Popen[str] | None = None
        self.password: str | None = None
        self._token: str | None = None
        (directory / "tso.yaml").write_text(
            yaml.safe_dump(
                {
                    "format": "ortsnetz.tso-profile/1",
                    "interfaces": [
                        {
                            "name": "uw-nord",
                            "node": NODE,
                            "transformer_meter": "m",
                            "interval_s": 1,
                            "sample_s": 0.1,
                            "least_share": 0.1,
                            "delay_s": 0,
                            "quantities": ["interface.P"],
                        }
                    ],
                }
            )
        )
        self.configuration.write_text(
            json.dumps(
                {
                    "data_dir": "data",
                    "host": HOST,
                    "port": self.port,
                    "broker": {"host": HOST, "port": broker.port, "tls": broker.tls("cockpit")},
                    "nodes": [NODE],
                    "tso_profile": "tso.yaml",
                }
            )
        )

    def start(self) -> None:
        self.process = subprocess.Popen(
            [ORTSNETZ, "cockpit", "serve", str(self.configuration)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("one-time password for operator: "):
                self.password = line.split()[-1]
            if line.strip() == f"cockpit: ready {self.base}":
                return
        raise AssertionError("the cockpit ended before it was ready")

    def send_signal(self, number: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(20)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def token(self) -> str:
        if self._token is None:
            body = {"user": "operator", "password": self.password, "new_password": OWN_PASSWORD}
            answer = httpx.post(f"{self.base}/api/v1/session", json=body)
            assert answer.status_code == 200, answer.text
            self._token = answer.json()["token"]
        return self._token

    def get(self, path: str) -> Any:
        headers = {"Authorization": f"Bearer {self.token()}"}
        answer = httpx.get(f"{self.base}{path}", headers=headers, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def metric(self, name: str) -> float:
        for line in httpx.get(f"{self.base}/metrics").text.splitlines():
            if line.startswith(f"ortsnetz_cockpit_{name} "):
                return float(line.split()[-1])
        raise AssertionError(f"no metric {name}")

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [ORTSNETZ, "cockpit", *arguments, str(self.configuration)],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    directory = tmp_path / "broker"
    directory.mkdir()
    broker = Broker(directory)
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture
def node(broker: Broker) -> Iterator[Node]:
    node = Node(broker)
    yield node
    node.stop()


@pytest.fixture
def cockpit(tmp_path: Path, broker: Broker) -> Iterator[CockpitProcess]:
    cockpit = CockpitProcess(tmp_path, broker)
    cockpit.start()
    yield cockpit
    if cockpit.process is not None and cockpit.process.poll() is None:
        cockpit.send_signal(signal.SIGKILL)


def connected(cockpit: CockpitProcess) -> bool:
    return httpx.get(f"{cockpit.base}/healthz").status_code == 200


def test_killed_in_the_middle_of_ingest_nothing_is_lost_or_doubled(
    node: Node, cockpit: CockpitProcess, broker: Broker
) -> None:
    start = time.time_ns()
    node.records += [reading(n, start + n * S // 50) for n in range(1, 3001)]
    node.records[50] = encode_record(
        Alarm("device-lost/ev-1", start, AlarmState.ACTIVE, 2, "cause", "consequence", "action")
    )
    node.start()
    for share in (0.15, 0.4, 0.65):
        until(lambda share=share: node.watermark > share * len(node.records))
        assert cockpit.send_signal(signal.SIGKILL) == -signal.SIGKILL
        committed_before = node.watermark
        assert committed_before < len(node.records), "too late to be in the middle"
        if share == 0.4:
            broker.kill()
            broker.start()
        cockpit.start()
    until(lambda: node.watermark == len(node.records), 60)
    found = cockpit.get(f"/api/v1/nodes/{NODE}/committed")
    assert found["records"] == len(node.records)
    assert found["samples_measured"] == 4 * 2999  # one reading made room for the alarm
    assert (found["quarantined"], found["epochs"]) == (0, 1)
    [counter] = cockpit.get(f"/api/v1/nodes/{NODE}/audit-counter?point_suffix=LPHD1.RdCnt")
    assert counter == {
        "device": "m",
        "count": 2999,
        "min": 1,
        "max": 3000,
        "missing": 1,  # the reading that the alarm replaced
        "doubled": 0,
        "out_of_order": 0,
        "without_value": 0,
    }
    [alarm] = cockpit.get("/api/v1/alarms")
    assert alarm["occurrences"] == 1
    node.stop()
    assert cockpit.send_signal(signal.SIGTERM) == 0
    counted = cockpit.command("count")
    said = json.loads(counted.stdout)[NODE]
    assert {name: said[name] for name in found} == found


def test_a_watermark_means_durable_even_when_the_process_dies_at_once(
    node: Node, cockpit: CockpitProcess
) -> None:
    until(lambda: connected(cockpit))
    node.records += [reading(n, n * S) for n in range(1, 20)]
    node.send(1, 20)
    until(lambda: node.watermark == 20)
    cockpit.send_signal(signal.SIGKILL)
    counted = cockpit.command("count")
    assert json.loads(counted.stdout)[NODE]["records"] == 20


def test_every_batch_is_answered_and_enemies_do_not_stop_the_link(
    node: Node, cockpit: CockpitProcess
) -> None:
    until(lambda: connected(cockpit))
    node.records += [reading(n, n * S) for n in range(1, 11)]

    def answered(action: Callable[[], object]) -> int:
        before = node.answers
        action()
        until(lambda: node.answers > before)
        return node.watermark

    assert answered(lambda: node.send(1, 3)) == 3
    assert answered(lambda: node.send(1, 3)) == 3, "a repetition"
    assert answered(lambda: node.send(6, 2)) == 3, "a gap"
    for payload in (b"", b"\xff" * 100, b"x" * MAX_MESSAGE_BYTES):
        node.client.publish(topics.uplink(NODE), payload, 1)
    foreign = encode(Batch("ons-2", "epoch", 1, (catalogue(),)))
    node.client.publish(topics.uplink("ons-2"), foreign, 1)
    node.client.publish(topics.uplink(NODE), foreign, 1)
    node.client.publish(topics.presence(NODE), encode(Presence(NODE, online=True)), 1, retain=True)
    assert answered(lambda: node.send(4, 7)) == 10
    until(lambda: cockpit.get("/api/v1/nodes")[0]["online"])
    refused = sum(
        float(line.split()[-1])
        for line in httpx.get(f"{cockpit.base}/metrics").text.splitlines()
        if line.startswith("ortsnetz_cockpit_ingest_refused_messages_total{")
    )
    assert refused == 5
    assert cockpit.metric("ingest_repeated_records_total") == 3
    assert [one["node"] for one in cockpit.get("/api/v1/nodes")] == [NODE]


def test_the_live_feed_and_the_tso_see_what_the_node_sent(
    node: Node, cockpit: CockpitProcess, broker: Broker
) -> None:
    seen: list[tuple[str, bytes]] = []
    tso = broker.client("tso", lambda m: seen.append((m.topic, m.payload)), "ortsnetz/tso/#")
    until(lambda: connected(cockpit))
    with connect(f"ws://{HOST}:{cockpit.port}/ws/live?node={NODE}") as feed:
        feed.send(json.dumps({"token": cockpit.token()}))
        assert json.loads(feed.recv(timeout=10))["type"] == "health"
        first = time.time_ns() // S * S
        node.records += [reading(n + 1, first + n * S // 10) for n in range(40)]
        node.start()
        until(lambda: node.watermark == len(node.records))
        message: dict[str, Any] = {"type": None}
        while message["type"] != "live" or not message["points"]:
            message = json.loads(feed.recv(timeout=10))
        assert message["points"]["m/MMXU1.W.phsA"]["value"] == -1000.0

    def imports() -> list[float]:
        values = [json.loads(payload)["quantities"][0]["value"] for _, payload in seen]
        return [value for value in values if value is not None]

    until(imports)
    tso.disconnect()
    tso.loop_stop()
    assert imports()[0] == pytest.approx(6000.0), "import is minus the reading at the LV side"
    assert {topic for topic, _ in seen} == {topics.tso("uw-nord")}
    served = cockpit.get(f"/api/v1/tso/interfaces/uw-nord/aggregates?from={first}")
    for one in [*served, *(json.loads(payload) for _, payload in seen)]:
        assert [(q["kind"], q["quantity"]) for q in one["quantities"]] == [("interface", "P")]


def test_a_second_cockpit_is_told_what_to_do(cockpit: CockpitProcess, tmp_path: Path) -> None:
    second = cockpit.command("serve")
    assert second.returncode == 1
    assert (
        second.stderr.strip()
        .splitlines()[-1]
        .startswith(
            f"ortsnetz: port {cockpit.port} on {HOST} is taken: stop the program that uses it"
        )
    )
    counting = cockpit.command("count")
    assert counting.returncode == 1
    assert "in use by another process" in counting.stderr
    assert "Traceback" not in second.stderr + counting.stderr


def test_the_one_time_password_is_new_at_each_start_until_it_is_used(
    cockpit: CockpitProcess,
) -> None:
    first = cockpit.password
    assert cockpit.send_signal(signal.SIGTERM) == 0
    cockpit.start()
    assert cockpit.password
    assert cockpit.password != first
    cockpit.token()
    assert cockpit.send_signal(signal.SIGTERM) == 0
    cockpit.password = None
    cockpit.start()
    assert cockpit.password is None
    assert cockpit.get("/api/v1/session")["user"] == "operator", "sessions outlive a restart"


def test_the_cockpit_says_that_the_broker_is_away_and_comes_back_by_itself(
    node: Node, cockpit: CockpitProcess, broker: Broker
) -> None:
    def presence() -> bool:
        return bool(cockpit.get("/api/v1/nodes")[0]["online"])

    def say_online() -> None:
        message = encode(Presence(NODE, online=True))
        node.client.publish(topics.presence(NODE), message, 1, retain=True)

    until(lambda: connected(cockpit))
    say_online()
    until(presence)
    broker.kill()
    until(lambda: not connected(cockpit))
    until(lambda: not presence())  # nobody can tell any more
    reasons = httpx.get(f"{cockpit.base}/healthz").json()["reasons"]
    assert reasons == [f"the broker at {HOST}:{broker.port} is not connected"]
    broker.start()
    until(lambda: connected(cockpit) and node.client.is_connected())
    say_online()
    until(presence)
