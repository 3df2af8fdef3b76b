"""Counters of the cockpit: whatever is taken, refused, dropped or slow can be seen."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_PREFIX = "ortsnetz_cockpit_"
_ORDER_BUCKETS = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 900.0)
_EDGE_BUCKETS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 60.0, 600.0, 3600.0, 86400.0)
_COMMIT_BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Metrics:
    """Instruments of one cockpit, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        count, gauge = self._counter, self._gauge
        self.batches = count("ingest_batches", "Batches taken.", "verdict")
        self.records = count("ingest_records", "Records committed.")
        self.samples = count("ingest_samples", "Samples committed.")
        self.repeated = count("ingest_repeated_records", "Records that were committed before.")
        self.quarantined = count(
            "ingest_quarantined_records", "Records stored raw, not understood."
        )
        self.refused = count("ingest_refused_messages", "Messages that are not ours.", "reason")
        self.dropped = count("ingest_dropped_messages", "Messages dropped: the queue was full.")
        self.queue = gauge("ingest_queue_depth", "Messages waiting for the writer.")
        self.commit_seconds = Histogram(
            f"{_PREFIX}commit_seconds",
            "Duration of a commit.",
            buckets=_COMMIT_BUCKETS,
            registry=self.registry,
        )
        self.edge_seconds = Histogram(
            f"{_PREFIX}edge_seconds",
            "From an event at the node, by its clock, until its record was committed.",
            buckets=_EDGE_BUCKETS,
            registry=self.registry,
        )
        self.edge_clocks_disagree = count(
            "edge_clocks_disagree", "Events committed before they happened: clocks are wrong."
        )
        self.commit_failures = count("commit_failures", "Commits refused.")
        self.answers_unsent = count("answers_unsent", "Watermarks not sent: broker away or full.")
        self.projection_failures = count("projection_failures", "Failures to follow the log.")
        self.broker_connected = gauge("broker_connected", "1 while connected.")
        self.feed_clients = gauge("live_clients", "Open live feeds.")
        self.feed_dropped = count("live_clients_dropped", "Live feeds closed: they were slow.")
        self.log_ins = count("log_ins", "Log-in attempts.", "result")
        self.tso_messages = count("tso_messages", "Aggregates handed to the broker.", "result")
        self.orders = count("orders", "Orders that came to a state.", "state")
        self.order_messages = count("order_messages", "Orders handed to the broker.", "turn")
        self.orders_unknown = count("orders_unknown", "States of orders that nobody gave here.")
        self.orders_forgotten = count(
            "orders_forgotten", "Orders and revocations deleted 90 days after their end."
        )
        self.orders_late = count("orders_late", "Orders that devices confirmed after 60 s.")
        self.order_clocks_disagree = count(
            "order_clocks_disagree", "Orders answered before they were given: clocks are wrong."
        )
        self.order_seconds = Histogram(
            f"{_PREFIX}order_seconds",
            "From giving an order until the node accepted it, or its devices confirmed it.",
            ("step",),
            buckets=_ORDER_BUCKETS,
            registry=self.registry,
        )
        self.node_online = gauge("node_online", "1 while the node says so.", "node")
        self.node_last_seen = gauge(
            "node_last_seen_seconds", "Arrival of the last message, Unix time.", "node"
        )
        self.node_watermark = gauge("node_watermark", "Watermark of the newest epoch.", "node")

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"{_PREFIX}{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"{_PREFIX}{name}", text, labels, registry=self.registry)
