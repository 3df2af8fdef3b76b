"""A broker as a process of its own, and a cockpit that commits what it gets and gives orders."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from pathlib import Path

from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from ortsnetz_common.link import topics
from ortsnetz_common.link.codec import decode, decode_record, encode
from ortsnetz_common.link.messages import Batch, Order, OrderState, SetpointSource, Watermark

PROGRAM = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")


class Broker:
    """Mosquitto at a port that stays the same."""

    def __init__(self, directory: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        directory.mkdir(parents=True, exist_ok=True)
        self._configuration = directory / "mosquitto.conf"
        self._configuration.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
        )
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        assert PROGRAM is not None
        self.process = subprocess.Popen(
            [PROGRAM, "-c", str(self._configuration)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + 20
        while time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError("mosquitto does not listen")

    def kill(self) -> None:
        """End it at once."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)


class Cockpit:
    """Commits what is contiguous.

    Attributes:
        states: what became of orders.
    """

    def __init__(self, port: int) -> None:
        self.marks: dict[str, int] = {}
        self.states: list[OrderState] = []
        self._port = port
        self._client: Client | None = None

    def connect(self) -> None:
        """Be there; a broker that goes is looked for again."""
        client = Client(CallbackAPIVersion.VERSION2, client_id="control-room", protocol=MQTTv5)
        client.reconnect_delay_set(1, 2)
        client.on_message = self._on_message
        client.on_connect = lambda c, *_: c.subscribe(topics.ALL_UPLINKS, qos=1)
        client.connect("127.0.0.1", self._port)
        client.loop_start()
        self._client = client

    def leave(self) -> None:
        """Be gone."""
        if self._client is not None:
            self._client.disconnect()
            self._client.loop_stop()
            self._client = None

    def order(self, node: str, device: str, limit_w: float, for_s: float) -> Order:
        """An operator's limit for a device of a node."""
        assert self._client is not None
        now_ns = time.time_ns()
        order = Order(
            id=f"order-{node}-{device}",
            node=node,
            source=SetpointSource.OPERATOR,
            issued_by="control room",
            issued_ns=now_ns,
            expires_ns=now_ns + round(for_s * 1e9),
            reason="work at the cable",
            targets=(device,),
            limit_w=limit_w,
        )
        self._client.publish(topics.downlink(node), encode(order), qos=1)
        return order

    def _on_message(self, client: Client, userdata: object, message: MQTTMessage) -> None:
        del userdata
        batch = decode(bytes(message.payload))
        assert isinstance(batch, Batch)
        mark = self.marks.get(batch.epoch, 0)
        if batch.first <= mark + 1:
            for payload in batch.records[mark + 1 - batch.first :]:
                record = decode_record(payload)
                if isinstance(record, OrderState):
                    self.states.append(record)
            self.marks[batch.epoch] = max(mark, batch.first + len(batch.records) - 1)
        said = Watermark(batch.node, batch.epoch, self.marks.get(batch.epoch, 0))
        client.publish(topics.downlink(batch.node), encode(said), qos=1)
