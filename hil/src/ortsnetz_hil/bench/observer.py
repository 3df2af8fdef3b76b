"""Listens to what the device under test says over the uplink, and keeps what criteria ask for.

An MQTT client of its own, so that it hears the node and not what a cockpit made of it. Where no
cockpit is connected it answers in its place, so that the node can forget what it has handed over.
"""

from __future__ import annotations

import threading
from collections import Counter
from statistics import median

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_common.link import topics
from ortsnetz_common.link.broker import Broker
from ortsnetz_common.link.codec import CodecError, decode, decode_record, encode
from ortsnetz_common.link.messages import (
    Alarm,
    AlarmState,
    Batch,
    Catalogue,
    Decision,
    Health,
    Record,
    Samples,
    Watermark,
)
from ortsnetz_common.measurement.origin import Origin
from ortsnetz_common.measurement.point import READ_COUNT
from ortsnetz_common.measurement.quality import Validity, validity
from ortsnetz_common.measurement.time import NS_PER_S
from ortsnetz_hil.bench.numbers_seen import NumbersSeen
from ortsnetz_hil.verdict.observed import (
    AlarmSeen,
    LimitSeen,
    ModeSeen,
    ReadCount,
    SourceQuality,
    Totals,
    Writer,
)

CONNECT_S = 20.0
USUAL_NS = 6 * NS_PER_S
"""Health comes every five cycles."""
MOST = 1000
"""Silences that are kept; one is enough to fail a criterion."""


class Observer:
    """Hears one node; every record counts once, however often it is sent."""

    def __init__(self, node: str, broker: Broker, writer: Writer, *, answers: bool) -> None:
        self._node, self._broker, self._answers = node, broker, answers
        self._notes = _Notes(writer)
        self._lock = threading.Lock()
        self._connected = threading.Event()
        self._received: dict[str, int] = {}
        self.counters: Counter[str] = Counter()
        self._client = self._make_client()

    def _make_client(self) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"bench-{self._node}",
            protocol=MQTTProtocolVersion.MQTTv5,
        )
        tls = self._broker.tls
        if tls is not None:
            client.tls_set(str(tls.ca), str(tls.certificate), str(tls.key))
        client.on_connect = self._on_connect
        client.on_message = self._on_message
        client.reconnect_delay_set(1, 2)
        return client

    def start(self) -> None:
        """Connect and listen.

        Raises:
            OrtsnetzError: the broker cannot be reached.
        """
        try:
            self._client.connect(self._broker.host, self._broker.port)
        except OSError as error:
            raise OrtsnetzError(f"the bench cannot reach the broker: {error}") from error
        self._client.loop_start()
        if not self._connected.wait(CONNECT_S):
            self._client.loop_stop()
            raise OrtsnetzError("the broker did not let the bench listen")

    def stop(self) -> None:
        """Stop listening; write what is only known at the end."""
        self._client.disconnect()
        self._client.loop_stop()
        with self._lock:
            self._notes.close(self.counters)

    def _on_connect(
        self,
        client: Client,
        userdata: object,
        flags: ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        del userdata, flags, properties
        if not reason.is_failure:
            client.subscribe(topics.uplink(self._node), qos=1)
            self._connected.set()

    def _on_message(self, client: Client, userdata: object, message: MQTTMessage) -> None:
        del userdata
        try:
            said = decode(bytes(message.payload))
            if not isinstance(said, Batch) or said.node != self._node:
                self.counters["not_for_us"] += 1
                return
            with self._lock:
                reached = self._take(said)
        except (CodecError, ValueError, OverflowError, IndexError):
            # the thread goes on; what it did not understand is counted, and fails criteria
            self.counters["malformed"] += 1
            return
        if self._answers:
            here = encode(Watermark(self._node, said.epoch, reached))
            client.publish(topics.downlink(self._node), here, qos=1)

    def _take(self, batch: Batch) -> int:
        """Take in the records that are new; the highest sequence that has been heard."""
        reached = self._received.get(batch.epoch, 0)
        if batch.first > reached + 1:
            if self._answers:  # as a cockpit: what leaves a gap is asked for again
                return reached
            self.counters["missing"] += batch.first - reached - 1
        for sequence, payload in enumerate(batch.records, start=batch.first):
            if sequence <= reached:
                self.counters["repeated"] += 1
                continue
            self._notes.take(decode_record(payload))
            reached = sequence
        self._received[batch.epoch] = max(reached, self._received.get(batch.epoch, 0))
        return self._received[batch.epoch]


class _Notes:
    """Keeps of the records what criteria ask for; changes only."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._sources: list[str] = []
        self._counted: dict[int, str] = {}
        self._good: dict[str, bool] = {}
        self._mode = ""
        self._reads: dict[str, NumbersSeen] = {}
        self._unknown = 0
        self._records = 0
        self._catalogues = 0
        self._until_ns: int | None = None
        self._silences: list[tuple[int, int]] = []

    def take(self, record: Record) -> None:
        """Take in one record, in the order of the journal."""
        self._records += 1
        match record:
            case Catalogue():
                self._catalogue(record)
            case Samples():
                self._samples(record)
            case Decision():
                for point in record.setpoints:
                    self._writer.put(
                        LimitSeen(
                            time_ns=record.time_ns,
                            device=point.device,
                            limit_w=point.limit_w,
                            source=point.source.name.lower(),
                            reason=point.reason,
                        )
                    )
            case Alarm():
                active = record.state is AlarmState.ACTIVE
                self._writer.put(
                    AlarmSeen(record.time_ns, record.key, active, record.priority, record.cause)
                )
            case Health():
                self._heard(record.time_ns)
                if record.mode != self._mode:
                    self._mode = record.mode
                    self._writer.put(ModeSeen(record.time_ns, record.mode, record.reason))
            case _:
                pass

    def _heard(self, time_ns: int) -> None:
        """Note when the node spoke of its health, and where it did not for longer than usual."""
        before = self._until_ns
        if before is not None and time_ns - before > USUAL_NS and len(self._silences) < MOST:
            self._silences.append((before, time_ns))
        self._until_ns = time_ns

    def _catalogue(self, record: Catalogue) -> None:
        self._catalogues += 1
        self._mode, self._good = "", {}  # another life of the node: what it says is said afresh
        self._sources = self._sources[: record.first]
        for number, point in enumerate(record.points, start=record.first):
            source, _, name = point.name.partition("/")
            self._sources.append(source)
            if name == READ_COUNT:
                self._counted[number] = source
            else:
                self._counted.pop(number, None)

    def _samples(self, record: Samples) -> None:
        if record.origin is not Origin.MEASURED or not record.points:
            return
        good: dict[str, bool] = {}
        newest: dict[str, int] = {}
        rows = zip(record.points, record.values, record.qualities, record.times_ns, strict=True)
        for point, value, quality, time_ns in rows:
            if point >= len(self._sources):  # its catalogue was not heard: nobody knows what it is
                self._unknown += 1
                continue
            source = self._sources[point]
            fine = validity(quality) is Validity.GOOD
            good[source] = good.get(source, True) and fine
            newest[source] = max(newest.get(source, 0), time_ns)
            if point in self._counted and value is not None:
                self._reads.setdefault(source, NumbersSeen()).add(int(value))
        if not newest:
            return
        # what has not changed for long carries an old time, and a single clock may be wrong
        now_ns = int(median(newest.values()))
        for source, fine in good.items():
            if self._good.get(source) is not fine:
                self._good[source] = fine
                self._writer.put(SourceQuality(now_ns, source, fine))

    def close(self, counters: Counter[str]) -> None:
        """Write the totals.

        Args:
            counters: of the observer: records sent again, never heard, not understood.
        """
        reads = {
            source: ReadCount(seen.distinct, seen.doubled)
            for source, seen in sorted(self._reads.items())
        }
        self._writer.put(
            Totals(
                records=self._records,
                repeated=counters["repeated"],
                missing=counters["missing"],
                epochs=self._catalogues,
                reads=reads,
                malformed=counters["malformed"] + self._unknown,
                silences=tuple(self._silences),
                until_ns=self._until_ns,
            )
        )
        self._writer.close()
