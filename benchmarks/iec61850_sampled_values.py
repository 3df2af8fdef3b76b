"""Sampled Values from a merging unit's frames to values of power quality in the agent.

A publisher in C, a cable in a network namespace (needs root), the receiver, and the driver's
process behind the agent's socket. For each rate: samples lost, CPU of receiver and driver, and the
time from the last sample of a window of 10 cycles to its values in the agent. Beside it a bare loop
of recv_into, which decodes nothing.

    python benchmarks/iec61850_sampled_values.py [--seconds 20]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from private_network import private_network
from process_bus import ProcessBus, Subscription, figures, stream_of

from ortsnetz_common.link.sample_blocks import SOCKET_VARIABLE
from ortsnetz_common.parameters.station import Connection
from ortsnetz_edge.drivers.contract import DriverError, Scan, Source
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.drivers.remote.protocol import RemoteProtocol
from ortsnetz_edge.profiles.library import Library
from ortsnetz_iec61850.sampled_values.encoding import frame_octets
from ortsnetz_iec61850.sampled_values.frames import parse_frame
from ortsnetz_iec61850.sampled_values.publisher import Orders
from ortsnetz_iec61850.sampled_values.waveform import Wave, counts

STREAMS = ((4000, 1), (4800, 2), (14400, 6), (14400, 1))
MOST_CPU = 25.0
"""Per cent of a core for the receiver at 14,400 samples/s."""
COMMAND = (sys.executable, "-m", "ortsnetz_edge.drivers.sampled_values.process")
PROFILE = "sampled-values-feeder"
WAVE = Wave(current_a=(50.0, 40.0, 30.0), harmonics=((5, 0.06, 0.4), (7, 0.03, 1.0)))
TICKS = os.sysconf("SC_CLK_TCK")


def orders(rate: int, asdus: int, seconds: float) -> Orders:
    wave = counts(WAVE.values(rate, 1.0), 1000.0, 100.0)
    return Orders(wave, rate=rate, asdus=asdus, seconds=seconds)


def library(rate: int, asdus: int) -> Library:
    shipped = files("ortsnetz_edge.profiles").joinpath("generic", f"{PROFILE}.yaml")
    text = shipped.read_text("utf-8")
    changed = text.replace("rate: 4000", f"rate: {rate}").replace("asdus: 1", f"asdus: {asdus}")
    return Library({PROFILE: changed})


@dataclass
class Used:
    """CPU of a process between two looks."""

    pid: int
    at: float = 0.0
    cpu: float = 0.0

    def look(self) -> None:
        """Remember where it is."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        self.at, self.cpu = time.monotonic(), (int(fields[11]) + int(fields[12])) / TICKS

    def share(self) -> float:
        """Per cent of a core since the last look."""
        at, cpu = self.at, self.cpu
        self.look()
        return 100.0 * (self.cpu - cpu) / (self.at - at)


async def driven(bus: ProcessBus, published: Orders, seconds: float) -> dict[str, Any]:
    """What receiver and driver do with a stream."""
    environment = Environment(library=library(published.rate, published.asdus))
    protocol = RemoteProtocol("sampled-values", COMMAND, environment)
    connection = Connection(
        "sampled-values", published.mac, published.app_id, path=published.sv_id, timeout_s=2.0
    )
    driver = protocol.open(Source("feeder-1", PROFILE, connection, 3, 3))
    scans: list[Scan] = []
    driver.subscribe(scans.append)
    publisher = bus.publish(published)
    while not scans:
        with suppress(DriverError):
            await driver.scan()
        await asyncio.sleep(0.05)
    receiver = Used(bus.processes[0].pid)
    (process,) = (Used(pid) for pid in children(os.getpid(), "drivers.sampled_values.process"))
    receiver.look()
    process.look()
    scans.clear()
    await asyncio.sleep(seconds - 4.0)
    shares = receiver.share(), process.share()
    memory = [resident_mb(used.pid) for used in (receiver, process)]
    kept = list(scans)
    await asyncio.sleep(2.0)
    names = [point.point.name for point in driver.points]
    lost = kept[-1].values[names.index("feeder-1/LSVS1.LostSmp")]
    missing = sum(scan.values[0] is None for scan in kept)
    await driver.stop()
    latencies = [(scan.received_ns - scan.time_ns) / 1e6 for scan in kept]
    said = figures(publisher)
    return {
        "lost": lost,
        "windows": len(kept),
        "windows_without_value": missing,
        "receiver_cpu_percent": round(shares[0], 1),
        "driver_cpu_percent": round(shares[1], 1),
        "receiver_mb": memory[0],
        "driver_mb": memory[1],
        "latency_ms": {
            f"p{p}": round(float(np.percentile(latencies, p)), 1) for p in (50, 95, 99, 100)
        },
        "publisher": said,
    }


def plain(bus: ProcessBus, published: Orders, seconds: float) -> dict[str, Any]:
    """What a bare loop does with the same stream."""
    count_at = parse_frame(frame_octets(published.frame())).asdus[0].count_at
    command = [sys.executable, str(Path(__file__).with_name("iec61850_plain_receiver.py"))]
    command += [bus.node, str(count_at), str(published.asdus), str(published.rate)]
    loop = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert loop.stdout is not None
    loop.stdout.readline()
    publisher = bus.publish(published)
    said, _ = loop.communicate(timeout=seconds + 60)
    figures(publisher)
    found: dict[str, Any] = json.loads(said)
    found["cpu_percent"] = round(100.0 * found.pop("cpu_s") / seconds, 1)
    return found


def stopped(bus: ProcessBus) -> dict[str, Any]:
    """A receiver that does not run for seven seconds: is every sample handed on or lost?"""
    published = orders(14400, 1, 14.0)
    receiver = bus.start_receiver()
    listening = Subscription(bus.socket, stream_of(published))
    publisher = bus.publish(published)
    time.sleep(2.0)
    os.kill(receiver.pid, signal.SIGSTOP)
    time.sleep(7.0)
    os.kill(receiver.pid, signal.SIGCONT)
    ((_, counters),) = listening.heard()
    listening.close()
    sent = figures(publisher)["frames"]
    return {
        "stopped_s": 7.0,
        "sent": sent,
        "handed_on": counters.samples,
        "lost": counters.lost,
        "kernel_drops": counters.kernel_drops,
        "met": counters.samples + counters.lost == sent and counters.lost == counters.kernel_drops,
    }


def children(parent: int, word: str) -> list[int]:
    """Processes of a parent whose command has a word."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            of = int((path / "stat").read_text().rsplit(")", 1)[1].split()[1])
            if of == parent and word in (path / "cmdline").read_text():
                found.append(int(path.name))
    return found


def resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


def judged(line: dict[str, Any]) -> bool:
    met = line["lost"] == 0 and not line["windows_without_value"]
    return met and line["receiver_cpu_percent"] < MOST_CPU


def row(line: dict[str, Any]) -> str:
    late, latency = line["publisher"]["late_us"], line["latency_ms"]
    return (
        f"# {line['rate']:6d} samples/s, {line['frames_per_s']:6d} frames/s: "
        f"lost {line['lost']:.0f}, receiver {line['receiver_cpu_percent']} % of a core "
        f"(bare recv_into loop: {line['plain']['cpu_percent']} %, lost {line['plain']['lost']}), "
        f"driver {line['driver_cpu_percent']} %; window's end to values p50 {latency['p50']} ms, "
        f"p99 {latency['p99']} ms; frames late by p50 {late['p50']}, p99.9 {late['p99.9']} us: "
        f"{'met' if line['met'] else 'NOT MET'}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each stream")
    seconds = parser.parse_args().seconds
    all_met = True
    with tempfile.TemporaryDirectory() as folder, private_network() as (near, far):
        for rate, asdus in STREAMS:
            published = orders(rate, asdus, seconds)
            bus = ProcessBus(near, far, Path(folder))
            try:
                line: dict[str, Any] = {"rate": rate, "frames_per_s": rate // asdus}
                line["plain"] = plain(bus, published, seconds)
                bus.processes.clear()
                bus.start_receiver()
                os.environ[SOCKET_VARIABLE] = str(bus.socket)
                line |= asyncio.run(driven(bus, published, seconds))
            finally:
                bus.close()
            line["met"] = judged(line)
            all_met &= line["met"]
            print(json.dumps(line))
            print(row(line), flush=True)
        bus = ProcessBus(near, far, Path(folder))
        try:
            line = stopped(bus)
        finally:
            bus.close()
        all_met &= line["met"]
        print(json.dumps(line))
        print(
            f"# receiver stopped for 7 s at 14,400 frames/s: {line['sent']} samples sent,"
            f" {line['handed_on']} handed on, {line['lost']} lost, {line['kernel_drops']} dropped"
            f" by the kernel: {'all accounted for' if line['met'] else 'NOT ACCOUNTED FOR'}",
            flush=True,
        )
    return 0 if all_met else 1


if __name__ == "__main__":
    raise SystemExit(main())
