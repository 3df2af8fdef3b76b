"""Cockpit ingest: samples a second from MQTT into the committed store, with the real process.

Starts mosquitto and `ortsnetz cockpit serve` on loopback, sends one epoch of records as an agent
would (in order, a bounded number of batches ahead of the watermark), and stops the clock at the
watermark of the last record. Prints one JSON line.

    python benchmarks/cockpit_ingest.py [--samples 2000000] [--points 1000] [--records 20]
"""

from __future__ import annotations

import argparse
import getpass
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from ortsnetz_common.link import topics
from ortsnetz_common.link.codec import MAX_MESSAGE_BYTES, decode, encode, encode_record
from ortsnetz_common.link.messages import Batch, Catalogue, Samples, Watermark
from ortsnetz_common.measurement.origin import Origin
from ortsnetz_common.measurement.point import Point, Unit

NODE = "ons-1"
EPOCH = "benchmark"
HOST = "127.0.0.1"
AHEAD = 8
DEADLINE_S = 300.0


@dataclass(frozen=True)
class Load:
    """What is sent: samples in total, points a record, records a batch."""

    samples: int
    points: int
    records: int


def free_port() -> int:
    """A port that the system chose."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def make_batches(load: Load) -> list[bytes]:
    """The epoch, encoded beforehand so that the sender costs little."""
    rng = random.Random(1)
    points = tuple(Point(f"meter-{n}/MMXU1.W.phsA", Unit.WATT, n) for n in range(load.points))
    records = [encode_record(Catalogue(0, points, "ab" * 32))]
    indexes, zeros = tuple(range(load.points)), (0,) * load.points
    start = time.time_ns()
    for second in range(load.samples // load.points):
        values = tuple(round(rng.uniform(-5000.0, 5000.0), 1) for _ in indexes)
        times = (start + second * 1_000_000_000,) * load.points
        records.append(
            encode_record(Samples(Origin.MEASURED, indexes, values, zeros, times, zeros))
        )
    return [
        encode(Batch(NODE, EPOCH, first + 1, tuple(records[first : first + load.records])))
        for first in range(0, len(records), load.records)
    ]


class Sender:
    """Keeps a few batches ahead of the watermark."""

    def __init__(self, port: int, records_per_batch: int) -> None:
        self._per_batch = records_per_batch
        self._progress = threading.Condition()
        self._watermark = 0
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=NODE, protocol=MQTTv5)
        self._client.on_connect = lambda c, *_: c.subscribe(topics.downlink(NODE), 1)
        self._client.on_message = self._on_message
        self._client.connect(HOST, port)
        self._client.loop_start()

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        said = decode(message.payload)
        if isinstance(said, Watermark):
            with self._progress:
                self._watermark = max(self._watermark, said.sequence)
                self._progress.notify_all()

    def wait_for(self, sequence: int) -> None:
        """Wait until the cockpit has committed up to a sequence."""
        with self._progress:
            if not self._progress.wait_for(lambda: self._watermark >= sequence, DEADLINE_S):
                raise TimeoutError(f"watermark {self._watermark} instead of {sequence}")

    def run(self, batches: list[bytes], total: int) -> float:
        """Send everything; returns the seconds until the last record was committed."""
        begin = time.perf_counter()
        for number, payload in enumerate(batches):
            self.wait_for((number - AHEAD) * self._per_batch)
            self._client.publish(topics.uplink(NODE), payload, 1)
        self.wait_for(total)
        took = time.perf_counter() - begin
        self._client.disconnect()
        self._client.loop_stop()
        return took


def start_broker(directory: Path, port: int) -> subprocess.Popen[bytes]:
    """Mosquitto on loopback."""
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        raise SystemExit("mosquitto is not installed: apt install mosquitto")
    configuration = directory / "mosquitto.conf"
    configuration.write_text(
        f"user {getpass.getuser()}\nlistener {port} {HOST}\nallow_anonymous true\n"
        f"max_packet_size {MAX_MESSAGE_BYTES + 1024}\n"
    )
    return subprocess.Popen(
        [program, "-c", str(configuration)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def start_cockpit(directory: Path, broker_port: int) -> subprocess.Popen[str]:
    """The cockpit, ready."""
    configuration = directory / "cockpit.json"
    broker = {"host": HOST, "port": broker_port, "tls": None}
    configuration.write_text(
        json.dumps(
            {
                "data_dir": "data",
                "host": HOST,
                "port": free_port(),
                "broker": broker,
                "nodes": [NODE],
            }
        )
    )
    process = subprocess.Popen(
        [str(Path(sys.executable).parent / "ortsnetz"), "cockpit", "serve", str(configuration)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("cockpit: ready"):
            return process
    raise SystemExit("the cockpit ended before it was ready")


def used_by(pid: int) -> tuple[float, float]:
    """CPU seconds so far and peak memory in MB."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    status = Path(f"/proc/{pid}/status").read_text()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return cpu, int(peak.split()[1]) / 1024


def measure(load: Load) -> dict[str, object]:
    """One run."""
    batches = make_batches(load)
    total = 1 + load.samples // load.points
    stored = (total - 1) * load.points
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        port = free_port()
        broker = start_broker(directory, port)
        cockpit = None
        try:
            cockpit = start_cockpit(directory, port)
            cpu_before, _ = used_by(cockpit.pid)
            took = Sender(port, load.records).run(batches, total)
            cpu, peak = used_by(cockpit.pid)
            cockpit.send_signal(signal.SIGTERM)
            cockpit.wait(30)
            size = (directory / "data" / "timeseries.duckdb").stat().st_size
        finally:
            for process in (cockpit, broker):
                if process is not None and process.poll() is None:
                    process.kill()
                    process.wait(10)
    return {
        "benchmark": "cockpit_ingest",
        "samples": stored,
        "points_per_record": load.points,
        "records_per_batch": load.records,
        "seconds": round(took, 3),
        "samples_per_s": round(stored / took),
        "wire_bytes_per_sample": round(sum(map(len, batches)) / stored, 2),
        "stored_bytes_per_sample": round(size / stored, 2),
        "cockpit_cpu_s": round(cpu - cpu_before, 2),
        "cockpit_peak_mb": round(peak),
        "cores": os.cpu_count(),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=2_000_000)
    parser.add_argument("--points", type=int, default=1000, help="samples in a record")
    parser.add_argument("--records", type=int, default=20, help="records in a batch")
    given = parser.parse_args()
    print(json.dumps(measure(Load(given.samples, given.points, given.records))))


if __name__ == "__main__":
    main()
