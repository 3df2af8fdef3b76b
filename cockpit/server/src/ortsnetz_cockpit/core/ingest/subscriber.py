"""The cockpit's session with the broker (MQTT 5, QoS 1, persistent session).

A message is acknowledged to the broker only after its commit, and the receive maximum is smaller
than the queue: a slow store slows the broker down instead of losing messages. Correctness does not
rest on it: what is lost on the way is sent again by the node, from its watermark.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Collection
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ortsnetz_cockpit.core.ingest.admission import Admitted, RefusedError, admit
from ortsnetz_cockpit.core.metrics import Metrics
from ortsnetz_common.link import topics
from ortsnetz_common.link.broker import Broker
from ortsnetz_common.link.codec import MAX_MESSAGE_BYTES
from ortsnetz_common.measurement.time import now_ns

LOGGER = logging.getLogger("ortsnetz.cockpit.broker")
QUEUE_MESSAGES = 64
RECEIVE_MAXIMUM = 32
SESSION_EXPIRY_S = 24 * 3600
OUTGOING_MESSAGES = 1000
SUBSCRIPTIONS = [(topics.ALL_UPLINKS, 1), (topics.ALL_PRESENCE, 1)]


class Subscriber:
    """Connects, stays connected, and fills the inbox with admitted messages.

    Args:
        broker: how to reach it.
        nodes: whose messages are let in.
        inbox: bounded queue of admitted messages; what does not fit is dropped and counted.
        metrics: what is counted.
        on_lost: called when a connection is lost.
        client_id: identity of the persistent session.
    """

    def __init__(
        self,
        broker: Broker,
        nodes: Collection[str],
        inbox: queue.Queue[Admitted],
        metrics: Metrics,
        *,
        on_lost: Callable[[], None],
        client_id: str = "ortsnetz-cockpit",
    ) -> None:
        self._on_lost = on_lost
        self._broker = broker
        self._nodes = frozenset(nodes)
        self._inbox = inbox
        self._metrics = metrics
        self._connection = 0
        self._connected = threading.Event()
        self._client = self._make_client(client_id)

    def _make_client(self, client_id: str) -> mqtt.Client:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            manual_ack=True,
        )
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.max_queued_messages_set(OUTGOING_MESSAGES)
        client.reconnect_delay_set(min_delay=1, max_delay=10)
        tls = self._broker.tls
        if tls is not None:
            client.tls_set(str(tls.ca), str(tls.certificate), str(tls.key))
        return client

    @property
    def is_connected(self) -> bool:
        """Whether the session stands."""
        return self._connected.is_set()

    def start(self) -> None:
        """Connect in the background, and again whenever the connection is lost."""
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        properties.ReceiveMaximum = RECEIVE_MAXIMUM
        properties.MaximumPacketSize = MAX_MESSAGE_BYTES + 1024
        self._client.connect_async(
            self._broker.host,
            self._broker.port,
            keepalive=15,
            clean_start=False,
            properties=properties,
        )
        self._client.loop_start()

    def stop(self) -> None:
        """Leave the broker; the session stays and collects messages until the next start."""
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, topic: str, payload: bytes) -> bool:
        """Hand a QoS 1 message to the broker's session; False when it could not be accepted."""
        if not self.is_connected:
            return False
        return self._client.publish(topic, payload, qos=1).rc == mqtt.MQTT_ERR_SUCCESS

    def acknowledge(self, admitted: Admitted) -> None:
        """Tell the broker that a message is dealt with."""
        connection, packet = admitted.receipt
        if connection == self._connection:  # packet numbers belong to their connection
            self._client.ack(packet, 1)

    def _on_connect(
        self, client: mqtt.Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any
    ) -> None:
        if reason.is_failure:
            LOGGER.warning("the broker refuses the session: %s", reason)
            return
        self._connection += 1
        client.subscribe(SUBSCRIPTIONS)
        self._connected.set()
        self._metrics.broker_connected.set(1)
        LOGGER.info("connected to the broker at %s:%s", self._broker.host, self._broker.port)

    def _on_disconnect(
        self, _client: mqtt.Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any
    ) -> None:
        was_connected = self._connected.is_set()
        self._connected.clear()
        self._metrics.broker_connected.set(0)
        if was_connected:
            LOGGER.warning("the broker is away: %s", reason)
            self._on_lost()

    def _on_message(self, client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        payload = bytes(message.payload)
        if not payload and message.topic.endswith("/state"):  # a retained presence was cleared
            client.ack(message.mid, message.qos)
            return
        try:
            admitted = Admitted(
                admit(message.topic, payload, self._nodes),
                received_ns=now_ns(),
                size=len(payload),
                receipt=(self._connection, message.mid),
            )
            self._inbox.put_nowait(admitted)
        except RefusedError as error:
            self._metrics.refused.labels(error.refusal.value).inc()
            LOGGER.debug("refused a message: %s", error)
            client.ack(message.mid, message.qos)
        except queue.Full:
            self._metrics.dropped.inc()
            client.ack(message.mid, message.qos)
