"""A server that is silent, gone, restarted or half there: noticed in time, and found again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import Any

import pytest
from asyncua import ua
from opcua_bench import (
    POLLED,
    SUBSCRIBED,
    TestServer,
    driving,
    failed,
    protocol,
    run,
    scanned,
    serving,
    source,
    until,
)

from ortsnetz_edge.drivers.contract import DriverError, FailureKind, Scan
from ortsnetz_edge.drivers.opcua.session import BACKOFF_CAP_S


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second for connecting: the servers are on this machine."""
    monkeypatch.setattr("ortsnetz_edge.drivers.opcua.protocol.CONNECT_AT_LEAST_S", 0.5)


BOTH = pytest.mark.parametrize("profile", [POLLED, SUBSCRIBED], ids=["read", "subscribed"])


@BOTH
def test_a_silent_server_is_noticed_at_the_deadline_and_found_again(profile: str) -> None:
    async def check() -> None:
        async with serving() as server, driving(server.port, profile, timeout_s=0.1) as driver:
            await driver.scan()
            server.server.gate.silent = True
            began = time.monotonic()
            words = await failed(driver, FailureKind.TIMEOUT)
            assert time.monotonic() - began < 2.0
            assert "no answer in time" in words or "has reported nothing" in words
            await failed(driver, FailureKind.UNREACHABLE, 20)  # the connection was given up
            assert not driver.diagnose().connected
            server.server.gate.silent = False
            server.server.cut()
            assert (await scanned(driver, 25)).values[0] == 230.0

    run(check, 40)


def test_what_a_silent_server_reported_grows_old_from_its_last_word_on() -> None:
    async def check() -> None:
        async with serving() as server, driving(server.port, SUBSCRIBED, timeout_s=0.1) as driver:
            held = [(await driver.scan()).held_s]
            server.server.gate.silent = True
            with contextlib.suppress(DriverError):
                while True:  # ends: the driver gives up what nobody vouches for
                    held.append((await driver.scan()).held_s)
                    await asyncio.sleep(0.01)
            assert held[-1] > held[0]
            assert held[-1] > 0.05

    run(check, 20)


@BOTH
def test_no_scan_waits_longer_than_its_deadlines(profile: str) -> None:
    async def check() -> None:
        async with serving() as server, driving(server.port, profile, timeout_s=0.1) as driver:
            await driver.scan()
            server.server.gate.silent = True
            longest = 0.0
            for _ in range(40):
                began = time.monotonic()
                with contextlib.suppress(DriverError):
                    await driver.scan()
                longest = max(longest, time.monotonic() - began)
                await asyncio.sleep(0.02)
            assert longest < 3.0  # connecting is given half a second here, all steps together

    run(check, 60)


def test_a_server_that_answers_and_reports_nothing_is_not_believed() -> None:
    async def check() -> None:
        async with serving() as server, driving(server.port, SUBSCRIBED) as driver:
            await driver.scan()
            for subscription in server.server.iserver.subscription_service.subscriptions.values():
                await subscription.stop()  # its timer; the connection is as good as before
            await failed(driver, FailureKind.TIMEOUT)
            await server.show("U1", 222.0)
            assert (await scanned(driver)).values[0] == 222.0
            counters = driver.session.counters
            assert counters["subscriptions_silent"] == 1
            # one that was taken over and stays silent is given up at the next connection
            await failed(driver, FailureKind.TIMEOUT)
            await scanned(driver)
            assert counters["subscriptions_renewed"] == 1
            await server.show("U1", 223.0)
            member = driver._member
            assert member is not None
            await until(lambda: member.held[0].raw == 223.0)
            await until(
                lambda: counters["subscriptions_renewed"] >= 1 or driver.diagnose().connected
            )

    run(check)


@BOTH
def test_a_silent_server_delays_no_other(profile: str) -> None:
    async def check() -> None:
        async with serving() as silent, serving() as sound:
            made = protocol(profile)
            one = made.open(source(silent.port, "one"))
            two = made.open(source(sound.port, "two"))
            await asyncio.gather(one.scan(), two.scan())
            silent.server.gate.silent = True
            slow = asyncio.create_task(failed(one, FailureKind.TIMEOUT))
            began = time.monotonic()
            for _ in range(10):
                assert (await two.scan()).values[0] == 230.0
            assert time.monotonic() - began < 0.5
            await slow
            await one.stop()
            await two.stop()

    run(check)


@BOTH
def test_after_a_restart_the_values_are_those_of_now(profile: str) -> None:
    async def check() -> None:
        async with serving() as server, driving(server.port, profile) as driver:
            await driver.scan()
            server.server.cut()
            await server.server.forget()
            await server.show("U1", 222.0)
            await until(lambda: not driver.diagnose().connected)
            assert (await scanned(driver)).values[0] == 222.0
            if profile == SUBSCRIBED:
                assert driver.session.counters["subscriptions_renewed"] == 1
                await server.show("U1", 223.0)
                member = driver._member
                assert member is not None
                await until(lambda: member.held[0].raw == 223.0)

    run(check)


@pytest.mark.parametrize("how", ["resumed", "transferred"])
def test_a_subscription_is_taken_over_after_a_break_and_no_change_is_lost(how: str) -> None:
    """With its session, where the server still has that; else by a session of its own."""

    async def check() -> None:
        async with serving() as server, driving(server.port, SUBSCRIBED) as driver:
            if how == "transferred":
                _forgets_sessions(server)
            seen: list[float | None] = []
            driver.subscribe(lambda scan: seen.append(scan.values[0]))
            await driver.scan()
            await server.show("U1", 240.0)
            await until(lambda: 240.0 in seen)
            undelivered = _next_report_is_lost(server)
            await server.show("U1", 241.0)
            await until(undelivered.is_set)
            server.server.cut()
            await server.show("U1", 242.0)  # while nobody is there
            await until(lambda: not driver.diagnose().connected)
            await scanned(driver)
            await until(lambda: 242.0 in seen)
            counters = driver.session.counters
            assert counters["subscriptions_transferred"] == (how == "transferred")
            assert counters["sessions_resumed"] == (how == "resumed")
            assert counters["subscriptions_renewed"] == 0
            assert counters["reports_republished"] >= 1
            assert counters["reports_lost"] == 0
            assert [value for value in seen if value != 230.0][:3] == [240.0, 241.0, 242.0]
            assert (await driver.scan()).values[0] == 242.0
            assert len(server.server.iserver.subscription_service.subscriptions) == 1

    run(check)


def test_where_a_subscription_cannot_be_taken_over_everything_is_read_anew() -> None:
    async def check() -> None:
        async with serving() as server, driving(server.port, SUBSCRIBED) as driver:
            reports: list[Scan] = []
            driver.subscribe(reports.append)
            await driver.scan()
            await until(lambda: bool(reports))
            _forgets_sessions(server)
            service = server.server.iserver.subscription_service

            async def refuse(params: Any, *_: object) -> list[ua.TransferResult]:
                bad = ua.StatusCode(ua.StatusCodes.BadUserAccessDenied)
                return [ua.TransferResult(StatusCode=bad) for _ in params.SubscriptionIds]

            service.transfer_subscriptions = refuse
            server.server.cut()
            await server.show("U1", 242.0)
            await until(lambda: not driver.diagnose().connected)
            assert (await scanned(driver)).values[0] == 242.0
            assert driver.session.counters["subscriptions_renewed"] == 1
            await server.show("U1", 243.0)
            await until(lambda: reports[-1].values[0] == 243.0)

    run(check)


def test_a_message_that_is_missing_is_asked_for_again_and_in_its_order() -> None:
    async def check() -> None:
        async with serving() as server, driving(server.port, SUBSCRIBED) as driver:
            seen: list[float | None] = []
            driver.subscribe(lambda scan: seen.append(scan.values[0]))
            await driver.scan()
            await server.show("U1", 240.0)
            await until(lambda: 240.0 in seen)
            lost = _next_report_is_lost(server)
            await server.show("U1", 241.0)
            await until(lost.is_set)
            await server.show("U1", 242.0)
            await until(lambda: 242.0 in seen)
            assert seen.index(241.0) < seen.index(242.0)
            assert driver.session.counters["reports_republished"] == 1

    run(check)


def test_several_messages_that_are_missing_are_all_asked_for_again() -> None:
    async def check() -> None:
        async with serving() as server, driving(server.port, SUBSCRIBED) as driver:
            seen: list[float | None] = []
            driver.subscribe(lambda scan: seen.append(scan.values[0]))
            await driver.scan()
            await server.show("U1", 240.0)
            await until(lambda: 240.0 in seen)
            for value in (241.0, 242.0, 243.0):
                lost = _next_report_is_lost(server)
                await server.show("U1", value)
                await until(lost.is_set)
            await server.show("U1", 244.0)
            await until(lambda: 244.0 in seen)
            assert [value for value in seen if value != 230.0] == [
                240.0,
                241.0,
                242.0,
                243.0,
                244.0,
            ]
            assert driver.session.counters["reports_lost"] == 0

    run(check)


def test_a_message_that_the_server_no_longer_has_is_counted_and_everything_is_read() -> None:
    async def check() -> None:
        async with serving() as server, driving(server.port, SUBSCRIBED) as driver:
            await driver.scan()
            await until(lambda: driver._subscription._spoke)
            (subscription,) = server.server.iserver.subscription_service.subscriptions.values()
            subscription._notification_seq += 3  # as if three had been sent and forgotten
            await server.show("U1", 242.0)
            await until(lambda: driver.session.counters["reports_lost"] >= 1)
            assert (await driver.scan()).values[0] == 242.0
            assert driver.diagnose().connected

    run(check)


def test_a_subscription_that_the_server_ends_is_made_anew() -> None:
    async def check() -> None:
        async with serving() as server, driving(server.port, SUBSCRIBED) as driver:
            await driver.scan()
            (subscription,) = server.server.iserver.subscription_service.subscriptions.values()
            await subscription.enqueue_statuschange(ua.StatusCode(ua.StatusCodes.BadTimeout))
            await server.show("U1", 242.0)
            await until(lambda: not driver.diagnose().connected)
            assert "the subscription has ended" in str(driver.session.last_failure)
            assert (await scanned(driver)).values[0] == 242.0
            assert driver.session.counters["subscriptions_renewed"] == 1

    run(check)


def test_a_lost_server_is_logged_once_and_so_is_its_return(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def check() -> None:
        async with serving() as server:
            port = server.port
            driver = protocol(POLLED).open(source(port))
            await driver.scan()
        with caplog.at_level(logging.INFO):
            for _ in range(2):
                await failed(driver, FailureKind.UNREACHABLE, 20)
            async with serving(port=port):
                for _ in range(3):
                    await scanned(driver, 20)
                await driver.stop()
        said = [record.getMessage() for record in caplog.records if "ortsnetz" in record.name]
        assert len([words for words in said if "does not answer" in words]) <= 1
        assert len([words for words in said if "answers again" in words]) == 1
        assert not [record for record in caplog.records if record.name.startswith("asyncua.client")]

    run(check, 60)


def test_attempts_to_connect_grow_rarer_up_to_a_cap_and_are_spread() -> None:
    async def check() -> None:
        async with serving() as server:
            port = server.port
        async with driving(port) as driver:
            waits = []
            session = driver.session
            for _ in range(40):
                session._not_before = 0.0
                with pytest.raises(DriverError):
                    await driver.scan()
                waits.append(session._not_before - session.clock.monotonic())
            assert max(waits) <= BACKOFF_CAP_S
            assert max(waits[:2]) <= 1.0
            assert max(waits[10:]) > 5.0
            assert len({round(wait, 2) for wait in waits}) > 20

    run(check)


def test_a_cancelled_scan_leaves_the_others_their_answer() -> None:
    async def check() -> None:
        async with serving() as server:
            made = protocol()
            drivers = [made.open(source(server.port, f"meter-{n}")) for n in range(3)]
            await asyncio.gather(*(driver.scan() for driver in drivers))
            tasks = [asyncio.create_task(driver.scan()) for driver in drivers]
            await asyncio.sleep(0)
            tasks[0].cancel()
            for task in tasks[1:]:
                assert (await task).values[0] == 230.0
            for driver in drivers:
                await driver.stop()

    run(check)


def test_random_breaks_leave_neither_tasks_nor_connections() -> None:
    async def check() -> None:
        async with serving() as server:
            async with driving(server.port, SUBSCRIBED) as driver:
                await driver.scan()
                before = _tasks_of_the_driver()
                for turn in range(15):
                    server.server.cut()
                    if turn % 3 == 0:
                        await server.server.forget()
                    driver.session._not_before = 0.0
                    await until(lambda: not driver.diagnose().connected)
                    driver.session._not_before = 0.0
                    await scanned(driver)
                await until(lambda: _tasks_of_the_driver() <= before)
                assert driver.session.generation >= 16
            await until(lambda: not server.server.bserver.clients)

    run(check, 60)


def _forgets_sessions(server: TestServer) -> None:
    """A server that goes on with no session over another connection."""
    server.server.iserver.lookup_external_session = lambda _: None


@BOTH
def test_connections_that_break_use_up_no_sessions_of_the_server(profile: str) -> None:
    async def check() -> None:
        async with serving() as server, driving(server.port, profile) as driver:
            await driver.scan()
            for _ in range(12):
                server.server.cut()
                driver.session._not_before = 0.0
                await until(lambda: not driver.diagnose().connected)
                driver.session._not_before = 0.0
                await scanned(driver)
            assert len(server.server.iserver._external_sessions) <= 1 + (profile == POLLED)
            assert driver.session.generation == 13

    run(check)


def _tasks_of_the_driver() -> int:
    coroutines = [task.get_coro() for task in asyncio.all_tasks()]
    return sum("drivers/opcua" in one.cr_code.co_filename for one in coroutines)


def _next_report_is_lost(server: TestServer) -> asyncio.Event:
    """The next report with data is kept by the server as sent and never goes out."""
    lost = asyncio.Event()
    (subscription,) = server.server.iserver.subscription_service.subscriptions.values()
    publish = subscription.pub_result_callback

    async def swallow(result: Any, request: Any) -> None:
        if result.NotificationMessage.NotificationData and not lost.is_set():
            lost.set()
            client = server.server.bserver.clients[-1]
            client.processor._publish_requests.appendleft(request)
            return
        await publish(result, request)

    subscription.pub_result_callback = swallow
    return lost
