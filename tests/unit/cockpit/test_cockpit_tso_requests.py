"""A TSO's request ends at the interface: the DSO's devices get orders that add up to it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from fastapi.testclient import TestClient
from small_node import charger

from ortsnetz_cockpit.core.access.roles import Role
from ortsnetz_cockpit.core.api import routes_requests
from ortsnetz_common.link.messages import Catalogue, Samples
from ortsnetz_common.measurement.origin import Origin
from ortsnetz_common.measurement.point import ACTIVE_POWER, Point, Unit, phase_points
from ortsnetz_common.measurement.time import NS_PER_S, now_ns
from ortsnetz_common.parameters.parameter_set import SCHEMA, Group, Mode, ParameterSet, canonical
from ortsnetz_common.parameters.station import Device, DeviceKind, SourcePseudo, Station

REQUESTS = "/api/v1/nodes/ons-1/tso-requests"
BODY: dict[str, Any] = {"duration_s": 900, "spread_s": 300, "reason": "call 4711"}
NAMES = ("ev-1", "ev-2", "ev-3", "roof-1", "roof-2")


NOW_NS = now_ns()


@pytest.fixture(autouse=True)
def present(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests are asked at one instant: a slow machine makes no value old."""
    monkeypatch.setattr(routes_requests, "now_ns", lambda: NOW_NS)


def device(name: str) -> Device:
    if name.startswith("ev"):
        return msgspec.structs.replace(charger(), name=name, group="evs")
    return msgspec.structs.replace(
        charger(), name=name, kind=DeviceKind.PV, floor_w=0.0, step_a=None, group="roofs"
    )


def tell(
    bench: Any,
    phase_w: dict[str, float | None],
    age_s: float = 0.0,
    *,
    roofs: str = "active",
    whole: str = "active",
) -> None:
    """The node's station and modes, and what each of its devices draws in a phase."""
    station = Station((), tuple(map(device, NAMES)), (), SourcePseudo(1, 1.0, 0.01))
    groups = (Group("evs"), Group("roofs", mode=roofs))
    parameters = ParameterSet(SCHEMA, "ons-1", 1, "", station, mode=Mode(whole), groups=groups)
    points = tuple(
        Point(f"{name}/{phase}", Unit.WATT)
        for name in NAMES
        for phase in phase_points(ACTIVE_POWER)
    )
    values = tuple(phase_w[name] for name in NAMES for _ in range(3))
    time_ns, count = NOW_NS - round(age_s * NS_PER_S), len(points)
    bench.take(
        Catalogue(0, points, "ab" * 32, None, canonical(parameters).decode()),
        Samples(
            Origin.MEASURED, tuple(range(count)), values, (0,) * count, (time_ns,) * count,
            (0,) * count,
        ),
    )  # fmt: skip


EVENING: dict[str, float | None] = dict.fromkeys(NAMES[:3], 16 * 230.0) | {
    "roof-1": -2000.0,
    "roof-2": -2000.0,
}


@pytest.fixture
def operator(bench: Any) -> TestClient:
    bench.account("olga", Role.OPERATOR)
    client: TestClient = bench.client()
    client.headers["Authorization"] = f"Bearer {bench.token('olga')}"
    return client


def ask(client: TestClient, *, status: int = 201, **more: Any) -> dict[str, Any]:
    answer = client.post(REQUESTS, json={**BODY, **more})
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def orders(client: TestClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/api/v1/nodes/ons-1/orders").json()
    return sorted(found, key=lambda order: order["targets"])


def test_less_consumption_is_shared_by_the_charge_points_in_whole_amperes(
    bench: Any, operator: TestClient
) -> None:
    tell(bench, EVENING)
    found = ask(operator, change_w=-9 * 690.0)
    assert found["given_w"] == pytest.approx(-9 * 690.0, rel=0.01)
    assert (found["shortfall_w"], found["fairness"]) == (0.0, pytest.approx(1.0))
    assert found["said"] == "3 orders were given"
    given = orders(operator)
    assert [order["targets"] for order in given] == [["ev-1"], ["ev-2"], ["ev-3"]]
    assert [order["limit_w"] for order in given] == pytest.approx([13 * 690.0] * 3)
    assert {(order["source"], order["issued_by"], order["reason"]) for order in given} == {
        ("tso", "olga", "call 4711")
    }
    lasts = [int(order["expires_ns"]) - int(order["issued_ns"]) for order in given]
    assert sorted(lasts) == pytest.approx([900e9, 1000e9, 1100e9]), "no rebound"


def test_beyond_the_floors_what_is_missing_is_said(bench: Any, operator: TestClient) -> None:
    tell(bench, EVENING)
    found = ask(operator, change_w=-1e5)
    assert found["given_w"] == pytest.approx(-3 * 9 * 690.0), "7 A remain to each"
    assert found["shortfall_w"] == pytest.approx(1e5 - 3 * 9 * 690.0)
    assert "floors and ratings hold" in found["shortfall_reason"]


def test_feed_in_is_held_back_down_to_the_least_that_the_tso_needs(
    bench: Any, operator: TestClient
) -> None:
    tell(bench, EVENING)
    found = ask(operator, change_w=9000.0, least_feed_in_w=8000.0, targets=["roofs"])
    assert found["given_w"] == pytest.approx(4000.0)
    assert found["shortfall_reason"] == "the least feed-in of 8 kW is kept"
    assert [order["limit_w"] for order in orders(operator)] == pytest.approx([4000.0] * 2)


@pytest.mark.parametrize(("unmeasured", "age_s"), [(None, 0.0), (16 * 230.0, 31.0)])
def test_who_says_nothing_or_nothing_new_is_left_alone_and_named(
    bench: Any, operator: TestClient, unmeasured: float | None, age_s: float
) -> None:
    tell(bench, {**EVENING, "ev-2": unmeasured}, age_s)
    found = ask(operator, status=200, change_w=-690.0, targets=["ev-2"])
    assert (found["unknown"], found["parts"], found["given_w"]) == (["ev-2"], [], 0.0)
    assert found["said"] == f"nothing was ordered: {found['shortfall_reason']}"
    assert found["shortfall_reason"]
    assert orders(operator) == []


def test_what_a_request_would_mean_can_be_asked_without_ordering_it(
    bench: Any, operator: TestClient
) -> None:
    tell(bench, EVENING)
    found = ask(operator, status=200, change_w=-9 * 690.0, give=False)
    assert found["said"] == "nothing was ordered: 'give' is false; 3 devices would give -6.21 kW"
    assert len(found["parts"]) == 3
    assert {part["order"] for part in found["parts"]} == {None}
    assert orders(operator) == []


def test_what_makes_no_sense_is_refused(bench: Any, operator: TestClient) -> None:
    assert operator.post(REQUESTS, json={**BODY, "change_w": 1.0}).status_code == 409
    tell(bench, EVENING)
    for wrong, words in (
        ({}, "either change_w or sum_w"),
        ({"change_w": 1.0, "sum_w": 1.0}, "either change_w or sum_w"),
        ({"change_w": 1.0, "targets": ["moon"]}, "no device or group 'moon'"),
    ):
        answer = operator.post(REQUESTS, json={**BODY, **wrong})
        assert answer.status_code == 422
        assert words in answer.json()["detail"]


def test_a_viewer_asks_nothing_of_the_devices(bench: Any, viewer: TestClient) -> None:
    tell(bench, EVENING)
    assert viewer.post(REQUESTS, json={**BODY, "change_w": -1.0}).status_code == 403


def test_who_would_not_follow_is_not_counted_on_and_named(bench: Any, operator: TestClient) -> None:
    tell(bench, EVENING, roofs="advisory")
    found = ask(operator, change_w=12_000.0, status=200)
    assert found["not_followed"] == dict.fromkeys(("roof-1", "roof-2"), "group 'roofs' is advisory")
    assert (found["given_w"], found["shortfall_w"], found["parts"]) == (0.0, 12_000.0, [])
    assert found["said"].endswith(
        "; not counted on, as nothing is written to them: 2 (see not_followed)"
    )
    assert orders(operator) == []


def test_an_order_that_takes_a_group_out_takes_it_out_of_requests(
    bench: Any, operator: TestClient
) -> None:
    tell(bench, EVENING)
    out = {"targets": ["evs"], "mode": "off", "duration_s": 900, "reason": "works"}
    assert operator.post("/api/v1/nodes/ons-1/orders", json=out).status_code == 201
    found = ask(operator, change_w=-690.0, status=200, targets=["evs"])
    assert set(found["not_followed"].values()) == {"group 'evs' is off by order"}
    assert found["given_w"] == 0.0
    found = ask(operator, change_w=3000.0, targets=["roofs"])
    assert (found["given_w"], found["not_followed"]) == (pytest.approx(3000.0), {})


def test_who_would_not_follow_is_part_of_a_sum_all_the_same(
    bench: Any, operator: TestClient
) -> None:
    tell(bench, EVENING, roofs="advisory")
    sum_w = (3 * 16 - 9) * 690.0 - 2 * 6000.0
    found = ask(operator, sum_w=sum_w)
    assert [found["asked_w"], found["given_w"]] == pytest.approx([-9 * 690.0] * 2)
    assert {part["device"] for part in found["parts"]} == {"ev-1", "ev-2", "ev-3"}


def test_a_node_that_writes_nothing_gives_nothing(bench: Any, operator: TestClient) -> None:
    tell(bench, EVENING, whole="advisory")
    found = ask(operator, change_w=-690.0, status=200)
    assert found["not_followed"] == dict.fromkeys(NAMES, "the node is advisory")
    assert found["given_w"] == 0.0
