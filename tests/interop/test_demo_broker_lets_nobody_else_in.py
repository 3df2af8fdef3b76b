"""mosquitto as the demo configures it: certificates decide who speaks, the ACL who says what."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from ortsnetz_common.link import topics
from ortsnetz_common.link.broker import Broker
from ortsnetz_hil.bench import broker as brokers

pytestmark = pytest.mark.interop
NODE = "ons-1"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[brokers.PreparedBroker]:
    if brokers.mosquitto_program() is None:
        pytest.skip("mosquitto is not installed")
    port = free_port()
    prepared = brokers.prepare(
        "mosquitto", tmp_path_factory.mktemp("broker"), port, NODE, sys.executable
    )
    process = subprocess.Popen(prepared.command, stdout=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 10
        while time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield prepared
    finally:
        process.terminate()
        process.wait(10)


class Client:
    """A client that notes what arrives."""

    def __init__(self, broker: Broker, *, certificate: Path | None, key: Path | None) -> None:
        assert broker.tls is not None
        self.received: list[tuple[str, bytes]] = []
        self.news = threading.Event()
        self.connected = threading.Event()
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.tls_set(
            ca_certs=str(broker.tls.ca),
            certfile=str(certificate) if certificate else None,
            keyfile=str(key) if key else None,
        )
        self._client.on_connect = lambda *_: self.connected.set()
        self._client.on_message = self._take
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()

    def _take(self, _: object, __: object, message: mqtt.MQTTMessage) -> None:
        self.received.append((message.topic, message.payload))
        self.news.set()

    def subscribe(self, topic: str) -> None:
        self._client.subscribe(topic, qos=1)

    def publish(self, topic: str, payload: bytes) -> None:
        self._client.publish(topic, payload, qos=1).wait_for_publish(5)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def node(running: brokers.PreparedBroker) -> Iterator[Client]:
    tls = running.node.tls
    assert tls is not None
    client = Client(running.node, certificate=tls.certificate, key=tls.key)
    assert client.connected.wait(5)
    yield client
    client.close()


@pytest.fixture
def cockpit(running: brokers.PreparedBroker) -> Iterator[Client]:
    tls = running.cockpit.tls
    assert tls is not None
    client = Client(running.cockpit, certificate=tls.certificate, key=tls.key)
    assert client.connected.wait(5)
    client.subscribe(topics.ALL_UPLINKS)
    yield client
    client.close()


def test_a_client_without_certificate_is_refused(running: brokers.PreparedBroker) -> None:
    try:
        client = Client(running.node, certificate=None, key=None)
    except OSError:
        return  # refused in the handshake: as good as later
    try:
        assert not client.connected.wait(2)
    finally:
        client.close()


def test_a_node_reaches_the_cockpit_only_under_its_own_name(node: Client, cockpit: Client) -> None:
    # a denied publish is answered like a granted one: only what arrives counts
    cockpit.publish(topics.downlink(NODE), b"hello")  # a round trip, so that subscriptions stand
    node.publish(topics.uplink("ons-2"), b"in another's name")
    node.publish(topics.uplink(NODE), b"in my own name")
    assert cockpit.news.wait(5)
    assert cockpit.received == [(topics.uplink(NODE), b"in my own name")]


def test_a_node_does_not_hear_what_is_said_to_others(node: Client, cockpit: Client) -> None:
    node.subscribe("ortsnetz/#")
    node.subscribe(topics.downlink("ons-2"))
    node.subscribe(topics.downlink(NODE))
    node.publish(topics.uplink(NODE), b"a round trip, so that subscriptions stand")
    assert cockpit.news.wait(5)
    cockpit.publish(topics.downlink("ons-2"), b"not for you")
    cockpit.publish(topics.downlink(NODE), b"for you")
    assert node.news.wait(5)
    assert {topic for topic, _ in node.received} == {topics.downlink(NODE)}
