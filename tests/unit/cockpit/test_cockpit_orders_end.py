"""Orders of which their node never says the end, and revocations that are done."""

from __future__ import annotations

from typing import Any

import pytest

from ortsnetz_cockpit.core.orders import desk
from ortsnetz_cockpit.core.orders.lifecycle import SILENT_NS, OrderRow, State
from ortsnetz_common.link.messages import Order, OrderState, SetpointSource
from ortsnetz_common.measurement.time import NS_PER_S, now_ns


def order(name: str, lasts_s: float = 600.0) -> Order:
    issued_ns = now_ns()
    expires_ns = issued_ns + round(lasts_s * NS_PER_S)
    return Order(
        name, "ons-1", SetpointSource.OPERATOR, "olga", issued_ns, expires_ns, "", ("ev-1",), 1.0
    )


def row(bench: Any, name: str) -> OrderRow:
    found: OrderRow = bench.cockpit.context.orders.order("ons-1", name)
    return found


def test_an_order_that_its_node_has_forgotten_is_not_in_force_for_ever(bench: Any) -> None:
    orders = bench.cockpit.context.orders
    given = orders.give(order("o")).order
    bench.take(OrderState("o", 1, "in-force", "confirmed by ev-1"))
    orders.give_up(given.expires_ns + SILENT_NS - 1)
    assert row(bench, "o").state is State.IN_FORCE, "its node may yet say so"
    orders.give_up(given.expires_ns + SILENT_NS)
    ended = row(bench, "o")
    assert (ended.state, ended.is_open) == (State.EXPIRED, False)
    assert "has not said" in ended.reason


def test_revocations_that_are_done_take_no_room_of_orders(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "MOST_OPEN", 2)
    orders = bench.cockpit.context.orders
    for name in ("a", "b", "c", "d"):
        given = orders.give(order(name))
        orders.begin_to_send([given], now_ns())
        bench.take(OrderState(name, 1, "accepted", ""))
        orders.revoke("ons-1", name, "olga", "done")
        [revocation] = orders.waiting(["ons-1"])
        bench.take(
            OrderState(name, 2, "revoked", ""),
            OrderState(revocation.order.id, 2, "accepted", ""),
        )
        assert row(bench, name).state is State.REVOKED
