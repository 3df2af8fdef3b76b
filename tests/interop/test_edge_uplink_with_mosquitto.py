"""The uplink against a real broker: nothing lost, nothing out of order, whatever restarts."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from ortsnetz_common.errors import InputError
from ortsnetz_common.link import topics
from ortsnetz_common.link.broker import Broker, Tls
from ortsnetz_common.link.codec import decode, encode
from ortsnetz_common.link.messages import Batch, Order, Presence, SetpointSource, Watermark
from ortsnetz_common.trust.authority import Authority
from ortsnetz_edge.journal.journal import Journal
from ortsnetz_edge.journal.layout import Entry
from ortsnetz_edge.uplink import window
from ortsnetz_edge.uplink.session import ORDER_BYTES, ORDERS_WAITING, Uplink

NODE = "ons-1"
PROGRAM = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(PROGRAM is None, reason="mosquitto is not installed"),
]


def until(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    """Poll, at most so long."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


class Mosquitto:
    """A broker on loopback that can be stopped and started again."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.process: subprocess.Popen[bytes] | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        authority = Authority()
        (directory / "ca.pem").write_bytes(authority.certificate)
        for name in ("broker", NODE, "cockpit"):
            identity = authority.issue(name, server=name == "broker")
            (directory / f"{name}.pem").write_bytes(identity.certificate)
            (directory / f"{name}.key").write_bytes(identity.key)
        (directory / "mosquitto.conf").write_text(
            f"user root\nlistener {self.port} 127.0.0.1\ncafile {directory}/ca.pem\n"
            f"certfile {directory}/broker.pem\nkeyfile {directory}/broker.key\n"
            "require_certificate true\nuse_identity_as_username true\npersistence false\n"
        )

    def broker(self, name: str) -> Broker:
        where = self.directory
        return Broker(
            "127.0.0.1",
            self.port,
            Tls(where / "ca.pem", where / f"{name}.pem", where / f"{name}.key"),
        )

    def start(self) -> None:
        assert PROGRAM is not None
        self.process = subprocess.Popen(
            [PROGRAM, "-c", str(self.directory / "mosquitto.conf")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(self._listens)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None


class Cockpit:
    """Commits contiguous records and answers with the watermark, like the real one."""

    def __init__(self, mosquitto: Mosquitto) -> None:
        self.committed: dict[str, list[bytes]] = {}
        self.presence: list[Presence] = []
        self.deaf = False
        self.gaps = 0
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="cockpit", protocol=MQTTv5)
        tls = mosquitto.broker("cockpit").tls
        assert tls is not None
        self._client.tls_set(str(tls.ca), str(tls.certificate), str(tls.key))
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe(
            [(topics.ALL_UPLINKS, 1), (topics.ALL_PRESENCE, 1)]
        )
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", mosquitto.port, keepalive=5)
        self._client.loop_start()

    def _on_message(self, client: Client, userdata: object, message: MQTTMessage) -> None:
        del userdata
        said = decode(bytes(message.payload))
        if isinstance(said, Presence):
            self.presence.append(said)
        if not isinstance(said, Batch) or self.deaf:
            return
        store = self.committed.setdefault(said.epoch, [])
        if said.first > len(store) + 1:
            self.gaps += 1
        else:
            store += said.records[len(store) + 1 - said.first :]
        mark = Watermark(said.node, said.epoch, len(store))
        client.publish(topics.downlink(said.node), encode(mark), qos=1)

    @property
    def all(self) -> list[bytes]:
        return [record for store in self.committed.values() for record in store]

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    directory = tmp_path / "broker"
    directory.mkdir()
    broker = Mosquitto(directory)
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture
def cockpit(mosquitto: Mosquitto) -> Iterator[Cockpit]:
    cockpit = Cockpit(mosquitto)
    yield cockpit
    cockpit.stop()


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path, max_bytes=10**9)


@pytest.fixture
def uplink(mosquitto: Mosquitto, journal: Journal) -> Iterator[Uplink]:
    uplink = Uplink(NODE, mosquitto.broker(NODE), journal)
    uplink.start()
    yield uplink
    uplink.stop(5.0)


def append(journal: Journal, first: int, count: int, size: int = 100) -> list[bytes]:
    records = [f"{n:06d}".encode().ljust(size, b".") for n in range(first, first + count)]
    for start in range(0, count, 50):
        journal.append([Entry(record) for record in records[start : start + 50]])
    return records


def test_everything_arrives_in_order_and_is_then_forgotten(
    cockpit: Cockpit, journal: Journal, uplink: Uplink
) -> None:
    records = append(journal, 0, 3000)
    assert uplink.wait_drained(20)
    assert cockpit.all == records
    assert cockpit.gaps == 0
    assert journal.store.backlog == 0


def test_large_records_go_in_batches_that_the_other_side_accepts(
    cockpit: Cockpit, journal: Journal, uplink: Uplink
) -> None:
    records = append(journal, 0, 40, size=200_000)
    assert uplink.wait_drained(20)
    assert cockpit.all == records


def test_a_broker_that_is_killed_in_the_middle_costs_nothing(
    mosquitto: Mosquitto, cockpit: Cockpit, journal: Journal, uplink: Uplink
) -> None:
    until(lambda: uplink.online)
    records: list[bytes] = []
    for turn in range(4):
        records += append(journal, len(records), 300, size=5_000)
        if turn in {1, 2}:
            mosquitto.kill()
            until(lambda: not uplink.online)
            records += append(journal, len(records), 300)
            mosquitto.start()
    assert uplink.wait_drained(40)
    assert cockpit.all == records
    assert list(cockpit.committed) == [journal.store.epoch]


def test_a_cockpit_that_is_away_gets_everything_when_it_is_back(
    monkeypatch: pytest.MonkeyPatch, mosquitto: Mosquitto, journal: Journal
) -> None:
    monkeypatch.setattr(window, "RESEND_FIRST_S", 0.3)
    monkeypatch.setattr(window, "RESEND_CAP_S", 1.0)
    uplink = Uplink(NODE, mosquitto.broker(NODE), journal)
    uplink.start()
    try:
        records = append(journal, 0, 500)
        until(lambda: uplink.counted()["uplink_resends"] >= 2)
        cockpit = Cockpit(mosquitto)
        assert uplink.wait_drained(20)
        assert cockpit.all == records
        cockpit.stop()
    finally:
        uplink.stop(5.0)


def test_a_cockpit_that_lost_its_store_gets_the_rest_under_a_new_epoch(
    monkeypatch: pytest.MonkeyPatch, cockpit: Cockpit, mosquitto: Mosquitto, journal: Journal
) -> None:
    monkeypatch.setattr(window, "RESEND_FIRST_S", 0.3)
    uplink = Uplink(NODE, mosquitto.broker(NODE), journal)
    uplink.start()
    try:
        catalogue = b"CATALOGUE"
        journal.append([Entry(catalogue, catalogue=True)])
        append(journal, 0, 100)
        assert uplink.wait_drained(20)
        cockpit.committed.clear()
        later = append(journal, 100, 50)
        assert uplink.wait_drained(20)
        assert cockpit.committed[journal.store.epoch] == [catalogue, *later]
        assert uplink.counted()["uplink_cockpit_forgot"] == 1
    finally:
        uplink.stop(5.0)


def test_orders_wait_for_the_cycle_in_a_bounded_queue(
    cockpit: Cockpit, mosquitto: Mosquitto, journal: Journal
) -> None:
    uplink = Uplink(NODE, mosquitto.broker(NODE), journal)
    uplink.start()

    def says(number: int, node: str = NODE, reason: str = "") -> None:
        order = Order(
            f"o-{number}", node, SetpointSource.OPERATOR, "olga", 1, 2, reason, ("ev",), limit_w=1.0
        )
        cockpit._client.publish(topics.downlink(NODE), encode(order), qos=1)

    try:
        until(lambda: uplink.online)
        until(lambda: any(p.online for p in cockpit.presence))
        says(-1, node="ons-2")
        says(-2, reason="x" * (ORDER_BYTES + 1))
        for number in range(ORDERS_WAITING + 3):
            says(number)
        until(lambda: uplink.counted()["uplink_orders_dropped"] == 3)
        taken = uplink.take_orders()
        assert [order.id for order in taken] == [f"o-{n}" for n in range(ORDERS_WAITING)]
        assert uplink.take_orders() == ()
        counted = uplink.counted()
        assert counted["uplink_messages_not_for_us"] == 1
        assert counted["uplink_messages_malformed"] == 1
    finally:
        uplink.stop(5.0)


def test_presence_says_online_and_at_the_end_offline(
    cockpit: Cockpit, mosquitto: Mosquitto, journal: Journal
) -> None:
    uplink = Uplink(NODE, mosquitto.broker(NODE), journal)
    uplink.start()
    until(lambda: any(p.online and p.epoch == journal.store.epoch for p in cockpit.presence))
    uplink.stop(5.0)
    until(lambda: not cockpit.presence[-1].online)


def test_a_client_without_certificate_gets_nowhere(mosquitto: Mosquitto, journal: Journal) -> None:
    uplink = Uplink(NODE, Broker("127.0.0.1", mosquitto.port), journal)
    uplink.start()
    until(lambda: uplink.counted()["uplink_connect_failures"] >= 2)
    assert not uplink.online
    uplink.stop(5.0)


def test_a_broker_on_another_machine_is_refused_without_tls(journal: Journal) -> None:
    with pytest.raises(InputError, match="without TLS"):
        Uplink(NODE, Broker("192.0.2.1", 1883), journal)
