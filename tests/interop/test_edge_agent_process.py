"""The agent as a process between Modbus servers of another stack and a real broker."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from ortsnetz_common.link import topics
from ortsnetz_common.link.codec import decode, decode_record, encode
from ortsnetz_common.link.messages import Batch, Catalogue, Samples, Watermark
from ortsnetz_common.measurement.point import READ_COUNT
from ortsnetz_common.parameters.parameter_set import SCHEMA, ParameterSet, sha256, write_signed
from ortsnetz_common.parameters.station import (
    Connection,
    Meter,
    MeterRole,
    SourcePseudo,
    Station,
)
from ortsnetz_common.trust.signature import generate_private_key, public_key

PROGRAM = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
ORTSNETZ = str(Path(sys.executable).with_name("ortsnetz"))
METERS = 5
IDENTITY = 65000  # docs/register-maps.md, "What a device is"
pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(PROGRAM is None, reason="mosquitto is not installed"),
]


def until(condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
    """Poll, at most so long."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.05)


@dataclass
class CustomerMeters:
    """Meters in a thread of their own, each counting its reads; ports are the system's choice."""

    ports: list[int] = field(default_factory=list)
    served: list[int] = field(default_factory=lambda: [0] * METERS)
    _ready: threading.Event = field(default_factory=threading.Event)
    _loop: asyncio.AbstractEventLoop | None = None
    _end: asyncio.Event | None = None

    def start(self) -> threading.Thread:
        thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        thread.start()
        assert self._ready.wait(10)
        return thread

    def stop(self) -> None:
        assert self._loop is not None
        assert self._end is not None
        self._loop.call_soon_threadsafe(self._end.set)

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        servers = []
        for number in range(METERS):
            server = ModbusTcpServer(self._device(number), address=("127.0.0.1", 0))
            await server.listen()
            transport: Any = server.transport
            self.ports.append(transport.sockets[0].getsockname()[1])
            servers.append(server)
        self._ready.set()
        await self._end.wait()
        for server in servers:
            await server.shutdown()  # type: ignore[no-untyped-call]

    def _device(self, number: int) -> SimDevice:
        async def act(  # noqa: PLR0917 - the library's signature
            function: int, start: int, address: int, count: int, present: list[int], new: object
        ) -> ExcCodes | None:
            del function, count, new
            if address >= IDENTITY:
                return None
            self.served[number] += 1
            now_ms = time.time_ns() // 1_000_000
            registers = struct.unpack(
                ">30H",
                struct.pack(
                    ">3I3i3i3IIQ",
                    *(23_000 + number, 23_100, 23_200),
                    *(500, 600, 700, 0, 0, 0),
                    *(2_000, 2_000, 2_000),
                    *(self.served[number], now_ms),
                ),
            )
            first = 3000 - start
            present[first : first + 30] = registers
            return None

        block = SimData(3000, values=[0] * 30, datatype=DataType.REGISTERS)
        texts = (b"Ortsnetz bench".ljust(16, b"\0"), b"meter-customer".ljust(64, b"\0"))
        who = list(struct.unpack(">40H", b"".join(texts)))
        identity = SimData(IDENTITY, values=who, datatype=DataType.REGISTERS)
        return SimDevice(1, simdata=[block, identity], action=act)


class CountingCockpit:
    """Commits what is contiguous and keeps the read counts of each meter."""

    def __init__(self, port: int) -> None:
        self.marks: dict[str, int] = {}
        self.counts: dict[str, list[float]] = {}
        self._names: list[str] = []
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="cockpit", protocol=MQTTv5)
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.subscribe(topics.ALL_UPLINKS, qos=1)
        self._client.loop_start()

    def _on_message(self, client: Client, userdata: object, message: MQTTMessage) -> None:
        del userdata
        batch = decode(bytes(message.payload))
        assert isinstance(batch, Batch)
        mark = self.marks.get(batch.epoch, 0)
        if batch.first <= mark + 1:
            for record in batch.records[mark + 1 - batch.first :]:
                self._take(record)
            self.marks[batch.epoch] = max(mark, batch.first + len(batch.records) - 1)
        said = Watermark(batch.node, batch.epoch, self.marks.get(batch.epoch, 0))
        client.publish(topics.downlink(batch.node), encode(said), qos=1)

    def _take(self, payload: bytes) -> None:
        record = decode_record(payload)
        if isinstance(record, Catalogue):
            self._names = [point.name for point in record.points]
        if isinstance(record, Samples):
            for point, value in zip(record.points, record.values, strict=True):
                name = self._names[point]
                if name.endswith(READ_COUNT) and value is not None:
                    self.counts.setdefault(name.split("/")[0], []).append(value)

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@dataclass
class Bench:
    """Everything around the agent."""

    directory: Path
    meters: CustomerMeters
    cockpit: CountingCockpit
    agents: list[subprocess.Popen[str]] = field(default_factory=list)

    def start_agent(self) -> subprocess.Popen[str]:
        agent = subprocess.Popen(
            [ORTSNETZ, "edge", "run", str(self.directory / "agent.json")],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.agents.append(agent)
        assert agent.stdout is not None
        assert agent.stdout.readline() == "agent: ready\n"
        return agent

    def cycles(self, count: int) -> None:
        """Wait for so many further reads of the first meter."""
        goal = self.meters.served[0] + count
        until(lambda: self.meters.served[0] >= goal)


def write_node(directory: Path, ports: list[int], broker: int) -> None:
    """A station of customer meters on a network of one node."""
    network = json.dumps(
        {
            "version": "1.0",
            "type": "input",
            "is_batch": False,
            "attributes": {},
            "data": {"node": [{"id": 1, "u_rated": 400.0}]},
        }
    )
    meters = tuple(
        Meter(
            name=f"meter-{number}",
            role=MeterRole.CUSTOMER,
            profile="meter-customer",
            connection=Connection("modbus-tcp", "127.0.0.1", port),
            element=1,
            phases="abc",
            u_sigma=0.002,
            p_sigma=10.0,
        )
        for number, port in enumerate(ports)
    )
    key = generate_private_key()
    station = Station(meters, (), (), SourcePseudo(1, 1.0, 0.01))
    parameters = ParameterSet(SCHEMA, "ons-1", 1, sha256(network.encode()), station)
    (directory / "network.json").write_text(network)
    (directory / "parameters.json").write_bytes(write_signed(parameters, key))
    (directory / "trust-anchor.pem").write_bytes(public_key(key))
    (directory / "agent.json").write_text(
        json.dumps(
            {
                "node": "ons-1",
                "data_dir": "data",
                "parameters": "parameters.json",
                "trust_anchor": "trust-anchor.pem",
                "network": "network.json",
                "broker": {"host": "127.0.0.1", "port": broker, "tls": None},
            }
        )
    )


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    assert PROGRAM is not None
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    configuration = tmp_path / "mosquitto.conf"
    configuration.write_text(
        f"user root\nlistener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
    )
    broker = subprocess.Popen([PROGRAM, "-c", str(configuration)], stderr=subprocess.DEVNULL)
    meters = CustomerMeters()
    thread = meters.start()

    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    until(listens)
    write_node(tmp_path, meters.ports, port)
    around = Bench(tmp_path, meters, CountingCockpit(port))
    yield around
    for agent in around.agents:
        agent.kill()
        agent.communicate()
    around.cockpit.stop()
    meters.stop()
    thread.join(10)
    broker.kill()
    broker.wait(10)


def test_what_the_meters_served_is_what_the_cockpit_has_whatever_ends_the_agent(
    bench: Bench,
) -> None:
    agent = bench.start_agent()
    bench.cycles(3)
    agent.terminate()
    assert agent.wait(20) == 0
    for number in range(METERS):
        expected = [float(n) for n in range(1, bench.meters.served[number] + 1)]
        assert bench.cockpit.counts[f"meter-{number}"] == expected
    killed = bench.start_agent()
    bench.cycles(3)
    killed.send_signal(signal.SIGKILL)
    killed.wait(10)
    last = bench.start_agent()
    bench.cycles(2)
    last.send_signal(signal.SIGINT)
    assert last.wait(20) == 0
    assert len(bench.cockpit.marks) == 1, "an intact journal keeps its epoch"
    for number in range(METERS):
        counts = bench.cockpit.counts[f"meter-{number}"]
        assert counts == sorted(set(counts)), "a sample was doubled or out of order"
        # a read that was answered when the process died cannot be in any journal
        assert bench.meters.served[number] - len(counts) <= 1


def test_only_one_agent_runs_on_a_data_directory(bench: Bench) -> None:
    bench.start_agent()
    second = subprocess.run(
        [ORTSNETZ, "edge", "run", str(bench.directory / "agent.json")],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert second.returncode == 1
    assert "another agent is running" in second.stderr
