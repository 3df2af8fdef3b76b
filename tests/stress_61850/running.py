"""The run: plant, IED, wire and clients; samples each few seconds; the verdict at the end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stress_61850 import judging, sampling
from stress_61850.cutting import Wire
from stress_61850.drawing import draw
from stress_61850.plant import HOST, Plant

STALLED_S = 60.0
"""A worker that makes no step for so long hangs: its longest wait is a fifth of it."""
END_S = 60.0
SAMPLES = 240
TESTS = Path(__file__).resolve().parent.parent


class Clients:
    """The clients' process.

    Attributes:
        said: its last line.
        stalled: workers that have hung.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said: dict[str, Any] = {"counts": {}, "progress": {}}
        self.stalled: set[str] = set()
        self._moved: dict[str, tuple[int, float]] = {}

    async def listen(self) -> None:
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            self.said = json.loads(line)
            now = time.monotonic()
            for name, steps in self.said["progress"].items():
                if self._moved.get(name, (-1, now))[0] != steps:
                    self._moved[name] = (steps, now)

    def look(self) -> None:
        now = time.monotonic()
        for name, (_, moved) in self._moved.items():
            if now - moved > STALLED_S and name not in self.stalled:
                self.stalled.add(name)
                os.kill(self.process.pid, signal.SIGUSR1)  # writes where its threads are

    async def end(self, listening: asyncio.Task[None]) -> list[str]:
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            async with asyncio.timeout(END_S):
                await listening
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
            return ["the clients do not end"]
        found = [f"'{name}' made no step for {STALLED_S:.0f} s" for name in self.stalled]
        if self.said.get("ended") != self.said.get("of"):
            found.append(f"{self.said.get('ended')} of {self.said.get('of')} clients have ended")
        if self.process.returncode:
            found.append(f"the clients' process ended with {self.process.returncode}")
        return found


async def clients(port: int, folder: Path) -> Clients:
    (folder / "operates").unlink(missing_ok=True)
    return Clients(
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "stress_61850.client", str(port), str(folder)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(TESTS)},
        )
    )


async def run(folder: Path, seconds: float, *, seed: int, mean_life_s: float = 8.0) -> list[str]:
    """What is wrong; FOLDER has `stress.json`, `summary.txt` and `stress.png` afterwards."""
    plant = Plant()
    ied = await plant.start()
    wire = Wire(HOST, ied.port, mean_life_s, seed)
    await wire.start()
    living = asyncio.create_task(plant.live())
    working = await clients(wire.port, folder)
    listening = asyncio.create_task(working.listen())
    samples: dict[str, list[sampling.Sample]] = {"ied": [], "clients": []}
    found: list[str] = []
    began, step = time.monotonic(), max(0.5, seconds / SAMPLES)
    pids = {"ied": ied.process.pid, "clients": working.process.pid}
    while (at := time.monotonic() - began) < seconds and not found:
        await asyncio.sleep(min(step, seconds - at))
        working.look()
        for name, process in pids.items():
            try:
                samples[name].append(sampling.sample(process, time.monotonic() - began))
            except OSError as error:
                found.append(f"{name}: the process is gone: {error}")
        if living.done():
            found.append(f"the plant has ended: {living.exception()}")
    lasted_s = time.monotonic() - began
    found += await working.end(listening)
    await asyncio.sleep(2 * mean_life_s if found else 0.5)  # what is under way ends
    living.cancel()
    await asyncio.gather(living, return_exceptions=True)
    await wire.stop()
    counts = await _last_counts(plant, found)
    await ied.end()
    said = judging.operates(folder / "operates")
    sent = working.said["counts"].get("operates", 0)
    truth = judging.Truth(plant.executed, plant.refused, plant.answers, counts)
    more, table = judging.accounted(said, sent, truth)
    found += more
    growth = {name: sampling.growth(each) for name, each in samples.items() if each}
    for name, grown in growth.items():
        found += judging.grown(name, grown)
    found += _lost(working.said["counts"])
    document = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "seconds": round(lasted_s, 1),
        "seed": seed,
        "complaints": found[:100],
        "operates": table,
        "clients": working.said["counts"],
        "plant": {"steps": plant.step, **plant.answers},
        "ied": {name: getattr(counts, name) for name in counts.__struct_fields__},
        "cuts": dict(wire.cuts),
        "connections": wire.connections,
        "growth": growth,
        "samples": {name: sampling.series(each) for name, each in samples.items()},
    }
    (folder / "stress.json").write_text(json.dumps(document, indent=1))
    (folder / "summary.txt").write_text(summary(document))
    draw(folder / "stress.png", samples)
    return found


async def _last_counts(plant: Plant, found: list[str]) -> Any:
    """The IED's counts after the last operate."""
    assert plant.ied is not None
    try:
        await plant.ied.show((), (), (), ())
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the verdict
        found.append(f"the IED does not answer at the end: {error}")
    return plant.ied.counts


def _lost(counts: dict[str, int]) -> list[str]:
    names = ("reports missing", "reports twice", "wrong reads", "mistakes")
    return [f"{counts[name]} {name}" for name in names if counts.get(name)]


def summary(document: dict[str, Any]) -> str:
    """The run in a few lines."""
    clients_, table, cuts = document["clients"], document["operates"], document["cuts"]
    seconds = document["seconds"]
    reads, gaps = clients_.get("reads", 0), clients_.get("gaps said", 0)
    reports = (
        f"reads {reads} ({reads / seconds:.0f}/s), "
        f"buffered reports {clients_.get('reports', 0)}, "
        f"unbuffered {clients_.get('unbuffered reports', 0)}, "
        f"gaps said {gaps + clients_.get('overflows said', 0)}"
    )
    lines = [
        f"{document['date']}, {seconds:.0f} s, seed {document['seed']}",
        f"connections {document['connections']}, cut {sum(cuts.values())}: {cuts}",
        reports,
        f"operates: {table}",
        f"IED: {document['ied']}",
    ]
    for name, growth in document["growth"].items():
        lines.append(
            f"{name}: memory {growth['memory'] / 2**20:+.1f} MiB, files {growth['files']:+.0f}, "
            f"threads {growth['threads']:+.0f} after the first quarter"
        )
    lines += document["complaints"] or ["every operate is accounted for; nothing grew, nobody hung"]
    return "\n".join(lines) + "\n"
