"""Limits go only to the device that it should be, in the node's own type, and are read back."""

from __future__ import annotations

import pytest
from asyncua import ua
from opcua_bench import (
    DEVICE,
    POLLED,
    SUBSCRIBED,
    TestServer,
    driving,
    insists,
    protocol,
    run,
    scanned,
    serving,
    source,
    until,
)

from ortsnetz_common.measurement.quality import is_usable
from ortsnetz_edge.drivers.contract import DriverError, FailureKind, Watchdog

BOTH = pytest.mark.parametrize("profile", [POLLED, SUBSCRIBED], ids=["read", "subscribed"])
ENABLED = POLLED.replace(
    "  reaction_s: 5", "  reaction_s: 5\n  enable: {at: 'nsu=urn:test:meter;s=On', value: 1}"
)
WITH_SWITCH = {**DEVICE, "On": ua.Variant(0, ua.VariantType.UInt16)}


def recorded(server: TestServer) -> list[tuple[str, object, ua.VariantType]]:
    """What clients write from now on."""
    service = server.server.iserver.attribute_service
    write, written = service.write, []

    async def noted(params: ua.WriteParameters, user: object) -> object:
        for wanted in params.NodesToWrite:
            variant = wanted.Value.Value
            written.append((str(wanted.NodeId.Identifier), variant.Value, variant.VariantType))
        return await write(params, user=user)

    service.write = noted
    return written


@BOTH
def test_the_fall_back_is_set_before_the_first_limit_of_a_connection(profile: str) -> None:
    async def check() -> None:
        async with serving() as server, driving(server.port, profile) as driver:
            written = recorded(server)
            await driver.write(10.0, Watchdog(after_s=60.0, limit=7.0))
            assert written == [
                ("Then", 7.0, ua.VariantType.Double),
                ("After", 60, ua.VariantType.UInt32),
                ("Setpoint", 10, ua.VariantType.UInt16),
            ]
            written.clear()
            await driver.write(12.0, Watchdog(after_s=60.0, limit=7.0))
            assert written == [("Setpoint", 12, ua.VariantType.UInt16)]
            server.server.cut()  # the device may have restarted behind it
            await scanned(driver)
            written.clear()
            await driver.write(8.0, Watchdog(after_s=60.0, limit=7.0))
            assert [name for name, _, _ in written] == ["Then", "After", "Setpoint"]

    run(check)


@BOTH
def test_nothing_is_written_to_another_device(profile: str) -> None:
    async def check() -> None:
        async with (
            serving() as server,
            driving(server.port, profile, identity="4712") as driver,
        ):
            written = recorded(server)
            with pytest.raises(DriverError, match="'4712' is expected, the device says '4711'"):
                await driver.write(10.0, Watchdog(60.0, 7.0))
            with pytest.raises(DriverError) as caught:
                await driver.scan()
            assert caught.value.kind is FailureKind.WRONG_DEVICE
            assert written == []
            assert driver.diagnose().answers == 0
            await server.show("Serial", "4712")  # the right one is back
            assert (await scanned(driver)).values[0] == 230.0
            await driver.write(10.0, None)
            assert server.value("Setpoint") == 10

    run(check)


@BOTH
def test_a_device_that_was_exchanged_while_away_gets_nothing(profile: str) -> None:
    async def check() -> None:
        async with serving() as server, driving(server.port, profile) as driver:
            await driver.write(10.0, None)
            await server.show("Maker", "Others")
            server.server.cut()
            written = recorded(server)
            words = await insists(lambda: driver.write(12.0, None), FailureKind.WRONG_DEVICE)
            assert "'Acme' is expected, the device says 'Others'" in words
            assert written == []

    run(check)


@pytest.mark.parametrize(
    "code",
    [
        ua.StatusCodes.BadNoCommunication,
        ua.StatusCodes.UncertainLastUsableValue,
        ua.StatusCodes.UncertainNoCommunicationLastUsableValue,
    ],
)
def test_a_name_that_the_server_does_not_vouch_for_is_none(code: int) -> None:
    """A server that stands between keeps the last it has heard: the device may be another one."""

    async def check() -> None:
        async with serving() as server, driving(server.port, identity="4711") as driver:
            written = recorded(server)
            await server.show("Serial", "4711", code=code)
            with pytest.raises(DriverError, match="the device says nothing") as caught:
                await driver.write(10.0, None)
            assert caught.value.kind is FailureKind.WRONG_DEVICE
            assert written == []
            await server.show("Serial", "4711")
            await driver.write(10.0, None)
            assert server.value("Setpoint") == 10

    run(check)


@pytest.mark.parametrize(
    "code", [ua.StatusCodes.UncertainLastUsableValue, ua.StatusCodes.UncertainInitialValue]
)
def test_a_scale_that_the_server_does_not_vouch_for_is_none(code: int) -> None:
    async def check() -> None:
        scaled = POLLED.replace("  smallest: 6\n", "  smallest: 6\n  scale_at: AT\n")
        scaled = scaled.replace("AT\n", "nsu=urn:test:meter;s=U3\n")
        async with serving() as server, driving(server.port, scaled) as driver:
            written = recorded(server)
            await server.show("U3", 0, code=code)
            with pytest.raises(DriverError, match="says no power of ten") as caught:
                await driver.write(10.0, None)
            assert caught.value.kind is FailureKind.REFUSED
            assert written == []
            await server.show("U3", 0)
            await driver.write(10.0, None)
            assert server.value("Setpoint") == 10

    run(check)


@BOTH
def test_a_device_that_was_exchanged_behind_its_server_gets_nothing(profile: str) -> None:
    """The connection to the server stands all the time."""

    async def check() -> None:
        async with serving() as server, driving(server.port, profile, identity="4711") as driver:
            await driver.scan()
            await driver.write(10.0, None)
            written = recorded(server)
            await server.show("Serial", "4712")
            with pytest.raises(DriverError, match="'4711' is expected, the device says '4712'"):
                await driver.write(12.0, None)
            with pytest.raises(DriverError) as caught:
                await driver.scan()
            assert caught.value.kind is FailureKind.WRONG_DEVICE
            assert written == []
            assert driver.session.counters["connections"] == 1

    run(check)


def test_a_connection_made_anew_between_question_and_write_is_not_written_over() -> None:
    """A neighbour reconnects just when the device has said who it is: another may be there now."""

    async def check() -> None:
        async with serving() as server:
            made = protocol(POLLED)
            driver, neighbour = (made.open(source(server.port, name)) for name in ("x", "y"))
            asked = driver._be_sure_of_it

            async def exchanged_then(*, again: bool) -> None:
                await asked(again=again)
                server.server.cut()
                await until(lambda: not driver.session.connected)
                await server.show("Maker", "Acme & Others")
                await scanned(neighbour)

            written = recorded(server)
            driver._be_sure_of_it = exchanged_then  # type: ignore[method-assign]
            with pytest.raises(DriverError, match="nobody knows yet who is there"):
                await driver.write(10.0, None)
            assert written == []
            await driver.stop()
            await neighbour.stop()

    run(check)


def test_a_refusal_names_the_node_and_says_why() -> None:
    async def check() -> None:
        async with serving() as server, driving(server.port) as driver:
            server.server.commands[server.node("Setpoint")] = lambda value: (
                ua.StatusCodes.BadOutOfRange if value < 6 else 0
            )
            with pytest.raises(DriverError) as caught:
                await driver.write(3.0, None)
            assert caught.value.kind is FailureKind.REFUSED
            assert "nsu=urn:test:meter;s=Setpoint: BadOutOfRange" in str(caught.value)
            assert driver.diagnose().connected
            await driver.write(6.0, None)
            assert server.value("Setpoint") == 6
            assert driver.diagnose().failures == {FailureKind.REFUSED: 1}

    run(check)


def test_a_limit_that_is_confirmed_and_not_there_is_not_believed() -> None:
    async def check() -> None:
        async with serving() as server, driving(server.port) as driver:
            attribute = server.server.iserver.aspace[server.node("Setpoint")].attributes[
                ua.AttributeIds.Value
            ]
            attribute.value_setter = lambda *_: None  # takes it, and keeps what it has
            with pytest.raises(DriverError, match="has confirmed 10 and reads back 16"):
                await driver.write(10.0, None)

    run(check)


def test_a_control_box_that_answers_later_is_not_disbelieved() -> None:
    async def check() -> None:
        later = POLLED.replace("  reaction_s: 5", "  reaction_s: 5\n  acknowledged_s: 300")
        async with serving() as server, driving(server.port, later) as driver:
            attribute = server.server.iserver.aspace[server.node("Setpoint")].attributes[
                ua.AttributeIds.Value
            ]
            attribute.value_setter = lambda *_: None
            await driver.write(10.0, None)
            assert server.value("Setpoint") == 16

    run(check)


def test_a_node_that_is_not_writable_is_not_written() -> None:
    async def check() -> None:
        nodes = {"Fixed": ua.Variant(16, ua.VariantType.UInt16), **DEVICE}
        profile = POLLED.replace("s=Setpoint", "s=Fixed")
        async with serving(nodes) as server, driving(server.port, profile) as driver:
            written = recorded(server)
            with pytest.raises(DriverError, match="Fixed is not writable"):
                await driver.write(10.0, None)
            assert written == []

    run(check)


@pytest.mark.parametrize(
    ("present", "limit", "words"),
    [
        (ua.Variant(16, ua.VariantType.Byte), 300.0, "takes whole numbers from 0 to 255, not 300"),
        (ua.Variant("16 A", ua.VariantType.String), 10.0, "is of type String, which takes no"),
        (ua.Variant([16], ua.VariantType.UInt16), 10.0, "is an array"),
        (ua.Variant(True, ua.VariantType.Boolean), 10.0, "takes 0 or 1, not 10"),
    ],
)
def test_what_a_nodes_type_does_not_take_is_not_sent(
    present: ua.Variant, limit: float, words: str
) -> None:
    async def check() -> None:
        nodes = {**DEVICE, "Setpoint": present}
        async with serving(nodes) as server, driving(server.port) as driver:
            written = recorded(server)
            with pytest.raises(DriverError, match=words):
                await driver.write(limit, None)
            assert written == []

    run(check)


@pytest.mark.parametrize("kind", [ua.VariantType.Int16, ua.VariantType.Float, ua.VariantType.Int64])
def test_a_limit_is_written_in_the_nodes_own_type(kind: ua.VariantType) -> None:
    async def check() -> None:
        nodes = {**DEVICE, "Setpoint": ua.Variant(16, kind)}
        async with serving(nodes) as server, driving(server.port) as driver:
            written = recorded(server)
            await driver.write(10.0, None)
            assert written == [("Setpoint", 10, kind)]

    run(check)


def test_a_node_that_is_not_there_is_said_by_name() -> None:
    async def check() -> None:
        nodes = {name: variant for name, variant in DEVICE.items() if name != "Setpoint"}
        async with serving(nodes) as server, driving(server.port) as driver:
            with pytest.raises(DriverError, match="s=Setpoint: BadNodeIdUnknown"):
                await driver.write(10.0, None)

    run(check)


def test_a_limit_that_has_to_be_enabled_is_enabled_after_it() -> None:
    async def check() -> None:
        async with serving(WITH_SWITCH) as server, driving(server.port, ENABLED) as driver:
            await server.server.get_node(server.node("On")).set_writable()
            written = recorded(server)
            await driver.write(10.0, None)
            assert [name for name, _, _ in written] == ["Setpoint", "On"]

    run(check)


@BOTH
@pytest.mark.parametrize("lost", ["U1", "Limit"])
def test_a_device_that_restarts_behind_its_server_is_told_its_fall_back_again(
    profile: str, lost: str
) -> None:
    """The connection to the server stands; all it shows is that for a while it knew nothing."""

    async def check() -> None:
        async with serving() as server, driving(server.port, profile) as driver:
            watchdog = Watchdog(after_s=60.0, limit=7.0)
            await scanned(driver, wanted=lambda scan: scan.limit_in_force == 1000.0)
            await driver.write(10.0, watchdog)
            written = recorded(server)
            await driver.scan()
            await driver.write(10.0, watchdog)
            assert [name for name, _, _ in written] == ["Setpoint"]
            before = server.value(lost)
            await server.show(lost, before, code=ua.StatusCodes.BadNoCommunication)
            await scanned(driver, wanted=lambda scan: not all(map(is_usable, scan.qualities)))
            await server.show(lost, before)
            await scanned(driver, wanted=lambda scan: all(map(is_usable, scan.qualities)))
            written.clear()
            await driver.write(10.0, watchdog)
            await driver.scan()
            await driver.write(10.0, watchdog)
            names = [name for name, _, _ in written]
            assert names == ["Then", "After", "Setpoint", "Setpoint"]
            assert driver.session.counters["connections"] == 1

    run(check)


def test_a_restart_that_is_reported_and_over_before_the_next_scan_counts_as_well() -> None:
    """Also where nobody wants to hear of reports, as in stepped time."""

    async def check() -> None:
        async with serving() as server, driving(server.port, SUBSCRIBED) as driver:
            watchdog = Watchdog(after_s=60.0, limit=7.0)
            await scanned(driver, wanted=lambda scan: scan.limit_in_force == 1000.0)
            await driver.write(10.0, watchdog)
            written = recorded(server)
            member = driver._member
            assert member is not None

            def usable() -> bool:
                return all(is_usable(one.quality) for one in member.held)

            await server.show("U1", 230.0, code=ua.StatusCodes.BadNoCommunication)
            await until(lambda: not usable())
            await server.show("U1", 230.0)
            await until(usable)
            await driver.write(10.0, watchdog)
            assert [name for name, _, _ in written] == ["Then", "After", "Setpoint"]

    run(check)


def test_a_point_that_is_bad_for_good_does_not_bring_the_fall_back_with_each_limit() -> None:
    async def check() -> None:
        async with serving() as server, driving(server.port) as driver:
            await server.show("U1", 230.0, code=ua.StatusCodes.BadNotSupported)
            watchdog = Watchdog(after_s=60.0, limit=7.0)
            await driver.scan()
            await driver.write(10.0, watchdog)
            written = recorded(server)
            await driver.scan()
            await driver.write(10.0, watchdog)
            assert [name for name, _, _ in written] == ["Setpoint"]

    run(check)
