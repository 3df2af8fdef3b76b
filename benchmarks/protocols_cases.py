"""Each driver and the plain loop beside it, before the same server in a process of its own."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

import protocols_plain as plain
from opcua_bench import NAMESPACE, certify
from protocols_servers import CHARGE_POINTS, FEEDERS, HOST, NODE

from ortsnetz_common.parameters.station import Connection, SerialLine, Side
from ortsnetz_common.trust.authority import Authority, Identity
from ortsnetz_edge.drivers.contract import Driver, DriverProtocol, Source
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.drivers.registry import load_protocol
from ortsnetz_edge.drivers.remote.protocol import RemoteProtocol
from ortsnetz_edge.profiles.library import Library
from ortsnetz_hil.plant.application_certificates import SERVER_URI, Application

CREDENTIALS = "measured"
TIMEOUT_S = 2.0


@dataclass(frozen=True)
class Reader:
    """Something that reads.

    Attributes:
        read: everything once.
        before: called before each read, outside what is measured.
        process: a further process of its own that works for it; None if there is none.
    """

    read: Callable[[], Awaitable[object]]
    before: Callable[[], None]
    process: int | None = None


@dataclass(frozen=True)
class Case:
    """A driver and the plain loop.

    Attributes:
        points: how many a read of all brings.
        what: is read, in words.
    """

    name: str
    what: str
    points: int
    ours: Reader
    plain: Reader


class Peer:
    """The server's process."""

    def __init__(self, kind: str, folder: Path) -> None:
        command = [sys.executable, str(Path(__file__).with_name("protocols_servers.py")), kind]
        self._process = subprocess.Popen(
            [*command, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.where: list[int | str] = json.loads(self._line() or "[]")
        if not self.where:
            raise SystemExit(f"{kind}: the server does not start")

    def change(self, number: int) -> None:
        """Let everything change that a device measures."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{number}\n")
        self._process.stdin.flush()
        self._line()

    def end(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


def prepare(folder: Path) -> None:
    """Certificates of the node and of the devices, each believing the other."""
    authority = Authority("measured")
    node, device = folder / "credentials" / CREDENTIALS, folder / "device"
    _write(node, authority, authority.issue(NODE))
    _write(device, authority, authority.issue("device", server=True))
    certify(folder / "node", Application(NODE, f"urn:ortsnetz:node:{NODE}"))
    certificate, _ = certify(folder / "application", Application("park", SERVER_URI, HOST))
    (folder / "node" / "ca.pem").write_bytes(certificate.read_bytes())


def _write(folder: Path, authority: Authority, own: Identity) -> None:
    folder.mkdir(parents=True)
    (folder / "ca.pem").write_bytes(authority.certificate)
    (folder / "certificate.pem").write_bytes(own.certificate)
    (folder / "key.pem").write_bytes(own.key)


def _profile(kind: str) -> str:
    return (resources.files("ortsnetz_edge.profiles.generic") / f"{kind}.yaml").read_text("utf-8")


def _together(drivers: Sequence[Driver]) -> Reader:
    """All sources behind one server, as a cycle of the agent scans them."""
    if len(drivers) == 1:
        return Reader(drivers[0].scan, lambda: None)

    async def scan() -> None:
        await asyncio.gather(*[driver.scan() for driver in drivers])

    return Reader(scan, lambda: None)


@asynccontextmanager
async def modbus(name: str, folder: Path) -> AsyncIterator[Case]:
    """One transformer meter; `remote` is modbus-tcp in a process of its own."""
    protocol_name = "modbus-tcp" if name == "remote" else name
    environment = Environment(credentials_dir=folder / "credentials")
    async with AsyncExitStack() as stack:
        peer = Peer(protocol_name, folder)
        stack.callback(peer.end)
        where = _meter(protocol_name, peer.where[0])
        protocol: DriverProtocol = load_protocol(protocol_name, environment, needed_by="benchmark")
        if name == "remote":
            host = (sys.executable, "-m", "ortsnetz_edge.drivers.remote.host", protocol_name)
            protocol = RemoteProtocol("measured", host, environment)
        driver = protocol.open(Source("x", "meter-transformer", where, 1, 3, side=Side.TO))
        stack.push_async_callback(driver.stop)
        ours = _together([driver])
        await ours.read()
        pid = protocol.session.pid if isinstance(protocol, RemoteProtocol) else None
        node = folder / "credentials" / CREDENTIALS if name == "modbus-tls" else None
        read = await stack.enter_async_context(plain.modbus(peer.where[-1], node))
        points = len(driver.points)
        what = f"a meter of {points} points, 30 registers"
        theirs = Reader(read, lambda: None)
        yield Case(name, what, points, Reader(ours.read, ours.before, pid), theirs)


def _meter(protocol: str, where: int | str) -> Connection:
    if isinstance(where, str):
        return Connection(protocol, timeout_s=TIMEOUT_S, serial=SerialLine(where, parity="N"))
    credentials = CREDENTIALS if protocol == "modbus-tls" else None
    return Connection(protocol, HOST, where, 1, TIMEOUT_S, credentials=credentials)


@asynccontextmanager
async def dnp3(name: str, folder: Path) -> AsyncIterator[Case]:
    """Eight feeders behind one RTU; all points change between two polls."""
    text = _profile("rtu-feeder").replace("unsolicited: true", "unsolicited: false")
    environment = Environment(
        library=Library({"rtu-feeder": text}), credentials_dir=folder / "credentials"
    )
    credentials = CREDENTIALS if name == "dnp3-tls" else None
    node = folder / "credentials" / CREDENTIALS if credentials else None
    async with AsyncExitStack() as stack:
        peer = Peer(name, folder)
        stack.callback(peer.end)
        ours_port, plain_port = (int(port) for port in peer.where)
        protocol = load_protocol(name, environment, needed_by="benchmark")
        drivers = [
            protocol.open(_feeder(name, ours_port, bay, credentials)) for bay in range(FEEDERS)
        ]
        for driver in drivers:
            stack.push_async_callback(driver.stop)
        ours = _together(drivers)
        await ours.read()
        read = await stack.enter_async_context(plain.dnp3(plain_port, node))
        points = sum(len(driver.points) for driver in drivers)
        await _brings_everything(peer, read, points)
        yield Case(
            name,
            f"{FEEDERS} feeders of {points // FEEDERS} points, one poll for {points} events",
            points,
            Reader(ours.read, partial(peer.change, 0)),
            Reader(read, partial(peer.change, 1)),
        )


def _feeder(protocol: str, port: int, bay: int, credentials: str | None) -> Source:
    where = Connection(
        protocol, HOST, port, 1024, TIMEOUT_S, bay=str(bay), credentials=credentials
    )
    return Source(f"feeder-{bay}", "rtu-feeder", where, 10 + bay, 3)


async def _brings_everything(peer: Peer, read: plain.Read, points: int) -> None:
    """Both have to be measured with the same work: each point changes each time."""
    for _ in range(2):
        peer.change(1)
        values = await read()
    if len(values) != points:
        raise SystemExit(f"{len(values)} events for {points} points: not the same work")


@asynccontextmanager
async def opcua(name: str, folder: Path) -> AsyncIterator[Case]:
    """Four charge points behind one server, one read of all their nodes."""
    text = _profile("opcua-charge-point").replace("subscribe: true", "subscribe: false")
    text = text.replace("urn:ortsnetz:bench:park", NAMESPACE)
    secured = name == "opcua-secured"
    environment = Environment(
        library=Library({"opcua-charge-point": text}), credentials_dir=folder
    )
    read_nodes = re.sub(r"(?ms)^(identity|setpoint):.*?(?=^\S|\Z)", "", text)
    each = dict.fromkeys(re.findall(r"s=CP\{bay\}\.(\w+)", read_nodes))
    names = [f"CP{bay}.{node}" for bay in range(CHARGE_POINTS) for node in each]
    async with AsyncExitStack() as stack:
        peer = Peer(name, folder)
        stack.callback(peer.end)
        port = int(peer.where[0])
        protocol = load_protocol("opcua", environment, needed_by="benchmark")
        drivers = [
            protocol.open(_charge_point(port, bay, secured=secured)) for bay in range(CHARGE_POINTS)
        ]
        for driver in drivers:
            stack.push_async_callback(driver.stop)
        ours = _together(drivers)
        await ours.read()
        url = f"opc.tcp://{HOST}:{port}/test"
        node = folder / "node" if secured else None
        read = await stack.enter_async_context(plain.opcua(url, names, node))
        await read()
        points = sum(len(driver.points) for driver in drivers)
        what = f"{CHARGE_POINTS} charge points of {points // CHARGE_POINTS} points, "
        yield Case(
            name,
            what + f"one read of {len(names)} nodes",
            points,
            ours,
            Reader(read, lambda: None),
        )


def _charge_point(port: int, bay: int, *, secured: bool) -> Source:
    where = Connection(
        "opcua",
        HOST,
        port,
        timeout_s=TIMEOUT_S,
        path="/test",
        bay=str(bay),
        credentials="node" if secured else None,
    )
    return Source(f"ev-{bay}", "opcua-charge-point", where, 20 + bay, 3, rated_w=22_080.0)


Opens = Callable[[str, Path], Any]
CASES: dict[str, Opens] = {
    "modbus-tcp": modbus,
    "modbus-rtu": modbus,
    "modbus-tls": modbus,
    "dnp3": dnp3,
    "dnp3-tls": dnp3,
    "opcua": opcua,
    "opcua-secured": opcua,
    "remote": modbus,
}
