"""The plant in real time behind its Modbus servers: lateness, CPU, points served a second.

`ortsnetz plant run` as a scenario starts it, with a port for each device, read by `hil_reader.py`
in another process: at the agent's pace of one read a second and device, or as fast as it can. Both
share the machine's cores. One JSON line a run.

    python benchmarks/hil_serving.py DIRECTORY
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from hil_networks import Case, cases
from hil_plants import BASE_PORT, prepared

from ortsnetz_hil.servers import counters
from ortsnetz_hil.servers.maps import BLOCKS
from ortsnetz_hil.verdict import truth_file

COPIES = (1, 3, 10)
PLANTS = ((0, 40), (1, 100), (2, 400))
"""Network and devices, of increasing size."""
RATES_HZ = (10, 5, 1)
FLOODED_HZ = 5
PACED_S, FLOODED_S = 6.0, 5.0
READY = "plant: ready"
DEADLINE_S = 60.0


@dataclass(frozen=True)
class Load:
    """How a plant is run and read; period 0 is as fast as the client can."""

    rate_hz: float
    period_s: float
    seconds: float


def cpu_s(pid: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    """Peak of resident memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(s for s in status.splitlines() if s.startswith("VmHWM")).split()[1]) / 1024


def served(case: Case, devices: int, load: Load, run: Path) -> dict[str, object]:
    """One run of the plant under one load."""
    prepared(case, devices, run, step_s=1.0 / load.rate_hz, base_port=BASE_PORT)
    program = Path(sys.executable).with_name("ortsnetz")
    with subprocess.Popen(
        [program, "plant", "run", run], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as plant:
        try:
            assert plant.stdout is not None
            line = plant.stdout.readline().strip()
            if line != READY:
                raise SystemExit(line + plant.stdout.read())
            read = _read(plant.pid, run, load)
            peak = resident_mb(plant.pid)
            plant.send_signal(signal.SIGTERM)
            plant.wait(DEADLINE_S)
        finally:
            if plant.poll() is None:
                plant.kill()
    counted = counters.read(run / "plant")
    each = list(counted.devices.values())
    # the reader's first read of each device is not among those it reports
    lost = sum(d.reads for d in each) - sum(read["reads"]) - len(each)
    points = sum(n * d.points_per_read for n, d in zip(read["reads"], each, strict=True))
    return {
        "benchmark": "hil_serving",
        "network": case.name,
        "nodes": case.nodes,
        "devices": devices,
        "ports": len(each),
        "rate_hz": load.rate_hz,
        "read_period_s": load.period_s,
        "seconds": round(read["seconds"], 1),
        "cpu_percent": round(100.0 * read["cpu_s"] / read["seconds"], 1),
        "peak_mb": round(peak),
        "overruns": counted.overruns,
        "worst_lateness_ms": round(1e3 * counted.worst_lateness_s, 1),
        "late_steps": late_steps(run / "plant", load.rate_hz),
        "steps": counted.steps,
        "reads_per_s": round(sum(read["reads"]) / read["seconds"]),
        "points_per_s": round(points / read["seconds"]),
        "slowest_answer_ms": round(read["slowest_ms"], 1),
        "failed_or_lost_reads": read["failures"] + abs(lost),
    }


def _read(pid: int, run: Path, load: Load) -> dict[str, Any]:
    plan = run / "reader.json"
    counted = counters.read(run / "plant")
    plan.write_text(json.dumps([_device(d) for d in counted.devices.values()]))
    reader = Path(__file__).with_name("hil_reader.py")
    with subprocess.Popen(
        [sys.executable, reader, plan, str(load.seconds), str(load.period_s)],
        stdout=subprocess.PIPE,
        text=True,
    ) as client:
        try:
            assert client.stdout is not None
            if client.stdout.readline().strip() != "begun":
                raise SystemExit("the reader could not begin")
            before = cpu_s(pid)
            found: dict[str, Any] = json.loads(client.stdout.readline())
            found["cpu_s"] = cpu_s(pid) - before
        finally:
            client.kill()
    return found


def _device(device: counters.DeviceCounters) -> dict[str, int]:
    block = BLOCKS[device.profile]
    return {
        "port": device.port,
        "function": block.function,
        "address": block.address,
        "count": block.count,
    }


def late_steps(plant: Path, rate_hz: float) -> int:
    """Steps that came more than a tenth of a period too late after the one before them."""
    # the first step is made before the plant is ready, whenever that is
    times = [row.time_s for row in truth_file.read(plant)][1:]
    return sum(after - before > 1.1 / rate_hz for before, after in pairwise(times))


def main() -> None:
    directory = Path(sys.argv[1])
    networks = cases(directory / "networks", COPIES)
    for place, devices in PLANTS:
        loads = [Load(rate, 1.0, PACED_S) for rate in RATES_HZ]
        for load in (*loads, Load(FLOODED_HZ, 0.0, FLOODED_S)):
            name = f"served-{devices}-{load.rate_hz:g}-{load.period_s:g}"
            line = served(networks[place], devices, load, directory / "runs" / name)
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
