"""Sends orders: when their node is there, and again until it has answered or they expire."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from ortsnetz_cockpit.core.metrics import Metrics
from ortsnetz_cockpit.core.orders.desk import OrderDesk
from ortsnetz_common.link.messages import Order
from ortsnetz_common.measurement.time import now_ns

LOGGER = logging.getLogger("ortsnetz.cockpit.orders")
TURN_S = 0.5
END_S = 5.0
FORGET_EVERY_S = 600.0
A_TURN = 50
"""Most orders of one turn: a node takes some hundreds at once, a broker's queue is bounded."""


class OrderSender:
    """A thread that looks twice a second what has to be sent.

    Args:
        desk: where the orders are.
        send: hands an order to the broker; False when it could not.
        online: nodes that are there.
        metrics: what is counted.
    """

    def __init__(
        self,
        desk: OrderDesk,
        send: Callable[[Order], bool],
        online: Callable[[], list[str]],
        metrics: Metrics,
    ) -> None:
        self._desk = desk
        self._send = send
        self._online = online
        self._metrics = metrics
        self._forget_at = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="orders", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """End within some seconds."""
        self._stopping.set()
        self._desk.news.set()
        if self._thread.is_alive():
            self._thread.join(END_S)

    def turn(self) -> int:
        """Send what is due, give up what has expired, forget what is old; how many were sent."""
        time_ns = now_ns()
        nodes = self._online()
        waiting = self._desk.waiting(nodes) if nodes else []
        due = [row for row in waiting if row.is_due(time_ns)][:A_TURN]
        sent = 0
        for row in self._desk.begin_to_send(due, time_ns) if due else ():
            if self._send(row.order):
                sent += 1
                self._metrics.order_messages.labels("again" if row.sent else "first").inc()
        self._desk.give_up(time_ns)
        if time.monotonic() >= self._forget_at:
            forgotten = self._desk.forget(time_ns)
            self._forget_at = time.monotonic() + (0.0 if forgotten else FORGET_EVERY_S)
        return sent

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._desk.news.wait(TURN_S)
            self._desk.news.clear()
            if self._stopping.is_set():
                return
            try:
                self.turn()
            except SQLAlchemyError:  # the orders stay where they are; the next turn sends them
                LOGGER.exception("orders could not be sent")
                self._metrics.projection_failures.inc()
