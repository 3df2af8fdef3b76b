"""What follows the log: live values, the board of nodes, sites, alarms."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from ortsnetz_cockpit.core.alarms.desk import Desk
from ortsnetz_cockpit.core.ingest.admission import Admitted
from ortsnetz_cockpit.core.ingest.intake import Outcome, Verdict
from ortsnetz_cockpit.core.metrics import Metrics
from ortsnetz_cockpit.core.orders.desk import OrderDesk
from ortsnetz_cockpit.core.registry.board import Board
from ortsnetz_cockpit.core.registry.sites import Sites
from ortsnetz_cockpit.core.timeseries.latest import Latest
from ortsnetz_cockpit.core.timeseries.store import StoreError
from ortsnetz_cockpit.core.timeseries.transaction import Transaction
from ortsnetz_common.link.messages import Batch, Decision, Health, Presence

LOGGER = logging.getLogger("ortsnetz.cockpit.following")


@dataclass(frozen=True, slots=True)
class Followers:
    """Observer of the ingest writer; runs in its thread."""

    latest: Latest
    board: Board
    sites: Sites
    desk: Desk
    orders: OrderDesk
    metrics: Metrics

    def present(self, presence: Presence, received_ns: int) -> None:
        """A node came or went."""
        self.board.seen(presence.node, received_ns, online=presence.online)
        if presence.online:
            self.orders.news.set()

    def committed(self, transaction: Transaction, outcomes: list[tuple[Admitted, Outcome]]) -> None:
        """Take over what is durable."""
        for admitted, outcome in outcomes:
            batch = admitted.message
            self.board.seen(batch.node, admitted.received_ns)
            if isinstance(batch, Batch) and outcome.verdict is Verdict.COMMITTED:
                self.board.advanced(batch.node, batch.epoch, outcome.watermark)
        self.latest.follow(transaction)
        for event in transaction.events:
            if isinstance(event.record, Health):
                self.board.healthy(event.node, event.record)
            elif isinstance(event.record, Decision):
                self.board.decided(event.node, event.record)
        for fact in transaction.facts:
            self.sites.changed(fact.node)
        if any(event.kind in {"alarm", "intervention"} for event in transaction.events):
            self._follow(self.desk.catch_up, "alarms")
        if any(event.kind == "order-state" for event in transaction.events):
            self._follow(self.orders.catch_up, "orders")

    def _follow(self, catch_up: Callable[[], int], what: str) -> None:
        try:
            catch_up()
        except (SQLAlchemyError, StoreError):  # stays in the log; the next record or start follows
            LOGGER.exception("%s could not be brought up to the log", what)
            self.metrics.projection_failures.inc()
