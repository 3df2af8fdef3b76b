"""The drivers before the benchmark's servers, as the agent opens and scans them."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from ortsnetz_common.parameters.station import Connection, SerialLine, Side
from ortsnetz_edge.drivers.contract import Driver, Scan, Source
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.drivers.registry import load_protocol
from ortsnetz_edge.drivers.remote.protocol import RemoteProtocol
from ortsnetz_edge.profiles.library import Library

HOST = "127.0.0.1"
CREDENTIALS = "measured"
TIMEOUT_S = 2.0
FEEDERS = 8
CHARGE_POINTS = 4
PUBLISHING_S = 0.05
PARK = "urn:ortsnetz:bench:park"


@dataclass(frozen=True)
class Opened:
    """A driver that has read once.

    Attributes:
        read: everything once.
        points: that it brings.
        process: of its own; None if it has none.
        scan: asks the server; who only reports for too long is taken for babbling.
    """

    read: Callable[[], Awaitable[object]]
    points: int
    process: int | None = None
    scan: Callable[[], Awaitable[object]] | None = None


def _profile(kind: str) -> str:
    return (resources.files("ortsnetz_edge.profiles.generic") / f"{kind}.yaml").read_text("utf-8")


@asynccontextmanager
async def _opened(drivers: Sequence[Driver]) -> AsyncIterator[Opened]:
    """All sources behind one server, scanned together as a cycle of the agent does it."""

    async def together() -> None:
        await asyncio.gather(*[driver.scan() for driver in drivers])

    async with AsyncExitStack() as stack:
        for driver in drivers:
            stack.push_async_callback(driver.stop)
        read = drivers[0].scan if len(drivers) == 1 else together
        await read()
        yield Opened(read, sum(len(driver.points) for driver in drivers))


@asynccontextmanager
async def modbus(name: str, where: int | str, folder: Path) -> AsyncIterator[Opened]:
    """One transformer meter."""
    environment = Environment(credentials_dir=folder / "credentials")
    protocol = load_protocol(name, environment, needed_by="benchmark")
    async with _opened([protocol.open(_meter(name, where))]) as opened:
        yield opened


@asynccontextmanager
async def remote(port: int) -> AsyncIterator[Opened]:
    """The same by the driver modbus-tcp in a process of its own."""
    host = (sys.executable, "-m", "ortsnetz_edge.drivers.remote.host", "modbus-tcp")
    protocol = RemoteProtocol("measured", host, Environment())
    async with _opened([protocol.open(_meter("modbus-tcp", port))]) as opened:
        yield Opened(opened.read, opened.points, protocol.session.pid)


def _meter(protocol: str, where: int | str) -> Source:
    if isinstance(where, str):
        connection = Connection(protocol, timeout_s=TIMEOUT_S, serial=SerialLine(where, parity="N"))
    else:
        credentials = CREDENTIALS if protocol == "modbus-tls" else None
        connection = Connection(protocol, HOST, where, 1, TIMEOUT_S, credentials=credentials)
    return Source("x", "meter-transformer", connection, 1, 3, side=Side.TO)


@asynccontextmanager
async def dnp3(
    name: str, port: int, folder: Path, *, reported: bool = False
) -> AsyncIterator[Opened]:
    """Eight feeders behind one RTU, polled, or reporting by themselves."""
    text = _profile("rtu-feeder")
    if not reported:
        text = text.replace("unsolicited: true", "unsolicited: false")
    environment = Environment(
        library=Library({"rtu-feeder": text}), credentials_dir=folder / "credentials"
    )
    protocol = load_protocol(name, environment, needed_by="benchmark")
    credentials = CREDENTIALS if name == "dnp3-tls" else None
    drivers = []
    for bay in range(FEEDERS):
        where = Connection(name, HOST, port, 1024, TIMEOUT_S, bay=str(bay), credentials=credentials)
        drivers.append(protocol.open(Source(f"feeder-{bay}", "rtu-feeder", where, 10 + bay, 3)))
    async with _opened(drivers) as opened:
        yield _told(drivers, opened) if reported else opened


@asynccontextmanager
async def opcua(
    port: int, folder: Path, *, secured: bool = False, reported: bool = False
) -> AsyncIterator[Opened]:
    """Four charge points behind one server, read, or reported by a subscription."""
    text = park_profile()
    if reported:
        text = text.replace("subscribe: false", "subscribe: true")
        text = text.replace("publishing_s: 1.0", f"publishing_s: {PUBLISHING_S}")
    environment = Environment(library=Library({"opcua-charge-point": text}), credentials_dir=folder)
    protocol = load_protocol("opcua", environment, needed_by="benchmark")
    drivers = []
    for bay in range(CHARGE_POINTS):
        where = Connection(
            "opcua",
            HOST,
            port,
            timeout_s=TIMEOUT_S,
            path="/test",
            bay=str(bay),
            credentials="node" if secured else None,
        )
        source = Source(f"ev-{bay}", "opcua-charge-point", where, 20 + bay, 3, rated_w=22_080.0)
        drivers.append(protocol.open(source))
    async with _opened(drivers) as opened:
        yield _told(drivers, opened) if reported else opened


def _told(drivers: Sequence[Driver], opened: Opened) -> Opened:
    """Wait for the report of what changes last."""
    told = asyncio.Event()
    newest: tuple[int, float | None] = (0, None)

    def take(scan: Scan) -> None:
        nonlocal newest
        now = (scan.time_ns, scan.values[-1])
        if now != newest:
            newest = now
            told.set()

    for driver in drivers[:-1]:
        driver.subscribe(lambda _: None)
    drivers[-1].subscribe(take)

    async def read() -> None:
        told.clear()
        await told.wait()

    return Opened(read, opened.points, scan=opened.read)


def park_profile() -> str:
    """The park's profile, without its subscription, for the namespace of the tests' server."""
    text = _profile("opcua-charge-point").replace("subscribe: true", "subscribe: false")
    return text.replace(PARK, "urn:test:meter")


def park_nodes() -> list[str]:
    """Names of all nodes that a scan of all charge points reads."""
    scanned = re.sub(r"(?ms)^(identity|setpoint):.*?(?=^\S|\Z)", "", park_profile())
    each = dict.fromkeys(re.findall(r"s=CP\{bay\}\.(\w+)", scanned))
    return [f"CP{bay}.{node}" for bay in range(CHARGE_POINTS) for node in each]
