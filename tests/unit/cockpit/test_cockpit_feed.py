"""The live feed: who may open it, what it says, and what becomes of slow clients."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from ortsnetz_cockpit.core.access.roles import Role
from ortsnetz_cockpit.core.api import feed as feed_module
from ortsnetz_cockpit.core.api.feed import CLIENT_MESSAGES, TOO_SLOW, Client, Feed
from ortsnetz_common.link.messages import (
    Adjusted,
    Alarm,
    AlarmState,
    Decision,
    Setpoint,
    SetpointSource,
)

URL = "/ws/live?node=ons-1"
OWN_PASSWORD = "correct horse battery"
OWN = {"origin": "http://testserver"}
START = 1_795_255_200 * 10**9


@pytest.fixture
def client(bench: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(feed_module, "PERIOD_S", 0.02)
    bench.account("vera", Role.VIEWER)
    with bench.client() as client:
        yield client


def picture(session: WebSocketTestSession) -> dict[str, Any]:
    messages = [session.receive_json() for _ in range(4)]
    return {message["type"]: message for message in messages}


def next_of(session: WebSocketTestSession, kind: str) -> Any:
    for _ in range(50):
        message = session.receive_json()
        if message["type"] == kind:
            return message
    raise AssertionError(f"no {kind} message came")


def close_code(client: TestClient, url: str = URL, first: object = None, **headers: str) -> int:
    with client.websocket_connect(url, headers=headers) as session:
        if first is not None:
            session.send_json(first)
        with pytest.raises(WebSocketDisconnect) as caught:
            session.receive_json()
    return caught.value.code


def test_a_script_brings_its_token_in_the_first_message(bench: Any, client: TestClient) -> None:
    bench.tell_points("m/a", "m/b")
    bench.tell_values({0: 1.0, 1: 2.0}, START)
    with client.websocket_connect(URL) as session:
        session.send_json({"token": bench.token("vera")})
        first = picture(session)
        assert set(first) == {"live", "health", "setpoints", "alarms"}
        assert first["live"]["full"] is True
        assert set(first["live"]["points"]) == {"m/a", "m/b"}
        assert first["live"]["time_ns"] == str(START)
        next_of(session, "live")
        bench.tell_values({1: 3.0}, START + 10**9)
        message = next_of(session, "live")
        assert message["full"] is False
        assert list(message["points"]) == ["m/b"], "only what changed"
        assert message["points"]["m/b"]["time_ns"] == str(START + 10**9)


def test_setpoints_and_alarms_are_pushed_when_they_change(bench: Any, client: TestClient) -> None:
    with client.websocket_connect(URL) as session:
        session.send_json({"token": bench.token("vera")})
        assert picture(session)["setpoints"]["setpoints"] == []
        next_of(session, "setpoints")
        setpoint = Setpoint("ev-01", 4830.0, SetpointSource.SAFETY, "transformer at 104 %", ("T1",))
        bench.take(Decision(START, 1, "limited", (setpoint,)))
        [told] = next_of(session, "setpoints")["setpoints"]
        assert (told["device"], told["source"]) == ("ev-01", "safety")
        bench.take(Alarm("key", START, AlarmState.ACTIVE, 3, "cause", "consequence", "action"))
        told_alarms: list[Any] = []
        watermark = 0
        while not told_alarms or watermark < 2:
            message = session.receive_json()
            told_alarms = message.get("alarms", told_alarms)
            watermark = message["node"]["watermark"] if message["type"] == "health" else watermark
        assert told_alarms[0]["state"] == "active_unacknowledged"


def test_what_else_devices_were_told_is_pushed_beside_the_setpoints(
    bench: Any, client: TestClient
) -> None:
    with client.websocket_connect(URL) as session:
        session.send_json({"token": bench.token("vera")})
        assert picture(session)["setpoints"]["adjusted"] == []
        next_of(session, "setpoints")
        adjusted = Adjusted("tap", "voltage", 1.015, "6 % too low")
        bench.take(Decision(START, 1, "ok", (), (adjusted,)))
        message = next_of(session, "setpoints")
        assert message["setpoints"] == []
        [told] = message["adjusted"]
        assert (told["device"], told["quantity"], told["value"]) == ("tap", "voltage", 1.015)
        assert told["time_ns"] == str(START)


def test_the_page_opens_it_by_its_cookie(bench: Any, client: TestClient) -> None:
    client.post("/api/v1/session", json={"user": "vera", "password": OWN_PASSWORD})
    with client.websocket_connect(URL, headers=OWN) as session:
        assert picture(session)["live"]["node"] == "ons-1"


def test_a_foreign_page_cannot_ride_on_the_cookie(bench: Any, client: TestClient) -> None:
    client.post("/api/v1/session", json={"user": "vera", "password": OWN_PASSWORD})
    assert close_code(client, origin="http://evil.example") == 4403
    assert close_code(client, origin="null") == 4403
    assert close_code(client) == 4403, "a browser always names its origin"


def test_without_session_nothing_is_told(bench: Any, client: TestClient) -> None:
    assert close_code(client, first={"token": "guess"}) == 4401
    assert close_code(client, first=["nonsense"]) == 4401
    token = bench.token("vera")
    assert close_code(client, f"{URL}&token={token}", first={"token": "guess"}) == 4401
    assert close_code(client, "/ws/live?node=ons-9", first={"token": token}) == 4404


def test_a_session_that_ends_closes_its_feed(
    bench: Any, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "SESSION_CHECK_PERIODS", 1)
    token = bench.token("vera")
    with client.websocket_connect(URL) as session:
        session.send_json({"token": token})
        picture(session)
        bench.cockpit.context.accounts.log_out(token)
        with pytest.raises(WebSocketDisconnect) as caught:
            next_of(session, "no such message")
    assert caught.value.code == 4401


def test_a_slow_client_is_let_go_and_counted(bench: Any) -> None:
    async def run() -> list[int]:
        feed = Feed(bench.cockpit.context)
        closed: list[int] = []

        async def close(code: int) -> None:
            closed.append(code)

        slow, quick = Client("ons-1", "t", close), Client("ons-1", "t", close)
        assert await feed.join(slow)
        assert await feed.join(quick)
        for number in range(CLIENT_MESSAGES + 1):
            while not quick.waiting.empty():
                quick.waiting.get_nowait()
            bench.tell_values({0: float(number)}, START)
            await feed._push()
        await asyncio.sleep(0)
        assert slow.waiting.qsize() == CLIENT_MESSAGES, "its queue is bounded"
        assert quick in feed._clients
        assert slow not in feed._clients
        return closed

    bench.tell_points("m/a")
    assert asyncio.run(run()) == [TOO_SLOW]
    assert bench.cockpit.metrics.feed_dropped._value.get() == 1


def test_a_change_while_a_client_gets_its_picture_comes_after_it(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> list[dict[str, Any]]:
        feed, taken = Feed(bench.cockpit.context), asyncio.Event()

        async def slowly(call: Any, *arguments: Any) -> Any:
            found = call(*arguments)
            if call == feed._picture:
                taken.set()
                await asyncio.sleep(0.05)
            return found

        async def close(_code: int) -> None:
            pass

        monkeypatch.setattr(feed_module, "run_in_threadpool", slowly)
        client = Client("ons-1", "t", close)
        joining = asyncio.create_task(feed.join(client))
        await taken.wait()
        bench.tell_values({0: 2.0}, START + 1)
        await asyncio.gather(joining, feed._push())
        return [json.loads(client.waiting.get_nowait()) for _ in range(client.waiting.qsize())]

    bench.tell_points("m/a")
    bench.tell_values({0: 1.0}, START)
    live = [message for message in asyncio.run(run()) if message["type"] == "live"]
    assert [message["full"] for message in live] == [True, False]
    assert [message["points"]["m/a"]["value"] for message in live] == [1.0, 2.0]
