"""The MQTT session: MQTT 5, QoS 1, mutual TLS, last will; one thread does everything in it."""

from __future__ import annotations

import logging
import queue
import ssl
import threading
import time
from collections import Counter

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ortsnetz_common.errors import InputError
from ortsnetz_common.link import topics
from ortsnetz_common.link.broker import Broker
from ortsnetz_common.link.codec import (
    MAX_BATCH_BYTES,
    MAX_BATCH_RECORDS,
    CodecError,
    decode,
    encode,
)
from ortsnetz_common.link.messages import Batch, Order, Presence, Watermark
from ortsnetz_edge.drivers.backoff import Backoff
from ortsnetz_edge.journal.journal import Journal
from ortsnetz_edge.journal.layout import JournalError
from ortsnetz_edge.uplink.window import SendWindow, Verdict

log = logging.getLogger(__name__)

KEEPALIVE_S = 15
CONNECT_DEADLINE_S = 5.0
SESSION_EXPIRY_S = 7 * 24 * 3600
TURN_S = 0.1
BACKOFF_FIRST_S = 0.5
BACKOFF_CAP_S = 20.0
ORDERS_WAITING = 256
"""Orders that may wait for the next cycle; the cockpit sends again what is lost."""
ORDER_BYTES = 256 * 1024
_BATCH_BYTES = MAX_BATCH_BYTES - 64 * 1024  # leaves room for the batch's own fields and headers


def check_broker(broker: Broker) -> None:
    """Refuse a broker that would be spoken to in the clear beyond this machine.

    Raises:
        InputError: the broker is on another machine and has no TLS.
    """
    if broker.tls is None and not broker.is_loopback:
        raise InputError(
            f"broker {broker.host}:{broker.port}: without TLS only a broker on this machine is "
            "accepted: give ca, certificate and key"
        )


class Uplink:
    """Sends the journal in order, from the watermark on, over whatever connection there is."""

    def __init__(self, node: str, broker: Broker, journal: Journal) -> None:
        """Nothing is started yet.

        Raises:
            InputError: the broker may not be used like this, or its TLS files are unusable.
        """
        check_broker(broker)
        self.counters: Counter[str] = Counter()
        self._node = node
        self._broker = broker
        self._journal = journal
        self._orders: queue.Queue[Order] = queue.Queue(ORDERS_WAITING)
        self._window = SendWindow()
        self._backoff = Backoff(BACKOFF_FIRST_S, BACKOFF_CAP_S)
        self._tls = _context(broker)
        self._stopping = threading.Event()
        self._progress = threading.Condition()
        self._online = False
        self._refused: str | None = None
        self._thread = threading.Thread(target=self._run, name="uplink", daemon=True)

    @property
    def online(self) -> bool:
        """Whether the broker has accepted the connection."""
        return self._online

    def start(self) -> None:
        """Connect, and stay connected."""
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Say goodbye and end; at most for so long."""
        self._stopping.set()
        self._thread.join(timeout_s)

    def wait_drained(self, timeout_s: float) -> bool:
        """Wait until the cockpit has committed everything; whether it has, within the deadline."""
        with self._progress:
            return self._progress.wait_for(lambda: self._journal.store.backlog == 0, timeout_s)

    def take_orders(self, most: int = ORDERS_WAITING) -> tuple[Order, ...]:
        """Orders that have come since the last time, oldest first, at most so many; others wait."""
        found: list[Order] = []
        while len(found) < most:
            try:
                found.append(self._orders.get_nowait())
            except queue.Empty:
                break
        return tuple(found)

    def counted(self) -> Counter[str]:
        """All counters."""
        return self.counters + self._window.counters

    def _run(self) -> None:
        while not self._stopping.is_set():
            client = self._connect()
            if client is not None:
                try:
                    self._converse(client)
                except Exception:  # the thread outlives any surprise of the library
                    self.counters["uplink_surprises"] += 1
                    log.exception("uplink: connection failed")
                finally:
                    self._lost(client)
            if not self._stopping.is_set():
                self._stopping.wait(self._backoff.failed())

    def _connect(self) -> Client | None:
        """A fresh client each time: what is not acknowledged comes from the journal alone."""
        client = Client(CallbackAPIVersion.VERSION2, client_id=self._node, protocol=MQTTv5)
        client.connect_timeout = CONNECT_DEADLINE_S
        client.on_connect = self._on_connect
        client.on_message = self._on_message
        if self._tls is not None:
            client.tls_set_context(self._tls)
        gone = encode(Presence(self._node, online=False))
        client.will_set(topics.presence(self._node), gone, qos=1, retain=True)
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        try:
            client.connect(
                self._broker.host,
                self._broker.port,
                keepalive=KEEPALIVE_S,
                clean_start=False,
                properties=properties,
            )
        except (OSError, ValueError) as error:
            self._say(f"cannot reach the broker: {error}")
            self.counters["uplink_connect_failures"] += 1
            return None
        return client

    def _converse(self, client: Client) -> None:
        """Everything between connection and its loss."""
        deadline = time.monotonic() + CONNECT_DEADLINE_S
        while client.loop(TURN_S) == MQTTErrorCode.MQTT_ERR_SUCCESS:
            if self._stopping.is_set():
                if self._online:
                    self._say_goodbye(client)
                return
            if self._online:
                self._pump(client)
            elif time.monotonic() > deadline:
                self._say("the broker does not answer the connection request")
                break
        if not self._online:
            self.counters["uplink_connect_failures"] += 1
            self._say("the broker ends the connection before it is made")

    def _pump(self, client: Client) -> None:
        """Send what may be sent now."""
        try:
            while True:
                now = time.monotonic()
                store = self._journal.store
                after = self._window.next(store.epoch, store.committed, now=now)
                if after is None:
                    return
                stretch = self._journal.read(after, _BATCH_BYTES, MAX_BATCH_RECORDS)
                if stretch is None:
                    return
                batch = Batch(self._node, stretch.epoch, stretch.first, stretch.records)
                done = client.publish(topics.uplink(self._node), encode(batch), qos=1)
                if done.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
                    self.counters["uplink_publish_failures"] += 1
                    return
                self._window.sent(stretch, now=now)
        except JournalError as error:
            self.counters["uplink_journal_failures"] += 1
            log.warning("uplink: the journal cannot be read: %s", error)

    def _on_connect(
        self,
        client: Client,
        userdata: object,
        flags: ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        del userdata, flags, properties
        if reason.is_failure:
            self.counters["uplink_connect_refused"] += 1
            self._say(f"the broker refuses the connection: {reason}")
            return
        client.subscribe(topics.downlink(self._node), qos=1)
        here = encode(Presence(self._node, online=True, epoch=self._journal.store.epoch))
        client.publish(topics.presence(self._node), here, qos=1, retain=True)
        self._online, self._refused = True, None
        self._backoff.succeeded()
        self.counters["uplink_connections"] += 1
        self._window.connected(now=time.monotonic(), backlog=self._journal.store.backlog)
        log.info("uplink: connected to %s:%d", self._broker.host, self._broker.port)

    def _on_message(self, client: Client, userdata: object, message: MQTTMessage) -> None:
        del client, userdata
        try:
            said = decode(bytes(message.payload))
        except CodecError as error:
            self.counters["uplink_messages_malformed"] += 1
            log.warning("uplink: %s", error)
            return
        if not isinstance(said, Watermark | Order) or said.node != self._node:
            self.counters["uplink_messages_not_for_us"] += 1
        elif isinstance(said, Watermark):
            self._take_watermark(said)
        else:
            self._take_order(said, len(message.payload))

    def _take_order(self, said: Order, size: int) -> None:
        """Keep an order for the next cycle; what does not fit is sent again by the cockpit."""
        if size > ORDER_BYTES:
            self.counters["uplink_messages_malformed"] += 1
            log.warning("uplink: an order of %d bytes, at most %d", size, ORDER_BYTES)
            return
        try:
            self._orders.put_nowait(said)
        except queue.Full:
            self.counters["uplink_orders_dropped"] += 1

    def _take_watermark(self, said: Watermark) -> None:
        store = self._journal.store
        verdict = self._window.watermark(
            said.epoch, said.sequence, newest=store.last, now=time.monotonic()
        )
        if verdict is Verdict.PROGRESS:
            store.commit(said.epoch, said.sequence)
            with self._progress:
                self._progress.notify_all()
        elif verdict in {Verdict.FORGOTTEN, Verdict.AHEAD}:
            log.error(
                "uplink: the cockpit has committed up to %d, the journal %d to %d: "
                "what is left goes on under a new epoch",
                said.sequence,
                store.last - store.backlog,
                store.last,
            )
            try:
                store.renew()
            except JournalError as error:
                self.counters["uplink_journal_failures"] += 1
                log.warning("uplink: no new epoch: %s", error)

    def _say_goodbye(self, client: Client) -> None:
        gone = encode(Presence(self._node, online=False))
        done = client.publish(topics.presence(self._node), gone, qos=1, retain=True)
        deadline = time.monotonic() + 1.0
        while not done.is_published() and time.monotonic() < deadline:
            if client.loop(TURN_S) != MQTTErrorCode.MQTT_ERR_SUCCESS:
                return
        client.disconnect()

    def _lost(self, client: Client) -> None:
        if self._online:
            self.counters["uplink_disconnections"] += 1
            if not self._stopping.is_set():
                log.warning("uplink: connection to the broker has ended")
        self._online = False
        self._window.disconnected()
        client.disconnect()

    def _say(self, reason: str) -> None:
        if reason != self._refused:
            log.warning("uplink: %s", reason)
        self._refused = reason


def _context(broker: Broker) -> ssl.SSLContext | None:
    """TLS 1.2 or later, the broker's name checked, the own certificate shown."""
    if broker.tls is None:
        return None
    try:
        context = ssl.create_default_context(cafile=str(broker.tls.ca))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # no password: OpenSSL would ask for one on the terminal, and the agent would stand still
        context.load_cert_chain(str(broker.tls.certificate), str(broker.tls.key), password="")
    except (OSError, ssl.SSLError) as error:
        raise InputError(
            f"broker {broker.host}:{broker.port}: TLS files unusable: {error}"
        ) from error
    return context
