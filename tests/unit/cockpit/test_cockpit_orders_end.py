"""Orders of which their node never says the end, and revocations that are done."""

from __future__ import annotations

from typing import Any

import pytest

from ortsnetz_cockpit.core.audit import chain
from ortsnetz_cockpit.core.orders import desk, sender
from ortsnetz_cockpit.core.orders.lifecycle import KEPT_NS, SILENT_NS, OrderRow, State
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


def test_an_order_is_forgotten_90_days_after_its_end_and_stays_in_the_audit_trail(
    bench: Any,
) -> None:
    orders = bench.cockpit.context.orders
    given = {name: orders.give(order(name)).order for name in ("over", "revoked", "open")}
    orders.begin_to_send([row(bench, "revoked")], now_ns())
    bench.take(OrderState("over", 1, "expired", ""), OrderState("open", 1, "in-force", ""))
    orders.revoke("ons-1", "revoked", "olga", "done")
    [revocation] = [one for one in orders.waiting(["ons-1"]) if one.order.revokes is not None]
    bench.take(
        OrderState("revoked", 2, "revoked", ""),
        OrderState(revocation.order.id, 2, "accepted", ""),
    )
    last_ns = max(one.expires_ns for one in given.values())
    assert orders.forget(min(one.expires_ns for one in given.values()) + KEPT_NS - 1) == 0
    assert orders.forget(last_ns + KEPT_NS) == 2
    assert row(bench, "over") is None
    assert row(bench, "revoked") is None
    assert row(bench, "open").state is State.IN_FORCE, "one that may still act is never forgotten"
    orders.give_up(last_ns + SILENT_NS)  # the revocation ends as well
    assert orders.forget(last_ns + KEPT_NS) == 2
    assert orders.orders("ons-1", 10) == []
    engine = bench.cockpit.context.engine
    trail = [(one.action, one.target) for one in chain.entries(engine, 100)]
    assert ("order given", "ons-1: over") in trail
    assert ("order revoked", "ons-1: revoked") in trail
    assert chain.verify(engine) is None


def test_the_sender_forgets_a_page_at_a_time(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "PAGE", 2)
    orders = bench.cockpit.context.orders
    last_ns = 0
    for name in "abcde":
        last_ns = orders.give(order(name)).order.expires_ns
        bench.take(OrderState(name, 1, "expired", ""))
    assert [orders.forget(last_ns + KEPT_NS) for _ in range(4)] == [2, 2, 1, 0]


def test_a_turn_of_the_sender_forgets_what_is_old(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = bench.cockpit.context.orders
    end_ns = orders.give(order("a")).order.expires_ns
    bench.take(OrderState("a", 1, "expired", ""))
    monkeypatch.setattr(sender, "now_ns", lambda: end_ns + KEPT_NS)
    sender.OrderSender(orders, lambda _: True, list, bench.cockpit.metrics).turn()
    assert row(bench, "a") is None
