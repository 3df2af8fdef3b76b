"""The technician's tools before a running substation that speaks three protocols.

The substation is the bench's mixed plant in a process of its own; the tools are run as a technician
runs them. What was written is judged by the bench's own log and by another Modbus client.
"""

from __future__ import annotations

import asyncio
import json
import os
import pty
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from dnp3_bench import Bench
from modbus_peers.line import line
from modbus_peers.scripted import ScriptedUnit, serving, text, words
from pymodbus.client import ModbusTcpClient

from ortsnetz_common.parameters.parameter_set import ParameterSet, SignedParameters, write_signed

ORTSNETZ = str(Path(sys.executable).with_name("ortsnetz"))
NETWORK = "1-LV-rural1--0-sw"
DEADLINE_S = 60.0

pytestmark = pytest.mark.interop


@dataclass
class Said:
    """What a command said."""

    code: int
    out: str
    err: str


def ortsnetz(*arguments: object) -> Said:
    done = subprocess.run(
        [ORTSNETZ, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_S,
    )
    return Said(done.returncode, done.stdout, done.stderr)


def free_block(length: int) -> int:
    """First of consecutive free ports."""
    for _ in range(100):
        first = random.randrange(20_000, 60_000)
        try:
            for port in range(first, first + length):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
    raise AssertionError("no free block of ports")


@dataclass
class Substation:
    """A mixed plant that runs, and the files of its node."""

    directory: Path

    @property
    def agent(self) -> Path:
        return self.directory / "agent" / "agent.json"

    @property
    def credentials(self) -> Path:
        return self.directory / "agent" / "credentials"

    def station(self) -> dict[str, dict[str, Any]]:
        """Meters and devices by name, as the parameter set has them."""
        text = (self.directory / "agent" / "parameters.json").read_text()
        station = json.loads(text)["parameters"]["station"]
        return {source["name"]: source for source in station["meters"] + station["devices"]}

    def url(self, name: str) -> str:
        """The address of a source as a technician types it."""
        where = self.station()[name]["connection"]
        scheme = {"opcua": "opc.tcp"}.get(where["protocol"], where["protocol"])
        path = where["path"].lstrip("/") if scheme == "opc.tcp" else where["unit"]
        options = [f"{key}={where[key]}" for key in ("credentials", "bay") if where.get(key)]
        return f"{scheme}://{where['host']}:{where['port']}/{path}?{'&'.join(options)}".rstrip("?")

    def probe(self, name: str, *arguments: object) -> Said:
        common = ("--credentials-dir", self.credentials)
        return ortsnetz("edge", "probe", self.url(name), *arguments, *common)

    def setpoints(self, device: str) -> list[dict[str, Any]]:
        """What the bench has noted of writes to a device; its log is behind by a moment."""
        path = self.directory / "plant" / "setpoints.jsonl"
        noted = [json.loads(line) for line in path.read_text().splitlines()]
        return [line for line in noted if line["device"] == device]

    def counted_writes(self) -> int:
        """Writes to all devices, as the bench has counted them a moment ago."""
        counters = json.loads((self.directory / "plant" / "counters.json").read_text())
        return sum(device["writes"] for device in counters["devices"].values())

    def reissue(self, directory: Path, change: dict[str, dict[str, Any]]) -> Path:
        """Files of the node with other connections, signed by the same key."""
        payload = (self.directory / "agent" / "parameters.json").read_bytes()
        parameters = msgspec.json.decode(payload, type=SignedParameters).unverified()
        key = (self.directory / "plant" / "signing-key.pem").read_bytes()
        for name in ("agent.json", "network.json", "trust-anchor.pem"):
            (directory / name).write_bytes((self.directory / "agent" / name).read_bytes())
        (directory / "credentials").symlink_to(self.credentials)
        changed = write_signed(_changed(parameters, change), key)
        (directory / "parameters.json").write_bytes(changed)
        return directory / "agent.json"


def _changed(parameters: ParameterSet, change: dict[str, dict[str, Any]]) -> ParameterSet:
    replace = msgspec.structs.replace
    station = parameters.station

    def one(source: Any) -> Any:
        where = replace(source.connection, **change.get(source.name, {}))
        return replace(source, connection=where)

    meters, devices = tuple(map(one, station.meters)), tuple(map(one, station.devices))
    return replace(parameters, station=replace(station, meters=meters, devices=devices))


@pytest.fixture(scope="module")
def substation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Substation]:
    folder = tmp_path_factory.mktemp("substation")
    network, out = folder / "network.json", folder / "run"
    size = ("--ev", 3, "--pv", 2, "--seconds", 300, "--protocols", "mixed")
    for command in (
        ("network", "import", NETWORK, "-o", network),
        ("plant", "prepare", network, "--out", out, "--base-port", free_block(40), *size),
    ):
        said = ortsnetz(*command)
        assert said.code == 0, said.err
    found = Substation(out)
    found.agent.write_text(
        json.dumps(
            {
                "node": "ons-1",
                "data_dir": "data",
                "parameters": "parameters.json",
                "trust_anchor": "trust-anchor.pem",
                "network": "network.json",
                "broker": {"host": "127.0.0.1", "port": 1883, "tls": None},
            }
        )
    )
    plant = subprocess.Popen(
        [ORTSNETZ, "plant", "run", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert plant.stdout is not None
        line = plant.stdout.readline()
        assert line.strip() == "plant: ready", line + plant.stdout.read()
        yield found
    finally:
        plant.send_signal(signal.SIGTERM)
        plant.wait(DEADLINE_S)


SPEAKERS = {
    "meter-customer-1": "modbus-tcp",
    "meter-feeder-1": "dnp3",
    "ev-01": "opcua",
}
"""One source of each protocol."""


def test_a_mixed_substation_is_checked_over_all_its_protocols(substation: Substation) -> None:
    said = ortsnetz("edge", "check", substation.agent, "--online", "--json")
    report = json.loads(said.out)
    assert said.code == 0
    assert said.err == ""
    protocols = {source["connection"]["protocol"] for source in substation.station().values()}
    assert protocols == {"modbus-tcp", "dnp3", "opcua"}
    assert {source["name"] for source in report["sources"]} == set(substation.station())
    for source in report["sources"]:
        assert source["findings"] == []
        assert source["manner"]["scans_answered"] == 6
        assert {point["verdict"] for point in source["points"]} == {"ok"}
        voltages = [p["value"] for p in source["points"] if p["name"].startswith("MMXU1.PhV")]
        assert voltages
        assert all(207 < volts < 253 for volts in voltages)
    assert substation.counted_writes() == 0  # a check only reads


def test_devices_that_have_changed_places_are_found(substation: Substation, tmp_path: Path) -> None:
    station = substation.station()
    other = station["pv-02"]["connection"]["port"]
    swapped: dict[str, dict[str, Any]] = {
        "pv-01": {"port": other, "bay": "x"},  # the bay keeps the two addresses apart
        "ev-01": {"bay": "2"},
        "meter-customer-1": {"port": free_block(1)},
    }
    agent = substation.reissue(tmp_path, swapped)
    said = ortsnetz("edge", "check", agent, "--online", "--json")
    report = json.loads(said.out)
    assert said.code == 1
    wrong = {
        source["name"]: source["findings"][0] for source in report["sources"] if source["findings"]
    }
    assert set(wrong) == set(swapped)
    assert "'pv-01' is expected, the device says 'pv-02'" in wrong["pv-01"]["sees"]
    assert "'ev-01' is expected, the device says 'ev-02'" in wrong["ev-01"]["sees"]
    assert "check address, port, cable and firewall" in wrong["meter-customer-1"]["advice"]


@pytest.mark.parametrize("name", SPEAKERS)
def test_each_protocol_is_probed_with_the_same_words(substation: Substation, name: str) -> None:
    profile = substation.station()[name]["profile"]
    shown = substation.probe(name, "show", "--profile", profile)
    assert shown.code == 0, shown.err
    assert "maker 'Ortsnetz bench'" in shown.out
    read = substation.probe(name, "read", "--profile", profile, "--json")
    assert read.code == 0, read.err
    points = {point["point"]: point for point in json.loads(read.out)["points"]}
    assert 207 < points["MMXU1.PhV.phsA"]["value"] < 253
    assert points["MMXU1.PhV.phsA"]["quality"] == "good"
    reference = next(iter(points["MMXU1.PhV.phsA"]["raw"]))
    once = substation.probe(name, "read", reference)
    assert re.search(rf"^{re.escape(reference)}\s+[\d.]+\s+good\s+20", once.out, re.MULTILINE)
    start = ("nsu=urn:ortsnetz:bench:park;s=Park",) if name == "ev-01" else ()
    browsed = substation.probe(name, "browse", *start, "--most", 2000, "--depth", 2)
    assert browsed.code == 0, browsed.err
    place = re.sub(r":[a-z]\d\d$", "", reference)  # nobody knows the type without a profile
    assert re.search(rf"^\s*{re.escape(place)}\s+[\d.]+\s", browsed.out, re.MULTILINE)


@pytest.mark.parametrize("name", SPEAKERS)
def test_watching_ends_at_ctrl_c_and_says_how_many_came(substation: Substation, name: str) -> None:
    profile = substation.station()[name]["profile"]
    words = ("watch", "--profile", profile, "--period", "0.2", "--json")
    watching = subprocess.Popen(
        [
            *(ORTSNETZ, "edge", "probe", substation.url(name), *words),
            *("--credentials-dir", str(substation.credentials)),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert watching.stdout is not None
    assert watching.stderr is not None
    lines = [watching.stdout.readline() for _ in range(20)]
    watching.send_signal(signal.SIGINT)
    lines += watching.stdout.read().splitlines()
    err = watching.stderr.read()
    assert watching.wait(DEADLINE_S) == 0
    assert re.fullmatch(rf"{len(lines)} values in \d+\.\d s\n", err)
    assert all(json.loads(line)["quality"] == "good" for line in lines)


def test_an_unknown_value_is_told_from_one_that_cannot_be_typed(substation: Substation) -> None:
    for name, missing, nonsense in (
        ("meter-customer-1", "holding/9", "holding/x"),
        ("meter-feeder-1", "analog-input/999", "analog/1"),
        ("ev-01", "nsu=urn:ortsnetz:bench:park;s=None", "s"),
    ):
        said = substation.probe(name, "read", missing)
        assert said.code == 1
        assert re.search(
            rf"^{re.escape(missing)}\s+-\s+invalid \(bad reference", said.out, re.MULTILINE
        )
        said = substation.probe(name, "read", nonsense)
        assert said.code == 2
        assert said.err.count("\n") == 1


def test_nobody_listens_nobody_answers_and_no_certificate_end_in_one_line(
    substation: Substation, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        deaf, dead = silent.getsockname()[1], free_block(1)
        for scheme, path in (("modbus-tcp", "1"), ("dnp3", "1024"), ("opc.tcp", "park")):
            for port, kind in ((dead, "unreachable"), (deaf, "silent")):
                if (scheme, kind) == ("opc.tcp", "silent"):
                    continue  # its handshake has a deadline of its own, of some seconds
                said = ortsnetz("edge", "probe", f"{scheme}://127.0.0.1:{port}/{path}?timeout=0.2")
                assert said.code == 1, (scheme, kind, said)
                assert said.err.count("\n") == 1, (scheme, kind, said)
                assert f"127.0.0.1:{port}" in said.err
                assert "Traceback" not in said.err
    url = substation.url("ev-01")
    said = ortsnetz("edge", "probe", url, "--credentials-dir", tmp_path)
    assert said.code == 2
    assert "ca.pem is missing" in said.err


def test_a_write_over_modbus_after_a_yes_on_the_terminal(substation: Substation) -> None:
    """A terminal of its own, as a technician has it."""
    leader, follower = pty.openpty()
    writing = subprocess.Popen(
        [
            *(ORTSNETZ, "edge", "probe", substation.url("pv-01")),
            *("write", "holding/40100", "250", "--profile", "pv-inverter"),
        ],
        stdin=follower,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(follower)
    os.write(leader, b"yes\n")
    out, err = writing.communicate(timeout=DEADLINE_S)
    os.close(leader)
    assert writing.returncode == 0, err
    assert "serial number 'pv-01'" in err
    assert re.search(r"^present +300$", err, re.MULTILINE)  # of a tenth of a percent
    assert re.search(r"^new +250$", err, re.MULTILINE)
    assert "250" in out
    where = substation.station()["pv-01"]["connection"]
    with ModbusTcpClient("127.0.0.1", port=where["port"]) as client:
        answer = client.read_holding_registers(40_100, count=1, device_id=1)
    assert answer.registers == [250]


def test_a_script_writes_over_opc_ua_to_the_device_it_names(substation: Substation) -> None:
    node = "nsu=urn:ortsnetz:bench:park;s=CP2.LimitSetpoint"
    words = ("write", node, "9", "--profile", "opcua-charge-point", "--yes", "--identity")
    other = substation.probe("ev-02", *words, "ev-01")
    assert other.code == 1
    assert "'ev-01' is expected, the device says 'ev-02': nothing was written" in other.err
    done = substation.probe("ev-02", *words, "ev-02", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["written"] == 9.0
    deadline = time.monotonic() + DEADLINE_S
    while not substation.setpoints("ev-02") and time.monotonic() < deadline:
        time.sleep(0.1)
    (noted,) = substation.setpoints("ev-02")  # one: the other was never written
    assert noted["value"] == 9


async def typed(*arguments: object) -> Said:
    """A command beside devices that this test's own event loop plays."""
    process = await asyncio.create_subprocess_exec(
        *(ORTSNETZ, "edge", "probe", *map(str, arguments)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return Said(process.returncode or 0, out.decode(), err.decode())


def test_a_sunspec_inverter_is_read_wherever_its_models_begin() -> None:
    """Models 1, 103 and 123 after the published tables; power and voltage with powers of ten."""
    common = [1, 66, *text("Sunny Works", 16), *text("SW-10", 16), *text("", 16)]
    common += [*text("SN-7", 16), 1, 0x8000]
    amperes = words("4Hh", 2174, 725, 725, 724, -2)
    volts = words("6Hh", *[0xFFFF] * 3, 2300, 2310, 2320, -1)
    power = words("hhHhhhhh", 500, 1, 5000, -2, 500, 1, 0, 0)
    rest = words("hhIh", 0, 0, 123_456, 1) + [0x8000] * 11 + [4, 0xFFFF] + [0] * 12
    inverter = [103, 50, *amperes, *volts, *power, *rest]
    controls = [123, 24, 0, 0, 1, 60, 0, 0, 0, 1, *[0] * 16]  # 60 % of the rating, in force
    unit = ScriptedUnit()
    unit.put(50_000, [0x5375, 0x6E53, *common, *inverter, *controls, 0xFFFF, 0])

    async def check() -> None:
        async with serving(unit) as server:
            url = f"modbus-tcp://127.0.0.1:{server.port}/1"
            shown = await typed(url)
            assert "maker 'Sunny Works', model 'SW-10', serial number 'SN-7'" in shown.out
            through = ("read", "--profile", "sunspec-inverter-103", "--rated-w", 10_000, "--json")
            read = await typed(url, *through)
            assert read.code == 0, read.err
            points = {p["point"]: p["value"] for p in json.loads(read.out)["points"]}
            assert points["MMXU1.PhV.phsB"] == pytest.approx(231.0)
            assert points["MMXU1.W.phsA"] == pytest.approx(-5000 / 3)
            assert points["DWMX1.WLimSpt"] == pytest.approx(6000.0)

    asyncio.run(asyncio.wait_for(check(), DEADLINE_S))


def test_units_of_a_serial_line_are_found_and_read() -> None:
    def meter(volts: int) -> ScriptedUnit:
        unit = ScriptedUnit()
        unit.put(0, [volts])
        return unit

    async def check() -> None:
        async with line(u2=meter(231), u3=meter(232)) as found:
            url = f"modbus-rtu://{found.device}?baud=115200&parity=N&timeout=0.2&unit="
            units = await typed(f"{url}1", "units", "--last", 4)
            assert [text.split()[0] for text in units.out.splitlines()] == ["2", "3"]
            read = await typed(f"{url}3", "read", "holding/0")
            assert re.search(r"^holding/0\s+232\s+good\s", read.out, re.MULTILINE)
            away = await typed(f"{url}4", "read", "holding/0")
            assert away.code == 1
            assert "check unit, baud, parity and stop bits" in away.err

    asyncio.run(asyncio.wait_for(check(), DEADLINE_S))


def test_the_link_address_of_an_outstation_is_found(substation: Substation) -> None:
    url = substation.url("meter-feeder-1").partition("/1024")[0]
    said = ortsnetz("edge", "probe", url, "units", "--first", 1023, "--last", 1025)
    assert said.code == 0, said.err
    assert said.out.split()[0] == "1024"
    assert said.err == "1 of 3 answered\n"


def test_a_script_writes_over_dnp3_to_the_device_it_names(tmp_path: Path) -> None:
    with outstation(tmp_path) as (bench, port):
        url = f"dnp3://127.0.0.1:{port}/1024?bay=2"
        words = ("write", "analog-output/40", "11", "--yes", "--identity")
        other = ortsnetz("edge", "probe", url, *words, "rtu-8")
        assert other.code == 1
        assert "nothing was written" in other.err
        assert bench.ev.model is not None
        assert bench.owners[2].counters.writes == 0
        done = ortsnetz("edge", "probe", url, *words, "rtu-7")
        assert done.code == 0, done.err
        assert bench.owners[2].counters.writes == 1
        assert bench.ev.model.limit == 11


@contextmanager
def outstation(directory: Path) -> Iterator[tuple[Bench, int]]:
    """A station of the bench in a thread of its own."""
    ready, loop = threading.Event(), asyncio.new_event_loop()
    end = asyncio.Event()
    bench = Bench(directory)

    async def serve() -> None:
        await bench.station.start("127.0.0.1", 0)
        ready.set()
        while not end.is_set():
            bench.step(0.2)
            try:
                async with asyncio.timeout(0.2):
                    await end.wait()
            except TimeoutError:
                continue
        await bench.station.stop()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(10)
        assert bench.station.port is not None
        yield bench, bench.station.port
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join(10)
        loop.close()
