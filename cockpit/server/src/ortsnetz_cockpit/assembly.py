"""Puts the parts of a cockpit together, and takes them apart again in the right order."""

from __future__ import annotations

import dataclasses
import logging
import queue
import time
from collections.abc import Callable

from sqlalchemy import Engine

from ortsnetz_cockpit.core.access.accounts import Accounts
from ortsnetz_cockpit.core.access.throttle import Throttle
from ortsnetz_cockpit.core.alarms.desk import Desk
from ortsnetz_cockpit.core.api.context import Context
from ortsnetz_cockpit.core.audit import chain
from ortsnetz_cockpit.core.configuration import CockpitConfiguration
from ortsnetz_cockpit.core.ingest.admission import Admitted
from ortsnetz_cockpit.core.ingest.subscriber import QUEUE_MESSAGES, Subscriber
from ortsnetz_cockpit.core.ingest.writer import IngestWriter
from ortsnetz_cockpit.core.metrics import Metrics
from ortsnetz_cockpit.core.orders.desk import OrderDesk
from ortsnetz_cockpit.core.orders.sender import OrderSender
from ortsnetz_cockpit.core.registry import presence
from ortsnetz_cockpit.core.registry.board import Board, NodeState
from ortsnetz_cockpit.core.registry.database import open_registry
from ortsnetz_cockpit.core.registry.sites import Sites
from ortsnetz_cockpit.core.timeseries import history
from ortsnetz_cockpit.core.timeseries.latest import Latest
from ortsnetz_cockpit.core.timeseries.ledger import Ledger
from ortsnetz_cockpit.core.timeseries.store import Store
from ortsnetz_cockpit.following import Followers
from ortsnetz_common.link import topics
from ortsnetz_common.link.codec import encode
from ortsnetz_common.link.messages import Order, Watermark

LOGGER = logging.getLogger("ortsnetz.cockpit")


class Cockpit:
    """A cockpit with role `all`: everything in one process.

    Args:
        configuration: the bootstrap file.
        on_fatal: called from the ingest thread when the process should end, with the reason.
    """

    def __init__(
        self, configuration: CockpitConfiguration, on_fatal: Callable[[str], None]
    ) -> None:
        self.configuration = configuration
        nodes = configuration.nodes
        self.metrics = Metrics()
        self._store = Store.open(configuration.timeseries_file)
        self._engine = open_registry(configuration.registry_file)
        ledger = self._store.ledger()
        latest = Latest(nodes)
        latest.load(self._store, ledger)
        board = Board(nodes, self.metrics)
        _restore(board, self._store, self._engine, ledger)
        self.sites = Sites(self._store)
        desk = Desk(self._engine, self._store)
        desk.catch_up()
        orders = OrderDesk(self._engine, self._store, self.metrics)
        orders.catch_up()
        inbox: queue.Queue[Admitted] = queue.Queue(QUEUE_MESSAGES)
        self.subscriber = Subscriber(
            configuration.broker, nodes, inbox, self.metrics, on_lost=board.lost_sight
        )
        self._writer = IngestWriter(
            self._store,
            inbox,
            self.metrics,
            answer=self._answer,
            acknowledge=self.subscriber.acknowledge,
            observer=Followers(latest, board, self.sites, desk, orders, self.metrics),
            on_fatal=on_fatal,
        )
        self._sender = OrderSender(
            orders,
            self._send_order,
            lambda: [state.node for state in board.states() if state.online],
            self.metrics,
        )
        self.context = Context(
            engine=self._engine,
            store=self._store,
            latest=latest,
            board=board,
            sites=self.sites,
            desk=desk,
            orders=orders,
            accounts=Accounts(self._engine),
            throttle=Throttle(time.monotonic),
            metrics=self.metrics,
            secure_cookies=configuration.serves_tls,
            reasons_not_ready=self.reasons_not_ready,
        )

    def start(self) -> None:
        """Begin to take messages."""
        broken_at = chain.verify(self._engine)
        if broken_at is not None:
            LOGGER.error("the audit trail was altered at entry %s", broken_at)
        with self._engine.begin() as connection:
            entry = chain.append(connection, "cockpit", "start")
        LOGGER.info("audit trail at entry %s, head %s", entry.id, entry.hash)
        self._writer.start()
        self.subscriber.start()
        self._sender.start()

    def stop(self) -> None:
        """Take no more messages, finish what is in hand, release the files."""
        self._sender.stop()
        self.subscriber.stop()
        self._writer.stop()
        presence.save(self._engine, self.context.board.states())
        self._engine.dispose()
        self._store.close()

    def reasons_not_ready(self) -> list[str]:
        """Why the cockpit cannot do its work now."""
        reasons = []
        if self._writer.failure is not None:
            reasons.append(f"the store is not writable: {self._writer.failure}")
        elif not self._writer.is_alive:
            reasons.append("the ingest writer does not run")
        if not self.subscriber.is_connected:
            broker = self.configuration.broker
            reasons.append(f"the broker at {broker.host}:{broker.port} is not connected")
        return reasons

    @property
    def store(self) -> Store:
        """The log."""
        return self._store

    def publish(self, topic: str, payload: bytes) -> bool:
        """Hand a message of an app to the broker; counted."""
        taken = self.subscriber.publish(topic, payload)
        self.metrics.tso_messages.labels("taken" if taken else "refused").inc()
        return taken

    def _answer(self, watermark: Watermark) -> bool:
        return self.subscriber.publish(topics.downlink(watermark.node), encode(watermark))

    def _send_order(self, order: Order) -> bool:
        return self.subscriber.publish(topics.downlink(order.node), encode(order))


def _restore(board: Board, store: Store, engine: Engine, ledger: Ledger) -> None:
    known = presence.load(engine)
    for state in board.states():
        node = state.node
        stream = ledger.newest(node)
        board.restore(
            dataclasses.replace(
                known.get(node, NodeState(node)),
                epoch=stream.epoch if stream else None,
                watermark=stream.watermark if stream else 0,
                health=history.last_health(store, node),
            )
        )
        for decision in history.decisions_in_force(store, node):
            board.decided(node, decision)
