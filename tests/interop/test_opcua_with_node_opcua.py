"""node-opcua, a stack of other authors, speaks to the bench's server, and our driver to its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import node_opcua
import pytest
from opcua_bench import (
    HOST,
    NAMESPACE,
    POLLED,
    SUBSCRIBED,
    certify,
    failed,
    protocol,
    run,
    scanned,
    serving,
    source,
    until,
)

from ortsnetz_edge.drivers.contract import DriverError, FailureKind, Watchdog
from ortsnetz_edge.drivers.opcua.driver import OpcUaDriver
from ortsnetz_hil.plant.application_certificates import SERVER_URI, Application

pytestmark = pytest.mark.interop
NODE_URI = "urn:ortsnetz:node:node-1"
VARIABLES = [
    ["U1", "Double", 230.0, False],
    ["U2", "Float", 231.0, False],
    ["U3", "UInt16", 232, False],
    ["Limit", "Double", 1000.0, False],
    ["Setpoint", "UInt16", 16, True],
    ["After", "UInt32", 0, True],
    ["Then", "Double", 0.0, True],
    ["Maker", "String", "Acme", False],
    ["Serial", "String", "4711", False],
]
PROFILES = pytest.mark.parametrize("profile", [POLLED, SUBSCRIBED], ids=["read", "subscribed"])


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`credentials/park` of a node, and a server's certificate, each believing the other."""
    node_opcua.scripts()
    folder = tmp_path_factory.mktemp("interop")
    park = folder / "credentials" / "park"
    certify(park, Application("node-1", NODE_URI))
    certify(folder / "server", Application("park", SERVER_URI, HOST))
    (park / "ca.pem").write_bytes((folder / "server" / "certificate.pem").read_bytes())
    return folder


def secured(certificates: Path) -> dict[str, str]:
    own = certificates / "credentials" / "park"
    return {
        "certificate": str(own / "certificate.pem"),
        "key": str(own / "key.pem"),
        "uri": NODE_URI,
    }


def peer(certificates: Path, **more: Any) -> dict[str, Any]:
    """What node-opcua's server needs to know."""
    return {
        "pki": str(certificates / "pki-server"),
        "uri": SERVER_URI,
        "namespace": NAMESPACE,
        "variables": VARIABLES,
        "certificate": str(certificates / "server" / "certificate.pem"),
        "key": str(certificates / "server" / "key.pem"),
        "user": str(certificates / "credentials" / "park" / "certificate.pem"),
        **more,
    }


def driver_of(port: int, profile: str, certificates: Path) -> OpcUaDriver:
    made = protocol(profile, credentials_dir=certificates / "credentials")
    return made.open(source(port, path="/node", credentials="park", timeout_s=1.0))


@PROFILES
def test_values_limits_and_times_of_its_server_arrive_encrypted(
    certificates: Path, profile: str
) -> None:
    async def check() -> None:
        async with node_opcua.serving(peer(certificates, before=["urn:first"])) as server:
            driver = driver_of(server.port, profile, certificates)
            scan = await scanned(driver)
            assert scan.values[:3] == (230.0, 231.0, 232.0)
            assert scan.qualities[:3] == (0, 0, 0)
            assert str(await driver.identify()) == "maker 'Acme', serial number '4711'"
            await server.order(set=["U1", 241.5])
            await server.order(set=["U2", 229.0, "UncertainLastUsableValue"])
            scan = await scanned(driver, wanted=lambda scan: scan.values[:2] == (241.5, 229.0))
            assert scan.qualities[1] != 0
            await driver.write(10.0, Watchdog(60.0, 7.0))
            said = await server.order(get=["Setpoint", "After", "Then"])
            assert said["values"] == {"Setpoint": 10, "After": 60, "Then": 7}
            assert said["sessions"] == 1
            await driver.stop()
            assert (await server.order())["sessions"] == 0

    run(check, 60)


def test_its_server_hands_a_subscription_over_after_a_break(certificates: Path) -> None:
    async def check() -> None:
        async with node_opcua.serving(peer(certificates)) as server:
            driver = driver_of(server.port, SUBSCRIBED, certificates)
            seen: list[float | None] = []
            driver.subscribe(lambda scan: seen.append(scan.values[0]))
            await scanned(driver)
            await server.order(set=["U1", 240.0])
            await until(lambda: 240.0 in seen)
            await server.order(cut=True)
            await server.order(set=["U1", 241.0])
            await until(lambda: not driver.diagnose().connected)
            await scanned(driver)
            await until(lambda: 241.0 in seen)
            await server.order(set=["U1", 242.0])
            await until(lambda: 242.0 in seen)
            counters = driver.session.counters
            taken_over = counters["subscriptions_transferred"] + counters["sessions_resumed"]
            assert taken_over == 1, counters
            assert counters["subscriptions_renewed"] == 0
            assert counters["reports_lost"] == 0
            await driver.stop()

    run(check, 60)


def test_its_server_lets_nobody_in_whom_it_does_not_know(
    certificates: Path, tmp_path: Path
) -> None:
    async def check() -> None:
        stranger, _ = certify(tmp_path / "stranger", Application("stranger", NODE_URI))
        wanted = peer(certificates, user=str(stranger), pki=str(tmp_path / "pki"))
        async with node_opcua.serving(wanted) as server:
            driver = driver_of(server.port, POLLED, certificates)
            words = await failed(driver, FailureKind.INSECURE)
            assert "Bad" in words
            await driver.stop()

    run(check, 60)


def test_its_server_without_security_is_read_where_none_is_asked_for(
    certificates: Path, tmp_path: Path
) -> None:
    async def check() -> None:
        plain = peer(certificates, pki=str(tmp_path / "pki"))
        del plain["certificate"], plain["key"]
        async with node_opcua.serving(plain) as server:
            driver = protocol(SUBSCRIBED).open(source(server.port, path="/node", timeout_s=1.0))
            assert (await scanned(driver)).values[0] == 230.0
            await driver.stop()
            secure = driver_of(server.port, POLLED, certificates)
            with pytest.raises(DriverError) as caught:
                await secure.scan()
            assert caught.value.kind is FailureKind.INSECURE
            await secure.stop()

    run(check, 60)


def test_its_client_reads_writes_and_watches_a_secured_server_of_the_bench(
    certificates: Path,
) -> None:
    async def check() -> None:
        own = certificates / "server"
        files = own / "certificate.pem", own / "key.pem"
        users = [certificates / "credentials" / "park" / "certificate.pem"]
        async with serving(credentials=files, users=users) as server:
            said = await node_opcua.converse(
                {
                    "url": f"opc.tcp://{HOST}:{server.port}/test",
                    "pki": str(certificates / "pki-client"),
                    "namespace": NAMESPACE,
                    "secure": secured(certificates),
                    "read": ["U1", "U2", "U3", "Maker"],
                    "write": [["Setpoint", 10, "UInt16"], ["U1", 1.0, "Double"]],
                }
            )
            assert said["error"] is None
            assert [value for value, _, _ in said["read"]] == [230.0, 231.0, 232, "Acme"]
            assert said["written"] == ["Good", "BadUserAccessDenied"]
            assert server.value("Setpoint") == 10

    run(check, 60)


@pytest.mark.parametrize("how", ["without security", "anonymous"])
def test_its_client_without_a_certificate_reads_nothing(certificates: Path, how: str) -> None:
    async def check() -> None:
        own = certificates / "server"
        files = own / "certificate.pem", own / "key.pem"
        users = [certificates / "credentials" / "park" / "certificate.pem"]
        secure = {**secured(certificates), "anonymous": True} if how == "anonymous" else None
        async with serving(credentials=files, users=users) as server:
            said = await node_opcua.converse(
                {
                    "url": f"opc.tcp://{HOST}:{server.port}/test",
                    "pki": str(certificates / "pki-client"),
                    "namespace": NAMESPACE,
                    "secure": secure,
                    "read": ["U1"],
                }
            )
            assert said["error"]
            assert said["read"] == []

    run(check, 60)
