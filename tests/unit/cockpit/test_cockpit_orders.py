"""An operator's order is kept, sent until the node answers, and shown with what became of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from fastapi.testclient import TestClient

from ortsnetz_cockpit.core.access.roles import Role
from ortsnetz_cockpit.core.audit import chain
from ortsnetz_cockpit.core.orders import sender
from ortsnetz_cockpit.core.orders.lifecycle import OrderRow, State, follow
from ortsnetz_common.link import topics
from ortsnetz_common.link.codec import decode
from ortsnetz_common.link.messages import (
    Catalogue,
    Order,
    OrderState,
    Presence,
    SetpointSource,
)
from ortsnetz_common.measurement.time import NS_PER_S, now_ns
from ortsnetz_common.parameters.parameter_set import SCHEMA, Group, ParameterSet, canonical
from ortsnetz_common.parameters.station import SourcePseudo, Station

ORDERS = "/api/v1/nodes/ons-1/orders"
BODY: dict[str, Any] = {
    "targets": ["ev-1"],
    "limit_w": 5000.0,
    "duration_s": 600,
    "reason": "works at the cable",
}


@pytest.fixture
def operator(bench: Any) -> TestClient:
    bench.account("olga", Role.OPERATOR)
    client: TestClient = bench.client()
    client.headers["Authorization"] = f"Bearer {bench.token('olga')}"
    return client


@pytest.fixture
def sent(bench: Any, monkeypatch: pytest.MonkeyPatch) -> list[Order]:
    """What goes to the broker; nothing listens behind it."""
    found: list[Order] = []

    def publish(topic: str, payload: bytes) -> bool:
        assert topic == topics.downlink("ons-1")
        message = decode(payload)
        if isinstance(message, Order):
            found.append(message)
        return True

    monkeypatch.setattr(bench.cockpit.subscriber, "publish", publish)
    return found


def give(client: TestClient, **changed: Any) -> dict[str, Any]:
    answer = client.post(ORDERS, json={**BODY, **changed})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def shown(client: TestClient, name: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"{ORDERS}/{name}").json()
    return found


def says(bench: Any, name: str, state: str, time_ns: int, reason: str = "") -> None:
    bench.take(OrderState(name, time_ns, state, reason))


def metric(bench: Any, name: str, **labels: str) -> float:
    value = bench.cockpit.metrics.registry.get_sample_value(f"ortsnetz_cockpit_{name}", labels)
    return 0.0 if value is None else float(value)


def test_an_order_waits_for_its_node_and_is_sent_when_it_comes(
    bench: Any, operator: TestClient, sent: list[Order]
) -> None:
    given = give(operator)
    assert (given["state"], given["open"], given["issued_by"]) == ("waiting", True, "olga")
    turn = bench.cockpit._sender.turn
    assert turn() == 0, "nobody is there"
    bench.deliver(Presence("ons-1", online=True, epoch="epoch-1"))
    assert turn() == 1
    [order] = sent
    assert (order.id, order.targets, order.limit_w) == (given["id"], ("ev-1",), 5000.0)
    assert order.expires_ns - order.issued_ns == 600 * NS_PER_S
    assert turn() == 0, "it is not sent again before the node had time to answer"
    assert shown(operator, given["id"])["sent"] == 1


def test_it_is_sent_again_until_the_node_answers_and_no_longer(
    bench: Any, operator: TestClient, sent: list[Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.deliver(Presence("ons-1", online=True, epoch="epoch-1"))
    given = give(operator)
    start_ns, turns = now_ns(), 0
    for second in range(60):
        monkeypatch.setattr(sender, "now_ns", lambda s=second: start_ns + s * NS_PER_S)
        turns += bench.cockpit._sender.turn()
    assert 4 <= turns <= 7, "2, 4, 8, 16, 30 s apart"
    assert len({order.id for order in sent}) == 1
    says(bench, given["id"], "accepted", start_ns + 60 * NS_PER_S, "ev-1 has its floor")
    monkeypatch.setattr(sender, "now_ns", lambda: start_ns + 300 * NS_PER_S)
    assert bench.cockpit._sender.turn() == 0
    found = shown(operator, given["id"])
    assert (found["state"], found["state_reason"]) == ("accepted", "ev-1 has its floor")


def test_an_order_that_nobody_answers_ends_as_unanswered(
    bench: Any, operator: TestClient, sent: list[Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = give(operator, duration_s=5)
    start_ns = now_ns()
    monkeypatch.setattr(sender, "now_ns", lambda: start_ns + 6 * NS_PER_S)
    bench.deliver(Presence("ons-1", online=True, epoch="epoch-1"))
    bench.cockpit._sender.turn()
    assert sent == []
    assert shown(operator, given["id"])["state"] == "unanswered"
    assert metric(bench, "orders_total", state="unanswered") == 1


def test_the_time_until_the_devices_have_confirmed_is_measured(
    bench: Any, operator: TestClient
) -> None:
    given = give(operator)
    issued_ns = int(given["issued_ns"])
    says(bench, given["id"], "accepted", issued_ns + NS_PER_S)
    says(bench, given["id"], "in-force", issued_ns + 3 * NS_PER_S, "confirmed by ev-1")
    found = shown(operator, given["id"])
    assert (found["state"], found["in_force_ns"]) == ("in-force", str(issued_ns + 3 * NS_PER_S))
    bucket = "order_seconds_bucket"
    assert metric(bench, bucket, step="confirmed", le="2.0") == 0
    assert metric(bench, bucket, step="confirmed", le="5.0") == 1
    late = give(operator)
    says(bench, late["id"], "in-force", int(late["issued_ns"]) + 61 * NS_PER_S)
    assert metric(bench, "orders_late_total") == 1


def test_that_nobody_follows_an_order_any_more_is_shown_and_measured_as_no_other(
    bench: Any, operator: TestClient
) -> None:
    given = give(operator)
    issued_ns = int(given["issued_ns"])
    said = "not followed by ev-1: group 'street' is advisory, nothing is written there"
    says(bench, given["id"], "accepted", issued_ns + NS_PER_S, said)
    assert shown(operator, given["id"])["state_reason"] == said
    says(bench, given["id"], "in-force", issued_ns + 3 * NS_PER_S, "confirmed by ev-1")
    says(bench, given["id"], "in-force", issued_ns + 70 * NS_PER_S, f"confirmed by ev-1; {said}")
    found = shown(operator, given["id"])
    assert found["state_reason"] == f"confirmed by ev-1; {said}"
    assert (found["state"], found["in_force_ns"]) == ("in-force", str(issued_ns + 3 * NS_PER_S))
    assert metric(bench, "orders_total", state="in-force") == 1
    assert metric(bench, "orders_late_total") == 0


def test_revoking_what_was_never_sent_ends_it_at_once(
    bench: Any, operator: TestClient, sent: list[Order]
) -> None:
    given = give(operator)
    answer = operator.delete(f"{ORDERS}/{given['id']}")
    assert (answer.status_code, answer.json()["state"]) == (200, "revoked")
    bench.deliver(Presence("ons-1", online=True, epoch="epoch-1"))
    bench.cockpit._sender.turn()
    assert sent == []
    assert operator.delete(f"{ORDERS}/{given['id']}").status_code == 409


def test_an_order_that_is_revoked_while_it_is_on_its_way_is_revoked_at_the_node(
    bench: Any, operator: TestClient, sent: list[Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.deliver(Presence("ons-1", online=True, epoch="epoch-1"))
    given = give(operator)
    publish = bench.cockpit.subscriber.publish

    def publish_late(topic: str, payload: bytes) -> bool:
        message = decode(payload)
        if isinstance(message, Order) and message.revokes is None:
            assert operator.delete(f"{ORDERS}/{given['id']}").status_code == 202
        return bool(publish(topic, payload))

    monkeypatch.setattr(bench.cockpit.subscriber, "publish", publish_late)
    bench.cockpit._sender.turn()
    bench.cockpit._sender.turn()
    assert [order.revokes for order in sent] == [None, given["id"]]


def test_revoking_tells_the_node_and_shows_both_until_it_has_ended(
    bench: Any, operator: TestClient, sent: list[Order]
) -> None:
    bench.deliver(Presence("ons-1", online=True, epoch="epoch-1"))
    given = give(operator)
    bench.cockpit._sender.turn()
    says(bench, given["id"], "accepted", 1)
    answer = operator.delete(f"{ORDERS}/{given['id']}", params={"reason": "works are done"})
    assert answer.status_code == 202
    assert (answer.json()["state"], answer.json()["revoked_by"]) == ("accepted", "olga")
    bench.cockpit._sender.turn()
    revocation = sent[-1]
    assert (revocation.revokes, revocation.reason) == (given["id"], "works are done")
    says(bench, given["id"], "revoked", 2, "revoked by olga: works are done")
    says(bench, revocation.id, "accepted", 2)
    [listed] = operator.get(ORDERS).json()
    assert listed["state"] == "revoked", "a revocation is no order of its own"
    assert operator.get(ORDERS, params={"open": True}).json() == []


def test_orders_survive_a_restart_of_the_cockpit(
    bench: Any, operator: TestClient, reopen: Callable[[], Any]
) -> None:
    given = give(operator)
    again = reopen()
    [row] = again.cockpit.context.orders.orders("ons-1", 10)
    assert (row.order.id, row.state) == (given["id"], State.WAITING)


def test_who_gave_and_who_revoked_is_in_the_audit_trail(bench: Any, operator: TestClient) -> None:
    given = give(operator)
    operator.delete(f"{ORDERS}/{given['id']}")
    engine = bench.cockpit.context.engine
    revoked, ordered = chain.entries(engine, 2)
    assert (ordered.actor, ordered.action) == ("olga", "order given")
    assert "limit_w 5000.0 for ev-1" in ordered.detail
    assert "works at the cable" in ordered.detail
    assert (revoked.action, revoked.target) == ("order revoked", f"ons-1: {given['id']}")
    assert chain.verify(engine) is None


def test_a_viewer_sees_orders_and_gives_none(bench: Any, viewer: TestClient) -> None:
    assert viewer.get(ORDERS).json() == []
    assert viewer.post(ORDERS, json=BODY).status_code == 403
    assert viewer.delete(f"{ORDERS}/x").status_code == 403
    assert viewer.get("/api/v1/nodes/nowhere/orders").status_code == 404


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"limit_w": None}, "exactly one"),
        ({"share": 0.5}, "exactly one"),
        ({"limit_w": -1.0}, "limit_w"),
        ({"limit_w": None, "share": 1.5}, "share"),
        ({"limit_w": None, "mode": "sideways"}, "mode"),
        ({"limit_w": None, "mode": "off", "source": "market"}, "only an operator"),
        ({"limit_w": None, "armed": True, "source": "market"}, "market"),
        ({"duration_s": None}, "expires_ns"),
        ({"duration_s": 40 * 86_400}, "duration_s"),
        ({"duration_s": None, "expires_ns": "1"}, "future"),
        ({"source": "safety"}, "source"),
        ({"targets": []}, "targets"),
        ({"reason": ""}, "reason"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_what_no_node_would_take_is_refused_at_once(
    operator: TestClient, changed: dict[str, Any], word: str
) -> None:
    answer = operator.post(ORDERS, json={**BODY, **changed})
    assert answer.status_code == 422
    assert word in answer.json()["detail"]


def test_targets_that_the_node_has_not_are_refused_by_name(
    bench: Any, operator: TestClient
) -> None:
    station = Station((), (), (), SourcePseudo(1, 1.0, 0.01))
    parameters = ParameterSet(SCHEMA, "ons-1", 1, "", station, groups=(Group("evs"),))
    bench.take(Catalogue(0, (), "ab" * 32, None, canonical(parameters).decode()))
    answer = operator.post(ORDERS, json=BODY)
    assert answer.status_code == 422
    assert answer.json()["detail"] == "node 'ons-1' has no device or group 'ev-1'"
    assert give(operator, targets=["evs"])["targets"] == ["evs"]
    network = operator.get("/api/v1/nodes/ons-1/network").json()
    assert [group["name"] for group in network["groups"]] == ["evs"]


def test_the_same_order_twice_is_one_and_another_under_its_id_is_refused(
    operator: TestClient,
) -> None:
    give(operator, id="works-7")
    give(operator, id="works-7")
    assert len(operator.get(ORDERS).json()) == 1
    again = operator.post(ORDERS, json={**BODY, "id": "works-7", "limit_w": 1.0})
    assert again.status_code == 409


def test_what_is_over_stays_over() -> None:
    order = Order("o", "ons-1", SetpointSource.TSO, "grid", 1, 2, "", ("ev",), limit_w=1.0)
    row = OrderRow(order, State.EXPIRED)
    assert follow(row, OrderState("o", 3, "accepted", "")) is None
    assert follow(OrderRow(order), OrderState("o", 3, "a later word", "")) is None
    accepted = follow(OrderRow(order), OrderState("o", 3, "accepted", "fine"))
    assert accepted is not None
    assert follow(accepted, OrderState("o", 4, "accepted", "fine")) is None
    assert follow(row, OrderState("o", 3, "expired", "in other words")) is None
    assert msgspec.json.decode(msgspec.json.encode(order), type=Order) == order
