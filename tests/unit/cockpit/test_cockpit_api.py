"""What the API says about a node: signs, times as text, nothing made up."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from fastapi.testclient import TestClient

from ortsnetz_cockpit.core.api.instants import parse_instant
from ortsnetz_common.link.messages import (
    Adjusted,
    Catalogue,
    Decision,
    Health,
    Presence,
    Setpoint,
    SetpointSource,
)
from ortsnetz_common.measurement.point import Point, Unit
from ortsnetz_common.measurement.quality import Quality
from ortsnetz_common.parameters.parameter_set import SCHEMA, ParameterSet, canonical
from ortsnetz_common.parameters.station import (
    Connection,
    Device,
    DeviceKind,
    Meter,
    MeterRole,
    Side,
    SourcePseudo,
    Station,
)

S = 10**9
START = 1_795_255_200 * S
BASE = "/api/v1/nodes/ons-1"
HERE = Connection("modbus-tcp", "127.0.0.1", 502)
STATION = Station(
    meters=(
        Meter(
            name="meter-transformer",
            role=MeterRole.TRANSFORMER,
            profile="meter-transformer",
            connection=HERE,
            element=10,
            phases="abc",
            u_sigma=0.002,
            p_sigma=100.0,
            side=Side.TO,
        ),
    ),
    devices=(
        Device(
            name="ev-01",
            kind=DeviceKind.EV,
            profile="ev-controller",
            connection=HERE,
            element=20,
            phase_count=3,
            phases="abc",
            rated_w=11_000.0,
            floor_w=4830.0,
            floor_rule="14a EnWG",
            reaction_s=5.0,
            fallback_w=4830.0,
            u_sigma=0.005,
            p_sigma=50.0,
        ),
    ),
    pseudo=(),
    source=SourcePseudo(1, 1.0, 0.01),
)


def test_nodes_are_those_of_the_configuration(bench: Any, viewer: TestClient) -> None:
    first, second = viewer.get("/api/v1/nodes").json()
    assert (first["node"], second["node"]) == ("ons-1", "ons-2")
    assert first == {
        "node": "ons-1",
        "online": False,
        "last_seen": None,
        "epoch": None,
        "watermark": 0,
        "health": None,
    }
    bench.deliver(Presence("ons-1", online=True, epoch="epoch-1"))
    bench.take(Health(START, 7, "active", "", 41.5, None, {"dropped": 0}))
    first = viewer.get("/api/v1/nodes").json()[0]
    assert first["online"] is True
    assert isinstance(first["last_seen"], str)
    assert (first["epoch"], first["watermark"]) == ("epoch-1", 1)
    assert first["health"]["time_ns"] == str(START)
    assert first["health"]["state_age_s"] is None
    for path in (
        *("network", "points", "live", "setpoints", "adjustments", "decisions"),
        *("watermark", "committed"),
    ):
        assert viewer.get(f"/api/v1/nodes/ons-9/{path}").status_code == 404


@pytest.mark.parametrize("with_limits", [True, False])
def test_the_network_is_what_the_catalogue_told(
    bench: Any, viewer: TestClient, network_text: str, with_limits: bool
) -> None:
    assert viewer.get(f"{BASE}/network").status_code == 404
    station = msgspec.json.encode(STATION)
    if with_limits:
        station = canonical(ParameterSet(SCHEMA, "ons-1", 1, "ab", STATION))
    points = (Point("ev-01/MMXU1.W.phsA", Unit.WATT, 20),)
    bench.take(Catalogue(0, points, "cd", network_text, station.decode()))
    bench.take(Catalogue(0, points, "ef"))  # unchanged network and station are not sent again
    found = viewer.get(f"{BASE}/network").json()
    assert found["parameters_hash"] == "ef"
    assert found["nodes"][0] == {
        "id": 1,
        "name": "MV busbar",
        "x": 11.0,
        "y": 47.0,
        "u_rated": 20000.0,
    }
    assert found["nodes"][2]["name"] == "node 3"
    assert found["nodes"][2]["x"] is None
    line, transformer = found["branches"]
    assert line == {
        "id": 11,
        "name": "line 11",
        "kind": "line",
        "from": 2,
        "to": 3,
        "rating_a": 270.0,
    }
    assert transformer["rating_a"] == pytest.approx(360.84, abs=0.01)  # 250 kVA at 400 V
    assert found["devices"][0]["node"] == 3
    assert found["meters"] == [
        {"name": "meter-transformer", "role": "transformer", "element": 10, "side": "to"}
    ]
    limits = {"u_pu": [0.95, 1.05], "loading": 1.0}
    assert found["limits"] == (limits if with_limits else None), "unknown is not unlimited"


def test_an_unreadable_network_is_said_to_be_so(bench: Any, viewer: TestClient) -> None:
    bench.take(Catalogue(0, (), "cd", '{"data": {"node": [{"id": 1}]}}', None))
    answer = viewer.get(f"{BASE}/network")
    assert answer.status_code == 404
    assert "cannot be read" in answer.json()["detail"]


def test_live_values_keep_quality_and_time_as_text(bench: Any, viewer: TestClient) -> None:
    assert viewer.get(f"{BASE}/live").json() == {"node": "ons-1", "time_ns": None, "points": {}}
    bench.tell_points("m/a", "m/b", "m/c")
    time_ns = START + 123_456_789
    bench.tell_values({0: 1.5, 1: None}, time_ns, int(Quality.INVALID | Quality.OLD_DATA))
    bench.tell_values({2: 7.0}, time_ns - S)
    found = viewer.get(f"{BASE}/live").json()
    assert found["time_ns"] == "1795255200123456789"
    assert found["points"]["m/a"] == {
        "value": 1.5,
        "quality": 129,
        "quality_text": "invalid (old data)",
        "origin": "measured",
        "time_ns": "1795255200123456789",
    }
    assert found["points"]["m/b"]["value"] is None
    assert found["points"]["m/c"]["quality_text"] == "good"


def test_without_the_broker_nobody_is_said_to_be_online(bench: Any, viewer: TestClient) -> None:
    bench.deliver(Presence("ons-1", online=True))
    assert viewer.get("/api/v1/nodes").json()[0]["online"] is True
    bench.cockpit.context.board.lost_sight()
    found = viewer.get("/api/v1/nodes").json()[0]
    assert found["online"] is False
    assert found["last_seen"] is not None


def test_a_device_with_a_wrong_clock_cannot_hold_the_live_view_back(
    bench: Any, viewer: TestClient, reopen: Callable[[], Any]
) -> None:
    bench.tell_points("m/a")
    bench.tell_values({0: 1.0}, START + 10**17)
    bench.tell_values({0: 2.0}, START)
    assert viewer.get(f"{BASE}/live").json()["points"]["m/a"]["value"] == 2.0
    again = reopen()
    _, [value] = again.cockpit.context.latest.values("ons-1")
    assert value.value == 2.0


def test_what_devices_were_told_besides_limits_is_shown_until_they_are_told_otherwise(
    bench: Any, viewer: TestClient, reopen: Callable[[], Any]
) -> None:
    told = Adjusted("pv", "reactive_power", 1500.0, "Q(U) at 1.06 pu")
    setpoint = Setpoint("pv", 5000.0, SetpointSource.SAFETY, "because")
    bench.take(
        Decision(START, 1, "ok", (), (told, Adjusted("tap", "voltage", 1.01, "too low"))),
        Decision(START + 1, 2, "limited", (setpoint,)),
        Decision(START + 2, 3, "ok", (), (msgspec.structs.replace(told, value=0.0, reason="in"),)),
    )
    expected = [
        {
            "device": "pv", "quantity": "reactive_power", "value": 0.0, "reason": "in",
            "time_ns": str(START + 2),
        },
        {
            "device": "tap", "quantity": "voltage", "value": 1.01, "reason": "too low",
            "time_ns": str(START),
        },
    ]  # fmt: skip
    assert viewer.get(f"{BASE}/adjustments").json() == expected
    newest = viewer.get(f"{BASE}/decisions").json()[0]
    assert newest["adjusted"] == [{k: v for k, v in expected[0].items() if k != "time_ns"}]
    state = reopen().cockpit.context.board.state("ons-1")
    assert [(one.adjusted.device, one.adjusted.value) for one in state.adjusted] == [
        ("pv", 0.0),
        ("tap", 1.01),
    ]
    assert [one.setpoint.limit_w for one in state.setpoints] == [5000.0]


def test_after_a_restart_state_is_as_before(bench: Any, reopen: Callable[[], Any]) -> None:
    bench.tell_points("m/a")
    bench.tell_values({0: 1.0}, START)
    limits = [
        Decision(
            START + n, n, "limited", (Setpoint(f"ev-{n % 3}", 1.0 * n, SetpointSource(0), "r"),)
        )
        for n in range(9)
    ]
    bench.take(*limits, Health(START, 7, "safe", "start", 1.0, None))
    bench.deliver(Presence("ons-1", online=True))
    before = bench.cockpit.context.board.state("ons-1")
    after = reopen().cockpit.context.board.state("ons-1")
    for name in ("online", "last_seen_ns", "epoch", "watermark", "health", "setpoints"):
        assert getattr(after, name) == getattr(before, name), name
    assert [entry.setpoint.limit_w for entry in after.setpoints] == [6.0, 7.0, 8.0]


def test_setpoints_and_decisions_say_why(bench: Any, viewer: TestClient) -> None:
    first = Setpoint("ev-01", 6900.0, SetpointSource.SAFETY, "transformer at 104 %", ("T1",))
    second = Setpoint("ev-01", 11_000.0, SetpointSource.NONE, "no limit needed")
    bench.take(Decision(START, 1, "limited", (first,)), Decision(START + S, 2, "ok", (second,)))
    [found] = viewer.get(f"{BASE}/setpoints").json()
    assert found == {
        "device": "ev-01",
        "limit_w": 11_000.0,
        "source": "none",
        "reason": "no limit needed",
        "binding": [],
        "until_ns": None,
        "time_ns": str(START + S),
    }
    newest, oldest = viewer.get(f"{BASE}/decisions").json()
    assert (newest["cycle"], oldest["cycle"]) == (2, 1)
    assert oldest["setpoints"][0]["binding"] == ["T1"]
    assert len(viewer.get(f"{BASE}/decisions", params={"limit": 1}).json()) == 1
    assert viewer.get(f"{BASE}/decisions", params={"limit": 0}).status_code == 422


def test_counts_come_from_the_store(bench: Any, viewer: TestClient) -> None:
    from ortsnetz_common.measurement.origin import Origin

    bench.tell_points("m/a", "node-3/MMXU1.PhV.phsA")
    bench.tell_values({0: 1.0, 1: None}, START)
    bench.tell_values({1: 230.0}, START + S, origin=Origin.ESTIMATED)
    bench.take_raw(b"\xc1")
    found = viewer.get(f"{BASE}/committed").json()
    assert found["records"] == 4
    assert (found["samples_measured"], found["samples_estimated"]) == (2, 1)
    assert (found["quarantined"], found["epochs"]) == (1, 1)
    assert (found["first_ns"], found["last_ns"]) == (str(START), str(START + S))
    other = viewer.get("/api/v1/nodes/ons-2/committed").json()
    assert other["records"] == 0
    assert other["first_ns"] is None
    assert viewer.get(f"{BASE}/watermark").json() == {
        "node": "ons-1",
        "epoch": "epoch-1",
        "sequence": 4,
    }


def test_read_counters_show_what_is_lost_doubled_or_out_of_order(
    bench: Any, viewer: TestClient
) -> None:
    devices = ("whole", "lossy", "doubled", "turned", "silent")
    bench.tell_points(*(f"{d}/LPHD1.RdCnt" for d in devices), "whole/MMXU1.W.phsA", unit=Unit.COUNT)
    told: list[list[float | None]] = [
        [1, 2, 3, 4, 5],
        [1, 2, 4, 5, 7],
        [1, 2, 2, 3, 4],
        [1, 3, 2, 4, 5],
        [None, None, None, None, None],
    ]
    for second in range(5):
        values = {index: column[second] for index, column in enumerate(told)}
        bench.tell_values({**values, 5: 99.0}, START + second * S)
    bench.tell_values({0: 5.0}, START + 9 * S, int(Quality.INVALID | Quality.OLD_DATA))
    answer = viewer.get(f"{BASE}/audit-counter", params={"point_suffix": "LPHD1.RdCnt"}).json()
    found = {row.pop("device"): row for row in answer}
    assert list(found) == sorted(devices)
    perfect = {"count": 5, "min": 1, "max": 5, "missing": 0, "doubled": 0, "out_of_order": 0}
    assert found["whole"] == {**perfect, "without_value": 1}
    assert found["lossy"] == {**perfect, "max": 7, "missing": 2, "without_value": 0}
    assert found["doubled"] == {
        **perfect,
        "max": 4,
        "doubled": 1,
        "out_of_order": 1,
        "without_value": 0,
    }
    assert found["turned"] == {**perfect, "out_of_order": 1, "without_value": 0}
    assert found["silent"] == {
        "count": 0,
        "min": None,
        "max": None,
        "missing": 0,
        "doubled": 0,
        "out_of_order": 0,
        "without_value": 5,
    }


def test_series_have_their_form(bench: Any, viewer: TestClient) -> None:
    bench.tell_points("m/a", "m/b")
    bench.tell_values({0: 1.0, 1: 2.0}, START)
    url = f"{BASE}/series"
    ask = {"point": ["m/b", "m/a"], "from": "2026-11-21T10:00:00Z", "to": str(START + S)}
    found = viewer.get(url, params=ask).json()["series"]
    assert [one["point"] for one in found] == ["m/b", "m/a"]
    assert found[1] == {
        "point": "m/a",
        "unit": "W",
        "origin": "measured",
        "bucket_ns": "0",
        "t": [START / 1e6],
        "mean": [1.0],
        "min": [1.0],
        "max": [1.0],
        "worst_quality": [0],
    }
    for wrong in (
        {"point": "m/c"},
        {},
        {"point": "m/a", "from": "yesterday"},
        {"point": "m/a", "from": "2026-11-21T10:00:00"},
        {"point": "m/a", "from": str(START), "to": str(START)},
        {"point": "m/a", "max_points": "5"},
        {"point": ["m/a"] * 21},
    ):
        answer = viewer.get(url, params=wrong)
        assert answer.status_code == (404 if wrong == {"point": "m/c"} else 422), wrong
        assert isinstance(answer.json()["detail"], str)


@pytest.mark.parametrize(
    ("text", "time_ns"),
    [
        ("2026-11-21T10:00:00Z", START),
        ("2026-11-21T11:00:00+01:00", START),
        ("2026-11-21T10:00:00.250Z", START + 250_000_000),
        ("1795255200000000001", START + 1),
        ("0", 0),
    ],
)
def test_an_instant_is_read_exactly(text: str, time_ns: int) -> None:
    assert parse_instant(text) == time_ns


@pytest.mark.parametrize("text", ["", "1e9", "-5", "9" * 30, "1969-12-31T00:00:00Z", "²", "NaN"])
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"instant|outside|time zone"):
        parse_instant(text)


def test_health_says_what_is_missing(bench: Any) -> None:
    answer = bench.client().get("/healthz")
    assert answer.status_code == 503
    reasons = " ".join(answer.json()["reasons"])
    assert "broker at 127.0.0.1:1 is not connected" in reasons
    assert "ingest writer" in reasons


def test_metrics_count_what_was_taken(bench: Any) -> None:
    bench.tell_points("m/a")
    bench.tell_values({0: 1.0}, START)
    text = bench.client().get("/metrics").text
    assert "ortsnetz_cockpit_ingest_samples_total 1.0" in text
    assert 'ortsnetz_cockpit_node_watermark{node="ons-1"} 2.0' in text
    assert 'ortsnetz_cockpit_ingest_batches_total{verdict="committed"} 2.0' in text


def test_the_way_of_an_event_from_the_node_is_timed(bench: Any) -> None:
    now_ns = time.time_ns()
    for happened_ns in (now_ns - 3 * 10**9, now_ns + 3600 * 10**9):
        bench.take(Health(happened_ns, 1, "active", "", 1.0, 0.0))
    text = bench.client().get("/metrics").text
    assert 'ortsnetz_cockpit_edge_seconds_bucket{le="2.0"} 0.0' in text
    assert 'ortsnetz_cockpit_edge_seconds_bucket{le="60.0"} 1.0' in text
    assert "ortsnetz_cockpit_edge_clocks_disagree_total 1.0" in text


def test_a_query_that_takes_too_long_is_ended(bench: Any) -> None:
    from ortsnetz_cockpit.core.timeseries.store import QueryTimeoutError

    def ask_for_too_much() -> None:
        with bench.cockpit.context.store.reading(deadline_s=0.2) as cursor:
            cursor.execute("SELECT count(*) FROM range(1e9::BIGINT) a, range(1e9::BIGINT) b")

    with pytest.raises(QueryTimeoutError, match="longer than"):
        ask_for_too_much()


def test_the_list_of_endpoints_is_readable_without_scripts(bench: Any) -> None:
    text = bench.client().get("/docs").text
    assert "/api/v1/nodes/{node}/series" in text
    assert "<script" not in text
    assert json.loads(bench.client().get("/api/v1/openapi.json").text)["openapi"].startswith("3.")
