"""What an OPC UA server shows is what the source's points say, read or reported."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asyncua import ua
from opcua_bench import (
    DEVICE,
    HOST,
    POLLED,
    SUBSCRIBED,
    driving,
    failed,
    protocol,
    run,
    scanned,
    serving,
    source,
    until,
)

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.quality import Quality, Validity, validity
from ortsnetz_common.measurement.time import TimeQuality
from ortsnetz_edge.acquisition.plausibility import judge
from ortsnetz_edge.clock import BenchClock
from ortsnetz_edge.drivers.contract import DriverError, FailureKind, Scan
from ortsnetz_edge.drivers.opcua.reading import Reading
from ortsnetz_edge.profiles.references.opcua import NodeReference

BOTH = pytest.mark.parametrize("profile", [POLLED, SUBSCRIBED], ids=["read", "subscribed"])


@BOTH
def test_values_of_all_number_types_arrive_with_their_source_times(profile: str) -> None:
    async def check() -> None:
        async with serving() as server:
            at = datetime(2026, 11, 27, 12, 0, 0, 250_000, tzinfo=UTC)
            for name, value in (("U1", 229.5), ("U2", 230.5), ("U3", 231)):
                await server.show(name, value, at=at)
            async with driving(server.port, profile) as driver:
                scan = await driver.scan()
                assert scan.values[:3] == (229.5, 230.5, 231.0)
                assert scan.qualities[:3] == (0, 0, 0)
                assert scan.value_times_ns is not None
                assert scan.value_times_ns[:3] == (1_795_780_800_250_000_000,) * 3
                assert scan.value_time_qualities is not None
                assert scan.value_time_qualities[:3] == (0, 0, 0)
                assert scan.limit_in_force == 1000.0

    run(check)


@BOTH
def test_a_value_that_has_not_changed_for_hours_is_still_now(profile: str) -> None:
    async def check() -> None:
        async with serving() as server:
            await server.show("U1", 230.0, at=datetime.now(UTC) - timedelta(hours=3))
            async with driving(server.port, profile) as driver:
                scan = await driver.scan()
                judged = judge(scan, None, driver.points)
                assert judged.clock_error_s is None
                assert abs(judged.scan.time_ns - scan.received_ns) < 5e9
                assert scan.value_times_ns is not None
                assert scan.received_ns - scan.value_times_ns[0] > 3600e9

    run(check)


@BOTH
def test_a_value_without_a_source_time_has_the_agents_and_says_so(profile: str) -> None:
    async def check() -> None:
        async with serving() as server:
            bare = ua.DataValue(ua.Variant(230.0, ua.VariantType.Double))
            await server.server.write_attribute_value(server.node("U1"), bare)
            async with driving(server.port, profile) as driver:
                scan = await driver.scan()
                assert scan.value_times_ns is not None
                assert scan.value_time_qualities is not None
                assert scan.value_times_ns[0] == scan.received_ns
                assert scan.value_time_qualities[0] == TimeQuality.SET_BY_RECEIVER

    run(check)


@BOTH
@pytest.mark.parametrize(
    ("code", "quality", "valid"),
    [
        (ua.StatusCodes.BadCommunicationError, Quality.FAILURE, Validity.INVALID),
        (ua.StatusCodes.UncertainLastUsableValue, Quality.OLD_DATA, Validity.QUESTIONABLE),
        (ua.StatusCodes.GoodLocalOverride, Quality.SUBSTITUTED, Validity.GOOD),
    ],
)
def test_a_values_status_is_its_quality(
    profile: str, code: int, quality: Quality, valid: Validity
) -> None:
    async def check() -> None:
        async with serving() as server:
            await server.show("U1", 230.0, code=code)
            async with driving(server.port, profile) as driver:
                scan = await driver.scan()
                assert validity(scan.qualities[0]) is valid
                assert scan.qualities[0] & quality
                assert scan.qualities[1] == 0
                assert (scan.values[0] is None) == (valid is Validity.INVALID)

    run(check)


@BOTH
def test_a_node_that_the_server_does_not_have_marks_that_point_alone(profile: str) -> None:
    async def check() -> None:
        nodes = {name: variant for name, variant in DEVICE.items() if name != "U2"}
        async with serving(nodes) as server, driving(server.port, profile) as driver:
            scan = await driver.scan()
            assert scan.values[1] is None
            assert validity(scan.qualities[1]) is Validity.INVALID
            assert scan.qualities[1] & Quality.BAD_REFERENCE
            assert scan.qualities[0] == scan.qualities[2] == 0

    run(check)


@BOTH
def test_texts_arrays_and_no_numbers_are_no_values(profile: str) -> None:
    async def check() -> None:
        nodes = {
            **DEVICE,
            "U1": ua.Variant("230 V", ua.VariantType.String),
            "U2": ua.Variant([1.0, 2.0], ua.VariantType.Double),
            "U3": ua.Variant(float("nan"), ua.VariantType.Double),
        }
        async with serving(nodes) as server, driving(server.port, profile) as driver:
            scan = await driver.scan()
            assert scan.values[:3] == (None, None, None)
            assert [validity(quality) for quality in scan.qualities[:3]] == [Validity.INVALID] * 3

    run(check)


@BOTH
def test_a_doubtful_value_that_is_no_number_is_invalid_not_doubtful(profile: str) -> None:
    async def check() -> None:
        async with serving() as server:
            code = ua.StatusCodes.UncertainLastUsableValue
            await server.show("U1", float("nan"), code=code)
            async with driving(server.port, profile) as driver:
                assert validity((await driver.scan()).qualities[0]) is Validity.INVALID

    run(check)


@BOTH
def test_namespaces_are_found_by_their_uri_after_a_restart_that_renumbers_them(
    profile: str,
) -> None:
    async def check() -> None:
        async with serving() as server:
            port = server.port
            driver = protocol(profile).open(source(port))
            assert (await driver.scan()).values[0] == 230.0
            first = server.number
        await until(lambda: not driver.diagnose().connected)
        async with serving(before=["urn:another", "urn:third"], port=port) as server:
            assert server.number == first + 2
            await server.show("U1", 222.0)
            assert (await scanned(driver)).values[0] == 222.0
            assert driver.session.generation == 2
            await driver.stop()

    run(check)


@BOTH
@pytest.mark.parametrize("hours", [-1, 1])
def test_a_wrong_clock_costs_the_values_their_times_and_nothing_else(
    profile: str, hours: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent's clock is moved instead of the server's: there is one machine."""

    async def check() -> None:
        async with serving() as server:
            made = protocol(profile)
            clock = made._environment.clock
            now_ns = clock.now_ns
            monkeypatch.setattr(
                clock.__class__, "now_ns", lambda _: now_ns() - hours * 3600 * 10**9
            )
            driver = made.open(source(server.port))
            scan = await driver.scan()
            judged = judge(scan, None, driver.points)
            assert judged.clock_error_s == pytest.approx(hours * 3600, abs=5)
            assert judged.scan.time_ns == scan.received_ns
            assert judged.scan.time_quality & TimeQuality.CLOCK_NOT_SYNCHRONISED
            assert judged.scan.value_times_ns is None
            assert judged.scan.qualities[:3] == (0, 0, 0)
            await driver.stop()

    run(check)


def test_sources_behind_one_server_share_a_session_and_a_read() -> None:
    async def check() -> None:
        async with serving() as server:
            made = protocol()
            drivers = [made.open(source(server.port, f"meter-{n}")) for n in range(5)]
            await asyncio.gather(*(driver.scan() for driver in drivers))
            service = server.server.iserver.attribute_service
            asked = []
            read = service.read
            service.read = lambda params: asked.append(len(params.NodesToRead)) or read(params)
            scans = await asyncio.gather(*(driver.scan() for driver in drivers))
            assert asked == [4]  # what all ask for is read once
            assert [scan.values[0] for scan in scans] == [230.0] * 5
            assert len(server.server.bserver.clients) == 1
            assert len({id(driver.session) for driver in drivers}) == 1
            for driver in drivers[:-1]:
                await driver.stop()
            assert drivers[-1].diagnose().connected  # the last one closes it
            await drivers[-1].stop()
            assert not drivers[-1].diagnose().connected

    run(check)


def test_no_request_asks_for_more_nodes_than_the_server_takes() -> None:
    async def check() -> None:
        async with serving() as server:
            limit = ua.NodeId(
                ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead
            )
            two = ua.DataValue(ua.Variant(2, ua.VariantType.UInt32))
            await server.server.write_attribute_value(limit, two)
            async with driving(server.port) as driver:
                await driver.session.opened()
                service = server.server.iserver.attribute_service
                asked = []
                read = service.read
                service.read = lambda params: asked.append(len(params.NodesToRead)) or read(params)
                assert (await driver.scan()).values[:3] == (230.0, 231.0, 232.0)
                assert max(asked) == 2

    run(check)


def test_points_of_a_slow_group_are_read_when_they_are_due() -> None:
    async def check() -> None:
        slow = POLLED.replace(
            "limit: {value: {at: 'nsu=urn:test:meter;s=Limit'}",
            "groups: {slow: 3600}\nlimit: {value: {group: slow, at: 'nsu=urn:test:meter;s=Limit'}",
        )
        async with serving() as server, driving(server.port, slow) as driver:
            assert (await driver.scan()).limit_in_force == 1000.0
            await server.show("Limit", 500.0)
            await server.show("U1", 225.0)
            scan = await driver.scan()
            assert scan.values[0] == 225.0
            assert scan.limit_in_force == 1000.0  # with its own, older time
            server.server.cut()  # after a break everything is due
            assert (await scanned(driver)).values[0] == 225.0
            await until(lambda: driver.session.generation == 2)
            assert (await driver.scan()).limit_in_force == 500.0

    run(check)


def test_reports_are_handed_over_as_they_come() -> None:
    async def check() -> None:
        async with serving() as server, driving(server.port, SUBSCRIBED) as driver:
            reports: list[Scan] = []
            assert driver.subscribe(reports.append)
            await driver.scan()
            await server.show("U1", 241.0)
            await until(lambda: any(scan.values[0] == 241.0 for scan in reports))
            await server.show("U1", 242.0)
            await until(lambda: reports[-1].values[0] == 242.0)
            assert reports[-1].values[1] == 231.0  # what has not changed is in it as well
            assert (await driver.scan()).values[0] == 242.0

    run(check)


def test_what_another_device_reports_is_handed_over_to_nobody() -> None:
    """Its neighbour, whose device is the right one, keeps the shared subscription alive."""

    async def check() -> None:
        async with serving() as server:
            made = protocol(SUBSCRIBED)
            right = made.open(source(server.port, "right", identity="4711"))
            other = made.open(source(server.port, "other", identity="4712"))
            of_right: list[Scan] = []
            of_other: list[Scan] = []
            right.subscribe(of_right.append)
            other.subscribe(of_other.append)
            await right.scan()
            with pytest.raises(DriverError, match="'4712' is expected"):
                await other.scan()
            await server.show("U1", 231.5)
            await until(lambda: any(scan.values[0] == 231.5 for scan in of_right))
            assert of_other == []
            await right.stop()
            await other.stop()

    run(check)


def test_a_subscription_costs_no_read_a_scan() -> None:
    async def check() -> None:
        async with serving() as server, driving(server.port, SUBSCRIBED) as driver:
            await driver.scan()
            service = server.server.iserver.attribute_service
            asked = []
            read = service.read
            service.read = lambda params: asked.append(len(params.NodesToRead)) or read(params)
            for _ in range(5):
                await driver.scan()
            assert asked == []

    run(check)


def test_changes_within_the_deadband_are_not_reported_and_states_have_none() -> None:
    async def check() -> None:
        profile = SUBSCRIBED.replace("publishing_s: 0.1", "publishing_s: 0.1, deadband: 2.0")
        async with serving() as server, driving(server.port, profile) as driver:
            reports: list[Scan] = []
            driver.subscribe(reports.append)
            await driver.scan()
            await until(lambda: bool(reports))
            await server.show("U1", 231.5)
            await server.show("Limit", 1001.0)
            await until(lambda: reports[-1].limit_in_force == 1001.0)
            assert (await driver.scan()).values[0] == 230.0
            await server.show("U1", 235.0)  # asyncua measures from the last sample, not report
            await until(lambda: reports[-1].values[0] == 235.0)

    run(check)


def test_a_server_that_makes_no_subscriptions_is_read() -> None:
    async def check() -> None:
        async with serving() as server, driving(server.port, SUBSCRIBED) as driver:
            service = server.server.iserver.subscription_service

            async def refuse(*_: object, **__: object) -> None:
                raise ua.uaerrors.BadServiceUnsupported

            service.create_subscription = refuse
            assert (await driver.scan()).values[0] == 230.0
            await server.show("U1", 233.0)
            assert (await driver.scan()).values[0] == 233.0
            assert driver.session.counters["subscriptions_refused"] == 1

    run(check)


def test_a_node_that_the_server_does_not_watch_is_read() -> None:
    """It would keep the value that was read first, vouched for by the keep-alives of the others."""

    async def check() -> None:
        async with serving() as server, driving(server.port, SUBSCRIBED) as driver:
            service = server.server.iserver.subscription_service
            create = service.create_monitored_items

            async def but_one(wanted: ua.CreateMonitoredItemsParameters) -> list[Any]:
                refused = wanted.ItemsToCreate.pop(0)
                assert refused.ItemToMonitor.NodeId == server.node("U1")
                too_many = ua.StatusCode(ua.StatusCodes.BadTooManyMonitoredItems)
                return [ua.MonitoredItemCreateResult(too_many), *await create(wanted)]

            service.create_monitored_items = but_one
            assert (await driver.scan()).values[0] == 230.0
            await server.show("U1", 233.0)
            assert (await driver.scan()).values[0] == 233.0
            assert driver.session.counters["items_refused"] == 1
            assert not service.subscriptions

    run(check)


@pytest.mark.parametrize(
    ("interval_ms", "keep_alives"), [(60_000.0, 1), (100.0, 1000), (float("nan"), 1)]
)
def test_a_server_that_proves_too_seldom_that_it_lives_is_read(
    interval_ms: float, keep_alives: int
) -> None:
    """What it has reported would be believed for minutes after its device is gone."""

    async def check() -> None:
        async with serving() as server, driving(server.port, SUBSCRIBED) as driver:
            service = server.server.iserver.subscription_service
            create = service.create_subscription

            async def slow(*given: Any, **named: Any) -> ua.CreateSubscriptionResult:
                result = await create(*given, **named)
                revised = copy.copy(result)
                revised.RevisedPublishingInterval = interval_ms
                revised.RevisedMaxKeepAliveCount = keep_alives
                return revised

            service.create_subscription = slow
            await driver.scan()
            await server.show("U1", 233.0)
            assert (await driver.scan()).values[0] == 233.0
            assert driver.session.counters["subscriptions_refused"] == 1
            assert not service.subscriptions

    run(check)


def test_in_stepped_time_nothing_is_subscribed() -> None:
    async def check() -> None:
        async with serving() as server:
            driver = protocol(SUBSCRIBED, clock=BenchClock()).open(source(server.port))
            assert not driver.subscribe(lambda _: None)
            assert (await driver.scan()).values[0] == 230.0
            assert not server.server.iserver.subscription_service.subscriptions
            await driver.stop()

    run(check)


def test_nothing_is_written_by_itself() -> None:
    async def check() -> None:
        async with serving() as server:
            written = []
            service = server.server.iserver.attribute_service
            write = service.write
            service.write = lambda params, user: written.append(params) or write(params, user)
            async with driving(server.port, SUBSCRIBED) as driver:
                await driver.scan()
                await driver.identify()
                server.server.cut()
                await scanned(driver)
            assert written == []

    run(check)


def test_what_a_configuration_lacks_is_said_before_anything_is_connected() -> None:
    made = protocol()
    assert made.validate(source(4840)) == ()
    (words,) = made.validate(source(0))
    assert "'x'" in words
    assert "port 0" in words
    (words,) = made.validate(source(4840, credentials="park"))
    assert "ca.pem is missing" in words
    (words,) = made.validate(replace(source(4840), profile="nothing"))
    assert "there is no device profile 'nothing'" in words
    (words,) = made.validate(replace(source(4840), profile="meter-feeder"))
    assert "is one of modbus" in words
    with pytest.raises(InputError, match="not an OPC UA connection"):
        made.open(source(0))


def test_a_wrong_profile_is_refused_with_file_line_and_reason() -> None:
    wrong = POLLED.replace("s=U2", "x=U2")
    (words,) = protocol(wrong).validate(source(4840))
    assert "test-device of the parameter set:9: voltage.at[1]" in words
    assert "x=U2" in words
    assert "is not a node id" in words


def test_where_nobody_listens_the_source_is_unreachable_and_backs_off() -> None:
    async def check() -> None:
        async with serving() as server:
            port = server.port
        async with driving(port) as driver:
            with pytest.raises(DriverError) as caught:
                await driver.scan()
            assert caught.value.kind is FailureKind.UNREACHABLE
            assert HOST in str(caught.value)
            words = await failed(driver, FailureKind.WAITING)
            assert "next attempt in" in words

    run(check)


@pytest.mark.parametrize("there", [True, False], ids=["with its clock", "without"])
def test_a_devices_own_clock_counts_where_it_says_one(there: bool) -> None:
    async def check() -> None:
        profile = POLLED + "time: {milliseconds: nsu=urn:test:meter;s=Clock}\n"
        half_past = datetime(2026, 11, 27, 12, 30, tzinfo=UTC)
        nodes = {**DEVICE, "Clock": ua.Variant(half_past, ua.VariantType.DateTime)}
        async with (
            serving(nodes if there else DEVICE) as server,
            driving(server.port, profile) as driver,
        ):
            await server.show("U1", 230.0, at=datetime(2020, 1, 1, tzinfo=UTC))
            scan = await driver.scan()
            own_ns = 1_795_782_600 * 10**9
            assert (scan.time_ns == own_ns) == there
            assert (abs(scan.time_ns - scan.received_ns) < 5e9) != there
            assert (scan.value_times_ns is None) == there  # by a wrong clock there are none

    run(check)


SLOW_VOLTAGE = POLLED.replace(
    "  range: [0, 400]\n", "  range: [0, 400]\n  group: slow\ngroups: {slow: 3600}\n"
)


def test_what_was_read_over_the_connection_before_is_read_again_over_the_next() -> None:
    """A neighbour reconnects while an answer is on its way: what was not due then is old."""

    async def check() -> None:
        async with serving() as server:
            made = protocol(SLOW_VOLTAGE)
            driver, neighbour = (made.open(source(server.port, name)) for name in ("x", "y"))
            assert (await driver.scan()).values[0] == 230.0
            read = driver.session.read

            async def overtaken(nodes: Sequence[NodeReference]) -> Reading:
                reading = await read(nodes)
                if len(nodes) == 1:  # the limit alone is due
                    driver.session.read = read  # type: ignore[method-assign]
                    server.server.cut()
                    await until(lambda: not driver.session.connected)
                    await server.show("U1", 235.0)
                    await scanned(neighbour)
                return reading

            driver.session.read = overtaken  # type: ignore[method-assign]
            assert (await driver.scan()).values[0] == 230.0
            assert driver.session.generation == 2
            assert (await driver.scan()).values[0] == 235.0
            await driver.stop()
            await neighbour.stop()

    run(check)


def test_an_answer_over_a_connection_made_meanwhile_is_not_mixed_with_what_is_held() -> None:
    """Nobody has asked yet who is there."""

    async def check() -> None:
        async with serving() as server:
            made = protocol(SLOW_VOLTAGE)
            driver, neighbour = (made.open(source(server.port, name)) for name in ("x", "y"))
            await driver.scan()
            read = driver.session.read

            async def reconnected(nodes: Sequence[NodeReference]) -> Reading:
                driver.session.read = read  # type: ignore[method-assign]
                server.server.cut()
                await until(lambda: not driver.session.connected)
                await server.show("U1", 235.0)
                await scanned(neighbour)
                return await read(nodes)

            driver.session.read = reconnected  # type: ignore[method-assign]
            with pytest.raises(DriverError, match="nobody knows yet who is there"):
                await driver.scan()
            assert (await driver.scan()).values[0] == 235.0
            await driver.stop()
            await neighbour.stop()

    run(check)
