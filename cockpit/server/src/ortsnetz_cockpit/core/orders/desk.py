"""Orders as operators see them: given, revoked, and followed in the log.

As with alarms, the registry remembers up to which position of the log it has followed, in the same
transaction as what it derived.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Collection, Sequence
from dataclasses import replace

import msgspec
from sqlalchemy import Connection, Engine, func, select

from ortsnetz_cockpit.core.audit import chain
from ortsnetz_cockpit.core.metrics import Metrics
from ortsnetz_cockpit.core.orders import table
from ortsnetz_cockpit.core.orders.lifecycle import OPEN, OrderRow, State, follow, overdue
from ortsnetz_cockpit.core.registry.database import reading
from ortsnetz_cockpit.core.registry.log_cursor import LogCursor
from ortsnetz_cockpit.core.registry.tables import ORDERS
from ortsnetz_cockpit.core.timeseries.store import Store
from ortsnetz_common.link.messages import Order, OrderState
from ortsnetz_common.measurement.time import NS_PER_S, now_ns

PAGE = 1000
CURSOR = "orders"
MOST_OPEN = 1000
"""Most open orders of a node; a node itself holds as many."""
LATE_S = 60.0
"""An order shall be confirmed by its devices within this time (requirement B08)."""
_RECORDS = msgspec.json.Decoder(OrderState)


class OrderConflictError(Exception):
    """The order cannot be given or revoked as things are; the text says why."""


class OrderDesk:
    """Gives, revokes, lists and follows orders."""

    def __init__(self, engine: Engine, store: Store, metrics: Metrics) -> None:
        self._engine = engine
        self._log = LogCursor(engine, store, CURSOR, ("order-state",))
        self._metrics = metrics
        self._lock = threading.Lock()
        self._version = 0
        self.news = threading.Event()
        """Set when there may be something to send."""

    @property
    def version(self) -> int:
        """Rises with every change of an order."""
        return self._version

    def give(self, order: Order) -> OrderRow:
        """Keep a new order; it is sent as soon as its node is there.

        The same order given twice is one order.

        Raises:
            OrderConflictError: the id belongs to another order, or the node has too many.
        """
        return self.give_all([order])[0]

    def give_all(self, orders: Sequence[Order]) -> list[OrderRow]:
        """Keep several orders, all or none.

        Raises:
            OrderConflictError: the id belongs to another order, or the node has too many.
        """
        with self._lock, self._engine.begin() as connection:
            rows = [self._give(connection, order) for order in orders]
            self._version += 1
        self.news.set()
        return rows

    def _give(self, connection: Connection, order: Order) -> OrderRow:
        known = table.one(connection, order.node, order.id)
        if known is not None:
            return _same(known, order)
        if _count_open(connection, order.node) >= MOST_OPEN:
            raise OrderConflictError(
                f"node '{order.node}' has {MOST_OPEN} open orders: revoke some first"
            )
        row = OrderRow(order)
        table.put(connection, row)
        chain.append(connection, order.issued_by, "order given", _target(order), _words(order))
        return row

    def revoke(self, node: str, name: str, user: str, reason: str) -> OrderRow | None:
        """End an order: at once where it was never sent, else by telling the node; None if unknown.

        Raises:
            OrderConflictError: it is over already, or somebody has revoked it.
        """
        with self._lock, self._engine.begin() as connection:
            row = table.one(connection, node, name)
            if row is None or row.order.revokes is not None:
                return None
            if not row.is_open:
                raise OrderConflictError(f"order {name} is {row.state.value} already")
            if row.revoked_by is not None:
                raise OrderConflictError(f"order {name} is being revoked by {row.revoked_by}")
            time_ns = now_ns()
            row = replace(row, revoked_by=user)
            if row.sent == 0:
                text = f"revoked by {user} before it was sent"
                row = replace(row, state=State.REVOKED, reason=text, state_ns=time_ns)
                self._metrics.orders.labels(State.REVOKED.value).inc()
            else:
                table.put(connection, OrderRow(_revocation(row.order, user, reason, time_ns)))
            table.change(connection, row)
            chain.append(connection, user, "order revoked", _target(row.order), reason)
            self._version += 1
        self.news.set()
        return row

    def orders(self, node: str, limit: int, *, only_open: bool = False) -> list[OrderRow]:
        """Orders of a node, newest first."""
        with reading(self._engine) as connection:
            return table.of_node(connection, node, limit, only_open=only_open)

    def order(self, node: str, name: str) -> OrderRow | None:
        """One order; None when there is none of that id."""
        with reading(self._engine) as connection:
            return table.one(connection, node, name)

    def waiting(self, nodes: Collection[str]) -> list[OrderRow]:
        """What these nodes have not answered yet, oldest first."""
        with reading(self._engine) as connection:
            return table.waiting(connection, nodes, PAGE)

    def give_up(self, time_ns: int) -> None:
        """Note orders whose time is over without a word of their node."""
        with reading(self._engine) as connection:
            found = table.overdue(connection, time_ns, PAGE)
        if not found:
            return
        with self._lock, self._engine.begin() as connection:
            for item in found:
                row = table.one(connection, item.order.node, item.order.id)
                after = None if row is None else overdue(row, time_ns)
                if after is not None:
                    table.change(connection, after)
                    self._metrics.orders.labels(after.state.value).inc()
            self._version += 1

    def forget(self, time_ns: int) -> int:
        """Forget orders that ended long ago, a page at a time; returns how many."""
        with self._lock, self._engine.begin() as connection:
            forgotten = table.forget(connection, time_ns, PAGE)
        if forgotten:
            self._metrics.orders_forgotten.inc(forgotten)
            self._version += 1
        return forgotten

    def begin_to_send(self, due: Sequence[OrderRow], time_ns: int) -> list[OrderRow]:
        """Note that orders go to the broker now; those that still have to.

        Noted before, not after: an order that is revoked while it is on its way, or whose cockpit
        ends there, may act at its node, and so its revocation has to be sent as well.
        """
        begun: list[OrderRow] = []
        with self._lock, self._engine.begin() as connection:
            for item in due:
                row = table.one(connection, item.order.node, item.order.id)
                if row is not None and row.is_due(time_ns):
                    table.change(connection, replace(row, sent=row.sent + 1, last_sent_ns=time_ns))
                    begun.append(row)
            self._version += 1
        return begun

    def catch_up(self) -> int:
        """Follow the log to its end; returns the number of records followed."""
        with self._lock:
            followed = self._log.follow(
                lambda connection, node, body: self._derive(connection, node, _RECORDS.decode(body))
            )
            self._version += bool(followed)
        return followed

    def _derive(self, connection: Connection, node: str, record: OrderState) -> None:
        before = table.one(connection, node, record.id)
        if before is None:
            self._metrics.orders_unknown.inc()
            return
        after = follow(before, record)
        if after is None:
            return
        table.change(connection, after)
        if after.order.revokes is None and after.state is not before.state:
            self._measure(before, after)

    def _measure(self, before: OrderRow, after: OrderRow) -> None:
        metrics, order = self._metrics, after.order
        metrics.orders.labels(after.state.value).inc()
        if after.state_ns is None or after.state not in {State.ACCEPTED, State.IN_FORCE}:
            return
        seconds = (after.state_ns - order.issued_ns) / NS_PER_S
        if seconds < 0:  # node and cockpit have clocks of their own
            metrics.order_clocks_disagree.inc()
            seconds = 0.0
        step = "accepted" if after.state is State.ACCEPTED else "confirmed"
        if before.state is State.WAITING or step == "confirmed":
            metrics.order_seconds.labels(step).observe(seconds)
        if step == "confirmed" and seconds > LATE_S:
            metrics.orders_late.inc()


def _same(known: OrderRow, order: Order) -> OrderRow:
    """The order that is known already, if it is the same but for the instant of asking."""
    asked = msgspec.structs.replace(
        order, issued_ns=known.order.issued_ns, expires_ns=known.order.expires_ns
    )
    if asked != known.order:
        raise OrderConflictError(f"order {order.id} exists and says something else")
    return known


def _revocation(order: Order, user: str, reason: str, time_ns: int) -> Order:
    return Order(
        id=f"revoke-{secrets.token_hex(8)}",
        node=order.node,
        source=order.source,
        issued_by=user,
        issued_ns=time_ns,
        expires_ns=order.expires_ns,
        reason=reason,
        revokes=order.id,
    )


def _count_open(connection: Connection, node: str) -> int:
    """Orders of a node that may still act; a revocation that it has taken stays as accepted."""
    opened = ORDERS.c.state.in_([state.value for state in OPEN])
    where = (ORDERS.c.node == node) & opened & ORDERS.c.revokes.is_(None)
    return connection.scalar(select(func.count()).select_from(ORDERS).where(where)) or 0


def _target(order: Order) -> str:
    return f"{order.node}: {order.id}"


def _words(order: Order) -> str:
    what = {
        "limit_w": order.limit_w,
        "share": order.share,
        "mode": order.mode,
        "armed": order.armed,
    }
    said = ", ".join(f"{name} {value}" for name, value in what.items() if value is not None)
    names = ", ".join(order.targets)
    return (
        f"{order.source.name.lower()}: {said} for {names} until {order.expires_ns}: {order.reason}"
    )
