"""Orders in the registry: rows in and out."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, delete, insert, select, update

from ortsnetz_cockpit.core.orders.lifecycle import KEPT_NS, OPEN, SILENT_NS, OrderRow, State
from ortsnetz_cockpit.core.registry.tables import ORDERS
from ortsnetz_common.link.messages import Order

_ORDER = msgspec.json.Decoder(Order)


def put(connection: Connection, row: OrderRow) -> None:
    """Write a new row."""
    order = row.order
    connection.execute(
        insert(ORDERS).values(
            node=order.node,
            id=order.id,
            body=msgspec.json.encode(order).decode(),
            issued_ns=order.issued_ns,
            expires_ns=order.expires_ns,
            revokes=order.revokes,
            **_changing(row),
        )
    )


def change(connection: Connection, row: OrderRow) -> None:
    """Write what has changed of a row."""
    here = (ORDERS.c.node == row.order.node) & (ORDERS.c.id == row.order.id)
    connection.execute(update(ORDERS).where(here).values(_changing(row)))


def one(connection: Connection, node: str, name: str) -> OrderRow | None:
    """An order of a node; None when there is none of that id."""
    here = (ORDERS.c.node == node) & (ORDERS.c.id == name)
    found = connection.execute(select(ORDERS).where(here)).first()
    return None if found is None else _row(found)


def of_node(
    connection: Connection, node: str, limit: int, *, only_open: bool = False
) -> list[OrderRow]:
    """Orders of a node, newest first; revocations are not listed, they show at what they end."""
    where = (ORDERS.c.node == node) & ORDERS.c.revokes.is_(None)
    if only_open:
        where &= ORDERS.c.state.in_([state.value for state in OPEN])
    query = select(ORDERS).where(where).order_by(ORDERS.c.issued_ns.desc(), ORDERS.c.id)
    return [_row(found) for found in connection.execute(query.limit(limit))]


def waiting(connection: Connection, nodes: Collection[str], limit: int) -> list[OrderRow]:
    """Orders and revocations for some nodes that these have not answered yet, oldest first."""
    query = (
        select(ORDERS)
        .where(ORDERS.c.state == State.WAITING.value, ORDERS.c.node.in_(nodes))
        .order_by(ORDERS.c.issued_ns, ORDERS.c.id)
        .limit(limit)
    )
    return [_row(found) for found in connection.execute(query)]


def overdue(connection: Connection, time_ns: int, limit: int) -> list[OrderRow]:
    """Orders and revocations whose time is over without a word of the node, see `lifecycle`."""
    waits = (ORDERS.c.state == State.WAITING.value) & (ORDERS.c.expires_ns <= time_ns)
    opened = ORDERS.c.state.in_([state.value for state in OPEN])
    silent = opened & (ORDERS.c.expires_ns <= time_ns - SILENT_NS)
    query = select(ORDERS).where(waits | silent).limit(limit)
    return [_row(found) for found in connection.execute(query)]


def forget(connection: Connection, time_ns: int, limit: int) -> int:
    """Delete orders and revocations that ended long ago, see `lifecycle`; returns how many."""
    before_ns = time_ns - KEPT_NS
    closed = ORDERS.c.state.not_in([state.value for state in OPEN])
    # issued before it ended: that has an index
    long_ago = (ORDERS.c.issued_ns <= before_ns) & (ORDERS.c.expires_ns <= before_ns)
    old = select(ORDERS.c.node, ORDERS.c.id).where(long_ago & closed).limit(limit)
    found = connection.execute(old).all()
    for node, name in found:
        here = (ORDERS.c.node == node) & (ORDERS.c.id == name)
        connection.execute(delete(ORDERS).where(here))
    return len(found)


def _changing(row: OrderRow) -> dict[str, Any]:
    return {
        "state": row.state.value,
        "reason": row.reason,
        "state_ns": row.state_ns,
        "sent": row.sent,
        "last_sent_ns": row.last_sent_ns,
        "in_force_ns": row.in_force_ns,
        "revoked_by": row.revoked_by,
    }


def _row(found: Row[Any]) -> OrderRow:
    return OrderRow(
        order=_ORDER.decode(found.body),
        state=State(found.state),
        reason=found.reason,
        state_ns=found.state_ns,
        sent=found.sent,
        last_sent_ns=found.last_sent_ns,
        in_force_ns=found.in_force_ns,
        revoked_by=found.revoked_by,
    )
