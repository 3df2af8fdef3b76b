"""What our OPC UA client says, as Wireshark understands it: nothing malformed, and as it was meant.

Without security, so that it can be read; the signed and encrypted way is held by node-opcua.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from modbus_peers.capture import Recording, dissected, field, recorded
from modbus_peers.processes import need
from opcua_bench import (
    POLLED,
    SUBSCRIBED,
    TestServer,
    driving,
    protocol,
    scanned,
    serving,
    source,
    until,
)
from opcua_dissected import (
    DECODED,
    PORT,
    complaints,
    elements,
    nodes,
    number,
    services,
    stamp_ns,
    those,
)

from ortsnetz_edge.drivers.contract import Found, Observation, Scan, Watchdog

pytestmark = pytest.mark.interop
CONNECTING = [
    "OpenSecureChannelRequest",
    "CreateSessionRequest",
    "ActivateSessionRequest",
    "ReadRequest",  # namespaces, and what the server takes at once
]
CLOSING = ["CloseSessionRequest", "CloseSecureChannelRequest"]
AT = datetime(2026, 11, 18, 11, 6, 40, 123_457, tzinfo=UTC)
Talk = Callable[[TestServer, int], Awaitable[None]]


def conversation(path: Path, talk: Talk) -> tuple[list[Any], list[Any]]:
    """What we said and what the server did, message by message, once nothing is malformed."""
    need("tshark")

    async def record() -> Recording:
        async with serving() as server, recorded(server.port) as (port, found):
            await talk(server, port)
            await until(lambda: any(ours and b"CLOF" in data for ours, data in found.segments))
            return found

    found = asyncio.run(asyncio.wait_for(record(), 30))
    found.write_tcp(path, PORT)
    packets = dissected(path, *DECODED)
    assert complaints(packets) == []
    sizes = sum(int(size) for size in field(packets, "opcua.transport.size"))
    assert sizes == sum(len(data) for _, data in found.segments)  # no octet has been passed over
    both: tuple[list[Any], list[Any]] = ([], [])
    for layers in packets:
        both[field(layers, "tcp.dstport") != [str(PORT)]].extend(field(layers, "opcua"))
    return both


async def show(server: TestServer) -> None:
    """Values that cannot be mistaken for one another, nor their times."""
    shown = {"U1": 229.8125, "U2": 231.5, "U3": 233, "Limit": 17.25}
    for seconds, (name, value) in enumerate(shown.items()):
        await server.show(name, value, at=AT + timedelta(seconds=seconds))


def has(volts: float, scan: Scan) -> bool:
    return scan.values[0] == volts


def test_a_scan_delivers_the_values_and_times_that_the_dissector_reads(tmp_path: Path) -> None:
    scans: list[Scan] = []

    async def talk(server: TestServer, port: int) -> None:
        await show(server)
        async with driving(port, POLLED) as driver:
            scans.append(await scanned(driver))

    ours, theirs = conversation(tmp_path / "scan.pcap", talk)
    assert [message["opcua.transport.type"] for message in ours[:2]] == ["HEL", "OPN"]
    assert services(ours) == [
        *CONNECTING,
        "ReadRequest",  # identity
        "ReadRequest",  # values
        *CLOSING,
    ]
    assert nodes(those(ours, "ReadRequest")[-1]) == ["U1", "U2", "U3", "Limit"]
    answer = those(theirs, "ReadResponse")[-1]
    said = [number(one) for one in field(answer, "Value: Variant")]
    assert [kind for kind, _ in said] == ["Double", "Float", "UInt16", "Double"]
    (scan,) = scans
    assert [*scan.values[:3], scan.limit_in_force] == [value for _, value in said]
    times = [stamp_ns(text) for text in field(answer, "opcua.datavalue.SourceTimestamp")]
    assert scan.value_times_ns is not None
    assert list(scan.value_times_ns[:3]) == times[:3]


def test_a_limit_goes_out_in_the_nodes_own_types_without_status_or_times(tmp_path: Path) -> None:
    async def talk(_: TestServer, port: int) -> None:
        async with driving(port, POLLED) as driver:
            await driver.write(10.0, Watchdog(after_s=60.0, limit=7.0))

    ours, theirs = conversation(tmp_path / "write.pcap", talk)
    written = [
        (nodes(message), [number(one) for one in field(message, "Value: Variant")])
        for message in those(ours, "WriteRequest")
    ]
    assert written == [
        (["Then", "After"], [("Double", 7.0), ("UInt32", 60.0)]),
        (["Setpoint"], [("UInt16", 10.0)]),
    ]
    writes = those(ours, "WriteRequest")
    assert set(field(writes, "opcua.AttributeId")) == {"0x0000000d"}  # the value
    assert set(field(writes, "opcua.datavalue.mask")) == {"0x01"}  # and nothing beside it
    assert field(those(theirs, "WriteResponse"), "opcua.Results") == ["0x00000000"] * 3
    read_back = those(theirs, "ReadResponse")[-1]
    assert number(read_back) == ("UInt16", 10.0)


def test_the_dissector_reads_the_reports_and_how_each_was_asked_for(tmp_path: Path) -> None:
    """After a restart, too: the old session and the old subscription are tried first."""
    delivered: list[float | None] = []
    changes = (240.0625, 241.125, 242.25, 243.5)
    profile = SUBSCRIBED.replace("publishing_s: 0.1", "publishing_s: 0.1, deadband: 0.5")

    async def talk(server: TestServer, port: int) -> None:
        await show(server)
        async with driving(port, profile) as driver:
            await scanned(driver)
            for volts in changes:  # more reports than requests at hand: the server got new ones
                await server.show("U1", volts)
                scan = await scanned(driver, wanted=partial(has, volts))
                delivered.append(scan.values[0])
            await server.server.forget()
            server.server.cut()
            await until(lambda: not driver.diagnose().connected)
            await scanned(driver)

    ours, theirs = conversation(tmp_path / "subscription.pcap", talk)
    subscribing = ["CreateSubscriptionRequest", "CreateMonitoredItemsRequest", "ReadRequest"]
    assert (
        [name for name in services(ours) if name != "PublishRequest"]
        == [
            *CONNECTING,
            "ReadRequest",  # identity
            *subscribing,
            "OpenSecureChannelRequest",
            "ActivateSessionRequest",  # of the old session, which the server has forgotten
            *CONNECTING[1:],
            "ReadRequest",
            "TransferSubscriptionsRequest",
            "DeleteSubscriptionsRequest",
            *subscribing,
            *CLOSING,
        ]
    )
    wanted = those(ours, "CreateSubscriptionRequest")
    assert set(field(wanted, "opcua.RequestedPublishingInterval")) == {"100"}  # ms
    items = elements(those(ours, "CreateMonitoredItemsRequest"), "MonitoredItemCreateRequest")
    asked = [
        (*nodes(item), *field(item, "opcua.ClientHandle"), field(item, "opcua.DeadbandValue"))
        for item in items
    ]
    once = [("U1", "0", ["0.5"]), ("U2", "1", ["0.5"]), ("U3", "2", ["0.5"]), ("Limit", "3", [])]
    assert asked == [*once, *once]
    assert set(field(items, "opcua.DeadbandType")) == {"0x00000001"}  # absolute
    reports = those(theirs, "PublishResponse")
    reported = [
        number(item)[1]
        for item in elements(reports, "MonitoredItemNotification")
        if field(item, "opcua.ClientHandle") == ["0"]
    ]
    assert [volts for volts in reported if volts > 230.0][: len(changes)] == delivered
    acknowledged = elements(those(ours, "PublishRequest"), "SubscriptionAcknowledgement")
    assert field(acknowledged, "opcua.SequenceNumber")[:2] == ["1", "2"]


def test_all_that_a_technician_asks_is_dissected_as_it_was_meant(tmp_path: Path) -> None:
    seen: list[Observation] = []
    found: list[Found] = []

    async def talk(server: TestServer, port: int) -> None:
        await show(server)
        probe = protocol().probe(source(port).connection)
        await probe.identify()
        found.extend(await probe.browse("", 100))
        (at,) = [one.reference for one in found if one.what.startswith("U1 ")]
        seen.extend(await probe.read([at]))
        async with aclosing(probe.watch([at], 0.1)) as watched:
            seen.append(await anext(watched))
        await probe.write(at.replace("U1", "Setpoint"), 12)
        await probe.close()

    ours, theirs = conversation(tmp_path / "probe.pcap", talk)
    assert [name for name in services(ours) if name != "PublishRequest"] == [
        *CONNECTING,
        "ReadRequest",  # identity
        *["BrowseRequest"] * 3,  # level by level
        *["ReadRequest"] * 3,  # values, access, and the one that was asked for
        *["CreateSubscriptionRequest", "CreateMonitoredItemsRequest", "ReadRequest"],
        *["ReadRequest", "WriteRequest", "ReadRequest", "ReadRequest"],
        *CLOSING,
    ]
    first = elements(those(ours, "BrowseRequest")[:1], "BrowseDescription")
    # the objects' folder and what hangs below it (part 6, annex A: 85 and 33)
    assert field(first, "opcua.nodeid.numeric") == ["85", "33"]
    names = field(those(theirs, "BrowseResponse"), "opcua.loctext.Text")
    assert {one.what.partition(" (")[0] for one in found} == set(names)
    asked = those(ours, "ReadRequest")
    read = those(theirs, "ReadResponse")[[nodes(one) for one in asked].index(["U1"])]
    said = number(read)
    assert said == ("Double", 229.8125)
    assert [one.value for one in seen] == [said[1]] * 2
    (write,) = those(ours, "WriteRequest")
    assert (nodes(write), number(write)) == (["Setpoint"], ("UInt16", 12.0))
    # what was watched ends with the session
    assert field(those(ours, "CloseSessionRequest"), "opcua.DeleteSubscriptions") == ["1"]


def test_a_malformed_message_would_be_seen(tmp_path: Path) -> None:
    need("tshark")
    body = struct.pack("<5Ii", 0, 65535, 65535, 0, 0, 1000) + b"opc.tcp://"  # not 1000 octets
    path = tmp_path / "malformed.pcap"
    Recording([(True, b"HELF" + struct.pack("<I", 8 + len(body)) + body)]).write_tcp(path, PORT)
    assert complaints(dissected(path, *DECODED)) != []
