"""Alarms live after IEC 62682, and what comes from the log comes once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from fastapi.testclient import TestClient
from msgspec.structs import replace

from ortsnetz_cockpit.core.access.roles import Role
from ortsnetz_cockpit.core.alarms.lifecycle import State
from ortsnetz_cockpit.core.api import routes_nodes
from ortsnetz_common.link.codec import encode_record
from ortsnetz_common.link.messages import (
    Alarm,
    AlarmState,
    Batch,
    BindingElement,
    Cause,
    Intervention,
    SetpointSource,
    SourceTotal,
)

ALARMS = "/api/v1/alarms"
KEY = "device-lost/ev-07"


def alarm(state: AlarmState, time_ns: int, key: str = KEY, priority: int = 2) -> Alarm:
    return Alarm(key, time_ns, state, priority, "no answer", "limit unknown", "check the cable")


@pytest.fixture
def operator(bench: Any) -> TestClient:
    bench.account("olga", Role.OPERATOR)
    client: TestClient = bench.client()
    client.headers["Authorization"] = f"Bearer {bench.token('olga')}"
    return client


def states(client: TestClient) -> list[tuple[str, str]]:
    return [(found["key"], found["state"]) for found in client.get(ALARMS).json()]


def acknowledge(client: TestClient, number: int = 1) -> int:
    return client.post(f"{ALARMS}/{number}/acknowledge").status_code


def test_raised_acknowledged_cleared(bench: Any, operator: TestClient) -> None:
    bench.take(alarm(AlarmState.ACTIVE, 10))
    assert states(operator) == [(KEY, "active_unacknowledged")]
    assert acknowledge(operator) == 200
    assert states(operator) == [(KEY, "active_acknowledged")]
    assert acknowledge(operator) == 409
    bench.take(alarm(AlarmState.CLEARED, 20))
    [found] = operator.get(ALARMS).json()
    assert found["state"] == "normal"
    assert found["acknowledged_by"] == "olga"
    assert (found["raised_ns"], found["cleared_ns"]) == ("10", "20")
    assert operator.get(ALARMS, params={"state": "open"}).json() == []


def test_cleared_before_acknowledged_stays_open(bench: Any, operator: TestClient) -> None:
    bench.take(alarm(AlarmState.ACTIVE, 10), alarm(AlarmState.CLEARED, 20))
    assert states(operator) == [(KEY, "cleared_unacknowledged")]
    assert acknowledge(operator) == 200
    assert states(operator) == [(KEY, "normal")]


def test_one_key_is_one_alarm_however_often_it_comes(bench: Any, operator: TestClient) -> None:
    bench.take(alarm(AlarmState.ACTIVE, 10))
    acknowledge(operator)
    bench.take(alarm(AlarmState.ACTIVE, 11))
    [found] = operator.get(ALARMS).json()
    assert (found["state"], found["occurrences"]) == ("active_acknowledged", 1)
    bench.take(alarm(AlarmState.CLEARED, 12), alarm(AlarmState.ACTIVE, 13))
    [found] = operator.get(ALARMS).json()
    assert (found["state"], found["occurrences"]) == ("active_unacknowledged", 2)
    assert found["acknowledged_by"] is None


def test_who_acknowledged_what_has_become_worse_has_to_look_again(
    bench: Any, operator: TestClient
) -> None:
    bench.take(alarm(AlarmState.ACTIVE, 10))
    acknowledge(operator)
    bench.take(replace(alarm(AlarmState.ACTIVE, 11), cause="better"))
    [found] = operator.get(ALARMS).json()
    assert (found["state"], found["cause"]) == ("active_acknowledged", "better")
    bench.take(replace(alarm(AlarmState.ACTIVE, 12, priority=4), cause="worse", worsened=True))
    [found] = operator.get(ALARMS).json()
    assert (found["state"], found["cause"]) == ("active_unacknowledged", "worse")
    assert (found["acknowledged_by"], found["acknowledged_ns"]) == (None, None)
    assert (found["raised_ns"], found["occurrences"], found["priority"]) == ("10", 1, 4)
    assert acknowledge(operator) == 200


def test_an_alarm_of_a_node_that_does_not_say_whether_it_is_worse_is_understood(
    bench: Any, operator: TestClient
) -> None:
    fields = msgspec.to_builtins(alarm(AlarmState.ACTIVE, 10))
    del fields["worsened"]
    bench.take_raw(msgspec.msgpack.encode(fields))
    assert states(operator) == [(KEY, "active_unacknowledged")]


def test_the_end_of_what_never_stood_is_no_alarm(bench: Any, operator: TestClient) -> None:
    bench.take(alarm(AlarmState.CLEARED, 10))
    assert states(operator) == []
    assert acknowledge(operator, 99) == 404


def test_open_alarms_come_first_then_priority(bench: Any, operator: TestClient) -> None:
    bench.take(
        alarm(AlarmState.ACTIVE, 10, "low", 1),
        alarm(AlarmState.ACTIVE, 11, "critical", 4),
        alarm(AlarmState.ACTIVE, 12, "gone", 4),
        alarm(AlarmState.CLEARED, 13, "gone", 4),
    )
    acknowledge(operator, 3)
    assert [key for key, _ in states(operator)] == ["critical", "low", "gone"]
    answer = operator.get(ALARMS, params={"state": "sideways"})
    assert answer.status_code == 422
    assert "active_unacknowledged" in answer.json()["detail"]
    assert operator.get(ALARMS, params={"node": "ons-2"}).json() == []


def test_an_acknowledgement_is_audited(bench: Any, operator: TestClient) -> None:
    from ortsnetz_cockpit.core.audit import chain

    bench.take(alarm(AlarmState.ACTIVE, 10))
    acknowledge(operator)
    newest = chain.entries(bench.cockpit.context.engine, 1)[0]
    assert (newest.actor, newest.action) == ("olga", "alarm acknowledged")
    assert newest.target == f"ons-1: {KEY}"


def test_repeated_batches_change_nothing(bench: Any, operator: TestClient) -> None:
    records = tuple(
        encode_record(record)
        for record in (alarm(AlarmState.ACTIVE, 10), alarm(AlarmState.CLEARED, 20))
    )
    batch = Batch("ons-1", "epoch-1", 1, records)
    bench.deliver(batch)
    acknowledge(operator)
    before = operator.get(ALARMS).json()
    for _ in range(3):
        bench.deliver(batch)
    assert operator.get(ALARMS).json() == before


def test_a_crash_between_log_and_registry_is_made_good_at_the_next_start(
    bench: Any, reopen: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = bench.cockpit.context.desk
    monkeypatch.setattr(type(desk), "catch_up", lambda _self: 0)
    bench.take(alarm(AlarmState.ACTIVE, 10))
    monkeypatch.undo()
    again = reopen()
    [found] = again.cockpit.context.desk.alarms(tuple(State))
    assert (found.row.key, found.row.occurrences) == (KEY, 1)
    assert again.cockpit.context.desk.catch_up() == 0


def test_begin_and_end_of_an_intervention_are_one_row(bench: Any, viewer: TestClient) -> None:
    begin = Intervention(
        "ev-1@10", "ev-1", 10**18, None, "=loading 104 %", ("T1",), 6000.0, 4200.0, "rule", None
    )
    end = Intervention(
        "ev-1@10",
        "ev-1",
        10**18,
        2 * 10**18,
        "loading 104 %",
        ("T1",),
        4830.0,
        4200.0,
        "rule",
        12.5,
    )
    url = "/api/v1/nodes/ons-1/interventions"
    bench.take(begin)
    [found] = viewer.get(url).json()
    assert (found["end_ns"], found["energy_not_served_wh"]) == (None, None)
    text = viewer.get(url, params={"format": "csv"}).text
    assert ",,'=loading 104 %,T1,6000.0," in text.splitlines()[1], "no formula for a spreadsheet"
    bench.take(end)
    [found] = viewer.get(url).json()
    assert (found["end_ns"], found["lowest_limit_w"]) == (str(2 * 10**18), 4830.0)
    assert found["binding"] == ["T1"]
    assert viewer.get(url, params={"format": "xml"}).status_code == 422


def test_who_held_a_device_back_travels_whole_to_the_api_and_to_the_table(
    bench: Any, viewer: TestClient
) -> None:
    began_ns = 10**18
    bench.take(
        Intervention(
            "ev-1@10", "ev-1", began_ns, None, "T1 at 104 %", ("T1",), 4830.0, 4200.0, "rule", None,
            causes=(
                Cause(began_ns, SetpointSource.MARKET, "evening product"),
                Cause(began_ns + 10**9, SetpointSource.SAFETY, "T1 at 104 %", ("T1",)),
                Cause(began_ns + 2 * 10**9, None, "of an earlier version"),
            ),
            causes_left_out=3,
            sources=(SourceTotal(SetpointSource.SAFETY, 3599.0, 4830.0, "T1 at 104 %", 12.0, 6.0),),
            elements=(BindingElement("T1", began_ns + 10**9, 3599.0),),
            elements_left_out=2,
            energy_at_least_wh=12.0, unknown_s=6.0, duration_s=3600.0, down_s=5.0, clock_sets=1,
            clock_set_s=-3600.0,
        )
    )  # fmt: skip
    url = "/api/v1/nodes/ons-1/interventions"
    [found] = viewer.get(url).json()
    assert [(one["source"], one["binding"]) for one in found["causes"]] == [
        ("market", []),
        ("safety", ["T1"]),
        ("unknown", []),
    ]
    assert found["causes"][1]["time_ns"] == str(began_ns + 10**9)
    assert found["sources"] == [
        {"source": "safety", "seconds": 3599.0, "lowest_limit_w": 4830.0, "reason": "T1 at 104 %",
         "energy_at_least_wh": 12.0, "unknown_s": 6.0}
    ]  # fmt: skip
    assert found["elements"] == [
        {"element": "T1", "since_ns": str(began_ns + 10**9), "seconds": 3599.0}
    ]
    assert (found["causes_left_out"], found["elements_left_out"]) == (3, 2)
    assert (found["energy_not_served_wh"], found["energy_at_least_wh"]) == (None, 12.0)
    assert (found["unknown_s"], found["duration_s"], found["down_s"]) == (6.0, 3600.0, 5.0)
    assert (found["clock_sets"], found["clock_set_s"]) == (1, -3600.0)
    line = viewer.get(url, params={"format": "csv"}).text.splitlines()[1]
    assert "safety: T1 at 104 % [T1]" in line


def test_a_record_of_a_node_of_an_earlier_version_says_nothing_of_what_it_has_not(
    bench: Any, viewer: TestClient
) -> None:
    bench.take(
        Intervention("ev-1@10", "ev-1", 10**18, None, "why", (), 6000.0, 4200.0, "rule", None)
    )
    [found] = viewer.get("/api/v1/nodes/ons-1/interventions").json()
    assert (found["causes"], found["sources"], found["elements"]) == ([], [], [])
    assert (found["duration_s"], found["unknown_s"]) == (None, None)


def test_an_export_is_of_a_span_and_never_only_a_part(
    bench: Any, viewer: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "/api/v1/nodes/ons-1/interventions"
    day_ns = 86_400 * 10**9
    november_ns = 1_793_491_200 * 10**9  # 2026-11-01T00:00:00Z
    for day in (-1, 0, 29, 30):
        at_ns = november_ns + day * day_ns
        bench.take(
            Intervention(f"ev-1@{at_ns}", "ev-1", at_ns, None, "loading 104 %", ("T1",), 6000.0,
                         4200.0, "rule", None)
        )  # fmt: skip
    november = {"from": "2026-11-01T00:00:00Z", "to": "2026-12-01T00:00:00Z"}
    found = viewer.get(url, params=november).json()
    assert [int(one["start_ns"]) for one in found] == [november_ns + 29 * day_ns, november_ns]
    monkeypatch.setattr(routes_nodes, "MOST_INTERVENTIONS", 3)
    assert len(viewer.get(url, params=november).json()) == 2
    refused = viewer.get(url, params={"format": "csv"})
    assert refused.status_code == 422
    assert "narrow 'from' and 'to'" in refused.json()["detail"]
