# SPDX-License-Identifier: GPL-3.0-or-later
"""MMS: reads, reports and controls a second of ours, beside the Rust client, before one IED.

    python benchmarks/iec61850_mms.py [--seconds 5]

The IED is the bench's, in a process of its own; each client is a process, too, and they take turns
round by round, one connected at a time: the library's server waits 10 ms for each connection that
says nothing before it serves the next. Prints a JSON line each, and a table (lines that begin with
#). Exit code 1 where fewer than 1,000 reports a second arrive, or one is lost. The Rust client
cannot operate a set point: both operate the double point of a breaker.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from ortsnetz_common.link.bench_ied import TAKEN, VERSION, Bay, Begin
from ortsnetz_hil.servers.ied_process import IedProcess, started

HOST, IED = "127.0.0.1", "BENCH"
QUANTITIES = ("PhV", "A", "W", "VAr")
POINTS = tuple(f"FD1/MMXU1.{q}.phs{p}.cVal.mag.f[MX]" for q in QUANTITIES for p in "ABC")
TARGET = 1000
"""Reports a second, of one block with one value each."""
BURST, PERIOD_S = 22, 0.02
"""Reports that fall due at once, and how often: a tenth more than the target."""
ROUNDS = 3
SIDES = ("ours", "rust")
TICKS = os.sysconf("SC_CLK_TCK")
HERE = Path(__file__).parent
WHAT = ("reads", "sets", "reports", "direct", "select")
LINES = {
    "reads": "values, one a request",
    "sets": "data sets of 12 with q and t",
    "reports": "reports, one value each",
    "direct": "direct operate, normal security",
    "select": "select and operate, enhanced security",
}


def cpu_s(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Client:
    """One side's process: `reads 2.0` on its standard input, a JSON line back."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def of(cls, side: str, port: int) -> Client:
        """Start one, and wait until it is connected."""
        program = HERE / f"iec61850_mms_{side}.py"
        client = cls(
            await asyncio.create_subprocess_exec(
                *(sys.executable, str(program), str(port)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
        )
        await client.said()
        return client

    async def said(self) -> dict[str, Any]:
        """Its next line."""
        assert self._process.stdout is not None
        async with asyncio.timeout(120):
            line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"a client has ended with {await self._process.wait()}")
        found: dict[str, Any] = json.loads(line)
        return found

    async def ask(self, what: str, seconds: float) -> dict[str, Any]:
        """Let it do something for a while; what came of it."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what} {seconds}\n".encode())
        return await self.said()

    async def measure(self, what: str, seconds: float, ied: IedProcess) -> dict[str, float]:
        """The same with the processor time of both processes, a piece."""
        before = cpu_s(self._process.pid), cpu_s(ied.process.pid)
        said = await self.ask(what, seconds)
        after = cpu_s(self._process.pid), cpu_s(ied.process.pid)
        count = max(1, said["count"])
        return {
            "a_second": said["count"] / said["seconds"],
            "median_ms": 1000 * said["median_s"],
            "cpu_us": 1e6 * (after[0] - before[0]) / count,
            "ied_cpu_us": 1e6 * (after[1] - before[1]) / count,
            "lost": said.get("lost", 0),
        }

    async def end(self) -> None:
        """Let it leave."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        async with asyncio.timeout(20):
            await self._process.wait()


async def changing(ied: IedProcess) -> None:
    """A new value of one point `BURST` times each period: as many reports."""
    step, began = 0, time.monotonic()
    while True:
        for _ in range(BURST):
            step += 1
            ied.put((0,), (float(step % 2**20),), (0,), (time.time_ns(),))
        late = time.monotonic() - began - step * PERIOD_S / BURST
        await asyncio.sleep(max(0.0, -late))


async def compared(seconds: float) -> dict[str, dict[str, list[dict[str, float]]]]:
    """By what is done and by whom: each round's figures."""
    bays = (Bay("FD", "FD1", "feeder", "f-1"),)
    ied = await started(Begin(VERSION, IED, HOST, 0, POINTS, bays), lambda _: TAKEN)
    places = tuple(range(len(POINTS)))
    await ied.show(places, tuple(230.0 + p for p in places), (0,) * 12, (time.time_ns(),) * 12)
    found: dict[str, dict[str, list[dict[str, float]]]] = {}
    try:
        for what in WHAT:
            for _ in range(ROUNDS):
                for side in SIDES:
                    figures = await turn(side, what, seconds / ROUNDS, ied)
                    found.setdefault(what, {}).setdefault(side, []).append(figures)
    finally:
        await ied.end()
    return found


async def turn(side: str, what: str, seconds: float, ied: IedProcess) -> dict[str, float]:
    """One side connects, does one thing for a while, and leaves."""
    client = await Client.of(side, ied.port)
    shown = asyncio.create_task(changing(ied)) if what == "reports" else None
    try:
        return await client.measure(what, seconds, ied)
    finally:
        if shown is not None:
            shown.cancel()
            await asyncio.gather(shown, return_exceptions=True)
        await client.end()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=6.0, help="for each row and side")
    options, _ = parser.parse_known_args()
    found = asyncio.run(compared(options.seconds))
    print(
        "# MMS before the bench's IED          side      a second   median ms  CPU us  IED CPU us"
    )
    missed = False
    for what, sides in found.items():
        for side, rounds in sides.items():
            row = {name: median(each[name] for each in rounds) for name in rounds[0]}
            lost = sum(each["lost"] for each in rounds)
            print(json.dumps({"what": what, "side": side, **row, "lost": lost}))
            print(
                f"# {LINES[what]:37s}{side:6s}{row['a_second']:11.0f}{row['median_ms']:12.2f}"
                f"{row['cpu_us']:8.0f}{row['ied_cpu_us']:12.0f}"
            )
            if what == "reports" and side == "ours":
                missed = lost > 0 or row["a_second"] < TARGET
    if missed:
        print(f"# missed: {TARGET} reports a second, none lost")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
