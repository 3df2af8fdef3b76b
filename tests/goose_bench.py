"""A bay that publishes GOOSE, in a process of its own, and an agent's driver that listens."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from ortsnetz_common.parameters.station import Connection
from ortsnetz_common.scl.document import Document
from ortsnetz_common.scl.goose_streams import goose_streams_of
from ortsnetz_common.scl.reading.document import read_scl
from ortsnetz_edge.drivers.contract import Driver, DriverError, Scan, Source
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.drivers.registry import load_protocol
from ortsnetz_edge.profiles.library import Library

BAY = Path(__file__).parent / "data" / "goose-bay.scd"
PATH = "B1 01-0C-CD-01-00-01/3001/00A 01-0C-CD-01-00-02/3002"
STATES, MEASURED = "B1LD0/LLN0$GO$gcbStates", "B1LD0/LLN0$GO$gcbMeasured"
POSITION, POSITION_QUALITY = "LD0/XCBR1.Pos.stVal[ST]", "LD0/XCBR1.Pos.q[ST]"
TRIP, TRIP_QUALITY = "LD0/PTRC1.Tr.general[ST]", "LD0/PTRC1.Tr.q[ST]"
COUNT, HEALTH = "LD0/XCBR1.OpCnt.stVal[ST]", "LD0/LLN0.Health.stVal[ST]"
VOLTAGES = tuple(f"LD0/MMXU1.PhV.phs{phase}.cVal.mag.f[MX]" for phase in "ABC")
POWER = "LD0/MMXU1.TotW.mag.f[MX]"
FREQUENCY = "LD0/MMXU1.Hz.mag.f[MX]"
"""The bay has it, and does not multicast it."""
QUALITIES = {
    POSITION_QUALITY: 0,
    TRIP_QUALITY: 0,
    "LD0/MMXU1.TotW.q[MX]": 0,
    **{f"LD0/MMXU1.PhV.phs{phase}.q[MX]": 0 for phase in "ABC"},
}
GOOD: dict[str, Any] = {
    POSITION: 2,
    TRIP: False,
    COUNT: 17,
    HEALTH: 1,
    **dict(zip(VOLTAGES, (230.5, 231.25, 229.75), strict=True)),
    POWER: 1500.0,
    **QUALITIES,
}
DEADLINE_S = 20.0


def document() -> Document:
    """The bay's SCL file."""
    return read_scl(BAY.read_bytes(), BAY.name)


def profile_text(**changes: Any) -> str:
    """A profile of the bay: voltages, power in all, breaker, trip, operations, health."""
    read = document()
    streams = [
        {
            "block": f"LD0/LLN0.{stream.control.name}",
            "data_set": f"LD0/LLN0.{stream.control.data_set}",
            "id": stream.control.app_id.replace("B1", "{ied}"),
            "revision": stream.control.configuration_revision,
            "members": [
                [f"{value.at} {value.basic_type}" for value in member] for member in stream.members
            ],
        }
        for stream in goose_streams_of(read, read.ieds[0])
    ]
    body = {
        "format": "ortsnetz.profile/2",
        "kind": "goose-bay",
        "version": 1,
        "describes": "A bay that multicasts",
        "protocol": "iec61850",
        "direction": "consumption",
        "voltage": {"at": list(VOLTAGES), "range": [0, 400]},
        "active_power": {"total": POWER, "share": "equal", "range": [-1e6, 1e6]},
        "further": [
            {"name": "XCBR1.Pos", "value": {"at": POSITION}, "unit": "1", "range": [0, 3]},
            {"name": "PTRC1.Tr", "value": {"at": TRIP}, "unit": "1", "range": [0, 1]},
            {"name": "XCBR1.OpCnt", "value": {"at": COUNT}, "unit": "1", "range": [0, 1e9]},
            {"name": "MMXU1.Hz", "value": {"at": FREQUENCY}, "unit": "Hz", "range": [0, 100]},
            {"name": "LPHD1.PhyHealth", "value": {"at": HEALTH}, "unit": "1", "range": [1, 3]},
        ],
        "goose": streams,
    }
    return yaml.safe_dump(json.loads(json.dumps(body | changes)))  # copies: no aliases


def source(interface: str, path: str = PATH, **changes: Any) -> Source:
    """The bay as a meter of a station."""
    connection = Connection(protocol="goose", host=interface, path=path, timeout_s=0.5, **changes)
    return Source("bay", "goose-bay", connection, 7, 3)


def environment(text: str | None = None) -> Environment:
    """What a driver gets, with the bay's profile."""
    return Environment(library=Library({"goose-bay": text or profile_text()}))


class Bay:
    """The bay's process."""

    def __init__(self, interface: str) -> None:
        command = [sys.executable, "-m", "ortsnetz_iec61850.goose.sending", interface, str(BAY)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        assert json.loads(said)["blocks"] == ["B1/gcbStates", "B1/gcbMeasured"]

    def tell(self, **told: Any) -> None:
        """Values that changed, or what to do wrong."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(told) + "\n")
        self.process.stdin.flush()

    def end(self) -> dict[str, int]:
        """End it by the end of its input; what it has sent."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        sent: dict[str, int] = json.loads(self.process.stdout.read())
        assert self.process.wait(10) == 0
        return sent


@contextlib.contextmanager
def bay(interface: str) -> Iterator[Bay]:
    """A bay that publishes good values."""
    made = Bay(interface)
    try:
        made.tell(values=GOOD)
        yield made
    finally:
        made.process.kill()
        made.process.communicate(timeout=10)


class Listener:
    """The agent's side: a driver in its process, and what it reports by itself."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.reports: list[tuple[float, Scan]] = []
        self.names = [
            f"{point.role.value}{point.terminal or ''}"
            if point.role.value != "further"
            else point.point.name.partition("/")[2]
            for point in driver.points
        ]

    def report(self, scan: Scan) -> None:
        """Take a report."""
        self.reports.append((time.perf_counter(), scan))

    async def scan_on(self) -> None:
        """Scan as the agent does: the first scan starts the process."""
        while True:
            with contextlib.suppress(DriverError):
                await self.driver.scan()
            await asyncio.sleep(0.2)

    def of(self, scan: Scan) -> dict[str, tuple[float | None, int]]:
        """Values and qualities by name."""
        return dict(zip(self.names, zip(scan.values, scan.qualities, strict=True), strict=True))

    @property
    def last(self) -> dict[str, tuple[float | None, int]]:
        """What was reported last, by name; empty before the first report."""
        return self.of(self.reports[-1][1]) if self.reports else {}


@contextlib.asynccontextmanager
async def listener(interface: str, path: str = PATH) -> AsyncIterator[Listener]:
    """A driver of the installed protocol `goose`, as the agent opens it."""
    driver = load_protocol("goose", environment(), needed_by="the test").open(
        source(interface, path)
    )
    made = Listener(driver)
    assert driver.subscribe(made.report)
    cycle = asyncio.create_task(made.scan_on())
    try:
        yield made
    finally:
        cycle.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await cycle
        await driver.stop()


async def until(is_so: Callable[[], object], what: str) -> None:
    """Wait for a condition."""
    try:
        async with asyncio.timeout(DEADLINE_S):
            while not is_so():  # noqa: ASYNC110 - of another process
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"in {DEADLINE_S} s: not {what}") from None
